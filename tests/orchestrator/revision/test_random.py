"""Whatever order of revisions, failures, answers and commands: the plan stays true, and the effects are right."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.model.states import PlanState
from tests.orchestrator.revision.building import Story
from tests.orchestrator.revision.driving import World
from tests.orchestrator.revision.telco import random_order, random_set


def drawn(data: st.DataObject) -> Any:
    """Choices that hypothesis makes, and makes simpler when something fails."""

    def choose(options: Sequence[Any]) -> Any:
        return options[data.draw(st.integers(0, len(options) - 1))]

    return choose


def driven(choose: Any, steps: int, **more: Any) -> World:
    """A world after so many events."""
    mappings = random_set(choose, all_undone=not more.get("may_skip"))
    world = World(Story.of(mappings, random_order(choose)), choose, **more)
    for _ in range(steps):
        if not world.step():
            break
    return world


def ends_as_the_final_version_alone(world: World) -> None:
    """What was done minus what was undone is what the last accepted version would have led to by itself."""
    world.drain()
    plan = world.told.plan
    if plan.is_canceling:
        assert plan.state is PlanState.CANCELED
        assert world.effects == {}
        return
    alone = World(Story.of(world.told.mappings, plan.order), world.choose)
    alone.drain()
    assert world.effects == alone.effects


@given(st.data(), st.integers(5, 40))
@settings(max_examples=150, deadline=None)
def test_in_the_end_there_is_what_the_final_version_alone_would_have_led_to(data: st.DataObject, steps: int) -> None:
    ends_as_the_final_version_alone(driven(drawn(data), steps))


@pytest.mark.parametrize("block", range(4))
def test_in_many_more_worlds_too_and_every_preview_equals_what_then_happens(block: int) -> None:
    previews = 0
    for seed in range(block * 250, block * 250 + 250):
        random = Random(seed)  # noqa: S311 - not for secrets
        world = driven(random.choice, random.choice((5, 15, 40)))
        try:
            ends_as_the_final_version_alone(world)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        previews += world.previews
    assert previews > 300


@pytest.mark.parametrize("seed", [10763, 11623, 12309, 21760, 22202, 22773, 62644])
def test_in_worlds_in_which_it_once_was_not_so(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - not for secrets
    ends_as_the_final_version_alone(driven(random.choice, random.choice((5, 15, 40))))


@given(st.data(), st.integers(5, 40))
@settings(max_examples=100, deadline=None)
def test_a_plan_is_never_stuck_even_where_people_leave_items_out(data: st.DataObject, steps: int) -> None:
    driven(drawn(data), steps, may_skip=True, most_versions=9).drain()


def test_the_same_history_gives_the_same_plan() -> None:
    for seed in range(60):
        one, other = (driven(Random(seed).choice, 40) for _ in range(2))  # noqa: S311 - not for secrets
        assert one.told.plan.items == other.told.plan.items
        assert one.told.plan.lines == other.told.plan.lines
        assert one.told.plan.versions == other.told.plan.versions
