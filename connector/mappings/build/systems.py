"""systems/*.yaml: fulfillment systems, their interfaces, and the messages that they send us."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, cast

from connector.mappings.document import Kind, Node
from connector.mappings.draft import Draft, Made, entries_of, items_of, word
from connector.mappings.expression import Environment, Expression
from connector.mappings.placed import Gives
from connector.mappings.set import (
    PLAN,
    RESPONSE,
    AuthKind,
    ErrorRule,
    InboundEvent,
    Interface,
    RequestDefinition,
    System,
)
from connector.mappings.shapes import duration
from connector.model.failure import FailureClass

OK_BY_DEFAULT = "status >= 200 && status < 300"

_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "authorization", "te", "trailer", "upgrade"}
)
"""Headers that the connector or HTTP itself sets: naming them would break the request or leak credentials."""


def build(draft: Draft) -> None:
    """Build the systems."""
    for document in draft.documents["systems"]:
        name = document.get("system")
        if name is None or not name.is_scalar or name.text in draft.systems:
            draft.complete = False
            continue
        draft.systems[name.text] = Made(_system(draft, document, name.text), document)


def _system(draft: Draft, node: Node, name: str) -> System:
    interfaces = {}
    for key, value in entries_of(node.get("interfaces")):
        for usable in draft.usable((value,)):
            interfaces[key.text] = _interface(draft, name, key, usable)
            draft.interfaces[f"{name}.{key.text}"] = Made(interfaces[key.text], key)
    inbound = node.get("inbound")
    events = {}
    for key, value in entries_of(inbound and inbound.get("events")):
        for usable in draft.usable((value,)):
            events[key.text] = _event(draft, name, key, usable)
            draft.events[f"{name}.{key.text}"] = Made(events[key.text], key)
    auth, auth_name = _auth(node.get("auth"))
    limits = node.get("limits")
    return System(
        name=name,
        base_url=word(node, "base_url").removeprefix("${").removesuffix("}"),
        auth=auth,
        auth_name=auth_name,
        inbound_secret=word(inbound, "secret") if inbound is not None else "",
        concurrency=int(_limit(limits, "concurrency", 20)),
        per_second=_limit(limits, "per_second", 0) or None,
        max_response_bytes=int(_limit(limits, "max_response_bytes", 1_000_000)),
        interfaces=interfaces,
        events=events,
        source=node.source,
    )


def _auth(node: Node | None) -> tuple[AuthKind, str]:
    if node is None or not node.entries:
        return "none", ""
    kind, name = node.entries[0]
    return cast("AuthKind", kind.text), name.text


def _limit(node: Node | None, key: str, default: float) -> float:
    value = node.get(key) if node is not None else None
    plain = value.plain if value is not None else None
    return plain if isinstance(plain, (int, float)) else default


def _interface(draft: Draft, system: str, key: Node, node: Node) -> Interface:
    recall = node.get("recall")
    if recall is not None:
        draft.known(recall, draft.names.interfaces, "MAP036", "interface", word=f"{system}.{recall.text}")
        if recall.text == key.text:
            recall.report(draft.findings, "MAP041", "To call a request back is another request: this is the same.")
    response, timeout, retries = node.get("response"), node.get("timeout"), node.get("short_retries")
    idempotency = node.get("idempotency")
    request = node["request"]
    return Interface(
        name=key.text,
        system=system,
        request=_request(draft, request),
        ok=_optional(draft, response, "ok", RESPONSE, "condition") or RESPONSE.compile(OK_BY_DEFAULT, key.source),
        accepted=_optional(draft, response, "accepted", RESPONSE, "condition"),
        outputs=_outputs(draft, response),
        errors=tuple(
            ErrorRule(
                when=draft.expressions.scalar(entry["when"], RESPONSE, "condition"),
                failure_class=FailureClass(entry["class"].text),
                code=entry["code"].text,
                message=_optional(draft, entry, "message", RESPONSE),
                source=entry.source,
            )
            for entry in items_of(node.get("errors"))
        ),
        idempotency_header=_idempotency(draft, idempotency, request) if idempotency is not None else None,
        timeout=(duration(timeout.text) if timeout is not None else None) or timedelta(seconds=30),
        recall=recall.text if recall is not None else None,
        short_retries=int(retries.text) if retries is not None else 2,
        source=key.source,
    )


def _request(draft: Draft, node: Node) -> RequestDefinition:
    body = node.get("body")
    method = word(node, "method")
    for name, _ in entries_of(node.get("headers")):
        _header(draft, name)
    if body is not None and method == "GET":
        key = node.key("body")
        (key or body).report(draft.findings, "MAP016", "A GET request has no body.", hint="Use `query`.")
    return RequestDefinition(
        method=cast("Literal['GET', 'POST', 'PUT', 'PATCH', 'DELETE']", method),
        path=_path(draft, node["path"]),
        query=_all(draft, node.get("query"), PLAN),
        headers=_all(draft, node.get("headers"), PLAN),
        body=draft.expressions.tree(body, PLAN) if body is not None else None,
    )


def _path(draft: Draft, node: Node) -> Expression:
    path = draft.expressions.scalar(node, PLAN, "text")
    start = path.text.strip()
    if start[:1] in {'"', "'"} and start[1:2] != "/" and draft.expressions.of(path) is not None:
        node.report(draft.findings, "MAP013", "A path begins with `/`.", hint="The system's address is its base URL.")
    return path


def _header(draft: Draft, node: Node) -> None:
    if node.text.lower() in _OURS:
        hint = "Credentials are named under `auth`." if node.text.lower() == "authorization" else ""
        node.report(draft.findings, "MAP081", f"The connector sets the header `{node.text}` itself.", hint=hint)


def _idempotency(draft: Draft, node: Node, request: Node) -> str:
    header = node["header"]
    _header(draft, header)
    for name, _ in entries_of(request.get("headers")):
        if name.text.lower() == header.text.lower():
            name.report(draft.findings, "MAP081", f"The header `{name.text}` already carries the idempotency key.")
    return header.text


def _event(draft: Draft, system: str, key: Node, node: Node) -> InboundEvent:
    for name in ("ok", "code", "message"):
        written = node.key(name)
        if written is not None and node.get("item") is None:
            written.report(
                draft.findings,
                "MAP016",
                f"`{name}` means nothing for an event that names no item.",
                hint="Only a call-back (`item`) can fail an item.",
            )
    return InboundEvent(
        name=key.text,
        system=system,
        when=_optional(draft, node, "when", RESPONSE, "condition") or RESPONSE.compile("true", key.source),
        item=_optional(draft, node, "item", RESPONSE, "text"),
        order=_optional(draft, node, "order", RESPONSE, "text"),
        delivery=_optional(draft, node, "delivery", RESPONSE),
        outputs=_outputs(draft, node),
        ok=_optional(draft, node, "ok", RESPONSE, "condition"),
        code=_optional(draft, node, "code", RESPONSE),
        message=_optional(draft, node, "message", RESPONSE),
        source=key.source,
    )


def _outputs(draft: Draft, node: Node | None) -> Mapping[str, Expression]:
    return _all(draft, node.get("outputs") if node is not None else None, RESPONSE)


def _all(draft: Draft, node: Node | None, environment: Environment) -> dict[str, Expression]:
    return {
        name.text: draft.expressions.scalar(value, environment)
        for name, value in entries_of(node)
        if value.is_scalar and value.kind is not Kind.NULL
    }


def _optional(
    draft: Draft, node: Node | None, key: str, environment: Environment, gives: Gives = "anything"
) -> Expression | None:
    value = node.get(key) if node is not None else None
    return draft.expressions.scalar(value, environment, gives) if value is not None else None
