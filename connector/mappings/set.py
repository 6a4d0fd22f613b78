"""The compiled mapping set: everything that people wrote, as immutable data with compiled expressions.

Made only by `connector.mappings.load`, which has checked every name in it; whoever reads it may rely on
that. Two sets are equal when their `hash` is: it is computed from the content of the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from connector.mappings.calendar import Calendar
from connector.mappings.expression import NOWHERE, Environment, Expression, Source
from connector.mappings.policies import FalloutRow, Queue, RetryPolicy
from connector.mappings.salesforce import Intake, RecordMapping
from connector.mappings.timing import Alarm, Expected, Limits
from connector.model.failure import FailureClass
from connector.model.json import Json
from connector.model.mark import RecordKind
from connector.model.order import Action
from connector.model.states import ItemType

# -- where expressions may stand, and what each may use -------------------------------------------------

RULE = Environment("order", "line", "inventory")
"""Decomposition: `line` is the source line (commercial or technical), `inventory` the as-is attributes
of the account's item of the target product with the same scope key (empty when there is none)."""

PLAN = Environment("order", "line", "bundle", "item", "items", "now")
"""Scenarios, items and requests: `line` is the technical line, `item` the item itself, `bundle` the attributes of all
technical lines of the same root line, by product (`bundle["MSISDN"].number`), and in the expressions of items `items`
what has become of those that come before, by key (`items["credit-check"].outcome`)."""

EVENT = Environment("order", "line", "bundle", "item", "event")
"""Matching of external events: `event` is what the system's event definition put out."""

RESPONSE = Environment("status", "headers", "body")
"""Answers and inbound messages: header names are in lower case."""

WRITEBACK = Environment("order", "plan", "item", "line", "source", "request", "fallout", "inventory", "command", "now")
"""Fields of Salesforce records; which of the variables exist depends on the kind of record."""


# -- products -------------------------------------------------------------------------------------------


class Scope(StrEnum):
    """What technical lines are merged by, and what an item has one instance for."""

    LINE = "line"
    BUNDLE = "bundle"
    ORDER = "order"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeDefinition:
    """One attribute of a product. `merge` says what becomes of it when lines are merged."""

    name: str
    type: Literal["string", "integer", "number", "boolean", "date", "datetime", "object", "list", "any"] = "any"
    required: bool = False
    default: Json = None
    values: tuple[Json, ...] = ()
    merge: Literal["first", "last", "sum", "max", "list", "error"] = "first"
    compare: bool = True
    """False: a different value alone doesn't make a line Change."""
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A commercial or technical product. `classes` is its class and that class's ancestors, nearest first.

    `attributes` includes what the classes define. `fulfillment` is False when its order lines need none.
    """

    code: str
    name: str
    kind: Literal["commercial", "technical"]
    classes: tuple[str, ...] = ()
    attributes: Mapping[str, AttributeDefinition] = field(default_factory=dict)
    fulfillment: bool = True
    scope: Scope = Scope.LINE
    scope_key: Expression | None = None
    """Merges by this CEL key (RULE) instead of by `scope`."""
    quantity: Literal["one", "sum", "max"] = "one"
    request: str = ""
    """The fulfillment request (domain) that its technical lines are grouped into."""
    source: Source = NOWHERE


# -- decomposition --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """How an attribute gets its value: an expression, or a lookup in a list by the value of one.

    `default` is used when the expression's attribute is absent or the list has no such key.
    """

    expression: Expression
    list: str | None = None
    default: Json = None
    has_default: bool = False
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A decomposition rule: a source product (code, or class) becomes a technical product.

    Rules of a product run in the order of (priority, id). Of the rules with the same `xor` group that
    match a line, only the first fires.
    """

    id: str
    products: frozenset[str]
    """Codes of every product that it takes: the one named, or all of the class named."""
    written_from: str
    target: str
    when: Expression | None = None
    priority: int = 100
    xor: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    required: bool = False
    """That what it waits for never comes is fallout; else it is only told."""
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Which plan definition a line of a product gets, for which actions, when.

    Of the scenarios of a product all that match apply, those of the product itself before those of its
    classes; a scenario of the product with the same plan replaces the one of a class.
    """

    id: str
    products: frozenset[str]
    written_for: str
    actions: frozenset[Action]
    plan: str
    when: Expression | None = None
    source: Source = NOWHERE


# -- plans ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """An item that must be final first: inside the definition, or (`scope`) anywhere in that scope. With `at_start`
    it is enough that it has begun.

    `plan` narrows a dependency across definitions to one of them. A dependency across definitions on
    an item that the order's plan does not have is no dependency.
    """

    key: str
    scope: Scope | None = None
    plan: str | None = None
    at_start: bool = False
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Asking a system again and again how far an accepted callout is.

    The waits between the questions grow by `factor` up to `longest`. The answer (RESPONSE) tells: done, when `until`
    holds; failed, when `fails` does; else not yet, when the answer is ok. `most_failures` questions in a row without
    a usable answer are a matter for people.
    """

    interface: str
    every: timedelta
    until: Expression
    fails: Expression | None = None
    factor: float = 1.0
    longest: timedelta | None = None
    most_failures: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What completes an asynchronous callout, or an event item: an event of a system, within a time; a callout also
    the answer to a question, whichever comes first.

    `on` is `system.event` (empty: only questions complete it); `match` (EVENT) chooses among the items that wait for
    it; without it, any.
    """

    on: str = ""
    match: Expression | None = None
    within: timedelta | None = None
    poll: Poll | None = None

    @property
    def awaited(self) -> str:
        """For people: what is waited for."""
        asked = f"{self.poll.interface} to say that it is done" if self.poll is not None else ""
        return " or ".join(each for each in (self.on, asked) if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field that the person who completes a manual task fills in; it becomes an output."""

    name: str
    label: str
    type: Literal["string", "integer", "number", "boolean", "date"] = "string"
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDefinition:
    """One item of a plan definition. Which fields mean something depends on `type`."""

    key: str
    plan: str
    type: ItemType
    name: str
    scope: Scope = Scope.LINE
    after: tuple[Dependency, ...] = ()
    when: Expression | None = None
    """PLAN; false: the item is skipped."""
    skip_branch: bool = False
    """What comes after a skipped item and after nothing else is skipped as well."""
    interface: str | None = None
    """callout: `system.interface`."""
    completes: Completion | None = None
    """callout: asynchronous, completed by this event. event: what it waits for."""
    queue: str | None = None
    """manual: whose task it is."""
    instructions: Expression | None = None
    """manual: text for the person (PLAN)."""
    outcomes: tuple[str, ...] = ()
    """manual: what the person may choose; empty: just done."""
    failing_outcomes: tuple[str, ...] = ()
    """manual: the outcomes of `outcomes` that make the item fail for good (such as `Declined`)."""
    form: tuple[FormField, ...] = ()
    duration: timedelta | None = None
    """timer: how long."""
    until: Expression | None = None
    """timer: until when (PLAN; ISO 8601 text or a timestamp)."""
    task: Literal["assetize", "set"] | None = None
    """auto: which built-in task."""
    sets: Mapping[str, Expression] = field(default_factory=dict)
    """auto `set`: attributes of the technical line (PLAN)."""
    subplan: str | None = None
    """subplan: the plan definition of its items."""
    for_each: Expression | None = None
    """subplan: an instance for each element of this list (PLAN), which its items see as `item.each`."""
    collect: str | None = None
    """subplan with `for_each`: the attribute that gets the outputs of the instances, as a list."""
    ponr: Literal["soft", "hard"] | None = None
    penalty: str = ""
    """What it costs to pass a soft point of no return."""
    reacts_to: frozenset[str] | None = None
    """The changes that touch it: `attribute`, `PRODUCT.attribute` in the same bundle, `order.attribute`; None: every
    change of its lines."""
    on_cancel: str | None = None
    """The plan definition that takes back what it did."""
    on_amend: str | None = None
    """The plan definition that brings what it did to the new values."""
    expected: Expected | None = None
    """How long it is expected to take; of a timer, when that is not said exactly."""
    calendar: Calendar | None = None
    """In whose time its durations are."""
    not_before: Expression | None = None
    """The date and time that has to come before it starts (PLAN); null: any."""
    due: timedelta | None = None
    """manual: how soon it should be done."""
    limits: Limits | None = None
    """For how long it may run before people should know."""
    source: Source = NOWHERE

    @property
    def calls(self) -> tuple[str, ...]:
        """The interfaces that it calls: to do something, and to ask how far that is."""
        asked = self.completes.poll.interface if self.completes is not None and self.completes.poll else None
        return tuple(each for each in (self.interface, asked) if each is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDefinition:
    """A swimlane: the items that one line of a product (or a bundle, an order) gets."""

    name: str
    items: Mapping[str, ItemDefinition]
    source: Source = NOWHERE


def recall_plan(interface: str) -> str:
    """The name of the definition that calls back a request of this interface: one that nobody can write."""
    return f"recall {interface}"


# -- systems --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """What an answer that is not ok means: the first whose `when` (RESPONSE) holds decides."""

    when: Expression
    failure_class: FailureClass
    code: str
    message: Expression | None = None
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDefinition:
    """How a request is made (PLAN). `path` gives text that begins with `/`; segments from data are
    percent-encoded by the renderer through `path_segments`.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: Expression
    query: Mapping[str, Expression] = field(default_factory=dict)
    headers: Mapping[str, Expression] = field(default_factory=dict)
    body: Expression | None = None
    expressions: tuple[Expression, ...] = field(init=False, repr=False, compare=False)
    """All that it is made of."""

    def __post_init__(self) -> None:
        body = (self.body,) if self.body else ()
        made_of = (self.path, *self.query.values(), *self.headers.values(), *body)
        object.__setattr__(self, "expressions", made_of)  # the one way to set it: the rest of it never changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One operation of a system.

    `accepted` (RESPONSE) true: taken, the outcome comes later (only for items with `completes`; without
    the expression such an item takes HTTP 202 and every `ok` answer as accepted).
    """

    name: str
    system: str
    request: RequestDefinition
    ok: Expression
    accepted: Expression | None = None
    outputs: Mapping[str, Expression] = field(default_factory=dict)
    errors: tuple[ErrorRule, ...] = ()
    idempotency_header: str | None = None
    timeout: timedelta = timedelta(seconds=30)
    recall: str | None = None
    """The interface of the same system that calls back a request which was accepted."""
    short_retries: int = 2
    """Extra sendings inside one attempt, within about a second, after failures that surely had no effect."""
    source: Source = NOWHERE

    @property
    def full_name(self) -> str:
        """`system.interface`."""
        return f"{self.system}.{self.name}"

    @property
    def is_idempotent(self) -> bool:
        """Sending it twice has the effect of once."""
        return self.idempotency_header is not None or self.request.method in ("GET", "PUT", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """One kind of message that a system sends us at `POST /v1/inbound/{system}`.

    The first of the system's events whose `when` (RESPONSE, with the message as `body`) holds takes it.
    `item` gives the item's reference (a call-back); without one, `order` gives the order's id (an
    external event). `ok` false makes a call-back a failure, described by `code` and `message`.
    """

    name: str
    system: str
    when: Expression
    item: Expression | None = None
    order: Expression | None = None
    delivery: Expression | None = None
    outputs: Mapping[str, Expression] = field(default_factory=dict)
    ok: Expression | None = None
    code: Expression | None = None
    message: Expression | None = None
    source: Source = NOWHERE

    @property
    def full_name(self) -> str:
        """`system.event`."""
        return f"{self.system}.{self.name}"


AuthKind = Literal["none", "basic", "bearer", "oauth2", "header"]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A fulfillment system. Its address and secrets come from settings, named here, never held here.

    `base_url` is the name of a setting (`${NETWORK_URL}` gives `NETWORK_URL`); `auth_name` names the
    credentials of kind `auth` in the settings, `inbound_secret` the HMAC secret of its messages to us.
    """

    name: str
    base_url: str
    auth: AuthKind = "none"
    auth_name: str = ""
    inbound_secret: str = ""
    concurrency: int = 20
    per_second: float | None = None
    max_response_bytes: int = 1_000_000
    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    events: Mapping[str, InboundEvent] = field(default_factory=dict)
    """In the order in which they were written."""
    source: Source = NOWHERE


# -- the set --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOn:
    """How orders follow each other."""

    patience: timedelta = timedelta(days=1)
    """How long an order waits for one that has not come before a person is told; it goes on waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSet:
    """Everything of one folder, checked and compiled."""

    name: str
    version: str
    hash: str
    timezone: str = "UTC"
    alarm: Alarm = field(default_factory=Alarm)
    products: Mapping[str, Product] = field(default_factory=dict)
    lists: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    """By source product code, each in the order in which they run."""
    scenarios: Mapping[str, tuple[Scenario, ...]] = field(default_factory=dict)
    """By product code."""
    plans: Mapping[str, PlanDefinition] = field(default_factory=dict)
    systems: Mapping[str, System] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    retry_policies: Mapping[str, RetryPolicy] = field(default_factory=dict)
    fallout: tuple[FalloutRow, ...] = ()
    fallout_queue: str = ""
    """Where fallout goes that no row speaks of, and that of orders as a whole."""
    follow_on: FollowOn = field(default_factory=FollowOn)
    intake: Intake = field(default_factory=lambda: Intake(order={}, lines={}, inventory={}))
    writeback: Mapping[RecordKind, RecordMapping] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """The text of every file, by its path inside the folder: what the hash is of, and what is stored."""
    memo: dict[str, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was worked out of the set, by whoever did; it never changes either."""

    def definition(self, plan: str, key: str) -> ItemDefinition:
        """The definition of one item."""
        return self.plans[plan].items[key]

    def outputs(self, item: ItemDefinition) -> Iterator[str]:
        """The attributes that an item of this definition may give to its technical line."""
        if item.collect is not None:
            yield item.collect
        elif item.subplan is not None:
            for inside in self.plans[item.subplan].items.values():
                yield from self.outputs(inside)
        yield from item.sets
        yield from (entry.name for entry in item.form)
        for called in item.calls:
            system, _, interface = called.partition(".")
            if system in self.systems and interface in self.systems[system].interfaces:
                yield from self.systems[system].interfaces[interface].outputs
        system, _, event = ((item.completes.on if item.completes is not None else None) or "").partition(".")
        if system in self.systems and event in self.systems[system].events:
            yield from self.systems[system].events[event].outputs

    def interface(self, name: str) -> Interface:
        """The interface of that full name (`system.interface`)."""
        system, _, interface = name.partition(".")
        return self.systems[system].interfaces[interface]
