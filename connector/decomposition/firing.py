"""Which rules fire for a line.

- Add, Change, NoChange: those whose condition holds.
- Disconnect: those whose condition holds, and those whose condition can't be evaluated on what the line
  says while their target is installed: what is installed under the asset goes with it.
- Change, again: where a condition is false, but was not written against Change lines (it is false for Add
  as well), and the target is installed for this line alone, the target is no longer wanted: Disconnect.

Of the rules of an XOR group that would fire only the first does. What can't be decided on yet is parked: see `parking`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connector.decomposition.context import Context
from connector.decomposition.journal import seen
from connector.decomposition.near import NearMiss
from connector.decomposition.parking import Parked, awaited
from connector.decomposition.probe import NoValue, holds, value_of
from connector.decomposition.source import SourceLine
from connector.decomposition.tables import Leading
from connector.mappings.expression import Activation
from connector.mappings.set import RULE, Scope
from connector.model.json import Json, JsonObject
from connector.model.order import Action, InventoryItem


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A rule, tried on a line."""

    line: SourceLine
    leading: Leading
    as_is: InventoryItem | None
    """What is installed of the target under the key that the line has there."""
    variables: Mapping[str, Json]
    activation: Activation
    missing: frozenset[str] = frozenset()
    """Attributes of the line that are not known yet: items of its plans fill them in."""

    def seen(self) -> JsonObject:
        """What the rule's condition reads."""
        return seen(self.leading.when, self.variables)


class Groups(msgspec.Struct, gc=False):
    """The XOR groups of one line: those in which a rule fired, and those in which one is parked, each with its id."""

    taken: dict[str | None, str] = msgspec.field(default_factory=dict)
    held: dict[str | None, str] = msgspec.field(default_factory=dict)


def action_given(candidate: Candidate, groups: Groups, context: Context) -> Action | Parked | None:
    """The action that the rule gives to its target for this line; None when it does not fire, which is
    recorded with why.
    """
    line, rule = candidate.line, candidate.leading.rule
    winner = groups.taken.get(rule.xor)
    if winner is None:
        try:
            if rule.when is None or holds(rule.when, candidate.activation):
                return _unless_parked(candidate, groups)
            reason, is_certain = "its condition is false", True
        except NoValue as failure:
            if line.action is Action.DISCONNECT and candidate.as_is is not None:
                return _unless_parked(candidate, groups)
            if parked := awaited(candidate.leading.reads, candidate.missing):
                return parked
            reason, is_certain = f"its condition can't be evaluated: {failure}", False
    else:
        reason, is_certain = f"the rule {winner} of the group {rule.xor} fired already", True
    if is_certain and _is_no_longer_wanted(candidate):
        return Action.DISCONNECT
    saw = candidate.seen()
    context.journal.note(
        "rule",
        line.subject,
        reason,
        taken=False,
        rule=rule.id,
        source=candidate.leading.source,
        asked=candidate.leading.when,
        seen=saw,
    )
    context.near_misses.setdefault(line.subject, []).append(
        NearMiss(kind="rule", name=rule.id, when=candidate.leading.when, reason=reason, saw=saw)
    )
    return None


def _unless_parked(candidate: Candidate, groups: Groups) -> Action | Parked:
    """The line's action for a rule whose condition holds, unless something else keeps it from firing now."""
    holder = groups.held.get(candidate.leading.rule.xor)
    if holder is not None:
        return Parked(behind=holder)
    if candidate.missing and not (candidate.line.action is Action.DISCONNECT and candidate.as_is is not None):
        return awaited(_lacking(candidate), candidate.missing) or candidate.line.action
    return candidate.line.action


def _lacking(candidate: Candidate) -> frozenset[str]:
    """What the values that have none on this line read of it."""
    lacking: frozenset[str] = frozenset()
    for given in candidate.leading.attributes:
        if not given.reads.isdisjoint(candidate.missing):
            try:
                value_of(given.value.expression, candidate.activation)
            except NoValue:
                lacking |= given.reads
    return lacking


def _is_no_longer_wanted(candidate: Candidate) -> bool:
    """Whether a rule that does not fire leaves something installed that this Change line had alone."""
    line, rule, target = candidate.line, candidate.leading.rule, candidate.leading.target
    if line.action is not Action.CHANGE or candidate.as_is is None:
        return False
    if target.scope is not Scope.LINE or target.scope_key is not None:
        return False  # others may still need it
    if rule.when is None:
        return True
    as_add = {**candidate.variables, "line": {**line.view, "action": Action.ADD.value}}
    try:
        return holds(rule.when, candidate.activation) or not holds(rule.when, RULE.activation(as_add))
    except NoValue:
        return False
