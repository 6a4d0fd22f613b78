"""`/composite/sobjects`: up to 200 records in one call, row by row, all of them or those that will go.

Source: REST API Developer Guide, "Use sObject Collections".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from connector.localorg import ids
from connector.localorg.errors import SalesforceError, refused
from connector.localorg.org import Org
from connector.localorg.records.save import Multiple
from connector.localorg.rest.message import Reply, Request, saved
from connector.localorg.rest.sobjects import SObjects
from connector.localorg.schema.model import Kind, SObject

MOST = 200
"""Records in one call."""

MOST_READ = 2_000
"""Records that one retrieve may name."""

Row = dict[str, Any]
Write = Callable[[Any], dict[str, object]]
"""Writes one row and gives its result; raises SalesforceError."""

_ROLLED_BACK = SalesforceError(
    refused(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
        (),
    ).problems[0]
)


class Collections:
    """The resources of many records."""

    def __init__(self, org: Org, sobjects: SObjects) -> None:
        self._org = org
        self._sobjects = sobjects

    def create(self, request: Request) -> Reply:
        """POST new records of one or several objects."""

        def write(row: Any) -> dict[str, object]:
            sobject = self._entity_of(request, row)
            made = self._org.records.create(request.actor, sobject, row)
            self._org.meter.rows[sobject.name] += 1
            if sobject.kind is Kind.EVENT:
                queued = {"statusCode": "OPERATION_ENQUEUED", "message": made, "fields": []}
                return {"id": None, "success": True, "errors": [queued]}
            return saved(made)

        rows, all_or_none = self._rows(request)
        return self._write(rows, write, all_or_none=all_or_none)

    def update(self, request: Request) -> Reply:
        """PATCH records by Id."""

        def write(row: Any) -> dict[str, object]:
            sobject = self._entity_of(request, row)
            named = next((value for name, value in row.items() if name.lower() == "id"), None)
            if named is None:
                raise refused("MISSING_ARGUMENT", "Id not specified in an update call", ["Id"])
            record_id = self._record_id(sobject, named)
            body = {name: value for name, value in row.items() if name.lower() != "id"}
            self._demand_there(sobject, record_id)
            self._org.records.update(request.actor, sobject, record_id, body)
            self._org.meter.rows[sobject.name] += 1
            return saved(record_id)

        rows, all_or_none = self._rows(request)
        return self._write(rows, write, all_or_none=all_or_none)

    def upsert(self, request: Request, name: str, field_name: str) -> Reply:
        """PATCH records of one object by external id."""
        sobject = self._sobjects.entity(name, request.actor)
        by = self._org.records.key_field(sobject, field_name)
        rows, all_or_none = self._rows(request)
        counted = Counter(key for row in rows if isinstance(key := _key(row, by.name), str | int | float))

        def write(row: Any) -> dict[str, object]:
            if _type(row).lower() != sobject.name.lower():
                raise refused("INVALID_TYPE", f"all records must be of type {sobject.name}", ())
            key = _key(row, by.name)
            if key is None:
                raise refused("MISSING_ARGUMENT", f"{by.name} not specified", [by.name])
            if isinstance(key, str | int | float) and counted[key] > 1:
                raise refused("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", [by.name])
            if not by.external_id:
                record_id = self._record_id(sobject, key)
                body = {field: value for field, value in row.items() if field.lower() != "id"}
                self._demand_there(sobject, record_id)
                self._org.records.update(request.actor, sobject, record_id, body)
                return saved(record_id, created=False)
            try:
                record_id, created = self._org.records.upsert(request.actor, sobject, by, key, row)
            except Multiple as multiple:
                shown = ", ".join(each[: ids.SHORT] for each in multiple.record_ids)
                message = f"{by.name}: more than one record found for external id field: [{shown}]"
                raise refused("DUPLICATE_EXTERNAL_ID", message, [by.name]) from None
            self._org.meter.rows[sobject.name] += 1
            return saved(record_id, created=created)

        return self._write(rows, write, all_or_none=all_or_none)

    def delete(self, request: Request) -> Reply:
        """DELETE records by Id, of any objects."""

        def write(named: Any) -> dict[str, object]:
            full = ids.normalise(named)
            sobject = self._org.schema.of(full) if full else None
            if full is None or sobject is None:
                raise refused("MALFORMED_ID", f"malformed id {named}", ())
            self._demand_there(sobject, full)
            self._org.records.delete(request.actor, sobject, full)
            return saved(full)

        named = [each.strip() for each in request.query.get("ids", "").split(",") if each.strip()]
        _demand_few(named, MOST)
        return self._write(named, write, all_or_none=request.flag("allOrNone"))

    def read(self, request: Request, name: str) -> Reply:
        """GET or POST: records of one object by Id; null for those that are not there."""
        sobject = self._sobjects.entity(name, request.actor)
        if request.method == "POST":
            body = request.object()
            named, fields = list(body.get("ids", [])), ",".join(body.get("fields", []))
        else:
            named, fields = request.query.get("ids", "").split(","), request.query.get("fields", "")
        _demand_few(named, MOST_READ)
        live = self._org.store.table(sobject.name).live
        asking = Request(
            method="GET",
            path=request.path,
            version=request.version,
            actor=request.actor,
            query={"fields": fields},
        )
        found = [live.get(ids.normalise(each.strip()) or "") for each in named]
        return Reply(200, [record and self._sobjects.shown(asking, sobject, record) for record in found])

    def _write(self, rows: list[Any], write: Write, *, all_or_none: bool) -> Reply:
        results: list[dict[str, object]] = []
        failed = False
        with self._org.store.transaction() as transaction:
            start = transaction.mark()
            for row in rows:
                try:
                    results.append(write(row))
                except SalesforceError as error:
                    if error.code == "JSON_PARSER_ERROR":
                        raise
                    failed = True
                    results.append({"success": False, "errors": error.row()})
            if failed and all_or_none:
                transaction.undo(start)
                undone = {"success": False, "errors": _ROLLED_BACK.row()}
                results = [undone if result["success"] else result for result in results]
        return Reply(200, results)

    def _rows(self, request: Request) -> tuple[list[Row], bool]:
        body = request.object()
        rows = body.get("records")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise refused("JSON_PARSER_ERROR", "records must be a list of objects at [line:1, column:1]")
        _demand_few(rows, MOST)
        return rows, bool(body.get("allOrNone", False))

    def _entity_of(self, request: Request, row: Row) -> SObject:
        kind = _type(row)
        if not kind:
            raise refused("INVALID_TYPE", "each record needs attributes with a type", ())
        try:
            return self._sobjects.entity(kind, request.actor)
        except SalesforceError:
            raise refused("INVALID_TYPE", f"sObject type '{kind}' is not supported.", ()) from None

    def _record_id(self, sobject: SObject, text: Any) -> str:
        full = ids.normalise(text) if isinstance(text, str) else None
        if full is None:
            raise refused("MALFORMED_ID", f"{sobject.label} ID: id value of incorrect type: {text}", ["Id"])
        if full[:3] != sobject.prefix:
            raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())
        return full

    def _demand_there(self, sobject: SObject, record_id: str) -> None:
        table = self._org.store.table(sobject.name)
        if record_id not in table.live and record_id not in table.deleted:
            raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())


def _type(row: Row) -> str:
    attributes = row.get("attributes")
    return str(attributes.get("type") or "") if isinstance(attributes, dict) else ""


def _key(row: Row, name: str) -> Any:
    return next((value for each, value in row.items() if each.lower() == name.lower()), None)


def _demand_few(rows: list[Any], most: int) -> None:
    if len(rows) > most:
        message = f"record limit reached. cannot submit more than {most} records into this call"
        raise refused("EXCEEDED_ID_LIMIT", message)
