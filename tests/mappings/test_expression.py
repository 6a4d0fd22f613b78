"""Evaluating expressions: values in, JSON out, every failure an `EvaluationError` that says what was wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.expression import MAX_LENGTH, CompileError, Environment, EvaluationError, Source
from connector.mappings.functions import days, digits, slug
from connector.mappings.set import PLAN, RULE

LINE = {"attributes": {"tier": "S", "count": 2, "none": None, "list": [1, "a", None]}, "quantity": 1.0}


def value(text: str, line: Any = LINE, **more: Any) -> Any:
    return PLAN.compile(text).evaluate(PLAN.activation({"line": line, **more}))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("line.attributes.tier", "S"),
        ("line.attributes.count + 1", 3),
        ("line.quantity > 0.5", True),
        ("line.attributes.none", None),
        ("line.attributes.list", [1, "a", None]),
        ('{"b": 1, "a": {"d": null, "c": [line.quantity]}}', {"b": 1, "a": {"d": None, "c": [1.0]}}),
        ("{1: 2}", {"1": 2}),
        ('line.attributes.?nothing.orValue("x")', "x"),
        ("has(line.attributes.nothing)", False),
        ("line.attributes.list.map(x, x)", [1, "a", None]),
        ('timestamp("2026-03-31T09:00:00+02:00")', "2026-03-31T07:00:00Z"),
        ('duration("90s")', 90.0),
        ("now", "2026-03-31T09:00:00Z"),
        ('timestamp("2026-03-31T09:00:00Z") + days(2)', "2026-04-02T09:00:00Z"),
        ('digits("+49 (30) 12-3")', "4930123"),
        ('slug(" Ünder the Sea! ")', "nder-the-sea"),
        ('"a,b".split(",")', ["a", "b"]),
        ("math.least(2, 1)", 1),
    ],
)
def test_a_value_is_json(text: str, result: object) -> None:
    assert value(text, now=datetime(2026, 3, 31, 9, tzinfo=UTC)) == result


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("line.attributes.nothing", "'nothing' is absent"),
        ("line.nothing.deeper", "'nothing' is absent"),
        ("line.?quantity.deeper.orValue(null)", "Applying SELECT to non-message type [INVALID_ARGUMENT]"),
        ("1 / 0", "divide by zero"),
        ("[line.attributes.nothing]", "'nothing' is absent"),
        ('{"a": line.attributes.nothing}', "'nothing' is absent"),
        ("line.attributes.tier + 1", "No matching overloads"),
        ('b"bytes"', "no JSON form"),
        ("type(1)", "no JSON form"),
        ("digits(line.attributes.count)", "digits"),
        ('timestamp("yesterday")', ""),
    ],
)
def test_a_failure_says_what_was_wrong(text: str, reason: str) -> None:
    with pytest.raises(EvaluationError) as failed:
        value(text)
    assert reason in failed.value.reason
    assert repr(text) in str(failed.value)


def test_a_condition_must_be_true_or_false() -> None:
    activation = PLAN.activation({"line": LINE})
    assert PLAN.compile('line.attributes.tier == "S"').is_true(activation)
    with pytest.raises(EvaluationError, match="gives 'S', not true or false"):
        PLAN.compile("line.attributes.tier").is_true(activation)


@pytest.mark.parametrize("text", ["line.?x", "optional.of(1)", "[line.?x]", '{"a": line.?x}', "optional.none()"])
def test_what_may_give_nothing_is_refused_before_it_can_do_harm(text: str) -> None:
    with pytest.raises(CompileError, match="may be absent"):
        PLAN.compile(text)
    assert "optional" in PLAN.result_type(text)


def test_every_error_of_an_expression_is_kept() -> None:
    with pytest.raises(CompileError) as refused:
        PLAN.compile("one + two\n + line.x + three")
    error = refused.value
    assert [(each.line, each.column) for each in (error, *error.others)] == [(1, 1), (1, 7), (2, 13)]


def test_an_expression_has_an_end() -> None:
    PLAN.compile("1" + " " * (MAX_LENGTH - 1))
    with pytest.raises(CompileError, match="the limit"):
        PLAN.compile("1" + " " * MAX_LENGTH)


def test_an_expression_knows_where_it_stands() -> None:
    expression = RULE.compile("line.x", Source("a.yaml", 3, 5))
    assert (str(expression.source), repr(expression)) == ("a.yaml:3", "Expression('line.x')")
    assert expression.names == (("line", "x"),)


def test_only_the_variables_of_a_place_are_known() -> None:
    with pytest.raises(CompileError, match="undeclared"):
        Environment("order").compile("line.x")


def test_equal_values_give_equal_objects_in_every_process() -> None:
    program = (
        "from connector.mappings.set import PLAN\n"
        'e = PLAN.compile(\'{"d": 1, "a": 2, "c": {"z": 1, "y": 2}, "b": line}\')\n'
        "print(e.evaluate(PLAN.activation({'line': {'q': 1, 'p': 2}})))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert outputs == {"{'a': 2, 'b': {'p': 2, 'q': 1}, 'c': {'y': 2, 'z': 1}, 'd': 1}\n"}


def test_any_number_of_nulls_can_be_read() -> None:
    """CEL 0.1.3 takes a reference from None with every null that is converted: some thousands end the process."""
    program = (
        "from connector.mappings.set import PLAN\n"
        "e = PLAN.compile('[null, line.x, {\"a\": null}, line]')\n"
        "a = PLAN.activation({'line': {'x': None, 'y': [None]}})\n"
        "for _ in range(5000): e.evaluate(a)\n"
        "print(e.evaluate(a))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[None, None, {'a': None}, {'x': None, 'y': [None]}]\n")


TEXT = st.characters(min_codepoint=1, exclude_categories=["Cs"])
"""CEL ends a text at the character NUL; orders with one are refused before they get there."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=TEXT, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet=TEXT, max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_a_value_comes_out_as_it_went_in(given_value: object) -> None:
    assert value("line.v", {"v": given_value}) == given_value


def test_functions() -> None:
    assert (digits("a1 b2"), slug("A  b--C"), days(2)) == ("12", "a-b-c", timedelta(days=2))
