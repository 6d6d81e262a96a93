"""Pieces of Python text: functions, sections, and lines that are not too long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WIDTH = 116
INDENT = "    "
_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "'\""


def function(signature: str, doc: str, body: Iterable[str]) -> str:
    """Return a function's text; ``doc`` may have several paragraphs."""
    clean = doc.replace("\\", "/").replace('"""', "'''")
    lines = [f"def {signature}:", f'{INDENT}"""{clean}"""' if "\n" not in doc else f'{INDENT}"""{clean}\n{INDENT}"""']
    return "\n".join([wrapped(lines[0]), lines[1], *(wrapped(INDENT + line) for line in body)])


def section(title: str) -> str:
    """Return a comment that opens a part of a module."""
    return f"# --- {title} ".ljust(120, "-")


def several(names: Sequence[str]) -> str:
    """Return the left-hand side to which a tuple is assigned."""
    return f"({names[0]},)" if len(names) == 1 else ", ".join(names)


def wrapped(line: str) -> str:
    """Break a long line at its sums or, where there are none, at the commas of its widest bracket."""
    if len(line) <= WIDTH or line.lstrip().startswith("#"):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    left, equals, right = line.strip().partition(" = ")
    if equals and len(left) > 0.7 * WIDTH:
        names = [f"{name}," for name in left.split(", ")]
        return "\n".join([f"{indent}(", *_filled(names, indent + INDENT), wrapped(f"{indent}) = {right}")])
    start = line.find(" = ") + 3 if " = " in line else len(indent)
    sums = [place for place, depth in _breaks(line, (" + ", " - ")) if depth == 0 and place > start]
    if sums and start > len(indent):
        pieces = _cut(line[start:], [place + 1 - start for place in sums])
        return "\n".join([line[:start] + "(", *_filled(pieces, indent + INDENT), indent + ")"])
    return _at_commas(line, indent)


def _at_commas(line: str, indent: str) -> str:
    first, last = _widest_bracket(line)
    if last - first < len(line) / 6:
        return line
    inside = line[first + 1 : last]
    places = [place + 2 for place, depth in _breaks(inside, (", ",)) if depth == 0]
    pieces = [piece.rstrip() for piece in _cut(inside, places)]
    return "\n".join([line[: first + 1], *_filled(pieces, indent + INDENT), indent + line[last:]])


def _breaks(line: str, marks: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the places of marks outside strings, with their depth in brackets."""
    depth, quote, found = 0, "", []
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif line.startswith(marks, place):
            found.append((place, depth))
    return found


def _widest_bracket(line: str) -> tuple[int, int]:
    """Return the first and last character of the outermost bracket that holds most."""
    depth, first, widest = 0, 0, (0, 0)
    for place, character in enumerate(line):
        if character in _OPEN:
            first = place if depth == 0 else first
            depth += 1
        elif character in _CLOSE:
            depth -= 1
            if depth == 0 and place - first > widest[1] - widest[0]:
                widest = (first, place)
    return widest


def _cut(text: str, places: list[int]) -> list[str]:
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def _filled(pieces: list[str], indent: str) -> list[str]:
    """Put pieces into lines of at most `WIDTH`: those of a list end in their comma, of a sum begin with their sign."""
    lines = [indent]
    for piece in (p.strip() for p in pieces):
        gap = "" if lines[-1] == indent else " "
        if gap and len(lines[-1]) + 1 + len(piece) > WIDTH:
            lines.append(indent)
            gap = ""
        lines[-1] += gap + piece
    return lines
