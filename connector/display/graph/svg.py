"""The graph of a plan as SVG that needs nothing else: no script, no font, no style sheet, no picture.

Looks are attributes of the elements, because not every viewer knows style sheets. What a colour tells is told in words
and signs too. All text comes from others and is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from connector.display.graph.layout import Placed, Size, layout
from connector.display.graph.looks import LOOKS, Look
from connector.display.graph.model import Edge, Graph, Node
from connector.display.lines import fit
from connector.display.words import SYMBOLS
from connector.model.states import ItemType

_WIDTH, _HEIGHT = 216.0, 46.0
_GAP, _BETWEEN = 10.0, 64.0
_MARGIN, _TOP, _LANE_LABEL = 24.0, 82.0, 18.0
_LEGEND_ROW, _LEGEND_CELL = 26.0, 176.0
_NAME_CELLS, _NOTE_CELLS = 24, 30
_INK, _PALE, _FAINT, _CRITICAL = "#1b1f24", "#57606a", "#8c959f", "#82071e"


def svg(graph: Graph) -> str:
    """The picture as one XML document."""
    placed = layout(
        {node.no: node.lane for node in graph.nodes},
        [(edge.before, edge.after) for edge in graph.edges],
        Size(node=_HEIGHT, slot=8.0, gap=_GAP),
    )
    return "\n".join(_Drawing(graph, placed).document()) + "\n"


class _Drawing:
    """One picture, while it is drawn."""

    def __init__(self, graph: Graph, placed: Placed) -> None:
        self._graph = graph
        self._placed = placed
        self._lane_of = {node.no: node.lane for node in graph.nodes}
        self._layers_width = max(1, placed.depth) * (_WIDTH + _BETWEEN) - _BETWEEN
        self._width = max(760.0, self._layers_width + 2 * _MARGIN + 2 * _GAP)
        self._below_lanes = _TOP + sum(height + _LANE_LABEL for _, height in placed.lanes)
        per_row = max(1, int((self._width - 2 * _MARGIN) // _LEGEND_CELL))
        self._legend_columns = per_row
        rows = -(-(len(graph.states) + 1) // per_row)
        self._height = self._below_lanes + 34 + rows * _LEGEND_ROW + _MARGIN

    def document(self) -> Iterator[str]:
        width, height = _n(self._width), _n(self._height)
        yield '<?xml version="1.0" encoding="UTF-8"?>'
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
            ' role="img" aria-labelledby="title description" font-family="Helvetica, Arial, sans-serif">'
        )
        yield f'<title id="title">{_text(self._graph.title)}</title>'
        yield f'<desc id="description">{_text(self._graph.description)}</desc>'
        yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
        yield _label(_MARGIN, 32, self._graph.title, size=18, bold=True)
        for place, told in enumerate(wrap(self._graph.description, int((self._width - 2 * _MARGIN) // 6.5))[:2]):
            yield _label(_MARGIN, 50 + 16 * place, told, size=12, fill=_PALE)
        yield from self._lanes()
        for edge in sorted(self._graph.edges, key=lambda edge: edge.critical):
            yield self._edge(edge)
        for node in self._graph.nodes:
            yield from self._node(node)
        yield from self._legend()
        yield "</svg>"

    def _lanes(self) -> Iterator[str]:
        for lane, name in enumerate(self._graph.lanes):
            top, height = self._placed.lanes[lane]
            y = self._y(top, lane) - _LANE_LABEL
            fill = "#f6f8fa" if lane % 2 == 0 else "#ffffff"
            wide = _n(self._width - 2 * _MARGIN)
            yield (
                f'<rect x="{_n(_MARGIN)}" y="{_n(y)}" width="{wide}" height="{_n(height + _LANE_LABEL)}"'
                f' fill="{fill}" stroke="#d0d7de"/>'
            )
            yield _label(_MARGIN + 8, y + 15, fit(name, int((self._width - 2 * _MARGIN) // 7)), size=11, fill=_PALE)

    def _y(self, at: float, lane: int) -> float:
        """The place on the picture of a place in the layout, which knows of no lane labels."""
        return _TOP + at + (lane + 1) * _LANE_LABEL

    def _x(self, layer: int) -> float:
        return _MARGIN + _GAP + layer * (_WIDTH + _BETWEEN)

    def _middle(self, node: int, lane: int) -> float:
        return self._y(self._placed.middles[node], lane)

    def _edge(self, edge: Edge) -> str:
        lanes, layers = self._lane_of, self._placed.layers
        lane = lanes[edge.before]
        x, y = self._x(layers[edge.before]) + _WIDTH, self._middle(edge.before, lane)
        path = [f"M{_n(x)} {_n(y)}"]
        for step, middle in enumerate(self._placed.slots[edge.before, edge.after], start=1):
            left, at = self._x(layers[edge.before] + step), self._y(middle, lane)
            path += [_curve(x, y, left, at), f"H{_n(left + _WIDTH)}"]
            x, y = left + _WIDTH, at
        end, bottom = self._x(layers[edge.after]), self._middle(edge.after, lanes[edge.after])
        path.append(_curve(x, y, end - 7, bottom))
        colour, width = (_CRITICAL, "3.5") if edge.critical else (_FAINT, "1.3")
        head = f'<path d="M{_n(end)} {_n(bottom)}l-9 -4.5v9z" fill="{colour}"/>'
        dashes = ' stroke-dasharray="4 4"' if edge.of_start else ""
        return f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>{head}'

    def _node(self, node: Node) -> Iterator[str]:
        look = LOOKS[node.state]
        x, y = self._x(self._placed.layers[node.no]), self._middle(node.no, node.lane) - _HEIGHT / 2
        critical = "; on the critical path" if node.critical else ""
        round_ = _HEIGHT / 2 if node.type is ItemType.MILESTONE else 6
        dashes = ' stroke-dasharray="5 3"' if look.dashed else ""
        yield f"<g><title>{_text(node.detail + critical)}</title>"
        yield (
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(_WIDTH)}" height="{_n(_HEIGHT)}" rx="{_n(round_)}"'
            f' fill="{look.fill}" stroke="{look.stroke}" stroke-width="{"3.5" if node.critical else "1.3"}"{dashes}/>'
        )
        name = fit(f"{node.no} {node.name}", _NAME_CELLS)
        yield _label(x + 12, y + 19, name, size=13, bold=node.critical, struck=look.struck)
        yield _label(x + 12, y + 36, fit(node.note, _NOTE_CELLS), size=11, fill=look.stroke)
        yield "</g>"

    def _legend(self) -> Iterator[str]:
        top = self._below_lanes + 34
        cells: list[tuple[Look, str]] = [
            (LOOKS[state], f"{SYMBOLS[state]} {state} ({number})") for state, number in self._graph.states.items()
        ]
        for place, (look, told) in enumerate(cells):
            x, y = self._legend_place(place, top)
            dashes = ' stroke-dasharray="5 3"' if look.dashed else ""
            yield (
                f'<rect x="{_n(x)}" y="{_n(y)}" width="22" height="14" rx="3" fill="{look.fill}"'
                f' stroke="{look.stroke}"{dashes}/>'
            )
            yield _label(x + 30, y + 11, told, size=12)
        if any(node.critical for node in self._graph.nodes):
            x, y = self._legend_place(len(cells), top)
            yield f'<path d="M{_n(x)} {_n(y + 7)}h22" stroke="{_CRITICAL}" stroke-width="3.5"/>'
            yield _label(x + 30, y + 11, "thick: critical path", size=12)

    def _legend_place(self, place: int, top: float) -> tuple[float, float]:
        row, column = divmod(place, self._legend_columns)
        return _MARGIN + column * _LEGEND_CELL, top + row * _LEGEND_ROW


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    if y == to_y:
        return f"H{_n(to_x)}"
    half = (x + to_x) / 2
    return f"C{_n(half)} {_n(y)} {_n(half)} {_n(to_y)} {_n(to_x)} {_n(to_y)}"


def _label(
    x: float, y: float, text: str, *, size: int, fill: str = _INK, bold: bool = False, struck: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    line = ' text-decoration="line-through"' if struck else ""
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size}" fill="{fill}"{weight}{line}>{_text(text)}</text>'


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def _text(text: str) -> str:
    return text.translate(_ESCAPES)


def _n(number: float) -> str:
    """A number as short as it goes."""
    return f"{number:.1f}".removesuffix(".0")
