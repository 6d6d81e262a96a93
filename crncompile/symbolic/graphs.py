"""What is asked of small graphs: parts, ways and ends. Large ones are looked at in arrays elsewhere."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)
Neighbours = Mapping[Node, Iterable[Node]]


def neighbours(nodes: Iterable[Node], edges: Iterable[tuple[Node, Node]], both: bool = True) -> dict[Node, list[Node]]:
    """Return what each node is joined to, each once, along edges or in ``both`` directions."""
    found: dict[Node, dict[Node, None]] = {node: {} for node in nodes}
    for a, b in edges:
        found[a][b] = None
        if both:
            found[b][a] = None
    return {node: list(others) for node, others in found.items()}


def towards(root: Node, joined: Neighbours[Node]) -> dict[Node, Node]:
    """Return for each node that is reached from a root the one before it on a shortest way; the root's is itself."""
    before = {root: root}
    level = [root]
    while level:
        level = [b for a in level for b in joined[a] if b not in before and before.setdefault(b, a) == a]
    return before


def way(origin: Node, destination: Node, joined: Neighbours[Node]) -> list[Node]:
    """Return the nodes on a shortest way, both ends with them; raises KeyError where there is none."""
    before = towards(origin, joined)
    nodes = [destination]
    while nodes[-1] != origin:
        nodes.append(before[nodes[-1]])
    return nodes[::-1]


def parts(nodes: Iterable[Node], edges: Iterable[tuple[Node, Node]]) -> list[set[Node]]:
    """Return the connected parts of a graph, in the order of their first nodes."""
    joined = neighbours(nodes, edges)
    found: list[set[Node]] = []
    seen: set[Node] = set()
    for node in joined:
        if node not in seen:
            found.append(set(towards(node, joined)))
            seen |= found[-1]
    return found


def ends(joined: Neighbours[Node]) -> list[set[Node]]:
    """Return the strongly connected parts that nothing leads out of (the absorbing classes of a Markov process)."""
    reached = {node: set(towards(node, joined)) for node in joined}
    found: list[set[Node]] = []
    for node, others in reached.items():
        if others not in found and all(node in reached[other] for other in others):
            found.append(others)
    return found
