"""What expressions read of their variables is all that they need."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.expression import EvaluationError
from connector.mappings.reads import reads
from connector.mappings.set import WRITEBACK


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("item.name == '' ? item.key : item.name", {"item": frozenset({"name", "key"})}),
        ("item.?failure.?code.orValue(null)", {"item": frozenset({"failure"})}),
        ("has(item.line) ? order.id : ''", {"item": frozenset({"line"}), "order": frozenset({"id"})}),
        ("item.outcomes.map(each, each.name)", {"item": frozenset({"outcomes"})}),
        ("item.a == item ? 1 : 2", {"item": None}),
        ("item[order.name]", {"item": None, "order": frozenset({"name"})}),
        ("item.exists(name, name == 'a')", {"item": None}),
        ("now", {"now": None}),
    ],
)
def test_what_an_expression_reads(text: str, found: dict[str, Any]) -> None:
    assert reads([WRITEBACK.compile(text)]) == found


def test_what_several_read_is_read_of_them_all() -> None:
    found = reads(WRITEBACK.compile(text) for text in ("item.name", "item", "item.key", "plan.state", "plan.message"))

    assert found == {"item": None, "plan": {"state", "message"}}


EXPRESSIONS = [
    WRITEBACK.compile(text)
    for text in (
        "item.a",
        "item.a.b",
        "item.?a.?b.orValue(null)",
        "item['a']",
        "has(item.a) ? item.b : order.a",
        "'a' in item",
        "item.exists(name, name == 'a')",
        "item.?a.optMap(a, string(a)).orValue('')",
        "item[order.?a.orValue('a')]",
        "item.a.map(each, each)",
        "size(item) + size(order)",
        "[item, order.?a.orValue(null)]",
        "{'name': item.?a.orValue(item.?b.orValue(null)), 'order': order.b}",
    )
]
names = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["a", "b", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=4,
)
views = st.dictionaries(names, values, max_size=3)


def evaluated(expression: Any, variables: dict[str, Any]) -> str:
    try:
        return repr(expression.evaluate(WRITEBACK.activation(variables)))
    except EvaluationError as error:
        return str(error)


@given(variables=st.fixed_dictionaries({"item": views, "order": views}))
def test_nothing_else_is_needed(variables: dict[str, Any]) -> None:
    for expression in EXPRESSIONS:
        needed = {
            name: view if fields is None else {field: view[field] for field in fields if field in view}
            for name, fields in reads([expression]).items()
            if (view := variables[name]) is not None
        }

        assert evaluated(expression, needed) == evaluated(expression, variables)
