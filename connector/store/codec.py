"""Model ↔ JSON documents of rows. Only what differs from the default is written, so rows stay small."""

from __future__ import annotations

from dataclasses import fields

import msgspec
import orjson

from connector.errors import InvariantBroken
from connector.model.events import EVENT_TYPES, Event
from connector.model.failure import Failure, Problem
from connector.model.ids import ItemNo
from connector.model.json import JsonObject
from connector.model.order import Order
from connector.model.plan import Item, UnclaimedEvent
from connector.model.states import ItemType
from connector.model.technical import Explanation, TechnicalLine
from connector.model.work import RenderedRequest

SPEC_FIELDS = ("definition", "key", "type", "scope_key", "name", "line", "sources", "root", "after")
"""What never changes of an item; its number and state have columns of their own."""

_BLANK = Item(no=ItemNo(0), definition="", key="", type=ItemType.MILESTONE, scope_key="")
_PROGRESS_FIELDS = tuple(field.name for field in fields(Item) if field.name not in (*SPEC_FIELDS, "no", "state"))
_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in EVENT_TYPES}


def to_json(value: object) -> str:
    """A JSON document as PostgreSQL takes it: NUL, which it can't hold, becomes the replacement character."""
    return orjson.dumps(value).decode().replace("\\u0000", "\\ufffd")


def item_spec(item: Item) -> str:
    """The document of `items.spec`."""
    return to_json({name: getattr(item, name) for name in SPEC_FIELDS})


def item_progress(item: Item) -> str:
    """The document of `items.progress`."""
    values = ((name, getattr(item, name)) for name in _PROGRESS_FIELDS)
    return to_json({name: value for name, value in values if value != getattr(_BLANK, name)})


def item(no: int, spec: str, state: str, progress: str) -> Item:
    """An item from its row."""
    document = {"no": no, "state": state, **orjson.loads(spec), **orjson.loads(progress)}
    return msgspec.convert(document, Item)


def order(document: str) -> Order:
    """An order from `orders.document`."""
    return msgspec.json.decode(document, type=Order)


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


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The document of `orders.head`: what belongs to the plan as a whole and is not asked for by itself."""

    problems: tuple[Problem, ...] = ()
    unclaimed: tuple[UnclaimedEvent, ...] = ()


def head(body: str) -> Head:
    """The head from `orders.head`."""
    return msgspec.json.decode(body, type=Head)


def head_json(value: Head) -> str:
    """The document of a head."""
    return msgspec.json.encode(value).decode().replace("\\u0000", "\\ufffd")


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


def json_object(body: str) -> JsonObject:
    """A JSON object from a row."""
    document: JsonObject = orjson.loads(body)
    return document
