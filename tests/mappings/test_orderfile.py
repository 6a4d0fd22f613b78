"""Orders in JSON files."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.orderfile import OrderFile, OrderFileInvalid, read, write
from connector.model.ids import LineId, OrderId
from connector.model.order import Account, Action, InventoryItem, Order, OrderLine, Priority


def test_what_nobody_cares_to_write_has_defaults() -> None:
    made = read(
        '{"order": {"lines": [{"product": "A"}, {"product": "B", "parent": "1"}]}, "inventory": [{"product": "T", "scope_key": "s"}]}'
    )
    assert [(line.id, line.number, line.action, line.quantity, line.parent) for line in made.order.lines] == [
        ("1", "1", Action.ADD, 1, None),
        ("2", "2", Action.ADD, 1, "1"),
    ]
    assert (made.order.id, made.order.number, made.order.priority) == ("ORDER", "ORDER", Priority.DEFAULT)
    assert (made.inventory[0].account, made.inventory[0].status) == (made.order.account.id, "Active")


def test_an_order_may_stand_alone() -> None:
    assert read('{"lines": [{"product": "A"}]}') == read('{"order": {"lines": [{"product": "A"}]}}')


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('{"order": }', ["line 1, column 11: not JSON: Expecting value"]),
        ('{"order":\n {"lines": [,]}}', ["line 2, column 13: not JSON: Expecting value"]),
        ("", ["line 1, column 1: not JSON: Expecting value"]),
        ("[]", ['the file must hold an object: {"order": {…}, "inventory": […]}']),
        ("[" * 100_000, None),
        ('{"a": 1, "a": 2}', ["the key 'a' is written twice in one object"]),
        ('{"lines": [{"product": "\\ud800"}]}', ["a text in it holds half of a character (an unpaired surrogate)"]),
        ('{"lines": [{"product": "A", "quantity": NaN}]}', ["not JSON: NaN is no JSON number"]),
        ("{}", ["order: is missing"]),
        ('{"orde": {}}', ["order: is missing", "orde: there is no such key; did you mean 'order'?"]),
        ('{"lines": []}', ["order.lines: must not be empty"]),
        ('{"lines": [{}]}', ["order.lines[0].product: is missing"]),
        ('{"lines": {}}', ["order.lines: must be a list"]),
        ('{"lines": [7]}', ["order.lines[0]: must be an object"]),
        ('{"lines": [{"product": 7}]}', ["order.lines[0].product: must be text"]),
        ('{"lines": [{"product": "A", "acton": "Add"}]}', ["order.lines[0].acton: there is no such key; did you mean 'action'?"]),
        ('{"lines": [{"product": "A", "action": "Ad"}]}', ["order.lines[0].action: must be 'Add', 'Change', 'Disconnect' or 'NoChange'"]),
        ('{"lines": [{"product": "A", "quantity": "2"}]}', ["order.lines[0].quantity: must be a number"]),
        ('{"lines": [{"product": "A", "attributes": []}]}', ["order.lines[0].attributes: must be an object"]),
        ('{"lines": [{"product": "A"}], "priority": "high"}', ["order.priority: must be 'High', 'Default' or 'Bulk'"]),
        ('{"lines": [{"product": "A"}], "requested_at": "2026-03-31T09:00:00"}', ["order.requested_at: a time needs its zone, as in 2026-03-31T09:00:00Z"]),
        ('{"lines": [{"product": "A"}], "requested_at": 12}', ["order.requested_at: a time is text, as in 2026-03-31T09:00:00Z"]),
        ('{"lines": [{"product": "A"}], "account": {"nmae": "x"}}', ["order.account.nmae: there is no such key; did you mean 'name'?"]),
        ('{"order": {"lines": [{"product": "A"}]}, "inventory": [{"product": "T"}]}', ["inventory[0].scope_key: is missing"]),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(text: str, problems: list[str] | None) -> None:
    with pytest.raises(OrderFileInvalid) as refused:
        read(text)
    if problems is not None:
        assert list(refused.value.problems) == problems


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(OrderFileInvalid) as refused:
        read('{"lines": [{"product": 1}, {"product": "A", "action": "X"}], "priority": 3}')
    assert len(refused.value.problems) == 3


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(TEXTS, VALUES, max_size=2)
LINES = st.builds(
    OrderLine,
    id=TEXTS.map(LineId),
    number=TEXTS,
    product=TEXTS,
    action=st.sampled_from(Action),
    quantity=st.floats(0.1, 1e6),
    parent=st.none() | TEXTS.map(LineId),
    attributes=ATTRIBUTES,
    sub_action=st.sampled_from([None, "Suspend", "Resume"]),
    supersedes=st.none() | TEXTS.map(LineId),
    supplemental_action=st.sampled_from([None, "Add", "Amend", "Cancel", "NoChange"]),
    origin=st.none(),
)
ORDERS = st.builds(
    Order,
    id=TEXTS.map(OrderId),
    number=TEXTS,
    account=st.builds(Account, id=TEXTS, name=TEXTS, type=TEXTS, attributes=ATTRIBUTES),
    lines=st.lists(LINES, min_size=1, max_size=3).map(tuple),
    priority=st.sampled_from(Priority),
    requested_at=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    supersedes=st.none() | TEXTS.map(OrderId),
    supplemental_action=st.sampled_from([None, "Amend", "Cancel"]),
    follows=st.none() | TEXTS.map(OrderId),
    approved_by=st.none() | TEXTS,
    attributes=ATTRIBUTES,
)
INVENTORY = st.builds(
    InventoryItem, id=TEXTS, account=TEXTS, product=TEXTS, scope_key=TEXTS, attributes=ATTRIBUTES, status=TEXTS
)


@given(ORDERS, st.lists(INVENTORY, max_size=2).map(tuple))
def test_what_is_written_reads_as_the_same(order: Order, inventory: tuple[InventoryItem, ...]) -> None:
    content = OrderFile(order=order, inventory=inventory)
    assert read(write(content)) == content


@given(st.text(max_size=40) | VALUES.map(str))
def test_any_text_is_an_order_or_refused(text: str) -> None:
    try:
        content = read(text)
    except OrderFileInvalid:
        return
    assert content.order.lines
