"""From the parse tree to the nodes: lark's tree of tokens becomes frozen dataclasses with spans."""

from __future__ import annotations

import unicodedata
from typing import Any, cast

from lark import Token, Transformer_NonRecursive, Tree, v_args
from lark.tree import Meta

from crncompile.errors import Mistake, Source, Span, shortened
from crncompile.language import homoglyphs, nodes
from crncompile.language.words import RESERVED

Children = list[Any]

#: An expression may be nested this deep: later stages walk it recursively.
DEEPEST = 100
#: More digits than any measured number has; double precision holds 17.
LONGEST_NUMBER = 40
#: Letters of the longest name.
LONGEST_NAME = 100


def build(
    tree: Tree[Token], source: Source, offset: int = 0
) -> tuple[tuple[nodes.Statement, ...], tuple[Mistake, ...]]:
    """Turn the tree of a text that begins ``offset`` characters into ``source`` into its statements and mistakes."""
    builder = _Builder(source, offset)
    statements = builder.transform(tree)
    return cast(tuple[nodes.Statement, ...], statements), tuple(builder.mistakes)


def normalised(text: str) -> str:
    """Return a name as it is compared with others (NFKC, UAX 31).

    >>> normalised("ﬁlm")
    'film'
    """
    return str(unicodedata.normalize("NFKC", str(text)))


@v_args(meta=True)
class _Builder(Transformer_NonRecursive[Token, Any]):
    """One method for each rule of the grammar, in its order."""

    def __init__(self, source: Source, offset: int):
        super().__init__(visit_tokens=False)
        self.mistakes: list[Mistake] = []
        self._source = source
        self._offset = offset
        self._depth: dict[int, int] = {}
        # names as they are written -> normalised; what a name looks like -> the first such name
        self._names: dict[str, str] = {}
        self._looks: dict[str, str] = {}

    # --- places, names and numbers ---

    def _span(self, place: Meta | Token) -> Span:
        start, end = cast(int, place.start_pos), cast(int, place.end_pos)
        return Span(self._source, self._offset + start, self._offset + end)

    def _mistake(self, span: Span, message: str, hint: str) -> None:
        self.mistakes.append(Mistake(span, message, hint))

    def _name(self, token: Token) -> str:
        name = self._names.get(token)
        if name is None:
            name = self._names[str(token)] = self._new_name(token)
        if token.type == "NAME" and name in RESERVED:
            self._mistake(self._span(token), f"{name} is a reserved word", "choose another name")
        return name

    def _new_name(self, token: Token) -> str:
        """Return a name that was not met before, normalised, and tell what is wrong with it."""
        name = normalised(token)
        twin = self._looks.setdefault(homoglyphs.skeleton(name), name)
        foreign = homoglyphs.mixed(name)
        if not name.isidentifier():
            self._mistake(self._span(token), f"{shortened(token)} is no name", "a name begins with a letter or _")
        elif len(name) > LONGEST_NAME:
            hint = f"names have at most {LONGEST_NAME} letters"
            self._mistake(self._span(token), f"the name {shortened(name)} has {len(name)} letters", hint)
        elif foreign:
            message = f"in the name {name} stands {homoglyphs.spelt(foreign)}, which looks like a Latin letter"
            self._mistake(self._span(token), message, f"write {homoglyphs.skeleton(name)}")
        elif twin != name:
            message = f"{name} looks like {twin}, which is another name"
            guilty = homoglyphs.difference(*((twin, name) if name.isascii() else (name, twin)))
            self._mistake(self._span(token), message, f"one of them is written with {guilty}")
        return name

    def _number(self, token: Token) -> str:
        if len(token) > LONGEST_NUMBER:
            self._mistake(
                self._span(token),
                f"this number is written with {len(token)} characters",
                f"numbers have at most {LONGEST_NUMBER}; double precision holds 17 digits",
            )
        elif float(token) == float("inf"):
            self._mistake(self._span(token), f"{token} is too large a number", "the largest is about 1.8e308")
        elif float(token) == 0 and set(token.lower().partition("e")[0]) - set("0."):
            self._mistake(self._span(token), f"{token} is too small a number", "the smallest is about 1e-307")
        return str(token)

    def _nested(self, node: nodes.Expression, children: tuple[nodes.Expression, ...]) -> nodes.Expression:
        """Note how deep ``node`` is; ``_depth`` is keyed by identity since all nodes live until the model does."""
        depth = 1 + max((self._depth.get(id(child), 0) for child in children), default=0)
        self._depth[id(node)] = depth
        if depth == DEEPEST + 1:
            self._mistake(
                node.span,
                f"this expression is nested more than {DEEPEST} deep",
                "name parts of it by parameter or let, or group a long sum by parentheses",
            )
        return node

    # --- statements ---

    def model(self, meta: Meta, children: Children) -> tuple[nodes.Statement, ...]:
        return tuple(children)

    def version(self, meta: Meta, children: Children) -> nodes.Version:
        return nodes.Version(self._number(children[0]), self._span(meta))

    def network(self, meta: Meta, children: Children) -> nodes.Network:
        name, title = children
        return nodes.Network(self._name(name), _unquoted(title), self._span(meta))

    def temperature(self, meta: Meta, children: Children) -> nodes.Temperature:
        return nodes.Temperature(children[0], self._span(meta))

    def volume(self, meta: Meta, children: Children) -> nodes.Volume:
        return nodes.Volume(children[0], self._span(meta))

    def use(self, meta: Meta, children: Children) -> nodes.Use:
        return nodes.Use(_unquoted(children[0]), self._span(meta), self._span(children[0]))

    def index(self, meta: Meta, children: Children) -> nodes.Index:
        name, range_ = children
        return nodes.Index(self._name(name), range_, self._span(meta), self._span(name))

    def table(self, meta: Meta, children: Children) -> nodes.Table:
        name, path = children
        return nodes.Table(self._name(name), _unquoted(path), self._span(meta), self._span(name), self._span(path))

    def parameter(self, meta: Meta, children: Children) -> nodes.Parameter:
        target, value = children
        return nodes.Parameter(target, value, self._span(meta))

    def reservoir(self, meta: Meta, children: Children) -> nodes.Reservoir:
        target, kind = children
        return nodes.Reservoir(target, kind, self._span(meta))

    def placement(self, meta: Meta, children: Children) -> nodes.Placement:
        keyword, target, wiring, kind = children
        return nodes.Placement(str(keyword), target, wiring, kind, self._span(meta))

    def reaction(self, meta: Meta, children: Children) -> nodes.Reaction:
        target, step, kind = children
        return nodes.Reaction(target, step, kind, self._span(meta))

    def readout(self, meta: Meta, children: Children) -> nodes.Readout:
        keyword, target, expression = children
        return nodes.Readout(str(keyword), target, expression, self._span(meta))

    def training(self, meta: Meta, children: Children) -> nodes.Training:
        return nodes.Training(children[0], self._span(meta))

    def law(self, meta: Meta, children: Children) -> nodes.Law:
        name, parameters, expression = children
        names = tuple(self._name(token) for token in parameters or ())
        return nodes.Law(self._name(name), names, expression, self._span(meta), self._span(name))

    # --- circuits ---

    def part(self, meta: Meta, children: Children) -> nodes.Part:
        target, wiring, kind = children
        return nodes.Part(target, wiring, kind, self._span(meta))

    def circuit(self, meta: Meta, children: Children) -> nodes.Circuit:
        target, wiring, text, *statements = children
        if target.binders:
            hint = f"circuit {target.name}: x[i] -> h[j] {{ ... }}; where it is placed it may have some"
            self._mistake(target.span, "a circuit has no index where it is defined", hint)
        return nodes.Circuit(
            target.name, wiring, _unquoted(text), tuple(statements), self._span(meta), target.name_span
        )

    # --- a device ---

    def device(self, meta: Meta, children: Children) -> nodes.Device:
        name, wiring, text, *items = children
        return nodes.Device(self._name(name), wiring, _unquoted(text), tuple(items), self._span(meta), self._span(name))

    def terminal(self, meta: Meta, children: Children) -> nodes.Terminal:
        names, content = children
        declared = tuple(self._name(token) for token in names)
        spans = tuple(self._span(token) for token in names)
        return nodes.Terminal(declared, self._name(content), self._span(meta), spans)

    def declaration(self, meta: Meta, children: Children) -> nodes.Declaration:
        names, dimension, bound, default = children
        declared = tuple(self._name(token) for token in names)
        spans = tuple(self._span(token) for token in names)
        return nodes.Declaration(
            declared, self._name(dimension), bound, default, self._span(meta), spans, self._span(dimension)
        )

    def bound(self, meta: Meta, children: Children) -> nodes.Bound:
        operator, limit = children
        if isinstance(limit, nodes.Interval):
            return nodes.Bound(str(operator), limit.lower, limit.upper, self._span(meta))
        return nodes.Bound(str(operator), limit, None, self._span(meta))

    def counterpart(self, meta: Meta, children: Children) -> nodes.Counterpart:
        return nodes.Counterpart(self._name(children[0]), self._span(meta))

    def let(self, meta: Meta, children: Children) -> nodes.Let:
        name, expression = children
        return nodes.Let(self._name(name), expression, self._span(meta), self._span(name))

    def population(self, meta: Meta, children: Children) -> nodes.Population:
        return nodes.Population(children[0], self._span(meta))

    def state(self, meta: Meta, children: Children) -> nodes.State:
        name, energy, degeneracy = children
        return nodes.State(self._name(name), energy, degeneracy, self._span(meta), self._span(name))

    def transition(self, meta: Meta, children: Children) -> nodes.Transition:
        name, step, kind = children
        return nodes.Transition(self._name(name), step, kind, self._span(meta), self._span(name))

    def current(self, meta: Meta, children: Children) -> nodes.Current:
        name, expression = children
        return nodes.Current(self._name(name), expression, self._span(meta))

    def names(self, meta: Meta, children: Children) -> tuple[Token, ...]:
        return tuple(children)

    # --- targets, wirings and steps ---

    def target(self, meta: Meta, children: Children) -> nodes.Target:
        name, binders, condition = children
        return nodes.Target(self._name(name), binders or (), condition, self._span(meta), self._span(name))

    def binders(self, meta: Meta, children: Children) -> tuple[nodes.Binder, ...]:
        return tuple(children)

    def binder(self, meta: Meta, children: Children) -> nodes.Binder:
        name, domain = children
        return nodes.Binder(self._name(name), domain, self._span(meta))

    def set(self, meta: Meta, children: Children) -> nodes.Reference:
        return nodes.Reference(self._name(children[0]), (), self._span(meta))

    def range(self, meta: Meta, children: Children) -> nodes.Range:
        lower, upper = children
        return nodes.Range(lower, upper, self._span(meta))

    def condition(self, meta: Meta, children: Children) -> nodes.Condition:
        chains = [child for child in children if not isinstance(child, Token)]
        return nodes.Condition(tuple(comparison for chain in chains for comparison in chain), self._span(meta))

    def comparison(self, meta: Meta, children: Children) -> tuple[nodes.Comparison, ...]:
        return tuple(
            nodes.Comparison(left, str(operator), right, Span(self._source, left.span.start, right.span.end))
            for left, operator, right in zip(children[::2], children[1::2], children[2::2], strict=False)
        )

    def wiring(self, meta: Meta, children: Children) -> nodes.Wiring:
        sources, targets, gates = children
        return nodes.Wiring(sources, targets, gates or (), self._span(meta))

    def references(self, meta: Meta, children: Children) -> tuple[nodes.Reference, ...]:
        return tuple(children)

    def gates(self, meta: Meta, children: Children) -> tuple[nodes.Reference, ...]:
        return tuple(children)

    def step(self, meta: Meta, children: Children) -> nodes.Step:
        left, arrow, right = children
        return nodes.Step(left, right, arrow.type == "REVERSIBLE", self._span(meta))

    def terms(self, meta: Meta, children: Children) -> tuple[nodes.Term, ...]:
        return tuple(children)

    def term(self, meta: Meta, children: Children) -> nodes.Term:
        coefficient, reference = children
        number = "1" if coefficient is None else self._number(coefficient)
        return nodes.Term(number, reference, self._span(meta))

    # --- kinds, settings and values ---

    def kind(self, meta: Meta, children: Children) -> nodes.Kind:
        name, settings = children
        return nodes.Kind(self._name(name), settings or (), self._span(meta), self._span(name))

    def settings(self, meta: Meta, children: Children) -> tuple[nodes.Setting, ...]:
        return tuple(children)

    def setting(self, meta: Meta, children: Children) -> nodes.Setting:
        name, value = children
        return nodes.Setting(self._name(name), value, self._span(meta), self._span(name))

    def value(self, meta: Meta, children: Children) -> nodes.Value:
        content, tolerance = children
        return nodes.Value(content, tolerance, self._span(meta))

    def train(self, meta: Meta, children: Children) -> nodes.Train:
        distribution, interval = children
        return nodes.Train(distribution, interval, self._span(meta))

    def interval(self, meta: Meta, children: Children) -> nodes.Interval:
        lower, upper = children
        return nodes.Interval(lower, upper, self._span(meta))

    # --- expressions ---

    def sum(self, meta: Meta, children: Children) -> nodes.Expression:
        left, operator, right = children
        return self._nested(nodes.Operation(str(operator), (left, right), self._span(meta)), (left, right))

    product = sum
    power = sum

    def negative(self, meta: Meta, children: Children) -> nodes.Expression:
        operand = children[-1]
        return self._nested(nodes.Operation("-", (operand,), self._span(meta)), (operand,))

    def quantity(self, meta: Meta, children: Children) -> nodes.Quantity:
        number, unit = children
        if unit is None:
            return nodes.Quantity(self._number(number), None, self._span(meta))
        span = self._span(unit)
        following = self._source.text[span.end : span.end + 2]
        if following.startswith("^"):
            # otherwise 10 s^(-1) would be (10 s)^(-1)
            self._mistake(span, f"the exponent of the unit {unit} is no whole number", "write it as in s^-1 or mM^-2/s")
        return nodes.Quantity(self._number(number), str(unit), self._span(meta), span)

    def call(self, meta: Meta, children: Children) -> nodes.Expression:
        name, arguments = children
        return self._nested(nodes.Call(self._name(name), arguments, self._span(meta)), arguments)

    def arguments(self, meta: Meta, children: Children) -> tuple[nodes.Expression, ...]:
        return tuple(children)

    def reference(self, meta: Meta, children: Children) -> nodes.Expression:
        *path, indices = children
        name = ".".join(map(self._name, path))
        return self._nested(nodes.Reference(name, indices or (), self._span(meta)), indices or ())


def _unquoted(token: Token | None) -> str:
    return "" if token is None else token[1:-1]
