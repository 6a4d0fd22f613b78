"""The action of a technical line: what is installed against what should be.

    wanted by the lines     installed                     not installed
    all Disconnect          Disconnect                    Disconnect
    else any Add            Change if it differs,         Add
                            else NoChange
    else any Change         the same                      Add if the asset is known to the inventory,
                                                          else Change
    all NoChange            the same                      NoChange

Two things can't be compared and make an installed line that an Add or Change asks for a Change in any
case: a sub-action (Suspend, Resume), and a quantity that is added up (the inventory keeps none).

What the order line said decides only where nothing is installed to compare with. Attributes that opted
out (`compare: false`) take their new value but don't by themselves make a Change. An installed item from
before an attribute existed counts as having the attribute's default.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from connector.decomposition.values import same
from connector.mappings.set import Product
from connector.model.json import JsonObject
from connector.model.order import Action
from connector.model.technical import AttributeChange


def wanted(actions: Iterable[Action]) -> Action:
    """What several sources want together: anything that stays outweighs a Disconnect."""
    found = set(actions)
    for action in (Action.ADD, Action.CHANGE, Action.NO_CHANGE):
        if action in found:
            return action
    return Action.DISCONNECT


class Wish(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the lines and rules want of one technical line."""

    action: Action
    given: JsonObject
    """The attribute values of the rules."""
    cleared: Collection[str] = ()
    """The attributes that they take away."""
    asset_known: bool = False
    """The inventory has something of the asset."""
    sub_action: bool = False


class Comparison(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The action of a technical line, its attributes, what changes, and why."""

    action: Action
    reason: str
    attributes: JsonObject
    changes: Mapping[str, AttributeChange] = msgspec.field(default_factory=dict)


def compare(product: Product, defaults: JsonObject, wish: Wish, as_is: JsonObject | None) -> Comparison:
    """Compare what is wanted with the attributes of what is installed (None: nothing is).

    `defaults` are the values that the product's attributes have by themselves.
    """
    if wish.action is Action.DISCONNECT:
        if as_is is None:
            reason = "all its lines are disconnected; nothing is installed, so the values are those of the rules"
        else:
            reason = "all its lines are disconnected; the values are the installed ones"
        attributes = {**defaults, **wish.given, **(as_is or {})}
        return Comparison(action=wish.action, reason=reason, attributes=attributes)
    if as_is is None:
        return _without_installed(wish, {**defaults, **wish.given})
    kept = {name: value for name, value in as_is.items() if name not in wish.cleared}
    return _with_installed(product, wish, {**defaults, **as_is}, {**defaults, **kept, **wish.given})


def _without_installed(wish: Wish, to_be: JsonObject) -> Comparison:
    if wish.action is not Action.CHANGE:
        return Comparison(action=wish.action, reason="nothing is installed", attributes=to_be)
    if wish.asset_known:
        reason = "the asset is installed, but this part of it is not yet"
        return Comparison(action=Action.ADD, reason=reason, attributes=to_be)
    return Comparison(
        action=Action.CHANGE,
        reason="nothing of the asset is known to be installed, so the order line's action is followed",
        attributes=to_be,
        changes={name: AttributeChange(old=None, new=value) for name, value in to_be.items()},
    )


def _with_installed(product: Product, wish: Wish, as_is: JsonObject, to_be: JsonObject) -> Comparison:
    changes = {
        name: AttributeChange(old=as_is.get(name), new=to_be.get(name))
        for name in (*to_be, *(name for name in as_is if name not in to_be))
        if not same(as_is.get(name), to_be.get(name))
    }
    telling = [name for name in changes if name not in product.attributes or product.attributes[name].compare]
    if telling:
        reason = f"the installed item differs in {', '.join(telling)}"
    elif wish.sub_action:
        reason = "an order line has a sub-action"
    elif product.quantity != "one" and wish.action in (Action.ADD, Action.CHANGE):
        reason = "its quantity may change, which the inventory doesn't keep"
    else:
        reason = "the installed item has these values already"
        if changes:
            reason = f"the installed item differs only in what is not compared ({', '.join(changes)})"
        return Comparison(action=Action.NO_CHANGE, reason=reason, attributes=to_be)
    return Comparison(action=Action.CHANGE, reason=reason, attributes=to_be, changes=changes)
