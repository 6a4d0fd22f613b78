"""Model ↔ JSON documents of rows. Only what differs from the default is written, so rows stay small."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from connector.errors import InvariantBroken
from connector.model.events import EVENT_TYPES, Event
from connector.model.failure import Failure, Problem
from connector.model.following import Followed, Follower
from connector.model.forecast import Forecast
from connector.model.ids import TechnicalLineNo
from connector.model.json import Json, JsonObject
from connector.model.order import InventoryItem, Order
from connector.model.pauses import Pause
from connector.model.plan import Item, Plan, Told, UnclaimedEvent
from connector.model.revision import Revision, Version
from connector.model.states import ItemState, ItemType
from connector.model.technical import Explanation, ParkedRule, TechnicalLine
from connector.model.work import RenderedRequest


class ItemSpec(msgspec.Struct, omit_defaults=True):
    """The document of `items.spec`: what never changes of an item; its number and state have columns of their own."""

    definition: str
    key: str
    type: ItemType
    scope_key: str
    name: str = ""
    line: int | None = None
    sources: tuple[str, ...] = ()
    root: str | None = None
    after: tuple[int, ...] = ()
    undoes: int | None = None
    after_start: tuple[int, ...] = ()
    parent: int | None = None
    each: Json = None


class ItemProgress(msgspec.Struct, omit_defaults=True):
    """The document of `items.progress`: what changes of an item, as far as it is not as at the beginning."""

    epoch: int = 1
    attempts: int = 0
    request_epoch: int = 0
    outputs: JsonObject = msgspec.field(default_factory=dict)
    outcome: str | None = None
    failure: Failure | None = None
    waiting_for: str | None = None
    due_at: datetime | None = None
    queue: str | None = None
    instructions: str | None = None
    choices: tuple[str, ...] = ()
    fallouts: int = 0
    accepted: bool = False
    retold: bool = False
    ends_as: ItemState | None = None
    in_doubt: bool = False
    told: Told | None = None
    ready_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    branch_skipped: bool = False
    polled_from: datetime | None = None
    failed_polls: int = 0


_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in EVENT_TYPES}


def to_json(value: object) -> str:
    """A JSON document as PostgreSQL takes it: NUL, which it can't hold, becomes the replacement character."""
    return msgspec.json.encode(value).decode().replace("\\u0000", "\\ufffd")


def item_spec(item: Item) -> ItemSpec:
    """The document of `items.spec`."""
    return ItemSpec(
        item.definition,
        item.key,
        item.type,
        item.scope_key,
        item.name,
        item.line,
        item.sources,
        item.root,
        item.after,
        item.undoes,
        item.after_start,
        item.parent,
        item.each,
    )


def item_progress(item: Item) -> ItemProgress:
    """The document of `items.progress`."""
    return ItemProgress(
        item.epoch,
        item.attempts,
        item.request_epoch,
        item.outputs,
        item.outcome,
        item.failure,
        item.waiting_for,
        item.due_at,
        item.queue,
        item.instructions,
        item.choices,
        item.fallouts,
        item.accepted,
        item.retold,
        item.ends_as,
        item.in_doubt,
        item.told,
        item.ready_at,
        item.started_at,
        item.finished_at,
        item.branch_skipped,
        item.polled_from,
        item.failed_polls,
    )


_item = msgspec.json.Decoder(Item).decode


def item(no: int, spec: str, state: str, progress: str) -> Item:
    """An item from its row: the members of both documents and the columns are the fields of an item."""
    parts = (f'{{"no":{no},"state":"{state}"', spec.strip()[1:-1], progress.strip()[1:-1])
    return _item(f"{','.join(part for part in parts if part)}}}")


def order(document: str) -> Order:
    """An order from `orders.document`."""
    return msgspec.json.decode(document, type=Order)


def as_is(document: str | None) -> tuple[InventoryItem, ...]:
    """What was installed, from `orders.as_is`."""
    return msgspec.json.decode(document, type=tuple[InventoryItem, ...]) if document else ()


def technical_line(body: str) -> TechnicalLine:
    """A technical line from `technical_lines.body`."""
    return msgspec.json.decode(body, type=TechnicalLine)


def explanation(body: str) -> Explanation:
    """An explanation from `explanations.body`."""
    return msgspec.json.decode(body, type=Explanation)


def request(body: str) -> RenderedRequest:
    """A request from `work.request`."""
    return msgspec.json.decode(body, type=RenderedRequest)


def failure(body: str) -> Failure:
    """A failure from `fallouts.failure`."""
    return msgspec.json.decode(body, type=Failure)


def json_object(body: str | None) -> JsonObject | None:
    """An object from a column that may be empty, as `command_answers.result`."""
    return msgspec.json.decode(body, type=dict[str, Any]) if body is not None else None


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The document of `orders.head`: what belongs to the plan as a whole and is not asked for by itself."""

    problems: tuple[Problem, ...] = ()
    unclaimed: tuple[UnclaimedEvent, ...] = ()
    deliveries: tuple[str, ...] = ()
    versions: tuple[Version, ...] = ()
    revisions: tuple[Revision, ...] = ()
    blocked: Revision | None = None
    alarmed: bool = False
    forecast: Forecast | None = None
    pause: Pause | None = None
    parked: tuple[ParkedRule, ...] = ()
    late: Mapping[TechnicalLineNo, JsonObject] = msgspec.field(default_factory=dict)
    waits_for: tuple[Followed, ...] = ()
    followers: tuple[Follower, ...] = ()


def head_of(plan: Plan) -> Head:
    """The document of `orders.head`."""
    return Head(
        problems=plan.problems,
        unclaimed=plan.unclaimed,
        deliveries=plan.deliveries,
        versions=plan.versions,
        revisions=plan.revisions,
        blocked=plan.blocked,
        alarmed=plan.alarmed,
        forecast=plan.forecast,
        pause=plan.pause,
        parked=plan.parked,
        late=plan.late,
        waits_for=plan.waits_for,
        followers=plan.followers,
    )


def head(body: str) -> Head:
    """The head from `orders.head`."""
    return msgspec.json.decode(body, type=Head)


def event_kind(happened: Event) -> str:
    """The name that an event's row carries."""
    return type(happened).__name__


def event(kind: str, body: str) -> Event:
    """An event from its row.

    Raises:
        InvariantBroken: this release knows no such event.
    """
    event_type = _EVENTS.get(kind)
    if event_type is None:
        raise InvariantBroken(f"The inbox holds an event {kind!r}, which this release does not know.")
    return msgspec.json.decode(body, type=event_type)
