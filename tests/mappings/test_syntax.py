"""What an expression reads, and where each name stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.expression import CompileError
from connector.mappings.set import RULE


def read(text: str) -> list[str]:
    """The paths that an expression reads, as text."""
    return [".".join(reference.path) for reference in RULE.compile(text).references]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('"line.attributes.x"', []),
        ("1 + 2", []),
        ("line", ["line"]),
        ("line.attributes.tier", ["line.attributes.tier"]),
        ("line . attributes\n .tier", ["line.attributes.tier"]),
        ('line.attributes["tier"]', ["line.attributes.tier"]),
        ("line.?attributes.?tier.orValue(order.id)", ["line.attributes.tier", "order.id"]),
        ('line.attributes[?"tier"].orValue("")', ["line.attributes.tier"]),
        ("has(line.attributes.tier)", ["line.attributes.tier"]),
        ("line.children[0].product", ["line.children.[].product"]),
        ("line.children[order.place].product", ["line.children.[].product", "order.place"]),
        ('line.children.exists(c, c.product == "X")', ["line.children", "line.children.[].product"]),
        ("line.children.map(c, c.attributes.x)", ["line.children", "line.children.[].attributes.x"]),
        ("line.children.all(line, line.a)", ["line.children", "line.children.[].a"]),
        ("line.?x.optMap(v, v.y).orValue(1)", ["line.x", "line.x.y"]),
        ('{"a": line.x, ?"b": line.?y}', ["line.x", "line.y"]),
        ("[line.x, order.y]", ["line.x", "order.y"]),
        ("line.x ? order.a : order.b", ["line.x", "order.a", "order.b"]),
        ("size(line.x) > 1 && string(order.y).matches('a')", ["line.x", "order.y"]),
    ],
)
def test_it_reads(text: str, paths: list[str]) -> None:
    assert read(text) == paths


@pytest.mark.parametrize(
    "text",
    [
        "line.attributes.tier",
        "line . attributes\n .tier",
        'line["attributes"]["tier"]',
        "has(line.attributes.tier)",
        'line[?"attributes"].?tier.orValue("ü")',
        '"äöü😀" + line.attributes.tier',
        "line.children.exists(c, has(c.attributes.tier))",
    ],
)
def test_names_are_found_where_they_stand(text: str) -> None:
    for reference in RULE.compile(text).references:
        for name, offset in zip(reference.path, reference.offsets, strict=True):
            if name != "[]":
                assert text[offset : offset + len(name)] == name, (name, offset)


TOKENS = st.lists(
    st.sampled_from(
        [
            "line",
            "order",
            ".a",
            ".?b",
            '["c d"]',
            "[0]",
            " == ",
            " && ",
            " + ",
            "1",
            '"t"',
            "(",
            ")",
            "has(",
            "size(",
            "[",
            "]",
            "{",
            "}",
            ": ",
            ", ",
            " ? ",
            ".exists(x, ",
            ".map(y, ",
            "x",
            "y",
            "true",
            ".orValue(",
            "!",
        ]
    ),
    max_size=12,
).map("".join)


@given(TOKENS)
def test_any_expression_that_compiles_can_be_read(text: str) -> None:
    try:
        expression = RULE.compile(text)
    except CompileError:
        return
    for reference in expression.references:
        assert len(reference.path) == len(reference.offsets)
        assert all(0 <= offset <= len(text) for offset in reference.offsets)
