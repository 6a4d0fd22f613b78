"""Deleting: the record goes to the recycle bin, with the records that cannot be without it."""

from __future__ import annotations

from dataclasses import dataclass

from connector.localorg.errors import refused
from connector.localorg.records.rules import demand_open_order
from connector.localorg.schema.model import Field, Kind, Schema, SObject
from connector.localorg.security import Actor
from connector.localorg.store.database import Record
from connector.localorg.store.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class Deletion:
    """One request to delete, with all that it takes along."""

    schema: Schema
    store: Store
    transaction: Transaction
    actor: Actor
    now: str

    def delete(self, sobject: SObject, record_id: str) -> None:
        """Delete a live record. Lookups to it are emptied; details go with it; a restricting lookup forbids it.

        Raises:
            SalesforceError: something forbids it.
        """
        self._demand_deletable(sobject, self.store.table(sobject.name).live[record_id])
        for child in self.schema:
            if child.kind in (Kind.EVENT, Kind.NAME):
                continue
            for field in child.fields.values():
                if sobject.name in field.to and self.store.table(child.name).indexed(field.name):
                    self._let_go(child, field, record_id)
        table = self.store.table(sobject.name)
        self.transaction.put(table, table.live[record_id] | self._stamps() | {"IsDeleted": True})

    def _let_go(self, child: SObject, field: Field, parent_id: str) -> None:
        table = self.store.table(child.name)
        for child_id in list(table.find(field.name, parent_id)):
            if field.on_delete == "restrict":
                message = f"Your attempt to delete the record could not be completed because {child_id} refers to it"
                raise refused("DELETE_FAILED", message, ())
            if field.on_delete == "cascade":
                self.delete(child, child_id)
            else:
                rest = {name: value for name, value in table.live[child_id].items() if name != field.name}
                self.transaction.put(table, rest | self._stamps())

    def _stamps(self) -> Record:
        return {"LastModifiedDate": self.now, "SystemModstamp": self.now, "LastModifiedById": self.actor.user_id}

    def _demand_deletable(self, sobject: SObject, record: Record) -> None:
        if sobject.name == "Order":
            demand_open_order(record)
        elif sobject.name == "OrderItem":
            orders = self.store.table("Order")
            order = orders.live[record["OrderId"]]
            demand_open_order(order)
            total = (order.get("TotalAmount") or 0.0) - record.get("TotalPrice", 0.0)
            self.transaction.put(orders, order | {"TotalAmount": total})
