"""Two versions of one order: which line of the new one is the next version of which line of the old. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connector.decomposition.scope import ASSET, asset_of
from connector.model.ids import LineId
from connector.model.order import Order, OrderLine
from connector.model.technical import TechnicalLine

CANCEL = "Cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """The next version of an order, brought into the family of the present one."""

    order: Order
    """Its lines know the first version of theirs; lines that it cancels are left out."""
    of: Mapping[LineId, LineId]
    """New line → the line of the present version that it succeeds."""
    canceled: frozenset[LineId]
    """Lines of the new version that say of themselves that they are not wanted any more."""

    @property
    def into(self) -> Mapping[LineId, LineId]:
        """Line of the present version → the one that succeeds it."""
        return {old: new for new, old in self.of.items()}


def successor(present: Order, given: Order) -> Successor:
    """The supplemental order as the next version of the present one.

    An order that cancels has no lines, whatever it was given.
    """
    if given.supplemental_action == CANCEL:
        lines: tuple[OrderLine, ...] = ()
        dropped = frozenset(line.id for line in given.lines)
    else:
        dropped = _dropped(given.lines)
        lines = tuple(line for line in given.lines if line.id not in dropped)
    pairs = _pairs(present.lines, lines)
    olds = {line.id: line for line in present.lines}
    named = tuple(_named(line, olds[pairs[line.id]]) if line.id in pairs else line for line in lines)
    return Successor(order=replace(given, lines=named, family=present.first), of=pairs, canceled=dropped)


def _named(line: OrderLine, old: OrderLine) -> OrderLine:
    """The line with what makes it the next version of the old one: its origin, and its asset."""
    attributes = line.attributes
    if ASSET in old.attributes and attributes.get(ASSET) is None:
        attributes = {**attributes, ASSET: old.attributes[ASSET]}
    return replace(line, origin=old.origin or old.id, attributes=attributes)


def _dropped(lines: Sequence[OrderLine]) -> frozenset[LineId]:
    """Lines that are cancelled, with all below them."""
    dropped = {line.id for line in lines if line.supplemental_action == CANCEL}
    found = True
    while found:
        below = {line.id for line in lines if line.parent in dropped} - dropped
        dropped |= below
        found = bool(below)
    return frozenset(dropped)


def _pairs(olds: Sequence[OrderLine], news: Sequence[OrderLine]) -> dict[LineId, LineId]:
    """By what the new line names; by asset; else by being the only one of its product in its place."""
    pairs: dict[LineId, LineId] = {}
    by_id: dict[Hashable, LineId] = {line.origin: line.id for line in olds if line.origin}
    by_id.update((line.id, line.id) for line in olds)
    by_asset = _single(olds, asset_of)
    for known, name in ((by_id, _superseded), (by_asset, _asset)):
        taken = set(pairs.values())
        for line in news:
            old = known.get(name(line))
            if old is not None and old not in taken and line.id not in pairs:
                pairs[line.id] = old
                taken.add(old)
    while found := _only_ones(olds, news, pairs):
        pairs.update(found)
    return pairs


def _superseded(line: OrderLine) -> str | None:
    return line.supersedes


def _asset(line: OrderLine) -> str | None:
    named = line.attributes.get(ASSET)
    return named if isinstance(named, str) else None


def _only_ones(
    olds: Sequence[OrderLine], news: Sequence[OrderLine], pairs: Mapping[LineId, LineId]
) -> dict[LineId, LineId]:
    """Lines that are the only ones left of their product, below the same parent, on both sides."""
    taken = set(pairs.values())
    ids = {line.id for line in news}
    left = _single([line for line in olds if line.id not in taken], lambda line: (line.parent, line.product))
    waiting = [line for line in news if line.id not in pairs and (line.parent not in ids or line.parent in pairs)]
    mine = _single(waiting, lambda line: (pairs.get(line.parent) if line.parent else None, line.product))
    return {new: left[place] for place, new in mine.items() if place in left}


def _single(lines: Iterable[OrderLine], place: Callable[[OrderLine], Hashable]) -> dict[Hashable, LineId]:
    """The lines that are alone in their place."""
    found: dict[Hashable, LineId | None] = {}
    for line in lines:
        key = place(line)
        found[key] = None if key in found else line.id
    return {key: line for key, line in found.items() if line is not None}


# -- what two versions of a line differ in ------------------------------------------------------------


def differing(old: Mapping[str, object], new: Mapping[str, object]) -> set[str]:
    """The names of the attributes that have another value, or only one of the two has."""
    absent = object()
    return {name for name in old.keys() | new.keys() if old.get(name, absent) != new.get(name, absent)}


def technical_differences(old: TechnicalLine, new: TechnicalLine) -> set[str]:
    """What two versions of a technical line differ in: attributes, `quantity`, `action`."""
    names = differing(old.attributes, new.attributes)
    names |= {"quantity"} if old.quantity != new.quantity else set()
    return names | ({"action"} if old.action is not new.action else set())


def wished(old: OrderLine, new: OrderLine) -> set[str]:
    """What two versions of an order line differ in."""
    names = differing(old.attributes, new.attributes)
    own = ("product", "action", "quantity", "sub_action")
    return names | {name for name in own if getattr(old, name) != getattr(new, name)}
