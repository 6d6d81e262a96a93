"""Names, titles and files."""

from __future__ import annotations

from crncompile.language.complaints.complaint import Complaint
from crncompile.language.words import ITEMS, RESERVED, STATEMENTS

NAMES = (
    Complaint(
        "reserved-name",
        "{s.found.text} is a reserved word and can not be a name",
        "choose another name, as {s.found.text}_1",
        (
            "reservoir table = floating()",
            "parameter train = 3",
            "readout y = index + 1",
            "reservoir x = fixed(where = 1 kT)",
        ),
        lambda s: s.found.text in RESERVED and "NAME" in s.expected and not s.ends,
    ),
    Complaint(
        "digit-first",
        "a name begins with a letter, not with a digit",
        "{s.form}",
        ("reservoir 2x = floating()", "index 1 = 1..3", "device 3a: S -> P { state E }"),
        lambda s: s.found.kind == "number" and s.expected == {"NAME"} and s.previous.text in (*STATEMENTS, *ITEMS),
    ),
    Complaint(
        "title-without-quotes",
        "a title stands in double quotes",
        "{s.form}",
        ("network a sine of x", "device a: S -> P { one protein\nstate E }"),
        lambda s: (
            "STRING" in s.expected
            and s.word in ("network", "device")
            and s.found.kind == "name"
            and not s.found.opens_line
            and s.found.text not in (*STATEMENTS, *ITEMS)
        ),
    ),
    Complaint(
        "path-without-quotes",
        "the name of a file stands in double quotes",
        "{s.form}",
        ("use other.tnet", "table edges = edges.csv", "use"),
        lambda s: s.expected == {"STRING"},
    ),
    Complaint(
        "missing-name",
        "{s.previous.text} has no name",
        "{s.form}",
        (
            'network "title"',
            "device : S -> P { state E }",
            "reservoir = floating()",
            "dot: x -> h = f()",
            "index\nvolume 1 nL",
        ),
        lambda s: s.expected == {"NAME"} and s.previous.text in (*STATEMENTS, *ITEMS),
        place="behind",
    ),
    Complaint(
        "kind-for-name",
        "{s.previous.text}(...) stands where a name is due",
        "{s.form}",
        ("reservoir input(range = [1 kT, 2 kT])", "parameter normal(1, 2)"),
        lambda s: s.found.text == "(" and "EQUAL" in s.expected and s.opened in ("", "{"),
    ),
    Complaint(
        "version-without-number",
        "tnet needs the number of the language's version",
        "{s.form}",
        ("tnet\ntemperature 1 K", "tnet one"),
        lambda s: s.previous.text == "tnet",
        place="behind",
    ),
)
