"""The record store: whatever is written, undone and written again, the indexes and the file tell the same."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from connector.localorg import times
from connector.localorg.records.save import auto_number
from connector.localorg.schema.metadata import read_metadata
from connector.localorg.schema.model import Schema
from connector.localorg.store.database import Database, Record
from connector.localorg.store.store import Store, Transaction
from connector.localorg.store.table import Table

SCHEMA: Schema = read_metadata(None, lambda _: "a00").schema
PARENTS = ("001LO0000000001YAA", "001LO0000000002YAA", None)


class Undone(Exception):
    """Leaves a transaction on purpose."""


writes = st.tuples(
    st.sampled_from("abc"), st.sampled_from(["Acme", "ACME", "Other", None]), st.sampled_from(PARENTS), st.booleans()
)
steps = st.recursive(
    writes.map(lambda write: ("write", write)),
    lambda inner: st.tuples(st.sampled_from(["keep", "undo"]), st.lists(inner, max_size=4)),
    max_leaves=12,
)


def perform(store: Store, transaction: Transaction, step: object) -> None:
    """One write, or a nested transaction that is kept or undone."""
    match step:
        case ("write", (key, name, parent, deleted)):
            record: Record = {"Id": key, "Name": name, "ParentId": parent, "IsDeleted": deleted}
            transaction.put(store.table("Account"), {k: v for k, v in record.items() if v is not None})
        case (how, [*inner]):
            with suppress(Undone), store.transaction() as nested:
                for each in inner:
                    perform(store, nested, each)
                if how == "undo":
                    raise Undone


def model(step: object, state: dict[str, object]) -> dict[str, object]:
    """The same, on a plain dictionary."""
    match step:
        case ("write", (key, name, parent, deleted)):
            return state | {str(key): (name, parent, deleted)}
        case ("keep", [*inner]):
            for each in inner:
                state = model(each, state)
    return state


def seen(table: Table) -> dict[str, object]:
    both = table.live | table.deleted
    return {key: (row.get("Name"), row.get("ParentId"), row["IsDeleted"]) for key, row in both.items()}


def demand_true_indexes(table: Table) -> None:
    for name in ("acme", "other", "nobody"):
        holders = {key for key, row in table.live.items() if (row.get("Name") or "").casefold() == name}
        assert set(table.find("Name", name.upper())) == holders
    for parent in PARENTS[:2]:
        assert set(table.find("ParentId", parent)) == {
            key for key, row in table.live.items() if row.get("ParentId") == parent
        }
    assert not table.live.keys() & table.deleted.keys()


@given(st.lists(steps, max_size=6))
def test_memory_indexes_and_file_tell_the_same(plan: list[object]) -> None:
    with TemporaryDirectory() as folder:
        store = Store(Database(Path(folder)), times.now)
        store.open(SCHEMA)
        expected: dict[str, object] = {}
        for step in plan:
            with store.transaction() as transaction:
                perform(store, transaction, step)
            expected = model(step, expected)
            assert seen(store.table("Account")) == expected
            demand_true_indexes(store.table("Account"))
        store.database.close()
        again = Store(Database(Path(folder)), times.now)
        again.open(SCHEMA)
        assert seen(again.table("Account")) == expected
        demand_true_indexes(again.table("Account"))
        again.database.close()


def test_auto_numbers_know_the_date() -> None:
    assert auto_number("A-{YYYY}{YY}{MM}{DD}-{000}", 7, "2026-11-22T08:00:00.000+0000") == "A-2026261122-007"
    assert auto_number("{0}", 1234, "2026-11-22") == "1234"
