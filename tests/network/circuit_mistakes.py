"""Models with mistakes in their circuits: a name for the golden file, and the text."""

HEAD = """network deep "layers of enzymes"
temperature 300 K
volume 1 nL
index i = 1..3
reservoir x[i] = input(range = [0.1 mM, 2 mM])
reservoir h[j in 1..2] = floating(start = 1 mM)
reservoir y[j in 1..2] = output(start = 1 mM)
reservoir waste = fixed(at = 1 uM)
"""
RATES = "total = 1 nM, k_cat = 1 s^-1, K_P = 1 mM, K_eq = 10"
DENSE = f"""circuit dense: a[i] -> b[j] {{
  parameter K = 1 mM
  enzyme w[i, j]: a[i] -> b[j] = michaelis_menten({RATES}, K_M = K)
  reaction leak[j]: b[j] <-> waste = mass_action(k = 1 s^-1, K_eq = 1)
}}
"""
FIRST, SECOND = "circuit first: x -> h = dense()\n", "circuit second: h -> y = dense()\n"
WHOLE = HEAD + DENSE + FIRST + SECOND


def first(call: str) -> str:
    return HEAD + DENSE + call + "\n" + SECOND


def inside(items: str) -> str:
    return HEAD + DENSE.replace("}", items + "\n}") + FIRST + SECOND


def chain(length: int, each: int) -> str:
    """Circuits that each place the next one some times."""
    lines = [
        f"circuit c{k}: a[i] -> b[j] {{" + "".join(f" circuit p{m}: a -> b = c{k + 1}()" for m in range(each)) + " }"
        for k in range(length)
    ]
    return WHOLE + "\n".join([*lines, DENSE.replace("dense", f"c{length}"), "circuit last: h -> y = c0()\n"])


MISTAKES = {
    # calls
    "circuit-unknown": first("circuit first: x -> h = dens()"),
    "circuit-is-a-device": first("circuit first: x -> h = michaelis_menten()"),
    "circuit-as-a-device": WHOLE + "enzyme e: h[1] -> y[1] = dense()\n",
    "circuit-wiring": first("circuit first: x -> h gate waste = dense()"),
    "circuit-reservoir-unknown": first("circuit first: x -> hh = dense()"),
    "circuit-reservoir-of-another": first("circuit first: x -> h = dense()")
    + "circuit third: fourth.m -> y = dense()\n"
    + "circuit inner: a[i] -> b[j] {\n  reservoir m[j] = floating(start = 1 mM)\n"
    + f"  enzyme w[i, j]: a[i] -> m[j] = michaelis_menten({RATES}, K_M = 1 mM)\n}}\n"
    + "circuit fourth: x -> h = inner()\n",
    "circuit-too-few-indices": first("circuit first: x -> waste = dense()"),
    "circuit-too-many-indices": first("circuit first: x[1] -> h = dense()"),
    "circuit-index-out-of-range": WHOLE
    + "circuit one: a -> b {\n  reaction r: a <-> b = mass_action(k = 1 s^-1, K_eq = 1)\n}\n"
    + "circuit p[k in 1..3]: x[k] -> h[k] = one()\n",
    "circuit-unlike-axes": WHOLE
    + "circuit eye: a[i] -> b[i] {\n  reaction r[i]: a[i] <-> b[i] = mass_action(k = 1 s^-1, K_eq = 1)\n}\n"
    + "circuit skip: x -> y = eye()\n",
    "circuit-filtered": first("circuit first[k in 1..3 where k < 2]: x -> h = dense()"),
    "circuit-setting-unknown": first("circuit first: x -> h = dense(KK = 1 mM, w = 1)"),
    "circuit-setting-twice": first("circuit first: x -> h = dense(K = 1 mM, K = 2 mM)"),
    "circuit-setting-dimension": first("circuit first: x -> h = dense(K = 3 kT)"),
    "circuit-setting-undeclared": first("circuit first: x -> h = dense(K = KK)"),
    "circuit-setting-interval": first("circuit first: x -> h = dense(K = [1 mM, 2 mM])"),
    "circuit-name-taken": WHOLE + "circuit h: x -> y = dense()\nparameter second = 3\n",
    "circuit-as-a-value": WHOLE + "readout r = first / 1 mM\nreadout s = first.w + first.L\n",
    # definitions
    "circuit-twice": WHOLE + DENSE,
    "circuit-statement": inside("  temperature 3 K\n  circuit c: a -> b { index i = 1..2 }\n  readout r = 1"),
    "circuit-name-twice": inside("  parameter K = 3\n  reservoir a = fixed(at = 1 mM)"),
    "circuit-name-reserved": inside("  parameter kT = 3"),
    "circuit-terminal": WHOLE + "circuit c: a[1] -> first.b {\n  index i = 1..2\n}\n",
    "circuit-terminal-placed": HEAD + DENSE.replace("a[i] -> b[j] {", "a[1] -> b[j] {") + FIRST + SECOND,
    "circuit-terminal-twice": WHOLE + "circuit c: a[i] -> a[i] {\n  index i = 1..2\n}\n",
    "circuit-inside": inside(
        "  enzyme v[i]: a[i] -> wast = michaelis_menten(total = 1 nM)\n"
        "  reaction r[j]: b[j] <-> b[j + 1] = mass_action(k = 1, K_eq = 1)"
    ),
    "circuit-nested-mistake": WHOLE
    + "circuit pair: a[i] -> b[j] {\n  circuit one: a -> b = dense(K = 3 kT)\n}\ncircuit third: h -> y = pair()\n",
    "circuit-unit-inside": inside("  parameter L = 1 sek"),
    # recursion and size
    "circuit-of-itself": WHOLE + "circuit c: a -> b {\n  circuit p: a -> b = c()\n}\ncircuit q: x[1] -> y[1] = c()\n",
    "circuit-circle": WHOLE
    + "".join(
        f"circuit {name}: a -> b {{\n  circuit p: a -> b = {other}()\n}}\n" for name, other in ("cd", "de", "ec", "fc")
    )
    + "circuit q: x[1] -> y[1] = f()\n",
    "circuit-too-many": chain(25, 2),
    "circuit-too-deep": chain(40, 2),
    "circuit-too-many-indices-of-families": WHOLE
    + DENSE.replace("dense", "c15")
    + "".join(f"circuit c{k}: a[i] -> b[j] {{\n  circuit p[k in 1..1]: a -> b = c{k + 1}()\n}}\n" for k in range(15))
    + "circuit last: h -> y = c0()\n",
    "circuit-too-many-together": chain(9, 2) + "circuit more: h -> y = c0()\ncircuit most: h -> y = c0()\n",
}

WARNINGS = {
    "warning-circuit-placed-nowhere": WHOLE + DENSE.replace("dense", "spare"),
    "warning-circuit-unused-parameter": WHOLE.replace("parameter K", "parameter L = 2\n  parameter K"),
}
