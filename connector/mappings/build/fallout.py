"""queues.yaml and fallout.yaml: who gets what fails, and when it is tried again before."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import Literal, cast

from connector.mappings.document import Kind, Node
from connector.mappings.draft import Draft, Made, entries_of, items_of, one_or_more, word
from connector.mappings.policies import FalloutRow, Queue, RetryPolicy
from connector.mappings.shapes import duration
from connector.model.failure import FailureClass
from connector.model.states import ItemType

_MOST_WAITS = 64


def build(draft: Draft) -> None:
    """Build queues, retry policies and the rows of the fallout table."""
    for document in draft.documents["queues"]:
        for node in draft.usable(items_of(document.get("queues"))):
            draft.queues.setdefault(node["name"].text, Made(_queue(node), node))
    for document in draft.documents["fallout"]:
        for key, value in entries_of(document.get("retry_policies")):
            for node in draft.usable((value,)):
                draft.retry_policies[key.text] = Made(_retry_policy(draft, key.text, node), key)
        for node in draft.usable(items_of(document.get("policies"))):
            draft.fallout.append(Made(_row(draft, node), node))


def _queue(node: Node) -> Queue:
    name = node["name"].text
    return Queue(
        name=name,
        developer_name=node["developer_name"].text,
        label=word(node, "label", name.replace("_", " ")),
        kind="fallout" if word(node, "kind") == "fallout" else "manual",
        source=node.source,
    )


def fallout_queue(draft: Draft, node: Node) -> str:
    """The name of a queue of fallout; a finding when there is none of that name."""
    if draft.known(node, draft.names.queues, "MAP038", "queue") and draft.names.queues[node.text] == "manual":
        node.report(draft.findings, "MAP041", f"`{node.text}` is a queue of manual tasks, not of fallout.")
    return node.text


def _retry_policy(draft: Draft, name: str, node: Node) -> RetryPolicy:
    written = node["retries"]
    retries = None if written.text == "forever" else int(written.text)
    wait, jitter = node.get("wait"), node.get("jitter")
    waits = _waits(draft, wait) if wait is not None else ()
    if retries != 0 and not waits and wait is None:
        written.report(
            draft.findings, "MAP082", f"The policy `{name}` retries without a `wait`.", hint="Write `wait: PT5S`."
        )
    if retries == 0 and wait is not None:
        wait.report(draft.findings, "MAP082", "Without retries there is nothing to wait for.")
    if wait is not None and wait.kind is Kind.LIST and retries is not None and len(waits) > retries > 0:
        wait.report(
            draft.findings, "MAP082", f"{len(waits)} waits for {retries} retries: the last ones are never used."
        )
    plain = jitter.plain if jitter is not None else 0.0
    return RetryPolicy(
        name=name, retries=retries, waits=waits, jitter=float(plain) if isinstance(plain, (int, float)) else 0.0
    )


def _waits(draft: Draft, node: Node) -> tuple[timedelta, ...]:
    if node.kind is not Kind.MAPPING:
        lengths = [(entry, duration(entry.text) or timedelta()) for entry in one_or_more(node)]
        for (_, before), (entry, after) in pairwise(lengths):
            if after < before:
                entry.report(draft.findings, "MAP082", "A wait is shorter than the one before it.")
        return tuple(length for _, length in lengths)
    growing = node["exponential"]
    first = duration(growing["first"].text) or timedelta(seconds=1)
    cap = duration(growing["cap"].text) or first
    factor_node = growing.get("factor")
    plain = factor_node.plain if factor_node is not None else 2
    factor = float(plain) if isinstance(plain, (int, float)) else 2.0
    if cap < first:
        growing["cap"].report(draft.findings, "MAP082", "The longest wait is shorter than the first.")
    if factor <= 1 and cap > first:
        (factor_node or growing).report(draft.findings, "MAP082", "A wait that should grow needs a factor above 1.")
    waits = [min(first, cap)]
    while waits[-1] < cap and factor > 1 and len(waits) < _MOST_WAITS:
        waits.append(min(waits[-1] * factor, cap))
    return tuple(waits)


def _row(draft: Draft, node: Node) -> FalloutRow:
    system, interface, message, status = (node.get(key) for key in ("system", "interface", "message", "http_status"))
    if system is not None:
        draft.known(system, draft.names.systems, "MAP035", "system")
    retry = node["retry"]
    draft.known(retry, draft.names.retry_policies, "MAP039", "retry policy")
    if message is not None:
        try:
            re.compile(message.text)
        except (re.error, OverflowError, RecursionError) as error:
            message.report(draft.findings, "MAP083", f"This is not a regular expression: {error}.")
    kind, failure = word(node, "item_type"), word(node, "class")
    return FalloutRow(
        retry=retry.text,
        queue=fallout_queue(draft, node["queue"]),
        severity=cast("Literal['Low', 'Medium', 'High']", word(node, "severity", "Medium")),
        system=system.text if system is not None else None,
        interface=_interface(draft, interface, system) if interface is not None else None,
        item_type=ItemType(kind) if kind else None,
        failure_class=FailureClass(failure) if failure else None,
        http_status=int(status.text) if status is not None else None,
        code=word(node, "code") or None,
        message=word(node, "message") or None,
        suggestions=tuple(entry.text for entry in items_of(node.get("suggestions"))),
        source=node.source,
    )


def _interface(draft: Draft, node: Node, system: Node | None) -> str:
    """The full name of a row's interface; `system` beside it may be left out of the name."""
    if "." not in node.text and system is None:
        node.report(
            draft.findings,
            "MAP036",
            f"`{node.text}` is an interface of which system?",
            hint="Write `system.interface`.",
        )
        return node.text
    full = node.text if "." in node.text else f"{system.text if system else ''}.{node.text}"
    draft.known(node, draft.names.interfaces, "MAP036", "interface", word=full)
    if system is not None and not full.startswith(f"{system.text}."):
        node.report(draft.findings, "MAP036", f"`{full}` is no interface of `{system.text}`: the row matches nothing.")
    return full
