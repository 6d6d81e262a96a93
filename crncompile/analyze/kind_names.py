"""Device kinds as a user knows them: a reaction by its law and its own equation, not by the pattern that it shares."""

from __future__ import annotations

from crncompile.network.types import Family, Network


def equation(family: Family) -> str:
    """Return the equation of a reaction with the names of its reservoirs: ``2 X + Y <-> 3 X``."""
    step = family.kind.steps[0]
    names = {port.terminal: port.reservoir for port in family.ports}
    ordered = [names[terminal.name] for terminal in family.kind.terminals]

    def side(counts: tuple[int, ...]) -> str:
        terms = [f"{n} {name}" if n > 1 else name for n, name in zip(counts, ordered, strict=True) if n]
        return " + ".join(terms) or "nothing"

    return f"{side(step.reactants)} {'<->' if step.reversible else '=>'} {side(step.products)}"


def kind_name(family: Family) -> str:
    """Return the name of a family's device; of a reaction, that of its law."""
    return family.kind.steps[0].law if family.keyword == "reaction" else family.kind.name


def full_name(family: Family) -> str:
    """Return the name of a family's device, with the equation of a reaction: ``mass_action (X <-> Y)``."""
    return f"{kind_name(family)} ({equation(family)})" if family.keyword == "reaction" else kind_name(family)


def kind_names(network: Network) -> dict[str, str]:
    """Return what each device kind is called; reactions of one pattern stand together, the first with its equation."""
    known: dict[str, list[Family]] = {}
    for family in network.families:
        known.setdefault(family.kind.name, []).append(family)
    return {name: _together(families) for name, families in known.items()}


def _together(families: list[Family]) -> str:
    more = len(families) - 1 if families[0].keyword == "reaction" else 0
    return full_name(families[0]) + (f" and {more} more like it" if more else "")
