"""Which rows go together, in which calls, in which order; and what the answers say of each row. Pure.

A collections request takes 200 records: upserts of one object by one external id, or updates by Id of
several objects. A composite request takes five of those and counts as one call. Within a call they run one
after another, so parents go before the children that look them up.

- https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
- https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite_post.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.model.mark import RecordKind
from connector.sf.failures import RowClass, RowFailure, row_failure
from connector.sf.org import Subanswer, Subrequest
from connector.sf.rendering import Row

GROUP_RECORDS = 200
CALL_GROUPS = 5
CALL_RECORDS = GROUP_RECORDS * CALL_GROUPS
GROUP_CHARACTERS = 800_000
"""So that a call stays at a few megabytes, however long the texts of its records are."""

_STAGES: Mapping[RecordKind, int] = {
    "request": 0,
    "plan": 1,
    "line": 2,
    "item": 3,
    # Updates by Id look nobody up and may be of several objects: together they fill one request.
    "order_line": 4,
    "order": 4,
    "command": 4,
    "inventory": 5,
    "fallout": 6,
}
"""Parents before children."""

_RANKS: Mapping[RecordKind, tuple[int, int]] = {kind: (stage, no) for no, (kind, stage) in enumerate(_STAGES.items())}


@dataclass(slots=True)
class Group:
    """Rows of one collections request."""

    object: str
    external_id: str | None
    rows: list[Row] = field(default_factory=list)
    _keys: set[tuple[str, str]] = field(default_factory=set)
    _size: int = 0

    def takes(self, row: Row, size: int) -> bool:
        """There is room for the row, and no record twice: Salesforce refuses both of such a pair."""
        if len(self.rows) >= GROUP_RECORDS or (row.object, row.mark.key) in self._keys:
            return False
        if self.rows and self._size + size > GROUP_CHARACTERS:
            return False
        if self.external_id is None:
            return row.external_id is None
        return (row.object, row.external_id) == (self.object, self.external_id)

    def add(self, row: Row, size: int) -> None:
        """Put the row in, which is about so many characters long."""
        self.rows.append(row)
        self._keys.add((row.object, row.mark.key))
        self._size += size

    def subrequest(self, reference: str) -> Subrequest:
        """As a part of a composite request; rows that fail stop no others."""
        records = [row.body for row in self.rows]
        target = "" if self.external_id is None else f"/{self.object}/{self.external_id}"
        return Subrequest(
            method="PATCH",
            path=f"composite/sobjects{target}",
            reference=reference,
            body={"allOrNone": False, "records": records},
        )

    def parts(self) -> list[Group]:
        """Smaller groups with the same rows: by what made them (set and kind), or else two halves."""
        origins: dict[tuple[str, RecordKind], list[Row]] = {}
        for row in self.rows:
            origins.setdefault((row.set_hash, row.mark.kind), []).append(row)
        parts = list(origins.values())
        if len(parts) == 1:
            middle = len(self.rows) // 2
            parts = [self.rows[:middle], self.rows[middle:]]
        return [group for part in parts for group in to_groups(part)]


def to_groups(rows: Iterable[Row]) -> list[Group]:
    """Rows in groups: parents before children, rows of one lane together."""
    ordered = sorted(rows, key=lambda row: (_RANKS[row.mark.kind], row.object))
    groups: list[Group] = []
    stage = -1
    for row in ordered:
        if _STAGES[row.mark.kind] != stage:
            stage = _STAGES[row.mark.kind]
            open_from = len(groups)
        size = row.size
        home = next((group for group in groups[open_from:] if group.takes(row, size)), None)
        if home is None:
            home = Group(row.object, row.external_id)
            groups.append(home)
        home.add(row, size)
    return groups


def to_calls(groups: Sequence[Group]) -> list[Sequence[Group]]:
    """Groups in calls, in order."""
    return [groups[start : start + CALL_GROUPS] for start in range(0, len(groups), CALL_GROUPS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of one row: written, or why not."""

    row: Row
    failure: RowFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """What became of one group. `refused`: Salesforce looked at no row, because of something in the request."""

    group: Group
    rows: tuple[RowResult, ...]
    refused: bool = False


def group_result(group: Group, answer: Subanswer) -> GroupResult:
    """Split the answer to a group into those to its rows, which come in the order of the request."""
    body = answer.body
    if isinstance(body, list) and len(body) == len(group.rows) and all(_is_row(result) for result in body):
        results = zip(group.rows, body, strict=True)
        return GroupResult(group=group, rows=tuple(_row_result(row, result) for row, result in results))
    failure = row_failure(body if isinstance(body, list) else [body], by_id=False)
    if failure.row_class is RowClass.GONE:
        failure = RowFailure(row_class=RowClass.REJECTED, code=failure.code, message=failure.message)
    return GroupResult(
        group=group,
        rows=tuple(RowResult(row=row, failure=failure) for row in group.rows),
        refused=failure.row_class is RowClass.REJECTED,
    )


def _is_row(result: Any) -> bool:
    return isinstance(result, dict) and isinstance(result.get("success"), bool)


def _row_result(row: Row, result: Mapping[str, Any]) -> RowResult:
    if result["success"]:
        return RowResult(row=row)
    return RowResult(row=row, failure=row_failure(result.get("errors"), by_id=row.external_id is None))
