"""Identifiers as types of their own, so that an order's id can't be passed where a line's is wanted."""

from __future__ import annotations

import re
from typing import NewType

OrderId = NewType("OrderId", str)
"""The Salesforce Id of the Order, always the 18-character form."""

LineId = NewType("LineId", str)
"""The Salesforce Id of the OrderItem, always the 18-character form."""

TechnicalLineNo = NewType("TechnicalLineNo", int)
"""Number of a technical line inside its order, from 1."""

ItemNo = NewType("ItemNo", int)
"""Number of an item inside its plan, from 1."""

WHOLE_ORDER = ItemNo(0)
"""In the place of an item's number: the order as a whole."""

CommandId = NewType("CommandId", str)
"""The Salesforce Id of a `Fulfillment_Command__c` record."""


LOCAL_COMMAND = "local-"
"""Begins the id of a command that has no record in Salesforce: it was given on the command line or through the API."""


def item_ref(order: OrderId, item: ItemNo) -> str:
    """Name an item to the outside world, for example `801xx0000000001AAA-7`.

    The same text is the external id of the item's record in Salesforce, and the start of the idempotency key.
    """
    return f"{order}-{item}"


def parse_item_ref(ref: str) -> tuple[OrderId, ItemNo]:
    """Take a reference made by `item_ref` apart.

    Raises:
        ValueError: the text is not such a reference.
    """
    order, separator, number = ref.rpartition("-")
    if not separator or not order or not number.isascii() or not number.isdigit():
        raise ValueError(f"not an item reference: {ref!r}")
    return OrderId(order), ItemNo(int(number))


def idempotency_key(order: OrderId, item: ItemNo, epoch: int) -> str:
    """Key of one logical attempt, for example `801xx0000000001AAA-7-1`: equal for every resend of it, new only
    when the item is begun anew after a definite answer (`epoch`, from 1).

    The same text is the reference that a fulfillment system gives back in a call-back.
    """
    return f"{order}-{item}-{epoch}"


def parse_attempt_ref(ref: str) -> tuple[OrderId, ItemNo, int | None]:
    """Take what a system gives back apart: an idempotency key, or an item's reference (without an epoch then).

    Raises:
        ValueError: the text is neither.
    """
    found = _ATTEMPT.fullmatch(ref)
    if found is None:
        raise ValueError(f"not a reference to an item or an attempt: {ref!r}")
    order, item, epoch = found.groups()
    return OrderId(order), ItemNo(int(item)), int(epoch) if epoch else None


_NUMBER = "[1-9][0-9]{0,9}"
_ATTEMPT = re.compile(f"([A-Za-z0-9_]{{1,40}})-({_NUMBER})(?:-({_NUMBER}))?")
