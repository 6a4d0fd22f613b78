"""The parser: what a query says, where it is wrong, and that whatever can be written can be read back."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.localorg.errors import SalesforceError
from connector.localorg.soql.parser import parse
from connector.localorg.soql.periods import period
from connector.localorg.soql.syntax import (
    All,
    AnyOf,
    Call,
    Comparison,
    Condition,
    Constant,
    DateLiteral,
    FieldSet,
    Not,
    Operand,
    Order,
    Path,
    Query,
    Selected,
)
from connector.localorg.soql.tokens import tokens


def where(text: str) -> Condition | None:
    return parse(f"SELECT Id FROM Order WHERE {text}").where


def test_the_shape_of_a_query() -> None:
    query = parse(
        "select Id, Account.Type t, (SELECT Id FROM OrderItems WHERE Quantity > 1 LIMIT 5) FROM Order o "
        "WHERE o.Status = 'Draft' ORDER BY Account.Name DESC NULLS LAST, Id LIMIT 10 OFFSET 20 FOR UPDATE"
    )
    assert query.select[0] == Selected(Path(("Id",)))
    assert query.select[1] == Selected(Path(("Account", "Type")), "t")
    assert isinstance(query.select[2], Query)
    assert query.select[2].limit == 5
    assert query.source == "Order"
    assert query.where == Comparison(Path(("Status",)), "=", Constant("string", "Draft"))
    assert query.order_by == (
        Order(Path(("Account", "Name")), descending=True, nulls_first=False),
        Order(Path(("Id",))),
    )
    assert (query.limit, query.offset) == (10, 20)


def test_conditions_nest() -> None:
    assert where("(A = 1 OR NOT B != null) AND C IN ('x', 'y')") == All(
        (
            AnyOf(
                (
                    Comparison(Path(("A",)), "=", Constant("number", 1.0)),
                    Not(Comparison(Path(("B",)), "!=", Constant("null", None))),
                )
            ),
            Comparison(Path(("C",)), "IN", (Constant("string", "x"), Constant("string", "y"))),
        )
    )


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        ("true", Constant("boolean", value=True)),
        ("-1.5e3", Constant("number", -1500.0)),
        (r"'it\'s \\ \n\u00e9'", Constant("string", "it's \\ \né")),
        ("2026-11-22", Constant("date", date(2026, 11, 22))),
        ("2026-11-22T08:00:00Z", Constant("datetime", datetime(2026, 11, 22, 8, tzinfo=UTC))),
        (
            "2026-11-22T08:00:00.250+01:00",
            Constant("datetime", datetime(2026, 11, 22, 8, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=1)))),
        ),
        ("TODAY", Constant("period", DateLiteral("TODAY"))),
        ("last_n_days:7", Constant("period", DateLiteral("LAST_N_DAYS", 7))),
    ],
)
def test_literals(text: str, constant: Constant) -> None:
    assert where(f"X = {text}") == Comparison(Path(("X",)), "=", constant)


def test_semi_join_functions_and_field_sets() -> None:
    condition = where("Id NOT IN (SELECT Order__c FROM Orchestration_Plan__c)")
    assert isinstance(condition, Comparison)
    assert condition.operator == "NOT IN"
    assert isinstance(condition.right, Query)
    query = parse("SELECT Status, COUNT(Id) n FROM Order GROUP BY Status HAVING COUNT(Id) > 1")
    assert query.group_by == (Path(("Status",)),)
    assert query.select[1] == Selected(Call("COUNT", Path(("Id",))), "n")
    assert parse("SELECT FIELDS(all) FROM Order LIMIT 5").select == (FieldSet("ALL"),)
    assert parse("SELECT COUNT() FROM Order").select == (Selected(Call("COUNT", None)),)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("SELECT Id FORM Order", 16, "unexpected token: 'Order'"),
        ("SELECT Id", 10, "unexpected token: '<EOF>'"),
        ("SELECT", 7, "unexpected token: '<EOF>'"),
        ("SELECT (SELECT Id) FROM Order", 18, "unexpected token: ')'"),
        ("SELECT Id, FROM Order", 12, "unexpected token: 'FROM'"),
        ("SELECT FROM Order", 8, "unexpected token: 'FROM'"),
        ("SELECT Id FROM Order AND", 22, "unexpected token: 'AND'"),
        ("SELECT Limit FROM Order", 8, "unexpected token: 'Limit'"),
        ("SELECT Id FROM Order WHERE", 27, "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Order WHERE Id =", 32, "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Order WHERE A = 1 AND B = 2 OR C = 3", 44, "unexpected token: 'OR'"),
        ("SELECT Id FROM Order WHERE (A = 1", 34, "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Order LIMIT x", 28, "unexpected token: 'x'"),
        ("SELECT Id FROM Order WHERE A = 'x", 32, "unexpected token: '''"),
        ("SELECT Id FROM Order WHERE A ~ 1", 30, "unexpected token: '~'"),
        ("SELECT Id FROM Order WHERE A = 2026-13-01", 32, "Invalid date: 2026-13-01"),
        ("SELECT Id FROM Order; DROP", 21, "unexpected token: ';'"),
        ("DELETE FROM Order", 1, "unexpected token: 'DELETE'"),
    ],
)
def test_what_is_malformed_is_shown(text: str, column: int, reason: str) -> None:
    with pytest.raises(SalesforceError) as refusal:
        parse(text)
    assert refusal.value.code == "MALFORMED_QUERY"
    message = refusal.value.problems[0].message
    assert message == f"\n{text}\n{' ' * (column - 1)}^\nERROR at Row:1:Column:{column}\n{reason}"


def test_the_row_is_counted() -> None:
    with pytest.raises(SalesforceError, match="ERROR at Row:2:Column:6"):
        parse("SELECT Id\nFROM (")


def test_nesting_has_an_end() -> None:
    with pytest.raises(SalesforceError, match="nested too deep"):
        parse("SELECT Id FROM Order WHERE " + "(" * 100 + "A = 1" + ")" * 100)


# -- whatever can be written can be read back -------------------------------------------------------------

_RESERVED = {
    "AND", "AS", "ASC", "DESC", "EXCLUDES", "FALSE", "FIELDS", "FOR", "FROM", "GROUP", "HAVING", "IN", "INCLUDES", "LIKE",
    "LIMIT", "NOT", "NULL", "NULLS", "OFFSET", "ORDER", "SELECT", "TRUE", "TYPEOF", "UPDATE", "USING", "WHERE", "WITH",
}  # fmt: skip

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name.upper() not in _RESERVED)
paths = st.lists(names.map(lambda name: "x" + name), min_size=1, max_size=3).map(lambda parts: Path(tuple(parts)))
functions = st.sampled_from(["COUNT", "SUM", "MIN", "CALENDAR_YEAR"])
operands: st.SearchStrategy[Operand] = st.one_of(paths, st.builds(Call, functions, paths))
constants = st.one_of(
    st.just(Constant("null", None)),
    st.booleans().map(lambda value: Constant("boolean", value=value)),
    st.integers(-(10**9), 10**9).map(lambda value: Constant("number", float(value))),
    st.text(st.characters(exclude_characters="\\_%", exclude_categories=["Cs"])).map(
        lambda text: Constant("string", text)
    ),
    st.dates().map(lambda day: Constant("date", day)),
    st.datetimes(timezones=st.just(UTC)).map(lambda time: Constant("datetime", time.replace(microsecond=0))),
    st.just(Constant("period", DateLiteral("THIS_MONTH"))),
    st.integers(0, 400).map(lambda number: Constant("period", DateLiteral("NEXT_N_WEEKS", number))),
)
comparisons = st.one_of(
    st.builds(Comparison, operands, st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "LIKE"]), constants),
    st.builds(
        Comparison,
        operands,
        st.sampled_from(["IN", "NOT IN", "INCLUDES", "EXCLUDES"]),
        st.lists(constants, min_size=1, max_size=3).map(tuple),
    ),
)


def several(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[tuple[Condition, ...]]:
    return st.lists(inner, min_size=2, max_size=3).map(tuple)


conditions: st.SearchStrategy[Condition] = st.recursive(
    comparisons,
    lambda inner: st.one_of(st.builds(Not, inner), st.builds(All, several(inner)), st.builds(AnyOf, several(inner))),
    max_leaves=8,
)
queries = st.builds(
    Query,
    select=st.lists(st.builds(Selected, operands), min_size=1, max_size=4).map(tuple),
    source=names,
    where=st.none() | conditions,
    order_by=st.lists(st.builds(Order, operands, st.booleans(), st.sampled_from([None, True, False])), max_size=2).map(
        tuple
    ),
    limit=st.none() | st.integers(0, 10_000),
    offset=st.integers(0, 2_000),
)


def written(what: Condition | Operand | Constant) -> str:
    """The text of a part of a query."""
    match what:
        case Path():
            text = str(what)
        case Call(function, argument):
            text = f"{function}({argument or ''})"
        case Constant(kind, value):
            text = _literal(kind, value)
        case Not(condition):
            text = f"NOT ({written(condition)})"
        case All(parts):
            text = " AND ".join(f"({written(part)})" for part in parts)
        case AnyOf(parts):
            text = " OR ".join(f"({written(part)})" for part in parts)
        case Comparison(left, operator, tuple() as right):
            text = f"{written(left)} {operator} ({', '.join(map(written, right))})"
        case Comparison(left, operator, Constant() as right):
            text = f"{written(left)} {operator} {written(right)}"
        case _:
            raise AssertionError(what)
    return text


def _literal(kind: str, value: object) -> str:
    if kind == "string":
        return "'" + str(value).replace("'", "\\'") + "'"
    if isinstance(value, DateLiteral):
        return value.name if value.number is None else f"{value.name}:{value.number}"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value).lower() if value is not None else "NULL"


def _query(query: Query) -> str:
    parts = ["SELECT", ", ".join(written(each.what) for each in query.select if isinstance(each, Selected))]
    parts += ["FROM", query.source]
    if query.where is not None:
        parts += ["WHERE", written(query.where)]
    if query.order_by:
        parts += ["ORDER BY", ", ".join(_term(term) for term in query.order_by)]
    if query.limit is not None:
        parts += ["LIMIT", str(query.limit)]
    if query.offset:
        parts += ["OFFSET", str(query.offset)]
    return " ".join(parts)


def _term(term: Order) -> str:
    nulls = {None: "", True: " NULLS FIRST", False: " NULLS LAST"}[term.nulls_first]
    return f"{written(term.by)}{' DESC' if term.descending else ''}{nulls}"


@given(queries)
def test_what_is_written_is_read_back(query: Query) -> None:
    assert parse(_query(query)) == query


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(SalesforceError):
        assert parse(f"SELECT Id FROM Order WHERE {text}").source == "Order"


@given(st.text(max_size=40))
def test_no_text_breaks_the_tokens(text: str) -> None:
    try:
        found = tokens(text)
    except SalesforceError:
        return
    assert found[-1].kind == "end"
    assert [token.at for token in found] == sorted(token.at for token in found)


# -- periods ------------------------------------------------------------------------------------------------

SUNDAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("literal", "first", "after"),
    [
        (DateLiteral("YESTERDAY"), date(2026, 11, 21), date(2026, 11, 22)),
        (DateLiteral("TODAY"), date(2026, 11, 22), date(2026, 11, 23)),
        (DateLiteral("TOMORROW"), date(2026, 11, 23), date(2026, 11, 24)),
        (DateLiteral("THIS_WEEK"), date(2026, 11, 22), date(2026, 11, 29)),
        (DateLiteral("LAST_WEEK"), date(2026, 11, 15), date(2026, 11, 22)),
        (DateLiteral("NEXT_MONTH"), date(2026, 12, 1), date(2027, 1, 1)),
        (DateLiteral("THIS_QUARTER"), date(2026, 10, 1), date(2027, 1, 1)),
        (DateLiteral("LAST_FISCAL_QUARTER"), date(2026, 7, 1), date(2026, 10, 1)),
        (DateLiteral("NEXT_YEAR"), date(2027, 1, 1), date(2028, 1, 1)),
        (DateLiteral("LAST_90_DAYS"), date(2026, 8, 24), date(2026, 11, 23)),
        (DateLiteral("LAST_N_DAYS", 7), date(2026, 11, 15), date(2026, 11, 23)),
        (DateLiteral("NEXT_N_DAYS", 2), date(2026, 11, 23), date(2026, 11, 25)),
        (DateLiteral("N_DAYS_AGO", 3), date(2026, 11, 19), date(2026, 11, 20)),
        (DateLiteral("LAST_N_MONTHS", 2), date(2026, 9, 1), date(2026, 11, 1)),
        (DateLiteral("NEXT_N_QUARTERS", 1), date(2027, 1, 1), date(2027, 4, 1)),
        (DateLiteral("N_WEEKS_AGO", 1), date(2026, 11, 15), date(2026, 11, 22)),
        (DateLiteral("N_YEARS_AGO", 2), date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_periods(literal: DateLiteral, first: date, after: date) -> None:
    assert period(literal, SUNDAY) == (first, after)
