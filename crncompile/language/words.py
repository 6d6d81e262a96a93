"""The words that mean something by themselves."""

from __future__ import annotations

#: They begin a statement.
STATEMENTS = (
    "tnet",
    "network",
    "temperature",
    "volume",
    "use",
    "index",
    "table",
    "parameter",
    "reservoir",
    "dot",
    "enzyme",
    "reaction",
    "readout",
    "classify",
    "training",
    "law",
    "device",
    "circuit",
)

#: They begin an item inside a device; all but ``parameter`` may be names as well.
ITEMS = ("terminal", "parameter", "counterpart", "let", "population", "state", "transition", "current")

#: They join the parts of a statement.
JOINTS = ("train", "tolerance", "in", "where", "gate")

#: Terminals that depend on their place: elsewhere these words are names, and a unit stands only behind a number.
CONTEXTUAL = frozenset(
    ("UNIT", "AND", "ENERGY", "DEGENERACY", *(item.upper() for item in ITEMS if item not in STATEMENTS))
)

#: No name may be one of these.
RESERVED = frozenset(STATEMENTS + JOINTS)

#: How each statement and item is written.
FORMS = {
    "tnet": "tnet 1",
    "network": 'network NAME "title"',
    "temperature": "temperature 100 mK",
    "volume": "volume 1 nL",
    "use": 'use "file.tnet"',
    "index": "index NAME = 1..16",
    "table": 'table NAME = "file.csv"',
    "reservoir": "reservoir NAME = kind(setting = value, ...)",
    "dot": "dot NAME: source -> target = device(parameter = value, ...)",
    "enzyme": "enzyme NAME: source -> target = device(parameter = value, ...)",
    "reaction": "reaction NAME: A + B <-> C = law(parameter = value, ...)",
    "readout": "readout NAME = expression",
    "classify": "classify NAME[k] = expression",
    "training": "training = adam(rate = 0.02, ...)",
    "law": "law NAME(parameter, ...) = forward rate",
    "device": 'device NAME: S -> P { "text" items }',
    "circuit": "circuit NAME: x -> h = name(parameter = value, ...)",
    "parameter": "parameter NAME = value",
    "parameter inside": "parameter NAME: dimension > 0 = default",
    "terminal": "terminal S, P: molecules",
    "counterpart": "counterpart NAME",
    "let": "let NAME = expression",
    "population": "population expression",
    "state": "state NAME energy expression degeneracy expression",
    "transition": "transition NAME: S + E <-> ES = law(parameter = value, ...)",
    "current": "current NAME = expression",
}
