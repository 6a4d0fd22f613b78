"""`/query`, `/queryAll` and the pages after the first."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

from connector.localorg import ids
from connector.localorg.errors import refused
from connector.localorg.org import Org
from connector.localorg.rest.columns import columns
from connector.localorg.rest.message import Reply, Request
from connector.localorg.soql.run import Answer

PAGE = 2_000
"""Rows in one answer, unless `Sforce-Query-Options: batchSize=` says otherwise (200 to 2,000)."""

_SMALLEST_PAGE = 200
_OPEN_CURSORS = 100
_LOCATOR = re.compile(r"(01g\w{12,15})-(\d+)")
_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


class Queries:
    """Runs queries, and keeps the answers that have more pages; the oldest are dropped first."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._cursors: OrderedDict[str, tuple[Answer, int]] = OrderedDict()

    def query(self, request: Request) -> Reply:
        """GET the first page."""
        return self._query(request, deleted_too=False)

    def query_all(self, request: Request) -> Reply:
        """GET the first page, deleted records included."""
        return self._query(request, deleted_too=True)

    def more(self, request: Request, locator: str) -> Reply:
        """GET a further page."""
        match = _LOCATOR.fullmatch(locator)
        cursor = self._cursors.get(match[1]) if match else None
        if match is None or cursor is None:
            raise refused("INVALID_QUERY_LOCATOR", "invalid query locator")
        answer, size = cursor
        return Reply(200, self._page(request, answer, match[1], int(match[2]), size))

    def _query(self, request: Request, *, deleted_too: bool) -> Reply:
        soql = request.query.get("q")
        if not soql or not soql.strip():
            raise refused("MALFORMED_QUERY", "A query string has to be specified")
        if request.flag("columns"):
            return Reply(200, columns(self._org, request, soql))
        answer = self._org.query(request.actor, soql, url=request.sobjects, deleted_too=deleted_too)
        match = _BATCH_SIZE.search(request.headers.get("sforce-query-options", ""))
        size = min(max(int(match[1]), _SMALLEST_PAGE), PAGE) if match else PAGE
        cursor = ""
        if len(answer.records) > size:
            cursor = ids.make("01g", self._org.store.count("id:cursor", first=1))
            self._cursors[cursor] = (answer, size)
            while len(self._cursors) > _OPEN_CURSORS:
                self._cursors.popitem(last=False)
        return Reply(200, self._page(request, answer, cursor, 0, size))

    def _page(self, request: Request, answer: Answer, cursor: str, start: int, size: int) -> dict[str, Any]:
        with self._org.store.lock:
            rows = answer.rows(start, start + size)
        page: dict[str, Any] = {"totalSize": answer.total, "done": True}
        if start + size < len(answer.records):
            page["done"] = False
            page["nextRecordsUrl"] = f"{request.root}/query/{cursor}-{start + size}"
        page["records"] = rows
        return page
