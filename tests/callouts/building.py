"""Mapping sets, work and destinations, written as a test would tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connector.callouts.destination import Credentials, Destination
from connector.callouts.sender import CalloutSender
from connector.mappings.expression import Source
from connector.mappings.set import (
    PLAN,
    RESPONSE,
    AuthKind,
    ErrorRule,
    InboundEvent,
    Interface,
    MappingSet,
    RequestDefinition,
    System,
)
from connector.model.failure import FailureClass
from connector.model.ids import ItemNo, OrderId
from connector.model.json import Json
from connector.model.order import Priority
from connector.model.work import RenderedRequest, Work

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORDER = OrderId("801000000000001AAA")

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Error = tuple[str, FailureClass, str] | tuple[str, FailureClass, str, str]


def interface(
    *,
    system: str = "network",
    name: str = "reserve",
    method: Method = "POST",
    ok: str = "status >= 200 && status < 300",
    accepted: str | None = None,
    outputs: Mapping[str, str] | None = None,
    errors: Sequence[Error] = (),
    header: str | None = None,
    seconds: float = 10,
    short_retries: int = 2,
) -> Interface:
    return Interface(
        name=name,
        system=system,
        request=RequestDefinition(method=method, path=PLAN.compile('"/x"')),
        ok=RESPONSE.compile(ok, Source("systems/network.yaml", 7)),
        accepted=RESPONSE.compile(accepted, Source("systems/network.yaml", 8)) if accepted else None,
        outputs={
            key: RESPONSE.compile(text, Source("systems/network.yaml", 9)) for key, text in (outputs or {}).items()
        },
        errors=tuple(_error(*error) for error in errors),
        idempotency_header=header,
        timeout=timedelta(seconds=seconds),
        short_retries=short_retries,
    )


def _error(when: str, failure_class: FailureClass, code: str, message: str | None = None) -> ErrorRule:
    return ErrorRule(
        when=RESPONSE.compile(when, Source("systems/network.yaml", 11)),
        failure_class=failure_class,
        code=code,
        message=RESPONSE.compile(message, Source("systems/network.yaml", 12)) if message else None,
    )


def event(
    name: str,
    when: str,
    *,
    system: str = "warehouse",
    outputs: Mapping[str, str] | None = None,
    **expressions: str,
) -> InboundEvent:
    compiled = {key: RESPONSE.compile(text, Source("systems/warehouse.yaml", 5)) for key, text in expressions.items()}
    return InboundEvent(
        name=name,
        system=system,
        when=RESPONSE.compile(when),
        outputs={key: RESPONSE.compile(text) for key, text in (outputs or {}).items()},
        item=compiled.get("item"),
        order=compiled.get("order"),
        delivery=compiled.get("delivery"),
        ok=compiled.get("ok"),
        code=compiled.get("code"),
        message=compiled.get("message"),
    )


def system_with(*interfaces: Interface, auth: AuthKind = "none", **more: Any) -> System:
    name = interfaces[0].system if interfaces else "network"
    more.setdefault("name", name)
    return System(
        base_url=f"{name.upper()}_URL",
        auth=auth,
        auth_name="" if auth == "none" else name,
        interfaces={each.name: each for each in interfaces},
        **more,
    )


def mapping_set(*systems: System, hash: str = "h1") -> MappingSet:  # noqa: A002 - the field's name
    return MappingSet(name="test", version="1", hash=hash, systems={each.name: each for each in systems})


def sending(*interfaces: Interface, auth: AuthKind = "none", **more: Any) -> MappingSet:
    return mapping_set(system_with(*(interfaces or (interface(),)), auth=auth, **more))


def work(
    *,
    method: str = "POST",
    path: str = "/v1/reservations",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: Json = None,
    item: int = 7,
    epoch: int = 1,
    attempt: int = 1,
    name: str = "network.reserve",
    awaits_event: bool = False,
    priority: Priority = Priority.DEFAULT,
    order: str = ORDER,
    set_hash: str = "h1",
) -> Work:
    return Work(
        order=OrderId(order),
        item=ItemNo(item),
        epoch=epoch,
        attempt=attempt,
        interface=name,
        set_hash=set_hash,
        request=RenderedRequest(method=method, path=path, query=query or {}, headers=headers or {}, body=body),
        awaits_event=awaits_event,
        priority=priority,
    )


class Sleeper:
    """Stands in for sleeping: remembers how long it should have been."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def sender_to(
    url: str,
    credentials: Credentials | None = None,
    *,
    sleeper: Sleeper | None = None,
    **more: Any,
) -> CalloutSender:
    destination = Destination(base_url=url, credentials=credentials, **more)
    return CalloutSender(lambda _system: destination, clock=lambda: NOW, sleep=sleeper or Sleeper())
