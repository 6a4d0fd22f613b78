"""The graph of a plan as a Mermaid flowchart, for pages that draw it themselves."""

from __future__ import annotations

from collections.abc import Iterator

from connector.display.graph.looks import LOOKS
from connector.display.graph.model import Graph, Node


def mermaid(graph: Graph) -> str:
    """The flowchart; its title and description stand in comments and for screen readers."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    yield f"    accTitle: {_told(graph.title)}"
    yield f"    accDescr: {_told(graph.description)}"
    by_lane: dict[int, list[Node]] = {}
    for node in graph.nodes:
        by_lane.setdefault(node.lane, []).append(node)
    for lane, nodes in by_lane.items():
        yield f'    subgraph lane{lane} ["{_quoted(graph.lanes[lane])}"]'
        for node in nodes:
            yield f'        i{node.no}["{_quoted(f"{node.no} {node.name}")}<br/>{_quoted(node.note)}"]:::{node.state}'
        yield "    end"
    for edge in graph.edges:
        arrow = "-.->" if edge.of_start else "==>" if edge.critical else "-->"
        yield f"    i{edge.before} {arrow} i{edge.after}"
    for state in graph.states:
        look = LOOKS[state]
        dashes = ",stroke-dasharray:5 3" if look.dashed else ""
        yield f"    classDef {state} fill:{look.fill},stroke:{look.stroke},color:#1b1f24{dashes}"
    critical = [f"i{node.no}" for node in graph.nodes if node.critical]
    if critical:
        yield "    classDef critical stroke-width:4px"
        yield f"    class {','.join(critical)} critical"


_ESCAPES = str.maketrans({mark: f"#{ord(mark)};" for mark in '#&<>"`\\'})


def _quoted(text: str) -> str:
    """Text inside quotation marks, where Mermaid reads numbers of characters as `#34;`."""
    return text.translate(_ESCAPES)


def _told(text: str) -> str:
    """Text to the end of a line, where nothing can be escaped: what could end it or begin something is left out."""
    return "".join(mark for mark in text if mark not in ";#{}%<>")
