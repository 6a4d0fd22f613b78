"""What is evaluated without CEL gives what CEL gives, errors included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from connector.mappings.expression import Activation, CompileError, Environment, EvaluationError, Expression
from connector.mappings.set import PLAN

NOW = datetime(2026, 3, 31, 9, 0, 0, 120_000, tzinfo=UTC)
VARIABLES: Mapping[str, Any] = {
    "order": {"id": "801", "priority": "High", "attributes": {"shipTo": {"street": "S", "no": 8}, "none": None}},
    "line": {"quantity": 1.0, "attributes": {"tier": "S", "a b": [1, {"z": None, "y": True}], "count": 21}},
    "now": NOW,
}


MADE = {"b": "801", "a": {"c": 1.0}, "at": "801"}


class Refusing(Environment):
    """An environment that hands nothing over to CEL."""

    def native(self, variables: Mapping[str, Any]) -> Any:
        raise AssertionError(f"CEL was asked, with {sorted(variables)}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("order.id", "801"),
        ("order", VARIABLES["order"]),
        ("line.attributes", VARIABLES["line"]["attributes"]),
        ("order.attributes.shipTo.no", 8),
        ('line.attributes["a b"]', [1, {"z": None, "y": True}]),
        ("now", "2026-03-31T09:00:00.120000Z"),
        ('"/v1/" + order.id + "/x"', "/v1/801/x"),
        ('order.id + "-T" + string(line.attributes.count)', "801-T21"),
        ("-1", -1),
        ("2.5", 2.5),
        ("null", None),
        ("true", True),
        ('[order.id, ["x", line.quantity]]', ["801", ["x", 1.0]]),
        ('{"b": order.id, "a": {"c": line.quantity}, ?"no": order.?no, ?"at": order.?id}', MADE),
        ('line.attributes.?nothing.orValue("x")', "x"),
        ('line.attributes.?tier.orValue("x")', "S"),
        ("order.?attributes.?none.orValue(1)", None),
        ("order.?failure.?code.orValue(null)", None),
        ("order.?failure.code.orValue(order.id)", "801"),
        ('line[?"x"].orValue(order.id)', "801"),
        ("has(order.attributes.none) && !has(order.nothing)", True),
        ('order.priority == "High"', True),
        ('order.priority != "High" || line.quantity == 1', True),
        ('order.priority in ["Low", "Default"]', False),
        ("line.attributes.count >= 21 && line.attributes.count < 22.5", True),
        ('line.quantity > 2 || line.quantity <= 0.5 ? "x" : "y"', "y"),
        ('order.priority == "High" ? order.id : order.id.lowerAscii()', "801"),
        ("has(order.x) ? order.x : dyn(null)", None),
    ],
)
def test_what_needs_no_cel_asks_for_none(text: str, value: object) -> None:
    refusing = Refusing(*PLAN.variables)
    found = refusing.compile(text).evaluate(refusing.activation(VARIABLES))
    assert found == value
    assert exact(found) == exact(PLAN.compile(text).by_cel(PLAN.activation(VARIABLES)))


@pytest.mark.parametrize(
    "text",
    [
        "line.attributes.nothing",
        "line.quantity.deeper",
        "bundle.x",
        "line.attributes.count + 1.5",
        "line.attributes.tier < 1",
        "!line.quantity",
        "line.quantity && true",
        "line.quantity ? 1 : 2",
        "string(line.attributes)",
        "order.id == line.attributes.nothing",
        "line.quantity.?x.orValue(1)",
        'line.attributes["a b"].x',
    ],
)
def test_errors_are_those_of_cel(text: str) -> None:
    expression, activation = PLAN.compile(text), PLAN.activation(VARIABLES)
    with pytest.raises(EvaluationError) as by_cel:
        expression.by_cel(activation)
    with pytest.raises(EvaluationError) as direct:
        expression.evaluate(activation)
    assert direct.value.reason == by_cel.value.reason


def test_what_an_absent_attribute_is_called_is_known_without_cel() -> None:
    refusing = Refusing(*PLAN.variables)
    for text in ("line.attributes.nothing", "line.nothing.deeper", 'line["nothing"]'):
        with pytest.raises(EvaluationError, match="'nothing' is absent"):
            refusing.compile(text).evaluate(refusing.activation(VARIABLES))


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**64, -(2**63) - 1, {1: "x"}, {"a": {2: 3}}])
@pytest.mark.parametrize("text", ["line.v", "[line.v]", "line.v == 1", "line.v == 1.5", "line.v > 1", "string(line.v)"])
def test_numbers_and_keys_that_json_does_not_know_are_seen_as_cel_sees_them(text: str, value: object) -> None:
    expression, activation = PLAN.compile(text), PLAN.activation({"line": {"v": value}})
    assert outcome(expression.evaluate, activation) == outcome(expression.by_cel, activation)


# -- any expression, any values -------------------------------------------------------------------------

NAMES = ["a", "b", "c", "x y"]
TEXTS = st.sampled_from(["", "a", "A", "ä", "b", "z", "🙂", "1"])
NUMBERS = st.sampled_from([0, 1, -1, 2, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]) | st.sampled_from(
    [0.0, -0.0, 1.0, -1.5, 2.0**53, 1e300, float("inf"), float("nan")]
)
SIMPLE = st.none() | st.booleans() | NUMBERS | TEXTS | TEXTS
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)
PARTS = st.fixed_dictionaries({"a": SIMPLE, "b": VALUES}, optional={"c": SIMPLE, "x y": SIMPLE})
ROOTS = st.fixed_dictionaries({"a": PARTS, "b": SIMPLE}, optional={"c": PARTS, "x y": VALUES})


def literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


LITERALS = st.sampled_from([None, True, False, 0, 1, -1, 1.0, 2**53 + 1, "", "a", "ä"]).map(literal)
MEMBERS = st.lists(LITERALS, max_size=1).map(", ".join) | st.lists(TEXTS.map(literal), max_size=3).map(", ".join)
LONG_PATHS = st.builds(
    lambda root, steps: root + "".join(steps),
    st.sampled_from(["order", "line", "line", "line", "bundle"]),
    st.lists(st.sampled_from([".a", ".b", ".c", '["x y"]', '["a"]', "[0]"]), min_size=1, max_size=3),
)
PATHS = st.sampled_from(["line.a.a", "line.a.b", "line.b", "order.b", "line", "order.c", "order.a"] * 4) | LONG_PATHS
OPTIONALS = st.builds(
    lambda path, steps: path + "".join(steps),
    st.sampled_from(["line", "line.a", "order", "order.a", "line.b"]),
    st.lists(st.sampled_from([".?a", ".?b", ".?c", ".c", '[?"x y"]', '["a"]']), min_size=1, max_size=2),
)


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operand = inner | inner.map("dyn({})".format)
    any_type = inner.map("dyn({})".format)
    truth = st.one_of(
        st.builds("{} {} {}".format, any_type, st.sampled_from(["==", "!="]), any_type),
        st.builds("has({}.{})".format, st.sampled_from(["line", "order.a", "line.a"]), st.sampled_from("abc")),
        any_type,
    )
    entries = st.tuples(st.sampled_from(["a", "b", "é"]), inner).map(lambda pair: f'"{pair[0]}": {pair[1]}')
    left_out = st.tuples(st.sampled_from(["c", "d"]), OPTIONALS).map(lambda pair: f'?"{pair[0]}": {pair[1]}')
    return st.one_of(
        st.builds("({} {} {})".format, operand, st.sampled_from(["==", "!=", "+"]), operand),
        st.builds("({} {} {})".format, any_type, st.sampled_from(["<", "<=", ">", ">=", "+"]), any_type),
        st.builds("(({}) {} ({}))".format, truth, st.sampled_from(["&&", "||"]), truth),
        st.builds("({} ? {} : dyn({}))".format, truth, inner, inner),
        truth.map("(!({}))".format),
        st.builds("{}.orValue({})".format, OPTIONALS, any_type),
        st.builds("({} in [{}])".format, operand, MEMBERS),
        any_type.map("string({})".format),
        any_type.map("size({})".format),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.lists(entries | left_out, max_size=3).map(lambda parts: f"{{{', '.join(parts)}}}"),
    )


EXPRESSIONS = st.recursive(
    PATHS | PATHS | LITERALS | st.builds("has({}.a)".format, PATHS) | st.just("now"), combined, max_leaves=3
)


def exact(value: object) -> str:
    """The value with its types, the order of its keys, and the sign of its zeros."""
    return repr(value)


def outcome(evaluate: Any, activation: Activation) -> tuple[str, str]:
    try:
        return "value", exact(evaluate(activation))
    except EvaluationError as error:
        return "error", error.reason
    except RuntimeError as error:  # what CEL makes of some errors below an optional
        return "broken", str(error)


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, ROOTS, ROOTS)
def test_any_expression_gives_what_cel_gives(text: str, order: dict[str, object], line: dict[str, object]) -> None:
    try:
        expression: Expression = PLAN.compile(text)
    except CompileError:
        reject()
    activation = PLAN.activation({"order": order, "line": line, "now": NOW})
    assert outcome(expression.evaluate, activation) == outcome(expression.by_cel, activation)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_written_as_cel_writes_them(now: datetime) -> None:
    expression, activation = PLAN.compile("now"), PLAN.activation({"now": now})
    assert outcome(expression.evaluate, activation) == outcome(expression.by_cel, activation)
