"""Runs record-triggered flows after a record was saved, in the transaction that saved it.

Flows run in system context: they may do what the user may not. A flow that fails without a fault path takes the
record down with it, as in Salesforce.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from connector.localorg.errors import SalesforceError, refused, unknown_entity
from connector.localorg.records.save import Records, Saved
from connector.localorg.schema.flows import Assign, Condition, CreateRecords, Decision, Flow, Rule, UpdateRecord, Value
from connector.localorg.schema.model import SObject
from connector.localorg.security import Access, Actor
from connector.localorg.store.database import Record

_SYSTEM = Access((), everything=True)
_DEPTH = 16
"""How deep flows may trigger flows before the org calls it a loop."""

_LONGEST_PATH = 2_000
_MERGE = re.compile(r"\{!([^}]+)\}")
_LOGIC = re.compile(r"\d+|AND|OR|NOT|[()]", re.IGNORECASE)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if left is None and isinstance(right, str):
        return right == ""
    return bool(left == right)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "EqualTo": _same,
    "NotEqualTo": lambda left, right: not _same(left, right),
    "IsNull": lambda left, right: (left is None) == (right is not False),
    "GreaterThan": lambda left, right: left is not None and right is not None and left > right,
    "GreaterThanOrEqualTo": lambda left, right: left is not None and right is not None and left >= right,
    "LessThan": lambda left, right: left is not None and right is not None and left < right,
    "LessThanOrEqualTo": lambda left, right: left is not None and right is not None and left <= right,
    "Contains": lambda left, right: str(right or "") in str(left or ""),
    "StartsWith": lambda left, right: str(left or "").startswith(str(right or "")),
    "EndsWith": lambda left, right: str(left or "").endswith(str(right or "")),
}


class Flows:
    """All active flows by object. Install `after_save` in the records service."""

    def __init__(self, flows: tuple[Flow, ...], records: Records) -> None:
        self._by_object: defaultdict[str, list[Flow]] = defaultdict(list)
        for flow in flows:
            self._by_object[flow.object.lower()].append(flow)
        self._records = records
        self._depth = 0
        records.after_save = self.after_save

    def after_save(self, actor: Actor, saved: Saved) -> None:
        """Run the flows that this change triggers."""
        flows = self._by_object.get(saved.sobject.name.lower())
        if not flows:
            return
        if self._depth >= _DEPTH:
            message = f"{saved.sobject.name}: flows trigger each other without end"
            raise refused("CANNOT_EXECUTE_FLOW_TRIGGER", message, ())
        self._depth += 1
        try:
            for flow in flows:
                interview = _Interview(flow, self._records, actor, saved)
                if interview.triggered():
                    with self._records.store.transaction():
                        interview.run()
        finally:
            self._depth -= 1


class _Interview:
    """One run of one flow."""

    def __init__(self, flow: Flow, records: Records, actor: Actor, saved: Saved) -> None:
        self._flow = flow
        self._records = records
        self._actor = Actor(user_id=actor.user_id, access=_SYSTEM, client=actor.client)
        self._sobject = saved.sobject
        self._old = saved.old
        self._new = saved.new
        self._variables: dict[str, Any] = dict(flow.constants)

    def triggered(self) -> bool:
        created = self._old is None
        if self._flow.when == ("Update" if created else "Create") or not self._holds(self._flow.rule, self._new):
            return False
        if self._old is None or not self._flow.only_when_changed_to_match:
            return True
        return not self._holds(self._flow.rule, self._old)

    def run(self) -> None:
        name = self._flow.start
        for _ in range(_LONGEST_PATH):
            element = self._flow.elements.get(name)
            if element is None:
                return
            if isinstance(element, Decision):
                taken = (target for rule, target in element.branches if self._holds(rule, self._new))
                name = next(taken, element.otherwise)
            elif isinstance(element, Assign):
                name = self._assign(element)
            else:
                name = self._write(element)

    def _assign(self, element: Assign) -> str:
        for target, operator, value in element.items:
            new = self._value(value)
            if operator == "Add":
                old = self._variables.get(target)
                new = new if old is None else old + new
            self._variables[target] = new
        return element.then

    def _write(self, element: CreateRecords | UpdateRecord) -> str:
        body = {field: self._value(value) for field, value in element.values}
        try:
            if isinstance(element, UpdateRecord):
                self._records.update(self._actor, self._sobject, self._new["Id"], body)
            else:
                sobject = self._records.schema.find(element.object)
                if sobject is None:
                    raise unknown_entity(element.object)
                self._records.create(self._actor, sobject, body)
        except SalesforceError as error:
            told = f"{error.problems[0].code}: {error.problems[0].message}"
            if element.fault:
                self._variables["$Flow.FaultMessage"] = told
                return element.fault
            message = (
                f"We can't save this record because the “{self._flow.label}” process failed. Give your Salesforce admin"
                f" these details. {told}"
            )
            raise refused("CANNOT_EXECUTE_FLOW_TRIGGER", message, ()) from error
        return element.then

    def _holds(self, rule: Rule, record: Record) -> bool:
        if not rule.conditions:
            return True
        results = [self._compare(condition, record) for condition in rule.conditions]
        logic = rule.logic.lower()
        if logic in ("and", "or"):
            return all(results) if logic == "and" else any(results)
        return holds(rule.logic, results)

    def _compare(self, condition: Condition, record: Record) -> bool:
        right = self._value(condition.right)
        if condition.operator == "IsChanged":
            before = self._read(condition.left, self._old or {})
            return bool((before != self._read(condition.left, record)) == (right is not False))
        return _COMPARE[condition.operator](self._read(condition.left, record), right)

    def _value(self, value: Value) -> Any:
        return self._read(value.reference, self._new) if value.reference else value.literal

    def _read(self, reference: str, record: Record) -> Any:
        head, _, path = reference.partition(".")
        if head == "$Record":
            return self._follow(self._sobject, record, path)
        if head == "$Record__Prior":
            return self._follow(self._sobject, self._old or {}, path)
        if reference == "$Flow.CurrentDateTime":
            return self._new.get("LastModifiedDate")
        if reference == "$User.Id":
            return self._actor.user_id
        if reference in self._flow.templates:
            return _MERGE.sub(lambda match: _shown(self._read(match[1], record)), self._flow.templates[reference])
        return self._variables.get(reference)

    def _follow(self, sobject: SObject, record: Record, path: str) -> Any:
        name, _, rest = path.partition(".")
        if not rest:
            field = sobject.field(name)
            return record.get(field.name) if field else None
        lookup = sobject.parent(name)
        target_id = record.get(lookup.name) if lookup else None
        target = self._records.schema.of(target_id) if target_id else None
        if target is None or target_id is None:
            return None
        return self._follow(target, self._records.store.table(target.name).live.get(target_id, {}), rest)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def holds(logic: str, results: list[bool]) -> bool:
    """Evaluate `1 AND (2 OR NOT 3)` over the results of the numbered conditions, counted from 1."""
    tokens = _LOGIC.findall(logic)[::-1]

    def either() -> bool:
        value = both()
        while tokens and tokens[-1].upper() == "OR":
            tokens.pop()
            value = both() or value
        return value

    def both() -> bool:
        value = one()
        while tokens and tokens[-1].upper() == "AND":
            tokens.pop()
            value = one() and value
        return value

    def one() -> bool:
        word = tokens.pop()
        if word.upper() == "NOT":
            return not one()
        if word == "(":
            value = either()
            tokens.pop()
            return value
        return results[int(word) - 1]

    return either()
