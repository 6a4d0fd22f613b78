"""Which resource answers which path below `/services/data/vNN.0`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.localorg.errors import SalesforceError, not_found, refused
from connector.localorg.org import Org
from connector.localorg.rest.collections import Collections
from connector.localorg.rest.composite import Composite
from connector.localorg.rest.describe import Describe
from connector.localorg.rest.message import Reply, Request
from connector.localorg.rest.query import Queries
from connector.localorg.rest.sobjects import SObjects

Handler = Callable[..., Reply]

_ANY = "*"


class Router:
    """The REST API of one org. A pattern's `*` takes one segment, which the handler gets as an argument."""

    def __init__(self, org: Org) -> None:
        self._org = org
        sobjects = SObjects(org)
        collections = Collections(org, sobjects)
        composite = Composite(org, self.handle)
        describe = Describe(org, sobjects)
        queries = Queries(org)
        self._routes: list[tuple[tuple[str, ...], dict[str, Handler]]] = [
            ((), {"GET": self._resources}),
            (("limits",), {"GET": self._limits}),
            (("query",), {"GET": queries.query}),
            (("queryAll",), {"GET": queries.query_all}),
            (("query", _ANY), {"GET": queries.more}),
            (("queryAll", _ANY), {"GET": queries.more}),
            (("composite",), {"POST": composite.run}),
            (("composite", "graph"), {"POST": composite.graphs}),
            (
                ("composite", "sobjects"),
                {"POST": collections.create, "PATCH": collections.update, "DELETE": collections.delete},
            ),
            (("composite", "sobjects", _ANY), {"GET": collections.read, "POST": collections.read}),
            (("composite", "sobjects", _ANY, _ANY), {"PATCH": collections.upsert}),
            (("sobjects",), {"GET": describe.everything}),
            (("sobjects", _ANY), {"GET": describe.basic, "POST": sobjects.create}),
            (("sobjects", _ANY, "describe"), {"GET": describe.full}),
            (
                ("sobjects", _ANY, _ANY),
                {"GET": sobjects.read, "PATCH": sobjects.update, "DELETE": sobjects.delete},
            ),
            (
                ("sobjects", _ANY, _ANY, _ANY),
                {"GET": sobjects.read_by_key, "PATCH": sobjects.upsert, "DELETE": sobjects.delete_by_key},
            ),
        ]

    def kind(self, request: Request) -> str:
        """What sort of call it is, for statistics: `PATCH composite/sobjects`."""
        depth = 2 if request.path[:1] == ("composite",) else 1
        return f"{request.method} {'/'.join(request.path[:depth])}"

    def answer(self, request: Request) -> Reply:
        """Answer a call, with nobody else at work in the org; errors become replies."""
        with self._org.store.lock:
            try:
                return self.handle(request)
            except SalesforceError as error:
                return Reply(error.status, error.body())

    def handle(self, request: Request) -> Reply:
        """Answer a call.

        Raises:
            SalesforceError: it is refused.
        """
        for pattern, handlers in self._routes:
            arguments = _match(pattern, request.path)
            if arguments is None:
                continue
            method = request.query.get("_HttpMethod", request.method) if request.method == "POST" else request.method
            handler = handlers.get(method)
            if handler is None:
                allowed = ",".join(sorted({"HEAD", *handlers}))
                message = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
                raise refused("METHOD_NOT_ALLOWED", message)
            return handler(request, *arguments)
        raise not_found()

    def _resources(self, request: Request) -> Reply:
        names = ("composite", "limits", "query", "queryAll", "sobjects")
        return Reply(200, {name: f"{request.root}/{name}" for name in names})

    def _limits(self, _: Request) -> Reply:
        return Reply(200, self._org.meter.limits())


def _match(pattern: tuple[str, ...], path: tuple[str, ...]) -> list[Any] | None:
    if len(pattern) != len(path):
        return None
    arguments = []
    for expected, segment in zip(pattern, path, strict=True):
        if expected == _ANY:
            arguments.append(segment)
        elif expected != segment:
            return None
    return arguments
