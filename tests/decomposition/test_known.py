"""The numbers that items keep when an order is decomposed again."""

from __future__ import annotations

import pytest

from connector.decomposition.known import Known
from connector.model.ids import ItemNo
from connector.model.plan import Item
from connector.model.states import ItemState, ItemType


def item(no: int, state: ItemState) -> Item:
    return Item(no=ItemNo(no), definition="lane", key="x", type=ItemType.CALLOUT, scope_key="k", state=state)


@pytest.mark.parametrize(
    ("states", "known"),
    [
        ((ItemState.COMPLETED,), 1),
        ((ItemState.AMENDED,), 1),  # brought to the new values, not to be done again
        ((ItemState.AMENDED, ItemState.PENDING), 2),
        ((ItemState.AMENDED, ItemState.DISCARDED), None),
        ((ItemState.CANCELED,), None),
    ],
)
def test_of_items_that_are_the_same_the_newest_counts_while_it_does_something_or_has(
    states: tuple[ItemState, ...], known: int | None
) -> None:
    items = [item(no, state) for no, state in enumerate(states, 1)]
    found = Known.among([], items, {})
    assert found.items.get(("lane", "x", "k")) == known
    assert found.last_item == len(states)
