"""The attribute values that one rule gives to its target for one line.

Where an expression fails, because what it reads is absent, or a list has no such key:

- something installed stays as it is when the line is a Change or NoChange;
- else the default is taken;
- else an Add, or a Change of something that is not installed, is a problem; other lines do without.

Null means no value: the default, or else that the attribute is taken away.
"""

from __future__ import annotations

from connector.decomposition.context import Context
from connector.decomposition.draft import Contribution, Draft
from connector.decomposition.firing import Candidate
from connector.decomposition.journal import seen, sightings
from connector.decomposition.probe import NoValue, value_of
from connector.decomposition.scope import as_key
from connector.decomposition.tables import Given
from connector.decomposition.values import Unusable, shown
from connector.mappings.expression import Activation
from connector.mappings.set import MappingSet, Value
from connector.model.json import Json
from connector.model.order import Action


def contribution(candidate: Candidate, action: Action, draft: Draft, context: Context) -> Contribution:
    """What the candidate's rule gives to the draft."""
    rule = candidate.leading.rule
    values: dict[str, Json] = {}
    cleared: list[str] = []
    unknown: dict[str, str] = {}
    for attribute in candidate.leading.attributes:
        name, given = attribute.name, attribute.value
        saw = seen(attribute.asked, candidate.variables)
        try:
            value = _value(given, candidate.activation, context.mapping_set)
            reason = f"is {shown(value)}"
            if value is None:
                value = given.default
                reason = "has no value" if value is None else f"is {shown(value)}, the default"
                if value is None:
                    cleared.append(name)
        except NoValue as failure:
            value, reason = _without(candidate, draft, attribute, str(failure), context)
            if value is None and not given.has_default:
                unknown[name] = str(failure)
        if value is not None:
            values[name] = value
        context.journal.note(
            "attribute",
            f"{draft.subject}.{name}",
            reason,
            taken=value is not None,
            rule=rule.id,
            source=attribute.source,
            asked=attribute.asked,
            seen=saw,
        )
    return Contribution(
        rule=rule, line=candidate.line, action=action, values=values, cleared=tuple(cleared), unknown=unknown
    )


def _value(given: Value, activation: Activation, mapping_set: MappingSet) -> Json:
    value = value_of(given.expression, activation)
    if given.list is None or value is None:
        return value
    try:
        key = as_key(value)
    except Unusable as reason:
        raise NoValue(f"{shown(value)} is no key of the list {given.list}: {reason}") from None
    table = mapping_set.lists[given.list]
    if key not in table:
        raise NoValue(f"the list {given.list} has no {shown(key)}")
    return table[key]


def _without(candidate: Candidate, draft: Draft, attribute: Given, failure: str, context: Context) -> tuple[Json, str]:
    """What becomes of an attribute whose expression failed: its value, if it has one, and what to say."""
    line, name, given = candidate.line, attribute.name, attribute.value
    stays = draft.as_is is not None and line.action in (Action.CHANGE, Action.NO_CHANGE)
    if stays and draft.as_is is not None and name in draft.as_is.attributes:
        return None, f"stays {shown(draft.as_is.attributes[name])} as installed ({failure})"
    if given.has_default:
        if given.default is None:
            return None, f"has no value by default ({failure})"
        return given.default, f"is {shown(given.default)}, the default ({failure})"
    if not stays and line.action in (Action.ADD, Action.CHANGE):
        draft.flaws.add(name)
        saw = sightings(seen(attribute.asked, candidate.variables))
        context.problem(
            "ATTRIBUTE",
            f"The attribute {name} of {draft.product.code} has no value: {failure}" + (f" ({saw})." if saw else "."),
            where=str(line),
            hint=f"Give the line what the rule {candidate.leading.rule.id} reads, or the rule a default.",
            source=attribute.source,
        )
    return None, f"has no value ({failure})"
