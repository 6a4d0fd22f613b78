"""The plan as a picture: well-formed whatever stands in it, nothing upon anything else, told not by colour alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.display.graph.dot import dot
from connector.display.graph.layout import Placed, Size, layout
from connector.display.graph.looks import LOOKS
from connector.display.graph.mermaid import mermaid
from connector.display.graph.model import graph
from connector.display.graph.svg import svg
from connector.display.view import Expected
from connector.model.ids import ItemNo
from connector.model.states import ItemState, ItemType
from tests.display.building import ITEMS, dossier, item, large, plan, view

SVG = "{http://www.w3.org/2000/svg}"
SIZE = Size(node=46, slot=8, gap=10)
EVIL = "\"><script>alert('x')</script>&amp;]]>\x00\x1b[2J\ud800\ufffe\u202e`#;{}|\\n\\"


# -- layout -------------------------------------------------------------------------------------------------


@st.composite
def plans(draw: st.DrawFn) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """Nodes with their lanes, and edges that form no ring."""
    count = draw(st.integers(1, 30))
    lanes = {no: draw(st.integers(0, 4)) for no in range(count)}
    pairs = [(before, after) for after in range(count) for before in range(after)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=60)) if pairs else []
    return lanes, edges


@given(plans())
def test_nothing_lies_upon_anything_else(made: tuple[dict[int, int], list[tuple[int, int]]]) -> None:
    lanes, edges = made
    placed = layout(lanes, edges, SIZE)
    things = [(placed.layers[no], middle, SIZE.node, lanes[no]) for no, middle in placed.middles.items()]
    for (before, _), slots in placed.slots.items():
        first = placed.layers[before] + 1
        things += [(first + step, middle, SIZE.slot, lanes[before]) for step, middle in enumerate(slots)]
    for layer, middle, height, lane in things:
        top, extent = placed.lanes[lane]
        assert top <= middle - height / 2
        assert middle + height / 2 <= top + extent
        near = [other for other in things if other[0] == layer and other != (layer, middle, height, lane)]
        assert all(abs(other[1] - middle) >= (other[2] + height) / 2 for other in near)


@given(plans())
def test_what_comes_after_stands_to_the_right(made: tuple[dict[int, int], list[tuple[int, int]]]) -> None:
    lanes, edges = made
    placed = layout(lanes, edges, SIZE)
    for before, after in edges:
        assert placed.layers[before] < placed.layers[after]
        assert len(placed.slots[before, after]) == placed.layers[after] - placed.layers[before] - 1
    assert placed == layout(lanes, edges, SIZE), "the same plan gives the same picture"


def test_lanes_lie_below_each_other() -> None:
    placed = layout({1: 0, 2: 1, 3: 1}, [(1, 2)], SIZE)
    (_, height), (second, _) = placed.lanes
    assert second == height
    assert layout({}, [], SIZE) == Placed(layers={}, middles={}, slots={}, lanes=[], depth=0)


def test_crossings_are_taken_out() -> None:
    placed = layout({1: 0, 2: 0, 3: 0, 4: 0}, [(1, 4), (2, 3)], SIZE)
    assert (placed.middles[1] < placed.middles[2]) == (placed.middles[4] < placed.middles[3])


def test_a_ring_is_drawn_all_the_same() -> None:
    placed = layout({1: 0, 2: 0, 3: 0}, [(1, 2), (2, 1), (2, 3)], SIZE)
    assert placed.layers == {1: 0, 2: 1, 3: 2}


# -- SVG ----------------------------------------------------------------------------------------------------


def parsed(picture: str) -> ET.Element:
    return ET.fromstring(picture)  # noqa: S314 - it is our own


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in parsed(picture).iter(f"{SVG}text")]


def test_the_picture_tells_title_states_lanes_and_critical_path_in_words() -> None:
    picture = svg(graph(view()))
    root = parsed(picture)
    assert root.get("role") == "img"
    named = str(root.get("aria-labelledby")).split()
    assert [root.find(f"{SVG}{tag}").get("id") for tag in ("title", "desc")] == named  # type: ignore[union-attr]
    assert root.findtext(f"{SVG}title") == "Plan of order 00000101"
    assert "1 FatallyFailed; expected 2026-03-01 12:40:00 UTC" in str(root.findtext(f"{SVG}desc"))
    found = texts(picture)
    for told in ("3 SIM card delivered", "► Running for 15 min", "activate for SIM, line 1", "✗ FatallyFailed (1)"):
        assert told in found
    assert "thick: critical path" in found
    details = [group.findtext(f"{SVG}title") or "" for group in root.iter(f"{SVG}g")]
    assert len(details) == len(ITEMS)
    assert "waits for warehouse.delivered" in details[2]
    assert "on the critical path" in details[2]
    assert "NUMBER_BLOCKED: The number is blocked." in next(each for each in details if each.startswith("5 "))


def test_nothing_is_fetched_or_run() -> None:
    picture = svg(graph(view()))
    assert not re.search(r"href|url\(|<style|<script|<image|<foreignObject|\bon\w+=", picture)


@pytest.mark.parametrize("evil", [EVIL, "漢字\n\r\t", "x" * 500, ""])
def test_the_picture_is_well_formed_whatever_stands_in_it(evil: str) -> None:
    items = tuple(each.but(name=evil, key=evil, definition=evil, scope_key=evil, waiting_for=evil) for each in ITEMS)
    picture = svg(graph(view(dossier(plan(*items), number=evil, status=evil))))
    picture.encode()
    tags = {element.tag.removeprefix(SVG) for element in parsed(picture).iter()}
    assert tags <= {"svg", "title", "desc", "rect", "text", "path", "g"}


def test_without_a_critical_path_the_legend_has_none() -> None:
    assert "thick: critical path" not in texts(svg(graph(view(expected=Expected()))))


def test_every_state_has_a_look_that_can_be_read() -> None:
    assert set(LOOKS) == set(ItemState)
    for look in LOOKS.values():
        assert _contrast(look.stroke, look.fill) >= 4.5, look
        assert _contrast("#1b1f24", look.fill) >= 7, look


def _contrast(one: str, other: str) -> float:
    """As WCAG 2.2 has it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    lights = sorted((_light(one), _light(other)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def _light(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_everything_is_on_the_picture() -> None:
    picture = svg(graph(view(dossier(large(200)))))
    root = parsed(picture)
    width, height = (float(root.get(side, "0")) for side in ("width", "height"))
    for box in root.iter(f"{SVG}rect"):
        assert 0 <= float(box.get("x", "0")) <= width - float(box.get("width", "0"))
        assert 0 <= float(box.get("y", "0")) <= height - float(box.get("height", "0"))


def test_what_undoes_something_says_so() -> None:
    made = plan(item(1, "Ship", ItemState.CANCELED), item(2, "Take back", ItemState.PENDING, 1, undoes=ItemNo(1)))
    assert "· Pending undoes 1" in texts(svg(graph(view(dossier(made)))))


def test_starts_and_subplans_are_dashed() -> None:
    parts = {"definition": "part", "scope_key": "each-0"}
    made = plan(
        item(1, "Install", ItemState.RUNNING, type=ItemType.SUBPLAN),
        item(2, "Part", ItemState.RUNNING, parent=ItemNo(1), **parts),
        item(3, "Beside", ItemState.PENDING, after_start=(ItemNo(2),)),
        item(4, "Then", ItemState.PENDING, 1),
    )
    seen = graph(view(dossier(made)))
    assert [(edge.before, edge.after, edge.of_start) for edge in seen.edges] == [
        (1, 2, True),
        (2, 3, True),
        (1, 4, False),
    ]
    assert "part for each-0, in 1" in texts(svg(seen))
    assert svg(seen).count('stroke-dasharray="4 4"') == 2
    assert "i1 -.-> i2" in mermaid(seen)
    assert "1 -> 2 [style=dashed]" in dot(seen)


# -- Mermaid and DOT ------------------------------------------------------------------------------------------


def test_mermaid_has_lanes_nodes_edges_and_states() -> None:
    text = mermaid(graph(view()))
    assert text.startswith("flowchart LR\n    accTitle: Plan of order 00000101\n")
    assert '    subgraph lane1 ["activate for SIM, line 1"]' in text
    assert '        i3["3 SIM card delivered<br/>► Running for 15 min"]:::Running' in text
    assert "    i3 ==> i7" in text
    assert "    i1 --> i5" in text
    assert "    class i3,i7,i8 critical" in text


def test_dot_has_clusters_nodes_and_edges() -> None:
    text = dot(graph(view()))
    assert text.startswith('digraph "Plan of order 00000101" {\n')
    assert '        label="activate for SIM, line 1"' in text
    assert '3 [label="3 SIM card delivered\\n► Running for 15 min" fillcolor="#cfe4ff"' in text
    assert "    3 -> 7 [penwidth=3.5" in text
    assert text.count("{") == text.count("}")


def test_names_can_break_out_of_neither() -> None:
    evil = '"]; click i1 callback "`%% \\'
    items = tuple(each.but(name=evil, scope_key=evil) for each in ITEMS)
    seen = view(dossier(plan(*items), number=evil, status=evil))
    for line in mermaid(graph(seen)).splitlines():
        if '["' in line:
            inside = line[line.index('["') + 2 : line.rindex('"]')]
            assert not re.search(r'["`\\<>](?!br/>)(?<!<br/>)', inside.replace("<br/>", "")), line
    for line in dot(graph(seen)).splitlines():
        assert len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2 == 0, line


def test_a_plan_of_another_moment_is_another_picture() -> None:
    assert svg(graph(view())) != svg(graph(replace(view(), now=view().now.replace(hour=23))))
