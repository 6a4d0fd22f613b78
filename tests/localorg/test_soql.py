"""What queries answer: SOQL's own rules for text, null and time; parents and children; groups; who may see what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.localorg import LocalOrg
from connector.localorg.errors import SalesforceError
from connector.localorg.soql.conditions import like_pattern
from tests.localorg.world import METADATA, Catalog


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    """An org that nobody reaches over HTTP, at a fixed time."""
    org = LocalOrg(metadata=METADATA, clock=lambda: datetime(2026, 11, 22, 12, tzinfo=UTC))
    yield org
    org.stop()


def names(org: LocalOrg, where: str) -> list[str]:
    return [row["Name"] for row in org.query(f"SELECT Name FROM Account WHERE {where}")]


def refusal(org: LocalOrg, soql: str) -> tuple[str, str]:
    with pytest.raises(SalesforceError) as refused:
        org.query(soql)
    return refused.value.code, refused.value.problems[0].message


def test_text_compares_without_regard_to_case(org: LocalOrg) -> None:
    org.create("Account", Name="Acme", Industry="Energy")
    assert names(org, "Name = 'ACME'") == ["Acme"]
    assert names(org, "Name IN ('aCmE', 'x')") == ["Acme"]
    assert names(org, "Name LIKE 'ac%'") == ["Acme"]
    assert names(org, "Name LIKE '_c__'") == ["Acme"]
    assert names(org, "Name >= 'ACM' AND Name < 'ACN'") == ["Acme"]


def test_null_follows_the_rules_of_soql(org: LocalOrg) -> None:
    org.create("Account", Name="none")
    org.create("Account", Name="some", NumberOfEmployees=5, Industry="Energy")
    assert names(org, "NumberOfEmployees = null") == ["none"]
    assert names(org, "NumberOfEmployees != null") == ["some"]
    assert names(org, "NumberOfEmployees < 9") == ["some"]
    assert names(org, "NOT NumberOfEmployees < 9") == ["none"]
    assert names(org, "Industry != 'Retail'") == ["none", "some"]
    assert names(org, "Industry NOT IN ('Retail')") == ["none", "some"]
    assert names(org, "Industry LIKE '%'") == ["some"]


def test_times_and_periods(org: LocalOrg) -> None:
    org.create("Account", Name="today")
    assert names(org, "CreatedDate = TODAY") == ["today"]
    assert names(org, "CreatedDate >= LAST_N_DAYS:3 AND CreatedDate <= THIS_YEAR") == ["today"]
    assert names(org, "CreatedDate < TODAY OR CreatedDate > TODAY OR CreatedDate != TODAY") == []
    assert names(org, "CreatedDate = 2026-11-22T13:00:00+01:00") == ["today"]
    assert names(org, "CreatedDate > 2026-11-22T12:00:00.001Z") == []


def test_dates_compare_with_dates_and_periods(org: LocalOrg) -> None:
    catalog = Catalog(org)
    order = catalog.draft()
    assert org.query("SELECT Id FROM Order WHERE EffectiveDate = 2026-11-22")[0]["Id"] == order
    assert org.query("SELECT Id FROM Order WHERE EffectiveDate = TODAY")[0]["Id"] == order
    assert org.query("SELECT Id FROM Order WHERE EffectiveDate > TODAY") == []


def test_parents_up_to_five_levels(org: LocalOrg) -> None:
    top = org.create("Account", Name="0")
    for level in range(1, 6):
        top = org.create("Account", Name=str(level), ParentId=top)
    path = "Parent.Parent.Parent.Parent.Parent.Name"
    (row,) = org.query(f"SELECT Name, {path} FROM Account WHERE {path} = '0'")
    assert row["Name"] == "5"
    for _ in range(5):
        row = row["Parent"]
    assert row["Name"] == "0"
    assert refusal(org, f"SELECT Parent.{path} FROM Account")[0] == "MALFORMED_QUERY"


def test_a_parent_that_is_not_there_is_null(org: LocalOrg) -> None:
    org.create("Account", Name="alone")
    assert org.query("SELECT Parent.Name FROM Account")[0]["Parent"] is None
    assert names(org, "Parent.Name = null") == ["alone"]


def test_owners_are_users_and_queues(org: LocalOrg) -> None:
    queue = org.query("SELECT Id FROM Group WHERE Type = 'Queue' AND DeveloperName = 'Credit_Check'")[0]["Id"]
    org.create("Orchestration_Item__c", Name="mine")
    org.create("Orchestration_Item__c", Name="queued", OwnerId=queue)
    rows = org.query("SELECT Name, Owner.Name, Owner.Type FROM Orchestration_Item__c ORDER BY Name")
    assert [(row["Owner"]["Type"], row["Owner"]["attributes"]["type"]) for row in rows] == [
        ("User", "User"),
        ("Queue", "Group"),
    ]
    assert org.query("SELECT Name FROM Orchestration_Item__c WHERE Owner.Type = 'Queue'")[0]["Name"] == "queued"


def test_children(org: LocalOrg) -> None:
    catalog = Catalog(org)
    order = catalog.draft(3)
    empty = catalog.draft(0)
    rows = {
        row["Id"]: row["OrderItems"]
        for row in org.query(
            "SELECT Id, (SELECT OrderItemNumber, Product2.ProductCode FROM OrderItems "
            "WHERE Quantity > 0 ORDER BY OrderItemNumber DESC LIMIT 2) FROM Order"
        )
    }
    assert rows[empty] is None
    assert rows[order]["totalSize"] == 2
    assert [line["OrderItemNumber"] for line in rows[order]["records"]] == ["0000000003", "0000000002"]
    assert rows[order]["records"][0]["Product2"]["ProductCode"] == "FIBER-500"


def test_semi_joins(org: LocalOrg) -> None:
    catalog = Catalog(org)
    done, open_ = catalog.draft(), catalog.draft()
    org.create("Orchestration_Plan__c", External_Id__c="1", Order__c=done, State__c="Completed")
    with_plan = "SELECT Order__c FROM Orchestration_Plan__c WHERE State__c = 'Completed'"
    assert [row["Id"] for row in org.query(f"SELECT Id FROM Order WHERE Id IN ({with_plan})")] == [done]
    assert [row["Id"] for row in org.query(f"SELECT Id FROM Order WHERE Id NOT IN ({with_plan})")] == [open_]


def test_ids_match_in_both_forms(org: LocalOrg) -> None:
    account = org.create("Account", Name="Acme")
    assert names(org, f"Id = '{account[:15]}'") == ["Acme"]
    assert names(org, f"Id IN ('{account}')") == ["Acme"]
    assert refusal(org, "SELECT Id FROM Account WHERE Id = 'x'")[0] == "INVALID_QUERY_FILTER_OPERATOR"


def test_order_limit_offset_and_nulls(org: LocalOrg) -> None:
    for name, employees in (("b", 2), ("A", None), ("c", 1), ("D", 2)):
        org.create("Account", Name=name, NumberOfEmployees=employees)

    def ordered(clause: str) -> str:
        return "".join(row["Name"] for row in org.query(f"SELECT Name FROM Account ORDER BY {clause}"))

    assert ordered("Name") == "AbcD"
    assert ordered("Name DESC") == "DcbA"
    assert ordered("NumberOfEmployees, Name DESC") == "AcDb"
    assert ordered("NumberOfEmployees NULLS LAST, Name") == "cbDA"
    assert ordered("NumberOfEmployees DESC NULLS LAST, Name") == "bDcA"
    assert ordered("Name LIMIT 2 OFFSET 1") == "bc"


def test_counts_and_groups(org: LocalOrg) -> None:
    for name, kind, employees in (("a", "Prospect", 1), ("b", "Prospect", 3), ("c", "Other", None), ("d", None, 5)):
        org.create("Account", Name=name, Type=kind, NumberOfEmployees=employees)

    def aggregate(soql: str) -> list[dict[str, Any]]:
        rows = org.query(soql)
        assert all(row.pop("attributes") == {"type": "AggregateResult"} for row in rows)
        return rows

    assert aggregate("SELECT COUNT(Id), SUM(NumberOfEmployees) total, AVG(NumberOfEmployees) FROM Account") == [
        {"expr0": 4, "total": 9, "expr1": 3.0}
    ]
    assert aggregate("SELECT Type, COUNT(Id) n FROM Account GROUP BY Type ORDER BY COUNT(Id) DESC, Type") == [
        {"Type": "Prospect", "n": 2},
        {"Type": None, "n": 1},
        {"Type": "Other", "n": 1},
    ]
    assert aggregate("SELECT Type FROM Account GROUP BY Type HAVING COUNT(Id) > 1 AND MAX(Name) != 'x'") == [
        {"Type": "Prospect"}
    ]
    assert aggregate(
        "SELECT CALENDAR_YEAR(CreatedDate) y, MIN(Name) m FROM Account GROUP BY CALENDAR_YEAR(CreatedDate)"
    ) == [{"y": 2026, "m": "a"}]
    assert aggregate("SELECT COUNT_DISTINCT(Type) FROM Account WHERE Name = 'nobody'") == [{"expr0": 0}]
    answer = org.org.query(org.org.admin, "SELECT COUNT() FROM Account WHERE Type = 'Prospect'", url="")
    assert (answer.total, answer.records) == (2, [])


def test_field_sets(org: LocalOrg) -> None:
    org.create("Inventory_Item__c", External_Id__c="a", Name="x")
    everything = org.query("SELECT FIELDS(ALL) FROM Inventory_Item__c LIMIT 200")[0].keys()
    standard = org.query("SELECT FIELDS(STANDARD) FROM Inventory_Item__c")[0].keys()
    custom = org.query("SELECT FIELDS(CUSTOM) FROM Inventory_Item__c LIMIT 1")[0].keys()
    assert standard | custom == everything
    assert "External_Id__c" in custom - standard
    assert "at most 200" in refusal(org, "SELECT FIELDS(ALL) FROM Account")[1]


def test_labels(org: LocalOrg) -> None:
    org.create("Account", Name="Acme", Type="Prospect")
    assert org.query("SELECT toLabel(Type) FROM Account")[0]["Type"] == "Prospect"


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        (
            "SELECT Nope FROM Account",
            "INVALID_FIELD",
            "No such column 'Nope' on entity 'Account'. If you are attempting",
        ),
        ("SELECT Id FROM Account WHERE Nope = 1", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'"),
        ("SELECT Id FROM Account ORDER BY Nope", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'"),
        ("SELECT Nope.Id FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Nope' in field path"),
        (
            "SELECT Id, (SELECT Id FROM Nopes) FROM Account",
            "INVALID_FIELD",
            "Didn't understand relationship 'Nopes' in FROM",
        ),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        ("SELECT Id FROM ScratchOrgInfo LIMIT 1", "INVALID_TYPE", "sObject type 'ScratchOrgInfo' is not supported"),
        ("SELECT Id FROM Name", "INVALID_TYPE", "sObject type 'Name' is not supported"),
        ("SELECT Id FROM Order_Submitted__e", "INVALID_TYPE_FOR_OPERATION", "does not support query"),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        (
            "SELECT Id FROM Order WHERE Attributes__c = 'x'",
            "INVALID_FIELD",
            "field 'Attributes__c' can not be filtered",
        ),
        ("SELECT Id FROM Order ORDER BY Attributes__c", "MALFORMED_QUERY", "can not be sorted"),
        ("SELECT Attributes__c FROM Order GROUP BY Attributes__c", "MALFORMED_QUERY", "can not be grouped"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", "does not support aggregate operator SUM"),
        ("SELECT Id FROM Account WHERE NumberOfEmployees = '5'", "INVALID_FIELD", "must be of type int"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed"),
        ("SELECT Id FROM Account WHERE CreatedDate = '2026-01-01'", "INVALID_FIELD", "must be of type dateTime"),
        (
            "SELECT Id FROM Account WHERE NumberOfEmployees LIKE '5'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator",
        ),
        ("SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = 2026", "MALFORMED_QUERY", "not supported in WHERE"),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id, Name FROM Account)", "MALFORMED_QUERY", "exactly one field"),
        ("SELECT Id FROM Account HAVING COUNT(Id) > 1", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("SELECT TYPEOF Owner WHEN User THEN Id END FROM Account", "MALFORMED_QUERY", "TYPEOF is not supported"),
    ],
)
def test_refusals(org: LocalOrg, soql: str, code: str, message: str) -> None:
    found, said = refusal(org, soql)
    assert found == code
    assert message in said


def test_users_see_what_their_permission_sets_show(org: LocalOrg) -> None:
    org.add_user("rep@localorg.example", permission_sets=["Fulfillment_Operator"])
    user = org.query("SELECT Id FROM User WHERE Username = 'rep@localorg.example'")[0]["Id"]
    rep = org.org.security.actor(user)
    assert org.org.query(rep, "SELECT Id, State__c FROM Orchestration_Item__c", url="").total == 0
    for soql in ("SELECT Industry FROM Account", "SELECT Id FROM Asset", "SELECT Id FROM Account WHERE Industry = 'x'"):
        with pytest.raises(SalesforceError, match=r"INVALID_FIELD|INVALID_TYPE"):
            org.org.query(rep, soql, url="")


# -- indexes never change an answer -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def full() -> Iterator[LocalOrg]:
    """Plans and items with keys and lookups to find them by."""
    org = LocalOrg(metadata=METADATA, clock=lambda: datetime(2026, 11, 22, 12, tzinfo=UTC))
    plans = [org.create("Orchestration_Plan__c", External_Id__c=f"P{n}", State__c="InProgress") for n in range(4)]
    for number in range(24):
        org.create(
            "Orchestration_Item__c",
            External_Id__c=f"I{number}",
            Name=f"item {number % 5}",
            Number__c=number,
            Plan__c=plans[number % 4] if number % 6 else None,
        )
    yield org
    org.stop()


plan_keys = st.sampled_from(["'P0'", "'p1'", "'P3'", "'none'"])
atoms = st.one_of(
    st.builds("External_Id__c = {}".format, st.sampled_from(["'I1'", "'i7'", "'none'", "null"])),
    st.builds(
        "External_Id__c IN ({}, {})".format, st.sampled_from(["'I1'", "'I2'"]), st.sampled_from(["'i2'", "'I9'"])
    ),
    st.builds("Plan__r.External_Id__c = {}".format, plan_keys),
    st.builds("Plan__r.External_Id__c IN ({}, {})".format, plan_keys, plan_keys),
    st.builds("Plan__r.External_Id__c != {}".format, plan_keys),
    st.builds("Plan__c IN (SELECT Id FROM Orchestration_Plan__c WHERE External_Id__c = {})".format, plan_keys),
    st.builds("Number__c {} {}".format, st.sampled_from(["<", ">=", "="]), st.integers(0, 24)),
    st.builds("Name = 'item {}'".format, st.integers(0, 6)),
    st.just("Plan__c = null"),
)
wheres = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds("NOT ({})".format, inner),
        st.builds("({}) AND ({})".format, inner, inner),
        st.builds("({}) OR ({})".format, inner, inner),
    ),
    max_leaves=6,
)


@given(where=wheres)
def test_an_index_never_changes_an_answer(full: LocalOrg, where: str) -> None:
    found = full.query(f"SELECT External_Id__c FROM Orchestration_Item__c WHERE {where}")
    # No index knows the number of an item, so that this looks at every record.
    assert found == full.query(f"SELECT External_Id__c FROM Orchestration_Item__c WHERE ({where}) OR Number__c = -1")


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("a%", ["a", "abc", "a\nb"], ["", "ba"]),
        ("_", ["a", "%"], ["", "ab"]),
        (r"100\%", ["100%"], ["1000", "100"]),
        (r"a\_b", ["a_b"], ["axb"]),
        ("(.*)", ["(.*)"], ["x"]),
    ],
)
def test_patterns(pattern: str, matches: list[str], others: list[str]) -> None:
    expression = re.compile(like_pattern(pattern), re.DOTALL)
    assert all(expression.fullmatch(text) for text in matches)
    assert not any(expression.fullmatch(text) for text in others)
