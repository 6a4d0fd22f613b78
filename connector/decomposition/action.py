"""The action of a technical line: what is installed against what should be.

    wanted by the lines     installed                     not installed
    all Disconnect          Disconnect                    Disconnect
    else any Add            Change if it differs,         Add
                            else NoChange
    else any Change         the same (and Change for a    Add if the asset is known to the inventory,
                            sub-action in any case)       else Change
    all NoChange            the same                      NoChange

What the order line said decides only where nothing is installed to compare with. Attributes that opted
out (`compare: false`) take their new value but don't by themselves make a Change. An installed item from
before an attribute existed counts as having the attribute's default.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from connector.decomposition.values import same
from connector.mappings.set import Product
from connector.model.json import Json, JsonObject
from connector.model.order import Action
from connector.model.technical import AttributeChange


def wanted(actions: Iterable[Action]) -> Action:
    """What several sources want together: anything that stays outweighs a Disconnect."""
    found = set(actions)
    for action in (Action.ADD, Action.CHANGE, Action.NO_CHANGE):
        if action in found:
            return action
    return Action.DISCONNECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The action of a technical line, its attributes, what changes, and why."""

    action: Action
    attributes: JsonObject
    changes: Mapping[str, AttributeChange]
    reason: str


def compare(
    product: Product,
    want: Action,
    *,
    as_is: JsonObject | None,
    given: Mapping[str, Json],
    cleared: Collection[str],
    asset_known: bool,
    sub_action: bool,
) -> Comparison:
    """Compare what is installed (`as_is`, None: nothing) with what the rules gave and took away."""
    defaults = {name: each.default for name, each in product.attributes.items() if each.default is not None}
    if want is Action.DISCONNECT:
        if as_is is None:
            return Comparison(
                action=want,
                attributes={**defaults, **given},
                changes={},
                reason="all its lines are disconnected; nothing is installed, so the values are those of the rules",
            )
        return Comparison(
            action=want,
            attributes={**defaults, **given, **as_is},
            changes={},
            reason="all its lines are disconnected; the values are the installed ones",
        )
    if as_is is None:
        to_be = {**defaults, **given}
        if want is not Action.CHANGE:
            return Comparison(action=want, attributes=to_be, changes={}, reason="nothing is installed")
        if asset_known:
            return Comparison(
                action=Action.ADD,
                attributes=to_be,
                changes={},
                reason="the asset is installed, but this part of it is not yet",
            )
        return Comparison(
            action=want,
            attributes=to_be,
            changes={name: AttributeChange(old=None, new=value) for name, value in to_be.items()},
            reason="nothing is known to be installed, so the order line's action is followed",
        )
    kept = {name: value for name, value in as_is.items() if name not in cleared}
    to_be = {**defaults, **kept, **given}
    changes: dict[str, AttributeChange] = {}
    for name in to_be.keys() | as_is.keys():
        old, new = as_is.get(name, defaults.get(name)), to_be.get(name)
        if not same(old, new):
            changes[name] = AttributeChange(old=old, new=new)
    return _compared(product, to_be, dict(sorted(changes.items())), sub_action=sub_action)


def _compared(
    product: Product, to_be: JsonObject, changes: Mapping[str, AttributeChange], *, sub_action: bool
) -> Comparison:
    telling = [name for name in changes if name not in product.attributes or product.attributes[name].compare]
    if telling:
        return Comparison(
            action=Action.CHANGE,
            attributes=to_be,
            changes=changes,
            reason=f"the installed item differs in {', '.join(telling)}",
        )
    if sub_action:
        return Comparison(
            action=Action.CHANGE, attributes=to_be, changes=changes, reason="an order line has a sub-action"
        )
    reason = "the installed item has these values already"
    if changes:
        reason = f"the installed item differs only in what is not compared ({', '.join(changes)})"
    return Comparison(action=Action.NO_CHANGE, attributes=to_be, changes={}, reason=reason)
