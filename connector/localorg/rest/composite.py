"""`/composite` and `/composite/graph`: many requests in one call, later ones using what earlier ones answered.

Source: REST API Developer Guide, "Composite", "Composite Graph". Subrequests run in the order given; `@{ref.path}`
stands for a part of an earlier answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from connector.localorg.errors import SalesforceError, refused
from connector.localorg.org import Org
from connector.localorg.rest.message import Reply, Request

MOST = 25
"""Subrequests in one call."""

MOST_COLLECTIONS = 5
"""Of these, queries and collections."""

_REFERENCE = re.compile(r"@\{([^}]+)\}")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
MOST_GRAPHS = 75
MOST_NODES = 500
"""Graphs in one call, and subrequests in all of them."""

_ERROR = 400
"""HTTP statuses from here on are errors."""

_HALTED = "The transaction was rolled back since another operation in the same transaction failed."

Handle = Callable[[Request], Reply]


class Composite:
    """The composite resource. `handle` answers a subrequest as if it had come alone, errors as replies."""

    def __init__(self, org: Org, handle: Handle) -> None:
        self._org = org
        self._handle = handle

    def run(self, request: Request) -> Reply:
        """POST a composite request."""
        body = request.object()
        parts = _parts(body)
        _demand_few(parts)
        results, _ = self._run(request, parts, all_or_none=bool(body.get("allOrNone", False)))
        return Reply(200, {"compositeResponse": results})

    def graphs(self, request: Request) -> Reply:
        """POST composite graphs: each is done as a whole or not at all, whatever becomes of the others."""
        graphs = request.object().get("graphs")
        if not isinstance(graphs, list) or not graphs:
            raise refused("JSON_PARSER_ERROR", "graphs must be a list at [line:1, column:1]")
        if len(graphs) > MOST_GRAPHS or sum(len(_parts(graph)) for graph in graphs) > MOST_NODES:
            raise refused("LIMIT_EXCEEDED", f"No more than {MOST_GRAPHS} graphs with {MOST_NODES} nodes in one call")
        answers = []
        for graph in graphs:
            results, done = self._run(request, _parts(graph), all_or_none=True)
            response = {"compositeResponse": results}
            answers.append({"graphId": graph.get("graphId"), "graphResponse": response, "isSuccessful": done})
        return Reply(200, {"graphs": answers})

    def _run(
        self, request: Request, parts: list[dict[str, Any]], *, all_or_none: bool
    ) -> tuple[list[dict[str, Any]], bool]:
        """The results, and whether they stand."""
        answers: dict[str, Any] = {}
        results: list[dict[str, Any]] = []
        with self._org.store.transaction() as transaction:
            start = transaction.mark()
            for part in parts:
                results.append(self._part(request, part, answers))
                if all_or_none and results[-1]["httpStatusCode"] >= _ERROR:
                    transaction.undo(start)
                    return _undone(parts, results), False
        return results, True

    def _part(self, request: Request, part: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
        reference = str(part.get("referenceId", ""))
        if not reference or reference in answers:
            raise refused("INVALID_INPUT", f"The referenceId {reference!r} is missing or used twice")
        try:
            reply = self._handle(self._request(request, part, answers))
        except SalesforceError as error:
            reply = Reply(error.status, error.body())
        answers[reference] = reply
        return {
            "body": reply.body,
            "httpHeaders": dict(reply.headers),
            "httpStatusCode": reply.status,
            "referenceId": reference,
        }

    def _request(self, request: Request, part: dict[str, Any], answers: dict[str, Any]) -> Request:
        url = urlsplit(_filled(str(part.get("url", "")), answers))
        head, _, rest = url.path.removeprefix("/services/data/").partition("/")
        if not url.path.startswith("/services/data/v") or not re.fullmatch(r"v\d+\.\d", head):
            raise refused("INVALID_INPUT", f"The url {url.path} is not one of this API")
        sent = part.get("httpHeaders")
        headers = {name.lower(): str(value) for name, value in sent.items()} if isinstance(sent, dict) else {}
        return Request(
            method=str(part.get("method", "")).upper(),
            path=tuple(unquote(each) for each in rest.split("/") if each),
            version=float(head[1:]),
            actor=request.actor,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers=headers,
            parsed=_deeply_filled(part.get("body"), answers),
        )


def _parts(body: Any) -> list[dict[str, Any]]:
    parts = body.get("compositeRequest") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise refused("JSON_PARSER_ERROR", "compositeRequest must be a list of objects at [line:1, column:1]")
    return parts


def _demand_few(parts: list[Any]) -> None:
    if len(parts) > MOST:
        raise refused("LIMIT_EXCEEDED", f"Composite requests cannot have more than {MOST} subrequests")
    collections = sum(1 for part in parts if re.search(r"/(composite/sobjects|query|queryAll)\b", str(part.get("url"))))
    if collections > MOST_COLLECTIONS:
        message = f"Composite requests cannot have more than {MOST_COLLECTIONS} query or collection subrequests"
        raise refused("LIMIT_EXCEEDED", message)


def _undone(parts: list[dict[str, Any]], results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Only the subrequest that failed keeps its answer."""
    halted = refused("PROCESSING_HALTED", _HALTED).body()
    return [
        results[-1]
        if place == len(results) - 1
        else {
            "body": halted,
            "httpHeaders": {},
            "httpStatusCode": 400,
            "referenceId": part.get("referenceId"),
        }
        for place, part in enumerate(parts)
    ]


def _deeply_filled(value: Any, answers: dict[str, Any]) -> Any:
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        return _looked_up(whole[1], answers) if whole else _filled(value, answers)
    if isinstance(value, dict):
        return {name: _deeply_filled(each, answers) for name, each in value.items()}
    if isinstance(value, list):
        return [_deeply_filled(each, answers) for each in value]
    return value


def _filled(text: str, answers: dict[str, Any]) -> str:
    return _REFERENCE.sub(lambda match: str(_looked_up(match[1], answers)), text)


def _looked_up(expression: str, answers: dict[str, Any]) -> Any:
    """`ref.id`, `ref.records[0].Id`."""
    reference, _, path = expression.partition(".")
    reply = answers.get(reference)
    value: Any = reply.body if isinstance(reply, Reply) and reply.status < _ERROR else None
    for name, index in _STEP.findall(path):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            value = None
        if value is None:
            message = f"Invalid reference specified. No value for {expression} found in {reference}"
            raise refused("PROCESSING_HALTED", message)
    return value
