"""What makes two contributions one technical line: the scope key.

    scope     key                                             found again by a later order
    line      the line's asset                                yes, by `assetId`
    bundle    the asset of the bundle's root line             yes, by the root's `assetId`
    order     the order's id                                  no: such a line is of this order alone
    account   the account's id                                yes
    CEL       the text of what `scope_key` gives              yes, when it gives the same text again

**The asset of an order line** is what its attribute `assetId` says, or else the id of the line itself.
So an Add line names the asset that it creates by its own id; the inventory keeps that as the scope key,
and the Change, NoChange or Disconnect line of a later order gives it back as `assetId`. An org that has
asset numbers of its own puts them into `assetId` from the first order on. Below a technical line its
scope key is handed down, so that every technical line of one asset carries the asset's name.
"""

from __future__ import annotations

from connector.decomposition.values import Unusable
from connector.mappings.set import Scope
from connector.model.ids import LineId
from connector.model.json import Json
from connector.model.order import Order, OrderLine

ASSET = "assetId"
"""The attribute by which an order line names the installed asset that it is about."""

MAX_KEY = 150
"""Longest scope key in characters: account, product and key together are an external id of 255."""


def asset_of(line: OrderLine) -> str:
    """The asset that a commercial line is about, in every version of the order the same."""
    named = line.attributes.get(ASSET)
    return named if isinstance(named, str) and named else line.origin or line.id


class Bundles:
    """Which bundle each commercial line is in; every parent link must be sound."""

    __slots__ = ("_assets", "roots")

    def __init__(self, order: Order) -> None:
        lines = {line.id: line for line in order.lines}
        self._assets = {line.id: asset_of(line) for line in order.lines}
        self.roots: dict[LineId, LineId] = {}
        """The root line of every line."""
        for line in order.lines:
            path: list[LineId] = []
            current = line
            while current.id not in self.roots and current.parent is not None:
                path.append(current.id)
                current = lines[current.parent]
            root = self.roots.setdefault(current.id, current.id)
            for below in path:
                self.roots[below] = root

    def asset(self, line: LineId) -> str:
        """The asset of a line."""
        return self._assets[line]


def key_by_scope(scope: Scope, *, own: str, bundle: str, order: str, account: str) -> str:
    """The key of a line whose own key is `own`, in the bundle whose root has the asset `bundle`."""
    if scope is Scope.LINE:
        return own
    if scope is Scope.BUNDLE:
        return bundle
    return order if scope is Scope.ORDER else account


def key_by_value(value: Json) -> str:
    """The key that a `scope_key` expression gave.

    Raises:
        Unusable: it can't be a key.
    """
    key = as_key(value)
    if not key:
        raise Unusable("it is empty")
    if len(key) > MAX_KEY:
        raise Unusable(f"it has {len(key)} characters; {MAX_KEY} is the limit")
    return key


def as_key(value: Json) -> str:
    """A value as text that can be compared and looked up: 5 and 5.0 give `5`, true gives `true`.

    Raises:
        Unusable: it is absent, a list or an object.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    raise Unusable("it is absent" if value is None else "it is neither a text nor a number")
