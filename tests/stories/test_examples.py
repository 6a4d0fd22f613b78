"""The worked examples of docs/changing-orders.md come out as the page says, and as their previews had said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.model.revision import Assessment, ItemEffect, VersionState
from connector.model.states import ItemState, PlanState
from tools import docs
from tools.stories.example import Played, example, examples, playing

NAMES = [one.name for one in examples()]

_ENDS = {
    ItemEffect.UNDONE: {ItemState.CANCELED},
    ItemEffect.REDONE: {ItemState.AMENDED, ItemState.CANCELED},
    ItemEffect.AMENDED: {ItemState.AMENDED},
    ItemEffect.DISCARDED: {ItemState.DISCARDED},
    ItemEffect.UPDATED: {ItemState.COMPLETED, ItemState.SKIPPED},
    ItemEffect.KEPT: {ItemState.COMPLETED, ItemState.SKIPPED},
}


@pytest.fixture
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    with playing(example(str(request.param))) as one:
        yield one


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("played", [name], indirect=True, ids=[name])


def named(assessment: Assessment, effect: ItemEffect) -> set[str]:
    return {change.key for change in assessment.items if change.effect is effect}


def asked(played: Played) -> list[str]:
    """What the systems were asked for after the revision."""
    return [f"{each.method} {each.path}" for each in played.world.sent if each.at > played.revised_at]


def test_every_example_is_on_the_page() -> None:
    page = (docs.REPOSITORY / "docs" / "changing-orders.md").read_text()
    assert NAMES
    assert [name for name in NAMES if f"<!-- made: change-{name} -->" not in page] == []


@pytest.mark.parametrize("played", NAMES, indirect=True)
def test_what_the_preview_said_is_what_happens(played: Played) -> None:
    plan = played.world.plan
    for change in played.assessment.items:
        if change.item is not None:
            assert plan.items[change.item].state in _ENDS[change.effect], change.name
    assert all(item.is_final for item in plan.items.values())
    assert played.world.fallouts == []


@of("upgrade-before-activation")
def test_an_upgrade_before_activation_undoes_nothing(played: Played) -> None:
    assert played.assessment.passing == ()
    assert named(played.assessment, ItemEffect.UPDATED) == {"activate", "start-billing", "update-inventory"}
    access = played.world.assets["MOBILE-ACCESS", "plan-101"]
    assert (access.attributes["profile"], access.attributes["dataLimitGb"]) == ("IW-5G-L", 100)
    assert [request for request in asked(played) if request.startswith("DELETE")] == []


@of("upgrade-after-reservation")
def test_the_reserved_number_is_given_back_before_the_other_is_reserved(played: Played) -> None:
    assert named(played.assessment, ItemEffect.REDONE) == {"reserve-number"}
    assert asked(played)[:2] == ["DELETE /v1/services/plan-101/number", "POST /v1/services/plan-101/number"]
    assert played.world.assets["MSISDN", "plan-101"].attributes["phoneNumber"] == "+491705557700"


@of("another-phone")
def test_the_other_phone_is_sent_when_the_penalty_is_approved(played: Played) -> None:
    assert [point.penalty[:8] for point in played.assessment.penalties] == ["A parcel"]
    assert asked(played)[:2] == ["POST /v1/returns", "POST /v1/shipments"]
    assert played.world.plan.versions[-1].approved_by == "Sam Rivera"
    assert played.world.assets["DEVICE", "handset-101"].attributes["shipmentId"] == "SH-000003"


@of("cancel-after-shipping")
def test_what_was_done_is_undone_backwards(played: Played) -> None:
    assert played.world.plan.state is PlanState.CANCELED
    assert asked(played) == [
        "DELETE /v1/sims/8949200000000000002",
        "POST /v1/returns",
        "DELETE /v1/services/plan-101/number",
    ]


@of("cancel-one-line")
def test_a_parcel_that_has_not_left_is_called_back_and_the_rest_goes_on(played: Played) -> None:
    assert played.world.plan.state is PlanState.COMPLETED
    assert sorted(asked(played)) == ["DELETE /v1/shipments/SH-000001", "POST /v1/subscriptions"]
    assert ("DEVICE", "handset-101") not in played.world.assets
    assert played.world.assets["SUBSCRIPTION", "bundle-101"].attributes["monthlyFeeCents"] == 999


@of("change-of-address")
def test_the_visit_is_moved_when_it_is_known_that_there_is_fiber(played: Played) -> None:
    assert named(played.assessment, ItemEffect.AMENDED) == {"book-visit"}
    assert asked(played)[:2] == ["GET /v1/addresses", "PUT /v1/visits/V-00001"]
    access = played.world.assets["FIBER-ACCESS", "internet-101"]
    assert str(access.attributes["port"]).startswith("OLT-50674-")


@of("cancel-after-activation")
def test_what_passes_the_point_of_no_return_is_rejected_as_a_whole_until_somebody_overrides(played: Played) -> None:
    (hard,) = played.assessment.blocked_by
    assert hard.name == "Activate in the network"
    happened = [line.what for line in played.world.history[played.seen :]]
    assert happened[:4] == ["revision came", "revision rejected", "point of no return overridden", "revised"]
    version = played.world.plan.versions[-1]
    assert (version.state, version.overridden_by) == (VersionState.ACCEPTED, "Kim Larsen")
    assert "Past the point of no return: Activate in the network" in version.reason
    assert "nothing undoes it" not in played.preview
    assert asked(played)[1:] == [
        "DELETE /v1/services/plan-101/activation",
        "DELETE /v1/services/plan-101/sim",
        "DELETE /v1/services/plan-101/esim/8949210000000000001",
        "DELETE /v1/services/plan-101/number",
    ]


@of("another-date")
def test_only_the_date_moves(played: Played) -> None:
    assert played.assessment.is_date_change
    assert named(played.assessment, ItemEffect.UPDATED) == {"activate"}
    (activation,) = [item for item in played.world.plan.items.values() if item.key == "activate"]
    assert activation.started_at == played.example.moved_to
