"""`completes` of an item: the event that ends a wait, and the questions that may end it sooner."""

from __future__ import annotations

from datetime import timedelta

from connector.mappings.build import time
from connector.mappings.calendar import Calendar
from connector.mappings.document import Kind, Node
from connector.mappings.draft import Draft, word
from connector.mappings.set import EVENT, RESPONSE, Completion, Poll
from connector.mappings.shapes import duration
from connector.model.states import ItemType

_NONE = timedelta()
_SHORTEST = timedelta(seconds=1)
_OF_POLL = ("every", "until", "fails")


def build(draft: Draft, item: Node, kind: ItemType, calendar: Calendar | None) -> Completion | None:
    """What completes an item; the time within which is one of its calendar."""
    node = item.get("completes")
    if node is None:
        return None
    on, match, within = node.get("on"), node.get("match"), node.get("within")
    if on is not None:
        system, _, _ = on.text.partition(".")
        if draft.known(on, draft.names.systems, "MAP035", "system", word=system):
            draft.known(on, draft.names.events, "MAP037", "event")
    _fits(draft, item, node, kind)
    return Completion(
        on=on.text if on is not None else "",
        match=draft.expressions.scalar(match, EVENT, "condition") if match is not None else None,
        within=time.length(within, calendar) if within is not None else None,
        poll=_poll(draft, node),
    )


def interface(draft: Draft, node: Node) -> None:
    """An interface that is named has to exist."""
    system, _, _ = node.text.partition(".")
    if draft.known(node, draft.names.systems, "MAP035", "system", word=system):
        draft.known(node, draft.names.interfaces, "MAP036", "interface")


def _fits(draft: Draft, item: Node, node: Node, kind: ItemType) -> None:
    poll = node.get("poll")
    if poll is not None and kind is not ItemType.CALLOUT:
        message = f"`poll` means nothing for an item of type {kind}."
        poll.report(draft.findings, "MAP016", message, hint="Only a callout that was accepted can be asked about.")
    for name in _OF_POLL if poll is None else ():
        value = node.get(name)
        if value is not None:
            value.report(draft.findings, "MAP070", f"`{name}` needs `poll`: what to ask.")
    if node.get("match") is not None and node.get("on") is None:
        node["match"].report(draft.findings, "MAP070", "`match` needs `on`: the event that it looks at.")
    if node.get("on") is None and (poll is None or kind is not ItemType.CALLOUT):
        lacks = "`on`, `poll`, or both" if kind is ItemType.CALLOUT else "`on`"
        (item.key("completes") or node).report(draft.findings, "MAP070", f"A completion needs {lacks}.")
    if poll is not None:
        for name, what in (
            ("every", "how often"),
            ("until", "how its answer tells the end"),
            ("within", "for how long"),
        ):
            if node.get(name) is None:
                poll.report(draft.findings, "MAP070", f"`poll` needs `{name}`: {what}.")


def _poll(draft: Draft, node: Node) -> Poll | None:
    poll, every, until, fails = (node.get(name) for name in ("poll", *_OF_POLL))
    if poll is None or every is None or until is None:
        return None
    interface(draft, poll)
    factor, longest = 1.0, None
    first = every.text if every.is_scalar else word(every, "first")
    if every.kind is Kind.MAPPING:
        factor, longest = float(word(every, "factor", "2")), duration(word(every, "cap"))
        if (longest or _NONE) < (duration(first) or _NONE):
            every["cap"].report(draft.findings, "MAP082", "The longest wait is shorter than the first.")
    shown = every if every.is_scalar else every["first"]
    if (duration(first) or _NONE) < _SHORTEST:
        shown.report(draft.findings, "MAP014", "Nobody is asked more often than once in a second.")
    within = node.get("within")
    if within is not None and (duration(within.text) or _NONE) <= (duration(first) or _NONE):
        message = f"The first question would come when the time is over, {within.text}."
        shown.report(draft.findings, "MAP077", message, hint="Ask sooner, or let `within` be longer.")
    return Poll(
        interface=poll.text,
        every=duration(first) or _NONE,
        until=draft.expressions.scalar(until, RESPONSE, "condition"),
        fails=draft.expressions.scalar(fails, RESPONSE, "condition") if fails is not None else None,
        factor=factor,
        longest=longest,
    )
