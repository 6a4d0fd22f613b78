"""One order on one sheet: what is shown, letter by letter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from connector.display.document import document
from connector.display.lines import plain
from connector.display.sheet import Sections, screen, sheet
from connector.display.view import Expected, OrderView
from connector.model.failure import Problem
from connector.model.following import Followed, Follower, Standing
from connector.model.ids import ItemNo, LineId, OrderId, TechnicalLineNo
from connector.model.order import OrderLine
from connector.model.pauses import Pause, PauseKind
from connector.model.plan import Plan
from connector.model.revision import Version, VersionState
from connector.model.states import ItemState, PlanState
from connector.model.technical import ParkedRule
from tests.display.building import BUNDLE, ITEMS, ORDER, after, done, dossier, item, large, order, plan, view

QUIET = Sections(history=False)


def shown(seen: OrderView, width: int = 80, **sections: Any) -> str:
    return plain(sheet(seen, Sections(**sections), width), width)


def part(text: str, title: str) -> str:
    """One section, without its heading."""
    parts = {each.partition("\n")[0]: each.partition("\n")[2] for each in text.split("\n\n")}
    return next(found for name, found in parts.items() if name.startswith(title))


def test_the_head_and_what_is_open() -> None:
    assert (
        shown(view(), history=False).partition("\n\nLines")[0]
        == """\
Order 00000101  Fallout
id         801000000000001AAA
account    Ada Okafor  001000000000001AAA
priority   Default
progress   50 %  4 of 8 items
begun      2026-03-01 12:00:00  20 min ago
expected   2026-03-01 12:40:00  in 20 min, in nine cases of ten by 12:55:00
jeopardy   At Risk
set        infiwave 2026.1  cafe0123

Open fallout (1)
NUMBER_BLOCKED 5 Activate in the network: The number is blocked.
   Case 801000000000001AAA-5-F1, queue Order_Fallout, severity High,
   network.activate HTTP 409, after 2 attempts, since 12:08:00
   try: Ask the network operations centre.

Waits for (1)
3 SIM card delivered: warehouse.delivered
   since 12:05:00, 15 min, until 03-08 12:00"""
    )


def test_the_head_names_the_rules_that_wait() -> None:
    waiting = ParkedRule(rule="sim-to-box", line=TechnicalLineNo(2), target="BOX", waits_for=("iccid",))
    behind = ParkedRule(rule="sim-to-bag", line=TechnicalLineNo(2), target="BAG", behind="sim-to-box")
    seen = view(dossier(replace(plan(), parked=(waiting, behind))))

    assert """
rules      sim-to-box of T2 waits for iccid → BOX
           sim-to-bag of T2 waits for the rule sim-to-box → BAG
""" in shown(seen)
    assert document(seen)["rules_that_wait"] == (waiting, behind)
    over = view(dossier(replace(plan(), parked=(waiting,), finished_at=after(60))))
    assert "rules      sim-to-box of T2 has never fired: it waited for iccid → BOX" in shown(over)


def test_the_lines_with_what_was_made_of_them() -> None:
    assert (
        part(shown(view(), attributes=True), "Lines (2, technical 2)")
        == """\
1  MOBILE-PLAN  Change  Fallout  50 %
    tier M
    sim eSIM
  T1  MOBILE-CFS  Change  Fallout  50 %
      tier S → M
      roaming true → nothing
    T2  SIM  Add  Fallout  50 %
  2  PHONE  Add  2 times  Not Needed"""
    )


def test_the_plan_as_a_tree() -> None:
    assert (
        part(shown(view()), "Plan (8 items)")
        == """\
2 Pending, 1 Running, 3 Completed, 1 Skipped, 1 FatallyFailed
reserve  for MSISDN, line 1
└─ ✓  1 Reserve a number                     Completed      12:02:00  2 min
activate  for SIM, line 1
├─ ✓  2 Ship the SIM card                    Completed      12:05:00  5 min
├─ ► *3 SIM card delivered                   Running        for 15 min
├─ -  4 Provide an eSIM                      Skipped        12:00:00
└─ ✗  5 Activate in the network              FatallyFailed  for 14 min
credit  for line 2
└─ ✓  6 Check the credit  Approved           Completed      12:09:00  8 min
bill  for the order
├─ · *7 Start billing  after 3, 5, 6         Pending        ≈ 12:40:00
└─ · *8 All done                             Pending        ≈ 12:40:00"""
    )


def test_on_a_narrow_screen_the_times_above_the_plan_are_whole_or_left_out() -> None:
    axes = {
        part(shown(view(), form="gantt", width=width), "Plan (8 items)").splitlines()[1].strip() for width in (30, 40)
    }
    assert axes == {"12:00:00"}


def test_the_plan_along_the_time() -> None:
    assert (
        part(shown(view(), form="gantt"), "Plan (8 items)")
        == """\
2 Pending, 1 Running, 3 Completed, 1 Skipped, 1 FatallyFailed
                             12:00:00                 now 12:20:00      12:40:00
✓  1 Reserve a number        ███                      │
✓  2 Ship the SIM card       ███████                  │
✓  6 Check the credit         ███████████             │
► *3 SIM card delivered            ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░░░░
✗  5 Activate in the network        ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
· *7 Start billing                                    │            ░░░░░░░░░░░░░
· *8 All done                                         │                        ░
-  4 Provide an eSIM                                  │
· Pending  ► Running  ✓ Completed  - Skipped  ✗ FatallyFailed
█ done  ▓ under way  ░ expected  │ now  * critical path"""
    )


def test_what_has_happened() -> None:
    text = shown(view(), calls=True, explanation=True)
    assert (
        part(text, "History  the last 2 of 7; --history all shows all")
        == """\
12:00:00  plan made  2 technical lines, 8 items
12:09:00  6 Check the credit: completed by Ann Clerk  outcome Approved"""
    )
    assert (
        part(text, "Callouts (1 attempt)")
        == """\
12:08:00  network.activate  business NUMBER_BLOCKED  HTTP 409 after 0.250 s
          POST /lines  5 Activate in the network, attempt 1.2, sent 2 times"""
    )
    assert (
        part(text, "Explanation (2 decisions)")
        == """\
✓ rule line 1: makes T1  plan-to-service mobile.yaml:12
    saw line.attributes.tier = M
✗ item 4: its condition is false"""
    )


def test_without_expectations_there_is_no_critical_path_and_no_bar_ahead() -> None:
    seen = view(expected=Expected())
    text = shown(seen, form="gantt")
    assert "critical" not in text
    assert "░" not in text.replace("░ expected", "")
    assert "expected" not in shown(seen, history=False)


@pytest.mark.parametrize("form", ["tree", "gantt"])
def test_a_finished_order_has_no_now(form: Any) -> None:
    items = [done(1, "One", 0, 1), done(2, "Two", 1, 3, 1)]
    made = plan(*items, state=PlanState.COMPLETED, finished_at=after(3))
    seen = view(dossier(made, status="Completed", fallouts=()), expected=Expected())
    text = shown(seen, form=form)
    assert "finished   2026-03-01 12:03:00  after 3 min" in text
    assert "now 12:20:00" not in text
    assert "Waits for" not in text
    assert seen.is_over
    assert not replace(seen, dossier=replace(seen.dossier, records_behind=1)).is_over


def test_an_order_that_has_not_been_read() -> None:
    nothing = replace(dossier(), plan=None, number="", unread="503 from Salesforce", history=(), fallouts=())
    text = shown(view(nothing))
    assert text.startswith(f"Order {ORDER}  Fallout\n")
    assert "being read from Salesforce: 503 from Salesforce" in text
    assert "Nothing has happened yet." in text
    assert "Plan" not in text


def test_a_rejected_order_says_why() -> None:
    problem = Problem(code="X", message="No.", source="a.yaml:1", near_misses=("rule r: 1 == 2",))
    made = Plan(
        order=order(), state=PlanState.REJECTED, set_hash="h", problems=(problem,), message="line 1: No.\nline 2: No."
    )
    text = shown(view(dossier(made, status="Rejected"), expected=Expected()), width=60)
    assert (
        "message    line 1: No.\n           line 2: No.\n           a.yaml:1\n           almost: rule r: 1 == 2" in text
    )
    assert "There is no plan: the order was rejected." in text


def test_an_archived_order_says_so() -> None:
    assert "archived   2026-03-01 12:30:00  nothing happens to it any more" in shown(
        view(dossier(archived_at=after(30)))
    )


def test_what_else_may_be_known_of_an_order() -> None:
    made = plan(order=order(requested_at=after(5)))
    text = shown(view(dossier(made, parked="ZeroDivisionError", events_waiting=2, records_behind=3)))
    assert "wanted     2026-03-01 12:05:00  15 min ago" in text
    assert "parked     no turn takes it: ZeroDivisionError" in text
    pause = Pause(kind=PauseKind.ORDER, name="00000101", reason="he moves", by="Eva", since=after(2))
    made.pause = pause
    held = {ItemNo(3): Pause(kind=PauseKind.SYSTEM, name="warehouse", since=after(3))}
    paused = shown(view(dossier(made, held=held)), 120)
    assert "paused     order 00000101 is paused by Eva since 2026-03-01 12:02 UTC: he moves" in paused
    assert "the end of a pause: system warehouse is paused since" in paused
    assert "inbox      events that wait for a turn: 2" in text
    assert "Salesforce records still to be written: 3" in text


def test_an_order_that_follows_others() -> None:
    other, done_one = OrderId("801000000000005AAA"), OrderId("801000000000006AAA")
    waits_for = (
        Followed(order=done_one, number="00000099", standing=Standing.ENDED),
        Followed(order=other),
    )
    made = Plan(order=order(), state=PlanState.NOT_STARTED, set_hash="h", waits_for=waits_for)
    text = shown(view(dossier(made, status="Waiting", fallouts=()), expected=Expected()))
    assert "follows    00000099  ended\n           801000000000005AAA  unheard of\n" in text
    assert "There is no plan yet: the order begins when those that it follows have ended." in text
    made = plan(followers=(Follower(order=other, named=ORDER),))
    assert "awaited by 801000000000005AAA" in shown(view(dossier(made)))


def test_an_order_that_was_revised() -> None:
    second = OrderId("801000000000002AAA")
    versions = (
        Version(order=ORDER, number="00000101", action="New", state=VersionState.ACCEPTED, at=after(0)),
        Version(
            order=second,
            number="00000102",
            action="Amend",
            state=VersionState.ACCEPTED,
            at=after(3),
            approved_by="Ann",
        ),
        Version(
            order=OrderId("801000000000003AAA"),
            number="00000103",
            action="Cancel",
            state=VersionState.REJECTED,
            at=after(4),
            reason="The phone has shipped.",
        ),
    )
    items = (
        done(1, "Ship the SIM card", 0, 1).but(state=ItemState.CANCELED),
        done(2, "Activate", 0, 1).but(state=ItemState.AMENDED),
        item(3, "Old", ItemState.DISCARDED, finished_at=after(2)),
        item(4, "Take back", ItemState.PENDING, 1, undoes=ItemNo(1)),
        item(5, "Change", ItemState.PENDING, 4, undoes=ItemNo(2)),
        item(6, "Still running", ItemState.RUNNING, started_at=after(1), ends_as=ItemState.CANCELED),
    )
    newest = replace(order(family=ORDER), id=second, number="00000102")
    made = plan(*items, order=newest, versions=versions)
    seen = view(dossier(made, number="00000102", status="In Progress", fallouts=()), expected=Expected())
    text = shown(seen)
    assert (
        """\
versions   00000101  New Accepted 12:00:00  Superseded
             Superseded by order 00000102.
           00000102  Amend Accepted 12:03:00  In Progress  approved by Ann
           00000103  Cancel Rejected 12:04:00
             The phone has shipped.
"""
        in text
    )
    assert (
        part(text, "Plan (6 items)")
        == """\
2 Pending, 1 Running, 1 Amended, 1 Canceled, 1 Discarded
activate  for SIM, line 1
├─ ⊘  1 Ship the SIM card  by 4                  Canceled   12:01:00  1 min
├─ ~  2 Activate  by 5                           Amended    12:01:00  1 min
├─ ⊘  3 Old                                      Discarded  12:02:00
├─ ·  4 Take back  undoes 1  after 1             Pending
├─ ·  5 Change  revises 2                        Pending
└─ ►  6 Still running  then Canceled             Running    for 19 min"""
    )


def test_what_is_done_again_has_been_undone() -> None:
    items = (
        done(1, "Ship the phone", 0, 1).but(state=ItemState.AMENDED),
        item(2, "Call it back", ItemState.DISCARDED, 1, undoes=ItemNo(1)),
        item(3, "Take it back", ItemState.PENDING, 1, undoes=ItemNo(1)),
        item(4, "Ship the phone", ItemState.PENDING, 3),
    )
    seen = view(dossier(plan(*items), fallouts=(), history=()), expected=Expected())
    text = part(shown(seen), "Plan (4 items)")
    assert "Ship the phone  by 3" in text
    assert "Take it back  undoes 1" in text


def test_a_large_plan_is_shown_as_what_is_open_of_it() -> None:
    seen = view(dossier(large(1000), fallouts=(), history=()), expected=Expected())
    assert (
        part(shown(seen), "Plan (1000 items)")
        == """\
499 Pending, 1 Running, 499 Completed, 1 FatallyFailed
chain  for chain-49
└─ ✗   500 Step 500                          FatallyFailed
chain  for chain-51
└─ ►   511 Step 511                          Running        for 19 min
… 998 more: 499 Pending, 499 Completed  (--all shows them)"""
    )
    assert part(shown(seen, most=None), "Plan (1000 items)").count("Step") == 1000
    assert "… 998 more" in shown(seen, form="gantt")


def test_of_many_lines_the_first_are_shown() -> None:
    lines = tuple(replace(order().lines[0], id=LineId(f"802{no:015d}"), number=str(no)) for no in range(200))
    text = shown(view(dossier(plan(order=replace(order(), lines=lines)))))
    assert "… and 152 more  (--all shows them)" in text
    assert "… and" not in shown(view(dossier(plan(order=replace(order(), lines=lines)))), most=None)


def test_lines_whose_parents_form_a_ring_are_shown_once() -> None:
    one, two = order().lines
    ring = (replace(one, parent=two.id), replace(two, parent=one.id))
    text = part(shown(view(dossier(plan(order=replace(order(), lines=ring))))), "Lines (2")
    assert text.count("MOBILE-PLAN") == text.count("PHONE") == 1


def test_technical_lines_that_no_line_wants_any_more_are_shown_last() -> None:
    phone = (order().lines[1],)
    text = part(shown(view(dossier(plan(order=replace(order(), lines=phone))))), "Lines (1")
    assert text.splitlines()[0].startswith("2  PHONE")
    assert "T1  MOBILE-CFS" in text


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("form", ["tree", "gantt"])
def test_nothing_is_wider_than_the_screen_nor_plays_tricks_with_it(width: int, form: Any) -> None:
    evil = "\x1b[2J\x9b1m\u202e\n漢字" * 20
    named = tuple(each.but(name=evil, waiting_for=evil, outcome=evil) for each in ITEMS)
    line = OrderLine(id=BUNDLE, number=evil, product=evil, action=order().lines[0].action, attributes={evil: evil})
    made = plan(*named, order=replace(order(), lines=(line,)), message=evil)
    seen = view(dossier(made, number=evil, set_name=evil, parked=evil, status=evil))
    sections = Sections(form=form, calls=True, explanation=True, attributes=True)
    text = plain(sheet(seen, sections, width), width)
    assert all(cell_len(each) <= width and (not each or each.isprintable()) for each in text.split("\n"))


@pytest.mark.parametrize("height", [1, 5, 12, 24, 40, 100])
@pytest.mark.parametrize("form", ["tree", "gantt"])
@pytest.mark.parametrize("items", [8, 300])
def test_a_screen_is_never_too_high(height: int, form: Any, items: int) -> None:
    seen = view(dossier(large(items)))
    lines = screen(seen, Sections(form=form), 80, height)
    assert len(lines) <= height
    if height >= 24:
        assert any("FatallyFailed" in line.plain for line in lines)
    if height == 100:
        assert "completed by Ann Clerk" in lines[-1].plain
