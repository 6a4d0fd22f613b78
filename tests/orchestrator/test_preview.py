"""What a preview tells of plans that are not simply in the middle of their work is what then happens."""

from __future__ import annotations

from connector.model.order import Order
from connector.model.revision import VersionState
from connector.model.states import PlanState
from connector.orchestrator.preview import Prospect, foresee, proposed
from tests.orchestrator.test_revision_turns import second, states
from tests.orchestrator.turning import NOW, Bench, mobile, order_id


async def foreseen(bench: Bench, given: Order | None) -> Prospect:
    plan = await bench.plan(order_id(1))
    order = proposed(plan, None) if given is None else given
    return foresee(plan, order, await bench.sets.by_hash(plan.set_hash), NOW)


async def test_another_revision_that_waits_is_told_of(bench: Bench) -> None:
    await bench.submit(mobile())
    await bench.turn()
    await bench.submit(second(2, tier="L"))
    await bench.turn()
    assert (await bench.plan(order_id(1))).state is PlanState.FREEZING
    prospect = await foreseen(bench, second(3, tier="S"))
    assert "- order 00000002 is decided on first; if it is accepted, this one has to supersede it" in prospect.text()
    assert prospect.document()["decided_before"] == [order_id(2)]
    assert "is decided on first" not in (await foreseen(bench, second(2, tier="L"))).text()


async def test_a_rejected_order_can_be_cancelled_and_the_preview_says_so(bench: Bench) -> None:
    await bench.submit(mobile(tier="Z"))
    await bench.turn()
    prospect = await foreseen(bench, None)
    assert prospect.verdict == "accepted"
    assert prospect.text().endswith("cancels order 00000001, of which nothing has begun: it would be accepted.")
    await bench.submit(second(action="Cancel"))
    await bench.turn()
    assert states(await bench.plan(order_id(1)))[order_id(2)] is VersionState.ACCEPTED
    assert (await foreseen(bench, None)).verdict == "rejected"


async def test_what_takes_the_place_of_a_rejected_order_is_read_like_a_new_one(bench: Bench) -> None:
    await bench.submit(mobile(tier="Z"))
    await bench.turn()
    prospect = await foreseen(bench, second(tier="L"))
    assert prospect.verdict == "accepted"
    assert prospect.text().endswith("it would take its place, and be read like a new order.")
    assert (await foreseen(bench, mobile(9))).verdict == "rejected"
