"""The graph of a plan in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from connector.display.graph.looks import LOOKS
from connector.display.graph.model import Graph, Node

_OF_START = " [style=dashed]"
_CRITICAL = ' [penwidth=3.5 color="#82071e"]'


def dot(graph: Graph) -> str:
    """The graph, left to right, with a cluster for each lane."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield f'digraph "{_quoted(graph.title)}" {{'
    yield "    rankdir=LR"
    yield f'    label="{_quoted(graph.title)}\\n{_quoted(graph.description)}"'
    yield '    node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=11]'
    by_lane: dict[int, list[Node]] = {}
    for node in graph.nodes:
        by_lane.setdefault(node.lane, []).append(node)
    for lane, nodes in by_lane.items():
        yield f"    subgraph cluster{lane} {{"
        yield f'        label="{_quoted(graph.lanes[lane])}" color="#d0d7de"'
        for node in nodes:
            yield f"        {_node(node)}"
        yield "    }"
    for edge in graph.edges:
        look = _OF_START if edge.of_start else _CRITICAL if edge.critical else ""
        yield f"    {edge.before} -> {edge.after}{look}"
    yield "}"


def _node(node: Node) -> str:
    look = LOOKS[node.state]
    label = f"{_quoted(f'{node.no} {node.name}')}\\n{_quoted(node.note)}"
    style = ' style="rounded,filled,dashed"' if look.dashed else ""
    width = " penwidth=3.5" if node.critical else ""
    return f'{node.no} [label="{label}" fillcolor="{look.fill}" color="{look.stroke}"{style}{width}]'


def _quoted(text: str) -> str:
    """Text inside quotation marks."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
