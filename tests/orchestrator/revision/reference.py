"""What a revision does to one item, told naively: written from the domain page and ADR 18, not from the code.

Straight lines and words on purpose; it imports nothing of what it is held against.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Facts:
    """An item when a revision comes, and what the revision wants of its line."""

    kind: str
    """callout, auto, manual, event, timer, milestone."""
    state: str
    """As people see it in Salesforce."""
    how: str = ""
    """sending, accepted, recallable (and accepted), not sent, refused, doubtful, by a person; empty: nothing to add."""
    wish: str
    """nothing, amend size, amend colour, amend the root, amend the other line, cancel line, cancel the other line,
    cancel order, add line, other date."""
    condition_then: bool = True
    """Whether its condition holds with the new values."""
    reacts_to: tuple[str, ...] | None
    has_on_cancel: bool
    has_on_amend: bool
    ponr: str
    """soft, hard or empty."""
    penalty_approved: bool = False


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of it."""

    effect: str
    """kept, updated, discarded, undone, amended, redone; empty: nobody speaks of it."""
    state: str
    """Right after the revision; `ends later` for what still runs."""
    ends_as: str = ""
    """What a running item will be when it has ended."""
    on_cancel_runs: bool = False
    on_amend_runs: bool = False
    recall_runs: bool = False
    again: bool = False
    """One like it is there, which has not been done."""
    verdict: str = "accepted"
    """accepted, rejected, asked (for an approval), waits (for answers)."""


def fate(facts: Facts) -> Fate:
    """What the domain page and the ADR say."""
    told = _verdict(facts)
    if told != "accepted":
        return Fate(effect=_effect(facts), state=facts.state, verdict=told)
    return _carried_out(facts, _effect(facts))


# -- does the revision touch it? -----------------------------------------------------------------------------


def _is_canceled(facts: Facts) -> bool:
    return facts.wish in ("cancel line", "cancel order")


def _is_affected(facts: Facts) -> bool:
    """A line of it is amended, and it reacts to what changed."""
    if facts.wish == "amend size":
        return facts.reacts_to is None or "size" in facts.reacts_to
    if facts.wish == "amend colour":
        return facts.reacts_to is None or "colour" in facts.reacts_to
    return False


# -- the point of no return ----------------------------------------------------------------------------------


def _has_reached(facts: Facts) -> bool:
    """It has gone Running, unless every sending was surely refused; what was undone has been left behind."""
    if facts.state in ("Running", "Completed", "Amended"):
        return True
    if facts.state in ("Failed", "FatallyFailed", "OnHold"):
        return facts.how == "doubtful"
    return False


def _verdict(facts: Facts) -> str:
    if facts.kind == "callout" and facts.state == "Running" and facts.how == "sending":
        return "waits"
    if facts.ponr and _has_reached(facts) and (_is_canceled(facts) or _is_affected(facts)):
        if facts.ponr == "hard":
            return "rejected"
        return "accepted" if facts.penalty_approved else "asked"
    if facts.ponr and _has_reached(facts) and facts.wish == "amend the root" and facts.reacts_to is None:
        if facts.ponr == "hard":  # it marks the root as well
            return "rejected"
        return "accepted" if facts.penalty_approved else "asked"
    return "accepted"


# -- the table -------------------------------------------------------------------------------------------------


def _effect(facts: Facts) -> str:
    if facts.state in ("Canceled", "Discarded", "FailedDiscarded"):
        return ""
    if _is_canceled(facts):
        return _effect_when_canceled(facts)
    if _is_affected(facts):
        if not facts.condition_then and _began_under_its_condition(facts):
            return _effect_when_canceled(facts)
        return _effect_when_affected(facts)
    if facts.wish == "other date" and facts.state == "Scheduled":
        return "updated"
    return "kept"


def _began_under_its_condition(facts: Facts) -> bool:
    if facts.state in ("Pending", "Scheduled", "Ready", "Frozen"):
        return False
    return not (facts.state == "OnHold" and facts.how == "not sent")


def _effect_when_canceled(facts: Facts) -> str:
    if facts.state in ("Pending", "Scheduled", "Ready", "Frozen"):
        return "discarded"
    if facts.state == "Skipped":
        return "kept"
    if facts.state == "Running":
        return "undone" if facts.kind == "callout" else "discarded"
    if facts.state in ("Completed", "Amended"):
        return "undone"
    if facts.state in ("Failed", "FatallyFailed", "OnHold"):
        return "undone" if facts.how == "doubtful" else "discarded"
    raise AssertionError(facts.state)


def _effect_when_affected(facts: Facts) -> str:
    if facts.state in ("Pending", "Scheduled", "Ready", "Frozen"):
        return "updated"
    if facts.state == "Skipped":
        return "kept" if facts.how == "by a person" else "updated"
    if facts.state == "Running" and facts.kind != "callout":
        return "updated"
    if facts.state in ("Failed", "FatallyFailed", "OnHold"):
        return "redone" if facts.how == "doubtful" else "updated"
    if facts.kind in ("event", "timer", "milestone"):
        return "kept"
    return "amended" if facts.has_on_amend else "redone"


def _carried_out(facts: Facts, effect: str) -> Fate:
    running = facts.kind == "callout" and facts.state == "Running"
    if effect in ("", "kept"):
        return Fate(effect=effect, state="goes on")
    if effect == "discarded":
        failed = facts.state in ("Failed", "FatallyFailed")
        return Fate(effect=effect, state="FailedDiscarded" if failed else "Discarded")
    if effect == "updated":
        return Fate(effect=effect, state="goes on")
    if effect == "amended":
        if running:
            return Fate(effect=effect, state="Running", ends_as="Amended", on_amend_runs=True)
        return Fate(effect=effect, state="Amended", on_amend_runs=True)
    # undone or redone
    over = "Canceled" if effect == "undone" else "Amended"
    again = effect == "redone"
    undo = facts.has_on_cancel
    if running:
        recall = facts.how == "recallable"
        return Fate(effect=effect, state="Running", ends_as=over, on_cancel_runs=undo, recall_runs=recall, again=again)
    if facts.state in ("Failed", "FatallyFailed"):
        over = "FailedDiscarded"
    if facts.state == "OnHold":
        over = "Discarded"
    return Fate(effect=effect, state=over, on_cancel_runs=undo, again=again)
