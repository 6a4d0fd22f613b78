"""YAML as far as mapping sets use it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.diagnostics import Findings
from connector.mappings.document import Kind, Node, parse
from connector.mappings.text import FileText


def parsed(text: str) -> tuple[tuple[Node, ...], Findings]:
    findings = Findings()
    return parse(FileText(path="x.yaml", text=text), findings), findings


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("yes", Kind.TEXT, "yes"),
        ("on", Kind.TEXT, "on"),
        ("2026-03-31", Kind.TEXT, "2026-03-31"),
        ("1_000", Kind.TEXT, "1_000"),
        ("0o17", Kind.INTEGER, 15),
        ("0x1F", Kind.INTEGER, 31),
        ("-12", Kind.INTEGER, -12),
        ("1.5e3", Kind.NUMBER, 1500.0),
        (".5", Kind.NUMBER, 0.5),
        ("true", Kind.BOOLEAN, True),
        ("False", Kind.BOOLEAN, False),
        ("~", Kind.NULL, None),
        ("", Kind.NULL, None),
        ("'12'", Kind.TEXT, "12"),
        ("[1, {a: b}]", Kind.LIST, [1, {"a": "b"}]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, kind: Kind, value: object) -> None:
    (document,), findings = parsed(f"key: {text}\n")
    assert list(findings) == []
    node = document["key"]
    assert (node.kind, node.plain) == (kind, value)


def test_documents_are_kept_in_order_and_empty_ones_left_out() -> None:
    documents, findings = parsed("a: 1\n---\n---\nb: 2\n---\n")
    assert list(findings) == []
    assert [document.plain for document in documents] == [{"a": 1}, {"b": 2}]


def test_a_node_knows_where_it_stands() -> None:
    (document,), _ = parsed("a:\n  - b: text\n")
    node = document["a"].items[0]["b"]
    assert (node.source.file, node.source.line, node.source.column) == ("x.yaml", 2, 8)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    (document,), findings = parsed("\ufeffa: 1\n")
    assert list(findings) == []
    assert document.plain == {"a": 1}


def test_keys_must_be_scalars() -> None:
    _, findings = parsed("? [a, b]\n: c\n")
    assert [found.code for found in findings] == ["MAP012"]


def test_a_bomb_of_aliases_is_refused_at_the_first_anchor() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    documents, findings = parsed(bomb)
    assert documents == ()
    assert [(found.code, found.line) for found in findings] == [("MAP008", 1)]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_gives_nodes_or_findings_inside_the_text(text: str) -> None:
    documents, findings = parsed(text)
    file = FileText(path="x.yaml", text=text)
    for found in findings:
        assert 1 <= found.line <= len(file.starts)
        assert 1 <= found.column <= len(file.line(found.line)) + 1
    for document in documents:
        assert 0 <= document.start <= document.end <= len(text)


YAMLISH = st.lists(
    st.sampled_from(
        [
            "a",
            "b: ",
            "- ",
            "\n",
            "  ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "'",
            '"',
            "|\n",
            ">-\n",
            "#",
            "&x ",
            "*x",
            "!t ",
            "---\n",
            "...\n",
            "%Y 1\n",
            "? ",
            "\t",
            ": ",
            "\\u00e4",
            "0x1",
            "~",
            "@",
            "`",
            "\x85",
            "\u2028",
            "\ufeff",
            "<<: ",
        ]
    ),
    max_size=25,
).map("".join)


@given(YAMLISH)
def test_text_like_yaml_gives_nodes_or_findings(text: str) -> None:
    documents, _ = parsed(text)
    for document in documents:
        _ = document.plain


@pytest.mark.parametrize("text", ["a\r\nb\rc\nd", "", "\n", "one line"])
def test_lines_end_as_yaml_says(text: str) -> None:
    file = FileText(path="x", text=text)
    lines = [file.line(number + 1) for number in range(len(file.starts))]
    assert "\n".join(lines) == text.replace("\r\n", "\n").replace("\r", "\n")
    for offset in range(len(text) + 1):
        line, column = file.place(offset)
        assert 1 <= line <= len(file.starts)
        assert file.starts[line - 1] + column - 1 == offset


def test_there_is_no_line_outside_the_text() -> None:
    file = FileText(path="x", text="a\n")
    assert (file.line(0), file.line(3)) == ("", "")
