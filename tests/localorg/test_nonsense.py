"""Whatever a client sends, the org answers as Salesforce would: with a refusal, never with a fault of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.localorg import LocalOrg
from connector.localorg.rest.message import Reply, Request
from connector.localorg.rest.router import Router
from connector.localorg.schema.metadata import read_metadata
from tests.localorg.world import METADATA, Catalog

OBJECTS = (
    "Account",
    "Order",
    "OrderItem",
    "Case",
    "Asset",
    "Orchestration_Item__c",
    "Order_Submitted__e",
    "PricebookEntry",
)


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    org = LocalOrg(metadata=METADATA, daily_api_requests=10**9)
    Catalog(org).activated()
    yield org
    org.stop()


@pytest.fixture(scope="module")
def router(org: LocalOrg) -> Router:
    return Router(org.org)


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        ["801LO0000000001YAA", "001LO0000000001", "2026-11-22", "2026-11-22T08:00:00Z", "true", "5", "Draft"]
    ),
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
FIELDS = sorted(
    {
        name
        for sobject in read_metadata(METADATA, lambda name: name[:3]).schema
        if sobject.name in OBJECTS
        for field in sobject.fields.values()
        for name in (field.name, field.relationship)
        if name
    }
)
references = st.fixed_dictionaries(
    {}, optional={"attributes": values, "Name": values, "Id": values, "External_Id__c": values}
)
bodies = st.dictionaries(st.sampled_from(FIELDS), values | references, max_size=6)
rows = st.builds(lambda body, kind: body | {"attributes": {"type": kind}}, bodies, st.sampled_from(OBJECTS) | values)
segments = st.sampled_from(
    [
        *OBJECTS,
        "sobjects",
        "composite",
        "query",
        "graph",
        "describe",
        "Id",
        "External_Id__c",
        "801LO0000000001YAA",
        "",
        "é/",
    ]
)


def sent(org: LocalOrg, router: Router, method: str, path: tuple[str, ...], body: Any, **query: str) -> Reply:
    raw = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS) if body is not None else b""
    request = Request(method=method, path=path, version=66.0, actor=org.org.admin, raw=raw, query=query)
    reply = router.answer(request)
    orjson.dumps(reply.body)
    assert reply.status < 500
    return reply


def storable(value: object) -> bool:
    """orjson writes no larger integers."""
    try:
        orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return False
    return True


@given(name=st.sampled_from(OBJECTS), body=bodies.filter(storable))
def test_no_record_breaks_the_org(org: LocalOrg, router: Router, name: str, body: dict[str, Any]) -> None:
    sent(org, router, "POST", ("sobjects", name), body)


@given(body=bodies.filter(storable))
def test_no_change_breaks_the_org(org: LocalOrg, router: Router, body: dict[str, Any]) -> None:
    sent(org, router, "PATCH", ("sobjects", "Order", "801LO0000000001YAA"), body)


@given(
    records=st.lists(rows | st.fixed_dictionaries({"attributes": values}), max_size=4).filter(storable),
    method=st.sampled_from(["POST", "PATCH"]),
)
def test_no_collection_breaks_the_org(org: LocalOrg, router: Router, records: list[Any], method: str) -> None:
    sent(org, router, method, ("composite", "sobjects"), {"records": records})
    sent(org, router, "PATCH", ("composite", "sobjects", "Case", "Fulfillment_Key__c"), {"records": records})


@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT"]),
    path=st.lists(segments, max_size=5).map(tuple),
    body=values.filter(storable),
    query=st.dictionaries(st.sampled_from(["q", "ids", "fields", "columns", "allOrNone"]), st.text(max_size=20)),
)
def test_no_request_breaks_the_org(
    org: LocalOrg, router: Router, *, method: str, path: tuple[str, ...], body: Any, query: dict[str, str]
) -> None:
    sent(org, router, method, path, body, **query)


@given(
    parts=st.lists(
        values
        | st.fixed_dictionaries(
            {},
            optional={
                "method": st.sampled_from(["GET", "POST", "PATCH"]) | values,
                "url": st.sampled_from(
                    ["/services/data/v66.0/limits", "/services/data/v66.0/sobjects/Account/@{a.b[0]}", "x"]
                )
                | values,
                "referenceId": st.sampled_from("ab") | values,
                "body": values,
                "httpHeaders": values,
            },
        ),
        max_size=3,
    ).filter(storable)
)
def test_no_composite_request_breaks_the_org(org: LocalOrg, router: Router, parts: list[Any]) -> None:
    sent(org, router, "POST", ("composite",), {"compositeRequest": parts})
    sent(org, router, "POST", ("composite", "graph"), {"graphs": [{"graphId": "g", "compositeRequest": parts}]})


@given(st.text(st.sampled_from("SELECTFROMWHEREIdName()='%_<>!,.:*0123 \n\\"), max_size=80))
def test_no_query_breaks_the_org(org: LocalOrg, router: Router, text: str) -> None:
    sent(org, router, "GET", ("query",), None, q=text)
    sent(org, router, "GET", ("query",), None, q=f"SELECT Id FROM Order WHERE {text}")
