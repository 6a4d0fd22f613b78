"""Which rules fire for a line.

- Add, Change, NoChange: those whose condition holds.
- Disconnect: those whose condition holds, and those whose condition can't be evaluated on what the line
  says while their target is installed: what is installed under the asset goes with it.
- Change, again: where a condition is false, but was not written against Change lines (it is false for Add
  as well), and the target is installed for this line alone, the target is no longer wanted: Disconnect.

Of the rules of an XOR group that would fire only the first does.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connector.decomposition.context import Context
from connector.decomposition.journal import seen
from connector.decomposition.near import NearMiss
from connector.decomposition.probe import NoValue, holds
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

    def seen(self) -> JsonObject:
        """What the rule's condition reads."""
        return seen(self.leading.when, self.variables)


def action_given(candidate: Candidate, taken_groups: Mapping[str, str], context: Context) -> Action | None:
    """The action that the rule gives to its target for this line; None when it does not fire, which is
    recorded with why.

    `taken_groups` are the XOR groups in which a rule fired for this line, each with that rule's id.
    """
    line, rule = candidate.line, candidate.leading.rule
    winner = taken_groups.get(rule.xor) if rule.xor is not None else None
    if winner is None:
        try:
            if rule.when is None or holds(rule.when, candidate.activation):
                return line.action
            reason, is_certain = "its condition is false", True
        except NoValue as failure:
            if line.action is Action.DISCONNECT and candidate.as_is is not None:
                return line.action
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
