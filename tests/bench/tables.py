"""The figures of a report as aligned text."""

import numpy as np

TIE = 1.5
LAYERS = {"A": "1-8-1", "B": "64-32-10", "C": "784-100-10"}


def whole(found):
    """All tables of what was measured, one after the other."""
    parts = {
        "machine": limits,
        "cases": every_case,
        "first": first,
        "growth": growth,
        "irregular": irregular,
        "large": large,
        "check": check,
    }
    texts = [write(found) for part, write in parts.items() if part in found]
    if "cases" in found:
        texts.append(summary(found))
    return "\n\n".join([*texts, notes(found)] if "load" in found else texts)


def every_case(found):
    """All programs on all cases."""
    return "\n\n".join(case(found, name) for name in found["cases"])


def summary(found):
    """The times that the README quotes, as a table in Markdown."""
    heads = [f"{name}: {layers}" for name, layers in LAYERS.items()]
    titles = {}
    for solvers in found["cases"].values():
        titles.update({key: f["title"] for key, f in solvers.items() if "error" not in f})
    rows = [[title, *(_time_of(found, name, key) for name in LAYERS)] for key, title in titles.items()]
    for backend in sorted({key.split()[0] for key in found["first"]}):
        times = [duration(found["first"][f"{backend} {name}"].get("first_s")) for name in LAYERS]
        rows.append([f"*from text to the first certified state*, crncompile {backend}", *times])
    lines = [["time of a state", *heads], ["---", *["---:"] * len(heads)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _time_of(found, name, key):
    figures = found["cases"][name].get(key, {"error": "not measured"})
    return "-" if "error" in figures else duration(figures["state_s"])


def aligned(rows):
    """Lines of columns, the first one to the left, the others to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = ([cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *line[1:]]).rstrip() for row, line in zip(rows, lines, strict=True)
    )


def duration(seconds):
    """Three digits and a unit."""
    if seconds is None:
        return "-"
    if seconds >= 1000:
        return f"{seconds:.0f} s"
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def slope(sizes, seconds):
    """The exponent of growth: the slope of a line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def limits(found):
    head = ["limits of this machine", "float64", "float32", "memory", "exp", "division"]
    rows = [
        [
            f"{m['threads']} thread{'s' * (m['threads'] > 1)}",
            *(f"{m[name] / 1e9:.3g} Gflop/s" for name in ("flops", "flops_single")),
            f"{m['bytes'] / 1e9:.3g} GB/s",
            *(f"{m[name] / 1e9:.3g} G/s" for name in ("exp", "division")),
        ]
        for m in found["machine"]
    ]
    rate = found["kernel"].get("rate")
    own_law = f"law and derivatives of an enzyme, numba, one core, in its cache: {rate / 1e9:.2g} G/s" if rate else ""
    return f"{aligned([head, *rows])}\n{own_law}".rstrip()


def solved(found, name):
    """The programs that solved a case, the quickest first."""
    figures = {key: f for key, f in found["cases"][name].items() if "error" not in f}
    return dict(sorted(figures.items(), key=lambda item: item[1]["state_s"]))


def own(found, name):
    """Seconds for a state by crncompile's quickest backend."""
    return min(f["state_s"] for key, f in solved(found, name).items() if key.startswith("crncompile"))


def verdict(ratio):
    """How a program's time compares with crncompile's."""
    return "tie" if 1 / TIE < ratio < TIE else "slower" if ratio > 1 else "faster"


def case(found, name):
    """All programs on one case; ``ratio`` is to the quickest backend of crncompile."""
    head = [
        f"{name}: {LAYERS[name]}, enzymes",
        "a state",
        "ratio",
        "",
        "its CPU",
        "samples",
        "prepared",
        "gradient",
        "ds/dt",
        "MiB",
    ]
    rows, best = [], own(found, name)
    for key, f in solved(found, name).items():
        ratio = f["state_s"] / best
        times = [duration(f["state_s"]), f"{ratio:.3g}", "" if key.startswith("crncompile") else verdict(ratio)]
        rest = [
            duration(f["cpu_s"]),
            f"{f['samples']}",
            duration(f["prepare_s"]),
            duration(f.get("gradient_s")),
            f"{f['residual']:.0e}",
            f"{f['memory_mib']:.0f}",
        ]
        rows.append([f["title"], *times, *rest])
        if f["alone_s"]:
            alone = f["alone_s"] / best
            rows.append(["  its solve alone", duration(f["alone_s"]), f"{alone:.3g}", verdict(alone), *[""] * 6])
    failed = [f"{key}: {f['error']}" for key, f in found["cases"][name].items() if "error" in f]
    return "\n".join([aligned([head, *rows]), *_evaluations(found, name), *failed])


def _evaluations(found, name):
    """How near crncompile's own evaluation of all currents and derivatives is to the same arithmetic in the cache."""
    rate = found["kernel"].get("rate")
    for key, f in found["cases"][name].items():
        if key.startswith("crncompile") and "error" not in f:
            steps = f"{f['steps']:.3g} steps ({f['tier']})"
            text = f"{f['title']}: {steps}; one evaluation {duration(f['evaluation_s'])} a state"
            share = f["edges"] / rate / found["machine"][-1]["all_cores"] / f["evaluation_s"] if rate else None
            yield text if share is None else f"{text}, {share:.2g} of the speed of the same arithmetic in the caches"


def first(found):
    """From text to functions, and to the first certified state."""
    rows = [
        [key, duration(f.get("compile_s")), duration(f.get("first_s"))] for key, f in sorted(found["first"].items())
    ]
    return aligned([["after imports, empty cache", "compiled", "first certified state"], *rows])


def growth(found):
    """Exponents of the time of a solve; 1 is linear."""
    rows = []
    for key, points in found["growth"].items():
        if "error" not in points:
            what = "size" if key.endswith("batch") else "edges"
            exponent = slope([p[what] for p in points], [p["solve_s"] for p in points])
            times = ", ".join(f"{p['size']}: {duration(p['solve_s'])}" for p in points)
            rows.append([key, f"{exponent:.2f}", "batch" if what == "size" else "edges", times])
    return aligned([["time of a solve grows with", "slope", "in", "times"], *rows])


def irregular(found):
    """Networks that are no stack of layers."""
    rows = []
    for key, points in found["irregular"].items():
        if "error" in points:
            rows.append([key, "failed", points["error"], "", "", ""])
            continue
        exponent = slope([p["size"] for p in points], [p["solve_s"] for p in points])
        last = points[-1]
        times = [duration(last["compile_s"]), duration(last["solve_s"])]
        rows.append([key, f"{last['size']}", *times, f"{exponent:.2f}", f"{last['residual']:.0e}"])
    return aligned([["irregular networks", "reservoirs", "compiled", "a state", "slope", "residual"], *rows])


def large(found):
    """Networks of the size of MNIST, and what an epoch of 60 000 images would take at this speed."""
    rows = []
    for f in found["large"]:
        if "error" in f:
            rows.append([f["error"], *[""] * 6])
            continue
        epoch = 60_000 * (f["state"] + f["gradient"])
        times = [duration(f[name]) for name in ("first", "state", "gradient")]
        rows.append([f["network"], f["backend"], *times, duration(epoch), f["tier"]])
    rows += _by_hand(found.get("gated_jax", {}))
    return aligned([["784-100-10", "backend", "first", "a state", "gradient", "60 000 of both", "tier"], *rows])


def _by_hand(found):
    """Rows of gated dots by hand in JAX: a state, and what its gradient adds."""
    if "error" in found:
        return [[f"hand-written JAX: {found['error']}", *[""] * 6]]
    return [
        [
            f"gated dots by hand, {kind}",
            "JAX",
            "",
            duration(f["state_s"]),
            duration(f["both_s"] - f["state_s"]),
            duration(60_000 * f["both_s"]),
            f"differs by {f['difference']:.0e} kT",
        ]
        for kind, f in found.items()
    ]


def check(found):
    """CPU seconds of the whole process."""
    rows = [[name, duration(f["cold_s"]), duration(f["warm_s"])] for name, f in found["check"].items()]
    return aligned([["crncompile check, CPU time", "cold", "warm"], *rows])


def notes(found):
    """What is missing, and how it was measured."""
    left = [f"not installed and left out: {name} (pip install {pip})" for name, pip in found["missing"].items()]
    left += [f"backend {name} can not run here: {why}" for name, why in found["unable"].items()]
    load = " to ".join(f"{value:.1f}" for value in found["load"])
    return "\n".join(
        [
            *left,
            "ratio: to the quickest backend of crncompile, where faster and slower are said of the other program.",
            f"Time on the clock: the median of five rounds, of each round the quickest call; below {TIE} is a tie.",
            f"{found['seconds']:.0f} s in all; load of the machine {load}.",
        ]
    )
