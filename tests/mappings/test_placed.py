"""From the text of an expression back to the file: every quoting of YAML, and trees."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connector.mappings.diagnostics import Findings
from connector.mappings.document import Kind, Node, parse
from connector.mappings.placed import Expressions, offsets
from connector.mappings.set import PLAN, RULE
from connector.mappings.text import FileText


def node_of(text: str) -> Node:
    """The value under the key `e`."""
    findings = Findings()
    (document,) = parse(FileText(path="x.yaml", text=text), findings)
    assert list(findings) == []
    return document["e"]


STYLES = {
    "plain": "e: line.a + nope",
    "plain over lines": "e: line.a\n   + line.b\n   + nope\n",
    "single quoted": "e: '\"it''s\" + nope'",
    "double quoted": 'e: "\\"a\\tb\\" + nope"',
    "double quoted, escapes of every length": 'e: "\\"\\x41\\u00e4\\U0001F600\\" + nope"',
    "double quoted over lines": 'e: "line.a +\n  line.b \\\n  + nope"',
    "literal": "e: |\n  line.a\n    + nope\n",
    "literal, kept": "e: |+\n  line.a +\n\n  nope\n\nf: 1\n",
    "literal with a comment": "e: | # why\n  nope\n",
    "literal with its indentation given": "e: |2\n    line.a\n    + nope\n",
    "folded": "e: >-\n  line.a\n  + line.b\n\n  + nope\n",
    "folded, more indented": "e: >\n  line.a\n    + line.b\n  + nope\n",
    "windows": "e: |\r\n  line.a\r\n  + nope\r\n",
    "beyond the basic plane": 'e: "\\"\U0001f600\\" + nope"',
}


@pytest.mark.parametrize("style", STYLES)
def test_an_error_is_found_in_every_style_of_yaml(style: str) -> None:
    node = node_of(STYLES[style])
    findings = Findings()
    Expressions(findings).scalar(node, RULE)
    (found,) = findings
    assert (found.code, found.length) == ("MAP022", 4)
    line = node.file.line(found.line)
    assert line[found.column - 1 :].startswith("nope")


@pytest.mark.parametrize("style", STYLES)
def test_every_character_that_is_not_space_has_its_place(style: str) -> None:
    node = node_of(STYLES[style])
    places = offsets(node)
    assert len(places) == len(node.text) + 1
    assert list(places) == sorted(places)
    for character, place in zip(node.text, places, strict=False):
        if not character.isspace() and node.file.text[place] != "\\":
            assert node.file.text[place] == character


WORDS = st.lists(st.text(alphabet="ab'\"\\: #+\tä😀", min_size=1, max_size=6), min_size=1, max_size=6).map(" ".join)


@given(WORDS, st.sampled_from(["'", '"', "|", ">"]))
def test_places_stay_inside_the_scalar(text: str, style: str) -> None:
    written = _as(text, style)
    findings = Findings()
    documents = parse(FileText(path="x.yaml", text=written), findings)
    if not documents or documents[0].kind is not Kind.MAPPING:
        return
    node = documents[0]["e"]
    places = offsets(node)
    assert len(places) == len(node.text) + 1
    assert all(node.start <= place <= len(written) for place in places)
    assert list(places) == sorted(places)


def _as(text: str, style: str) -> str:
    if style == "'":
        return "e: '" + text.replace("'", "''") + "'\n"
    if style == '"':
        return 'e: "' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"\n'
    return f"e: {style}\n  {text.strip() or 'x'}\n  {text.strip() or 'x'}\n"


# -- trees ---------------------------------------------------------------------------------------------------


def tree_of(text: str) -> tuple[Node, Findings, Expressions]:
    findings = Findings()
    return node_of(text), findings, Expressions(findings)


def test_a_tree_becomes_one_expression() -> None:
    node, findings, expressions = tree_of(
        "e:\n"
        "  ref: item.ref\n"
        "  'odd \"key\"': 1\n"
        "  flags: [true, 0x10, 1.5, null, ~]\n"
        "  text: '\"say \" + line.name'\n"
        "  inner: {deep: {deeper: size(line.list)}}\n"
        "  empty: {}\n"
        "  none: []\n"
        "  nothing:\n"
        "  commented: line.name // why\n"
    )
    expression = expressions.tree(node, PLAN)
    assert list(findings) == []
    activation = PLAN.activation({"item": {"ref": "R"}, "line": {"name": "N", "list": [1, 2]}})
    assert expression.evaluate(activation) == {
        "ref": "R",
        'odd "key"': 1,
        "flags": [True, 16, 1.5, None, None],
        "text": "say N",
        "inner": {"deep": {"deeper": 2}},
        "empty": {},
        "none": [],
        "nothing": None,
        "commented": "N",
    }


@pytest.mark.parametrize(("line", "body"), [({"name": "N"}, {"name": "N"}), ({}, {})])
def test_a_key_that_ends_in_a_question_mark_is_left_out(line: dict[str, str], body: dict[str, str]) -> None:
    node, findings, expressions = tree_of("e:\n  name?: line.?name\n")
    expression = expressions.tree(node, PLAN)
    assert list(findings) == []
    assert expression.evaluate(PLAN.activation({"line": line})) == body


@pytest.mark.parametrize("leaf", ['1}, "x": {"y": 2', "1), (2", "1]", '"', "1 // \n"])
def test_a_leaf_can_not_reach_beyond_its_place(leaf: str) -> None:
    node, findings, expressions = tree_of("e:\n  a: |-\n    " + leaf.replace("\n", "\n    ") + "\n  b: 2\n")
    expression = expressions.tree(node, PLAN)
    if list(findings):
        assert {found.line for found in findings} == {3}
    else:
        assert expression.evaluate(PLAN.activation({})) == {"a": 1, "b": 2}


def test_an_error_in_a_leaf_stands_in_the_leaf() -> None:
    node, findings, expressions = tree_of("e:\n  a: line.x\n  b:\n    - line.y\n    - 1 + nope\n")
    expressions.tree(node, PLAN)
    (found,) = findings
    assert (found.code, found.line, found.column, found.length) == ("MAP022", 5, 11, 4)


def test_names_in_a_tree_are_found_in_their_leaves() -> None:
    node, _, expressions = tree_of("e:\n  a: 'line.first'\n  b: {c: line.second}\n")
    placed = expressions.of(expressions.tree(node, PLAN))
    assert placed is not None
    findings = Findings()
    for reference in placed.references:
        placed.report(findings, "MAP025", reference.offsets[-1], len(reference.path[-1]), "here")
    assert [(found.line, found.column) for found in findings] == [(2, 12), (3, 15)]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet="abcäß \"'\\", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=3), JSON, min_size=1, max_size=4))
def test_a_tree_of_constants_gives_itself(value: dict[str, object]) -> None:
    written = StringIO()
    YAML(typ="safe", pure=True).dump({"e": value}, written)
    node, findings, expressions = tree_of(written.getvalue())
    expression = expressions.tree(node, PLAN)
    assert list(findings) == []
    assert expression.evaluate(PLAN.activation({})) == value
