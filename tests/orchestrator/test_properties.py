"""What holds for the machine whatever happens, in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.mappings.set import PLAN, RESPONSE, Completion, Dependency, ItemDefinition, PlanDefinition, Poll
from connector.model.commands import AnswerCommand, InvokeCallout, RaiseFallout, SetTimer
from connector.model.events import (
    CallbackArrived,
    CalloutAccepted,
    CalloutCompleted,
    CalloutFailed,
    CalloutPolled,
    Event,
    ExternalEventArrived,
    Operation,
    OperatorCommanded,
    PollVerdict,
    TimerDue,
    TimerKind,
)
from connector.model.failure import Failure, FailureClass
from connector.model.ids import CommandId, ItemNo
from connector.model.plan import Plan
from connector.model.states import FINAL_ITEM_STATES, ItemState, ItemType, Phase, PlanState
from connector.store import codec
from tests.orchestrator.building import START_OF, Story, awaited, callout, definition, interface, manual, mapping_set

MOST_ITEMS = 6
KINDS = ["callout", "async", "polled", "manual", "event", "timer", "milestone", "auto", "subplan"]

POLLED = Completion(
    within=timedelta(hours=1),
    poll=Poll(
        interface="sys.ask", every=timedelta(minutes=1), until=RESPONSE.compile("status == 200"), most_failures=2
    ),
)
EACH = PLAN.compile("[1, 2]")
INSIDE = PlanDefinition(
    name="inside",
    items={
        "work": replace(callout("work"), plan="inside"),
        "check": replace(manual("check", when="item.each > 1"), plan="inside", after=(Dependency(key="work"),)),
    },
)


def told(items: list[tuple[ItemDefinition, tuple[str, ...]]]) -> Story:
    """A plan of these items, with the definition that its subplans use, begun."""
    made = mapping_set([each for each, _ in items], interface("put"), interface("ask", method="GET"))
    return Story.of(*items, mappings=replace(made, plans={**made.plans, "inside": INSIDE}))


def item_of(kind: str, key: str, within: timedelta | None, **condition: Any) -> ItemDefinition:
    match kind:
        case "callout":
            return callout(key, **condition)
        case "async":
            return awaited(key, within=within, **condition)
        case "polled":
            return definition(key, ItemType.CALLOUT, interface="sys.put", completes=POLLED, **condition)
        case "subplan":
            return definition(key, ItemType.SUBPLAN, subplan="inside", for_each=EACH, collect="x", **condition)
        case "manual":
            return manual(key, outcomes=("Yes", "No"), failing_outcomes=("No",), **condition)
        case "event":
            return awaited(key, kind=ItemType.EVENT, on="sys.news", within=within, **condition)
        case "timer":
            return definition(key, ItemType.TIMER, duration=timedelta(minutes=5), **condition)
        case "milestone":
            return definition(key, ItemType.MILESTONE, **condition)
        case _:
            return definition(key, ItemType.AUTO, task="set", **condition)


@st.composite
def plans(draw: st.DrawFn) -> list[tuple[ItemDefinition, tuple[str, ...]]]:
    """A plan of all item types, each item after any of those before it, or after their start."""
    items: list[tuple[ItemDefinition, tuple[str, ...]]] = []
    for number in range(draw(st.integers(1, MOST_ITEMS))):
        kind = draw(st.sampled_from(KINDS))
        when = draw(st.sampled_from([None, None, "true", "false", "line.attributes.missing"]))
        within = draw(st.sampled_from([None, timedelta(hours=1)]))
        waits = [(other.key, draw(st.sampled_from([None, None, "", START_OF]))) for other, _ in items]
        after = tuple(f"{what}{key}" for key, what in waits if what is not None)
        condition = {"when": when, "skip_branch": when is not None and draw(st.booleans())}
        items.append((item_of(kind, f"i{number}", within, **condition), after))
    return items


numbers = st.integers(1, MOST_ITEMS + 4).map(ItemNo)
small = st.integers(1, 3)
failures = st.builds(
    Failure,
    failure_class=st.sampled_from(FailureClass),
    code=st.sampled_from(["A", "B"]),
    message=st.just("It did not work."),
)
outputs = st.dictionaries(st.sampled_from(["x", "y"]), st.none() | st.integers() | st.text(max_size=3), max_size=2)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(CalloutCompleted, item=numbers, epoch=small, attempt=small, outputs=outputs),
    st.builds(CalloutAccepted, item=numbers, epoch=small, attempt=small, outputs=outputs),
    st.builds(CalloutFailed, item=numbers, epoch=small, attempt=small, failure=failures),
    st.builds(
        CalloutPolled,
        item=numbers,
        epoch=small,
        poll=small,
        verdict=st.sampled_from(PollVerdict),
        outputs=outputs,
        failure=failures,
    ),
    st.builds(
        CallbackArrived, item=numbers, name=st.sampled_from(["sys.done", "sys.news"]), failure=st.none() | failures
    ),
    st.builds(ExternalEventArrived, name=st.just("sys.news"), payload=outputs),
    st.builds(TimerDue, item=numbers, kind=st.sampled_from(TimerKind), epoch=small),
    st.builds(
        OperatorCommanded,
        command=st.just(CommandId("a0C")),
        operation=st.sampled_from(Operation),
        by=st.just("Ann"),
        item=st.none() | numbers,
        outcome=st.sampled_from([None, "Yes", "No"]),
        outputs=outputs,
    ),
)


def is_consistent(plan: Plan) -> bool:
    """What the plan derives is what its items say, and nothing has begun before its time."""
    again = Plan(order=plan.order, state=plan.state, set_hash="", items=dict(plan.items), lines=dict(plan.lines))
    assert again.phases == plan.phases
    for item in plan.items.values():
        assert plan.is_unblocked(item.no) == again.is_unblocked(item.no)
        assert plan.has_open_below(item.no) == again.has_open_below(item.no)
        if item.type is ItemType.SUBPLAN and item.state is ItemState.COMPLETED:
            assert not plan.has_open_below(item.no), "a subplan is over when its items are"
        if item.state not in (ItemState.PENDING, ItemState.ON_HOLD, *FINAL_ITEM_STATES):
            assert plan.is_unblocked(item.no), f"{item.key} began before what comes before it was done"
            assert all(plan.items[no].is_final for no in item.after)
            assert all(plan.items[no].has_started for no in item.after_start)
    return True


def skips_whole_branches(story: Story) -> bool:
    """What comes only after skipped branches is skipped with them, and nothing else is skipped so."""
    items = story.plan.items
    for item in items.values():
        before = [*item.after, *item.after_start]
        is_cut_off = bool(before) and all(items[no].branch_skipped for no in before)
        if item.started_at is not None:
            assert not is_cut_off, f"{item.key} began on a branch that is skipped"
        if item.branch_skipped:
            definition = story.mappings.definition(item.definition, item.key)
            assert item.state is ItemState.SKIPPED
            assert is_cut_off or (definition.skip_branch and definition.when is not None)
    return True


def is_waiting_for_something(story: Story) -> bool:
    """A plan that is not at its end waits for something that has a name."""
    if story.plan.state is PlanState.COMPLETED:
        return story.plan.open_items == 0
    moving = [item for item in story.plan.items.values() if item.phase not in (Phase.DONE, Phase.IDLE)]
    assert moving, "nothing will ever happen to this plan again"
    assert all(item.waiting_for for item in moving)
    return True


@given(plans(), st.lists(events, max_size=25))
@settings(max_examples=300, deadline=None)
def test_whatever_happens_the_plan_stays_true_and_never_sticks(
    items: list[tuple[ItemDefinition, tuple[str, ...]]], happenings: list[Event]
) -> None:
    story = told(items)
    done_once: set[ItemNo] = set()
    assert is_consistent(story.plan)
    assert is_waiting_for_something(story)
    for event in happenings:
        before = dict(story.plan.items)
        story.happens(event)
        story.later(timedelta(seconds=1))
        assert is_consistent(story.plan)
        assert is_waiting_for_something(story)
        assert skips_whole_branches(story)
        for no, item in story.plan.items.items():
            was = before.get(no)  # none: a subplan has brought it
            if was is not None and was.is_final:
                assert item == was, "what is final stays as it is"
            if item.state is ItemState.COMPLETED and (was is None or not was.is_final):
                assert no not in done_once
                done_once.add(no)
        if isinstance(event, OperatorCommanded):
            assert len(story.asked(AnswerCommand)) == 1, "every command is answered once"


@given(plans(), st.lists(events, max_size=25))
@settings(max_examples=100, deadline=None)
def test_a_logical_attempt_has_one_request_and_a_new_one_has_another_key(
    items: list[tuple[ItemDefinition, tuple[str, ...]]], happenings: list[Event]
) -> None:
    story = told(items)
    rendered: set[tuple[ItemNo, int]] = set()
    latest: dict[ItemNo, int] = {}
    for commands in [story.commands, *(story.happens(event) for event in happenings)]:
        for command in commands:
            if isinstance(command, InvokeCallout):
                key = (command.item, command.epoch)
                assert (command.request is not None) == (key not in rendered), "rendered once, then sent as it was"
                rendered.add(key)
                assert command.epoch >= latest.get(command.item, 1), "keys are never used again"
                latest[command.item] = command.epoch


@given(plans(), st.lists(events, max_size=25))
@settings(max_examples=100, deadline=None)
def test_the_same_history_gives_the_same_plan_and_the_same_commands(
    items: list[tuple[ItemDefinition, tuple[str, ...]]], happenings: list[Event]
) -> None:
    one, other = told(items), told(items)
    assert one.commands == other.commands
    for event in happenings:
        assert one.happens(event) == other.happens(event)
    assert one.plan.items == other.plan.items
    assert one.plan.lines == other.plan.lines


@given(plans(), st.lists(events, max_size=25))
@settings(max_examples=100, deadline=None)
def test_what_is_saved_of_an_item_is_all_of_it(
    items: list[tuple[ItemDefinition, tuple[str, ...]]], happenings: list[Event]
) -> None:
    story = told(items)
    for event in happenings:
        story.happens(event)
    for no, item in story.plan.items.items():
        spec, progress = codec.to_json(codec.item_spec(item)), codec.to_json(codec.item_progress(item))
        assert codec.item(no, spec, item.state.value, progress) == item


@given(plans(), st.lists(events, max_size=25))
@settings(max_examples=100, deadline=None)
def test_who_needs_people_has_called_for_them_and_who_waits_for_a_time_has_a_timer(
    items: list[tuple[ItemDefinition, tuple[str, ...]]], happenings: list[Event]
) -> None:
    story = told(items)
    raised: set[tuple[ItemNo, int]] = set()
    timed: set[ItemNo] = set()
    for commands in [story.commands, *(story.happens(event) for event in happenings)]:
        raised |= {(c.item, c.episode) for c in commands if isinstance(c, RaiseFallout)}
        timed |= {c.item for c in commands if isinstance(c, SetTimer)}
    for no, item in story.plan.items.items():
        if item.state is ItemState.FATALLY_FAILED:
            assert (no, item.fallouts) in raised
        if item.due_at is not None and not item.is_final:
            assert no in timed
