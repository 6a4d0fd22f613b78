"""The two mapping sets of the repository: sound, side by side in one connector, and fit for their cases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.decomposition import decompose
from connector.demo.catalog import PRODUCTS
from connector.demo.orders import EXTRAS, ORDERS, UNKNOWN_PRODUCT
from connector.demo.systems import SYSTEMS
from connector.mappings.load import check
from connector.mappings.orderfile import read
from connector.mappings.set import MappingSet
from connector.model.states import ItemType
from tests.demo.small_shell import MAPPINGS, both_sets

NAMES = ("infiwave", "voltara")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest) -> Path:
    return MAPPINGS / str(request.param)


def of(folder: Path) -> MappingSet:
    return both_sets()[NAMES.index(folder.name)]


def test_nothing_is_wrong_with_a_set(folder: Path) -> None:
    assert check(folder).diagnostics == ()


def test_the_sets_share_one_connector() -> None:
    """An order is taken by the set that knows its products, a message by the set that knows its system."""
    infiwave, voltara = both_sets()
    assert not infiwave.products.keys() & voltara.products.keys()
    assert not infiwave.systems.keys() & voltara.systems.keys()


@pytest.mark.parametrize("file", ["intake.yaml", "writeback.yaml", "queues.yaml"])
def test_the_sets_say_the_same_of_salesforce(file: str) -> None:
    assert (MAPPINGS / "infiwave" / file).read_text() == (MAPPINGS / "voltara" / file).read_text()


def test_together_they_show_every_kind_of_item() -> None:
    shown = {item.type for each in both_sets() for plan in each.plans.values() for item in plan.items.values()}
    assert shown == set(ItemType)


def test_every_system_is_simulated_as_the_sets_describe_it() -> None:
    described = {name: system for each in both_sets() for name, system in each.systems.items()}
    assert described.keys() == SYSTEMS.keys()
    assert {name: system.auth for name, system in described.items()} == {
        name: definition.auth for name, definition in SYSTEMS.items()
    }
    assert {system.base_url for system in described.values()} == {f"{name.upper()}_URL" for name in SYSTEMS}


def test_every_call_that_changes_something_is_idempotent() -> None:
    for each in both_sets():
        for system in each.systems.values():
            for interface in system.interfaces.values():
                if interface.request.method != "GET":
                    assert interface.idempotency_header == "Idempotency-Key", interface.full_name


def test_the_demo_sells_what_the_sets_know() -> None:
    known = {code for each in both_sets() for code, product in each.products.items() if product.kind == "commercial"}
    sold = {product.code for product in PRODUCTS}
    ordered = {line.product for order in (*ORDERS, *EXTRAS) if order is not UNKNOWN_PRODUCT for line in order.lines}
    assert sold - {"CAR-CHARGER"} == known
    assert ordered == known


@pytest.mark.parametrize("case", sorted(MAPPINGS.glob("*/cases/*.json")), ids=lambda case: case.stem)
def test_a_case_is_taken(case: Path) -> None:
    given = read(case.read_text())
    made = decompose(given.order, given.inventory, of(case.parents[1]), NOW)
    wrong = [problem.code for problem in made.problems]
    assert wrong == (["UNKNOWN_PRODUCT"] if case.stem == "unknown-product" else [])


def test_a_change_leaves_alone_what_does_not_change() -> None:
    given = read((MAPPINGS / "infiwave/cases/change-of-tier.json").read_text())
    made = decompose(given.order, given.inventory, both_sets()[0], NOW)
    assert {line.product: line.action.value for line in made.lines} == {
        "MOBILE-CFS": "Change",
        "SUBSCRIPTION": "Change",
        "MOBILE-ACCESS": "Change",
        "DEVICE": "NoChange",
        "MSISDN": "NoChange",
        "SIM": "NoChange",
    }
    assert [item.key for item in made.items] == [
        "change-profile",
        "change-billing",
        "order-fulfilled",
        "update-inventory",
    ]
