"""Decisions about failures, by the mapping set's policy table: try again, or ask a person."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import timedelta

from connector.mappings.policies import FalloutRow, RetryPolicy
from connector.mappings.set import MappingSet
from connector.model.failure import Failure, FailureClass
from connector.model.ids import OrderId, item_ref
from connector.model.plan import Item

DEFAULT_RETRY = RetryPolicy(
    name="default",
    retries=3,
    waits=(timedelta(seconds=2), timedelta(seconds=10), timedelta(seconds=60)),
    jitter=0.2,
)
"""For failures that trying again may help and no row speaks of."""

NO_RETRY = RetryPolicy(name="none", retries=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done about a failure: wait and send again, or (no wait) ask the queue's people."""

    wait: timedelta | None
    policy: str
    queue: str
    severity: str = "Medium"
    suggestions: tuple[str, ...] = ()
    row: FalloutRow | None = None


def judge(order: OrderId, item: Item, failure: Failure, mappings: MappingSet, *, resend_is_safe: bool) -> Verdict:
    """Decide about the failure of an item's present attempt.

    An unknown outcome is never sent again when sending twice could have the effect twice.
    """
    row = most_specific(mappings.fallout, item, failure)
    policy = _policy(row, failure, mappings)
    if failure.failure_class is FailureClass.UNKNOWN_OUTCOME and not resend_is_safe:
        policy = NO_RETRY
    wait = policy.wait(max(item.attempts, 1))
    if wait is not None:
        wait = _spread(wait, policy, order, item)
        if failure.retry_after is not None:
            wait = max(wait, timedelta(seconds=failure.retry_after))
    if row is None:
        return Verdict(wait=wait, policy=policy.name, queue=mappings.fallout_queue)
    return Verdict(
        wait=wait,
        policy=policy.name,
        queue=row.queue,
        severity=row.severity,
        suggestions=row.suggestions,
        row=row,
    )


def most_specific(rows: tuple[FalloutRow, ...], item: Item, failure: Failure) -> FalloutRow | None:
    """The matching row with the most conditions, the earliest of equals; None when none matches."""
    best: FalloutRow | None = None
    best_score = -1
    for row in rows:
        score = _score(row, item, failure)
        if score is not None and score > best_score:
            best, best_score = row, score
    return best


def _score(row: FalloutRow, item: Item, failure: Failure) -> int | None:
    conditions = (
        (row.system, failure.system),
        (row.interface, failure.interface),
        (row.item_type, item.type),
        (row.failure_class, failure.failure_class),
        (row.http_status, failure.http_status),
        (row.code, failure.code),
    )
    score = 0
    for wanted, seen in conditions:
        if wanted is not None:
            if wanted != seen:
                return None
            score += 1
    if row.message is not None:
        if not re.search(row.message, failure.message):
            return None
        score += 1
    return score


def _policy(row: FalloutRow | None, failure: Failure, mappings: MappingSet) -> RetryPolicy:
    if row is not None:
        return mappings.retry_policies.get(row.retry, NO_RETRY)
    if failure.failure_class in (FailureClass.TRANSIENT, FailureClass.UNKNOWN_OUTCOME):
        return DEFAULT_RETRY
    return NO_RETRY


def _spread(wait: timedelta, policy: RetryPolicy, order: OrderId, item: Item) -> timedelta:
    """Spread retries of many items, by the same amount each time this is computed."""
    seed = zlib.crc32(f"{item_ref(order, item.no)}:{item.epoch}:{item.attempts}".encode()) / 2**32
    return wait * (1 + policy.jitter * seed)


_VARIABLE = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\b[0-9A-Za-z]*\d[0-9A-Za-z]*\b|'[^']*'|\"[^\"]*\"")


def fingerprint(failure: Failure) -> str:
    """The same text for the same cause: system, interface, code, and the message without what varies."""
    normal = _VARIABLE.sub("#", failure.message)
    parts = (failure.system or "-", failure.interface or "-", failure.code, f"{zlib.crc32(normal.encode()):08x}")
    return ":".join(parts)[-80:]


def configuration(code: str, message: str) -> Failure:
    """The failure of an item whose definition does not fit its values."""
    return Failure(failure_class=FailureClass.CONFIGURATION, code=code, message=message)
