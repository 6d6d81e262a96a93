"""From derivatives by the slots of families to those by a network's parameters, as numpy text."""

from __future__ import annotations

from collections.abc import Sequence

from crncompile.backends.reading import Reader
from crncompile.backends.text import INDENT, function
from crncompile.program.types import FamilyCode


def chain_text(families: Sequence[FamilyCode], reader: Reader) -> str:
    """Return the function ``to_parameters``; what it is given of a family, if it is given, is (slots, *family)."""
    body = ["batch, gradient, slots = 1, {}, None"]
    for family in families:
        body.append(f"known = to_slots.get({family.name!r}, [None] * {len(family.slots)})")
        for number, slot in enumerate(family.slots):
            slopes = list(reader.slopes(slot, family.shape, family.name))
            if slopes:
                body.append(f"if known[{number}] is not None:")
            for read, slope in slopes:
                value = f"known[{number}][None]{slope}"
                body.append(INDENT + reader.give(read, value, family.shape, family.name))
    doc = "Derivatives by parameters, (1, *parameter), from those by the families' slots; None is not asked for."
    return function("to_parameters(to_slots, parameters)", doc, [*body, "return gradient"])
