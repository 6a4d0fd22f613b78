"""Is the org ready for us? Signs in and compares what the mappings name with what the org has and allows.

Run before the connector starts: with an error among the findings it does not. Everything is found in one run, except
what can't be known before something else is mended, or while Salesforce is away. That keeps only the first start from
being made: an org that was found ready once still is, most likely, and there is work to do without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from connector.errors import ConnectorError, TransientError
from connector.mappings.salesforce import Intake, RecordMapping
from connector.mappings.set import MappingSet
from connector.sf import commands
from connector.sf.auth import TokenSource
from connector.sf.config import OrgConfig
from connector.sf.events import FULFILLMENT_COMMAND, ORDER_SUBMITTED
from connector.sf.failures import Refused
from connector.sf.org import Org
from connector.sf.reconcile import STATUS_FIELD, orders_query
from connector.sf.schema import FieldInfo, ObjectInfo, Schema

NOT_CHECKED = "NOT_CHECKED"
"""The code of the finding that Salesforce could not be asked."""

_EVENT_FIELDS = {ORDER_SUBMITTED: "Order_Id__c", FULFILLMENT_COMMAND: "Command_Id__c"}
_MANY_ORDERS = 200
_DEPLOY = "Deploy deploy/salesforce, and assign the permission set Order_Connector_Integration to the integration user."


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a person should look at. An `error` keeps the connector from starting."""

    level: Literal["error", "warning"]
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.level}: {self.message}" + (f" {self.hint}" if self.hint else "")


async def check_org(
    config: OrgConfig,
    org: Org,
    tokens: TokenSource,
    schema: Schema,
    sets: Sequence[MappingSet],
    *,
    first_start: bool = False,
) -> list[Finding]:
    """What stands in the way of working with this org, each finding once.

    At the first start many waiting orders are an error: they are more likely the past than a backlog.

    Raises:
        TransientError: at the first start, when Salesforce can't be asked now. Later that is a warning, `NOT_CHECKED`.
    """
    check = _Check(schema)
    try:
        await tokens.token()
        await check.events()
        await check.commands()
        for mapping_set in sets:
            await check.intake(mapping_set)
            for mapping in mapping_set.writeback.values():
                await check.writeback(mapping_set, mapping)
            await check.queues(mapping_set)
        if not check.findings:
            await check.waiting_orders(config, org, first_start=first_start)
    except TransientError as error:
        if first_start:
            raise
        check.add("warning", NOT_CHECKED, f"{error.message} Whether the org is ready is not known.", error.hint)
    except ConnectorError as error:
        check.add("error", error.code, error.message, error.hint)
    return list(dict.fromkeys(check.findings))


class _Check:
    """The findings, and the ways to them."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.findings: list[Finding] = []

    def add(self, level: Literal["error", "warning"], code: str, message: str, hint: str = "") -> None:
        self.findings.append(Finding(level=level, code=code, message=message, hint=hint))

    async def events(self) -> None:
        """The platform events that wake us exist, with the field that we read."""
        for topic, name in _EVENT_FIELDS.items():
            event = await self._object(topic.removeprefix("/event/"), "events")
            if event is not None:
                self._field(event, name, "events")

    async def commands(self) -> None:
        """Operators' commands can be read."""
        info = await self._object(commands.COMMAND_OBJECT, "commands")
        if info is not None:
            for path in commands.FIELDS:
                await self._path(info, path, "commands")

    async def intake(self, mapping_set: MappingSet) -> None:
        """Every field that the intake mapping reads exists and may be read."""
        intake, where = mapping_set.intake, f"{mapping_set.name}/intake.yaml"
        order = await self._object(intake.order_object, where)
        if order is not None:
            self._field(order, STATUS_FIELD, where)
            for field in intake.order.values():
                await self._path(order, field.path, where)
            await self._lines(order, intake, where)
        if intake.inventory_object:
            inventory = await self._object(intake.inventory_object, where)
            if inventory is not None:
                await self._path(inventory, intake.inventory_account, where)
                for field in intake.inventory.values():
                    await self._path(inventory, field.path, where)

    async def _lines(self, order: ObjectInfo, intake: Intake, where: str) -> None:
        child = order.children.get(intake.lines_relationship.lower())
        if child is None:
            self.add(
                "error",
                "RELATIONSHIP_MISSING",
                f"{where}: {order.name} has no child relationship {intake.lines_relationship}.",
                "For a custom relationship the name ends with __r.",
            )
            return
        lines = await self._object(child, where)
        if lines is not None:
            for field in intake.lines.values():
                await self._path(lines, field.path, where)

    async def writeback(self, mapping_set: MappingSet, mapping: RecordMapping) -> None:
        """Every field that a write-back mapping names exists and may be written."""
        where = f"{mapping_set.name}/writeback.yaml, {mapping.kind}"
        info = await self._object(mapping.object, where)
        if info is None:
            return
        if not info.updateable or (mapping.external_id and not info.createable):
            self.add(
                "error", "OBJECT_READ_ONLY", f"{where}: the integration user may not write {mapping.object}.", _DEPLOY
            )
        if mapping.external_id:
            self._identifier(info, mapping.external_id, where)
        for name in mapping.fields:
            relationship, dot, target = name.partition(".")
            if not dot:
                self._writable(self._field(info, name, where), info, where)
                continue
            lookup = info.lookup(relationship)
            if lookup is None:
                self.add(
                    "error", "RELATIONSHIP_MISSING", f"{where}: {info.name} has no lookup {relationship}.", _DEPLOY
                )
                continue
            self._writable(lookup, info, where)
            other = await self._object(lookup.targets[0], where) if lookup.targets else None
            if other is not None:
                self._identifier(other, target, where)

    async def queues(self, mapping_set: MappingSet) -> None:
        """Every queue that owns tasks or fallout exists."""
        for queue in mapping_set.queues.values():
            if await self._schema.queue(queue.developer_name) is None:
                self.add(
                    "error",
                    "QUEUE_MISSING",
                    f"{mapping_set.name}/queues.yaml: Salesforce has no queue {queue.developer_name}.",
                    "Make the queue in Setup, or deploy deploy/salesforce.",
                )

    async def waiting_orders(self, config: OrgConfig, org: Org, *, first_start: bool) -> None:
        """Orders of before our time are not taken by accident."""
        if config.orders_since is not None:
            return
        query = orders_query(config).replace("SELECT Id", "SELECT COUNT()").removesuffix(" ORDER BY Id")
        count = await org.count(query)
        if count > _MANY_ORDERS:
            self.add(
                "error" if first_start else "warning",
                "MANY_WAITING_ORDERS",
                f"{count:,} activated orders have no {STATUS_FIELD} and would all be taken into fulfillment.",
                "Set CONNECTOR_SALESFORCE__ORDERS_SINCE to the day from which on the connector takes orders.",
            )

    async def _object(self, name: str, where: str) -> ObjectInfo | None:
        try:
            return await self._schema.object(name)
        except Refused:
            self.add("error", "OBJECT_MISSING", f"{where}: the integration user sees no object {name}.", _DEPLOY)
            return None

    async def _path(self, info: ObjectInfo, path: str, where: str) -> None:
        """Follow a field path (`Account.Type`) to its end."""
        *steps, last = path.split(".")
        current = info
        for step in steps:
            lookup = current.lookup(step)
            if lookup is None or not lookup.targets:
                self.add(
                    "error",
                    "RELATIONSHIP_MISSING",
                    f"{where}: {current.name} has no lookup {step} (in {path}).",
                    _DEPLOY,
                )
                return
            following = await self._object(lookup.targets[0], where)
            if following is None:
                return
            current = following
        self._field(current, last, where)

    def _field(self, info: ObjectInfo, name: str, where: str) -> FieldInfo | None:
        field = info.field(name)
        if field is None:
            self.add(
                "error", "FIELD_MISSING", f"{where}: the integration user sees no field {name} of {info.name}.", _DEPLOY
            )
        return field

    def _writable(self, field: FieldInfo | None, info: ObjectInfo, where: str) -> None:
        if field is not None and not field.updateable:
            self.add(
                "error",
                "FIELD_READ_ONLY",
                f"{where}: the integration user may not write {info.name}.{field.name}.",
                _DEPLOY,
            )

    def _identifier(self, info: ObjectInfo, name: str, where: str) -> None:
        field = self._field(info, name, where)
        if field is not None and not field.external_id:
            self.add(
                "error",
                "NO_EXTERNAL_ID",
                f"{where}: {info.name}.{name} is no external id.",
                "Mark the field as an external id, and as unique.",
            )
