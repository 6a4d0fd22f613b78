"""The order against the products: everything that is wrong with it, and the order as the rules may see it.

Absent and null are the same for a line that adds something: null is dropped, then defaults are filled
in, then what is required must be there. A line that changes, keeps or disconnects something need not
repeat what is installed: nothing is required of it and no default overrules the installed value. In a
Change line an explicit null means that the value is taken away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from connector.decomposition.scope import ASSET, MAX_KEY
from connector.decomposition.tables import Tables
from connector.decomposition.values import Unusable, allowed, fitted, plain, shown
from connector.mappings.set import AttributeDefinition, MappingSet, Product
from connector.model.failure import Problem
from connector.model.ids import LineId
from connector.model.json import Json, JsonObject
from connector.model.order import Action, Order, OrderLine

_MOST_SUGGESTIONS = 25
"""Names of so many unknown products are compared with the known ones; looking for likeness is slow."""

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The order with usable values, defaults and sound parent links; what was wrong with it."""

    order: Order
    labels: Mapping[LineId, str]
    """How each line is called to people: `line 2`."""
    sound: frozenset[LineId]
    """The lines without a problem of their own: only these are decomposed."""
    problems: tuple[Problem, ...]


def prepare(order: Order, mapping_set: MappingSet) -> Prepared:
    """Check the order's lines, values and links, all of them; fill in the commercial defaults."""
    return _Check(order, mapping_set).run()


class _Check:
    def __init__(self, order: Order, mapping_set: MappingSet) -> None:
        self._order = order
        self._set = mapping_set
        self._problems: list[Problem] = []
        self._unsound: set[LineId] = set()
        self._suggested: dict[str, str] = {}
        self._tables = Tables.of(mapping_set)
        self._labels: dict[LineId, str] = {}

    def run(self) -> Prepared:
        lines = self._each_once()
        if not lines:
            self._problem("EMPTY_ORDER", "The order has no lines.", hint="Add a line, or don't activate the order.")
        self._labels = _labels(lines)
        by_id = {line.id: self._line(line) for line in lines}
        self._parents(by_id)
        self._actions_in_bundles(by_id)
        self._assets(by_id)
        order, account = self._order, self._order.account
        attributes = self._usable(order.attributes, "order")
        if account.attributes:
            account = replace(account, attributes=self._usable(account.attributes, "account"))
        order = replace(order, lines=tuple(by_id.values()), attributes=attributes, account=account)
        return Prepared(
            order=order,
            labels=self._labels,
            sound=frozenset(by_id.keys() - self._unsound),
            problems=tuple(self._problems),
        )

    def _problem(self, code: str, message: str, *, where: str = "", hint: str = "", source: str = "") -> None:
        self._problems.append(Problem(code=code, message=message, where=where, hint=hint, source=source))

    def _line_problem(self, line: OrderLine, code: str, message: str, *, hint: str = "", source: str = "") -> None:
        self._unsound.add(line.id)
        where = f"{self._labels.get(line.id, line.id)} ({line.product})"
        self._problem(code, message, where=where, hint=hint, source=source)

    def _each_once(self) -> list[OrderLine]:
        lines: dict[LineId, OrderLine] = {}
        for line in self._order.lines:
            if line.id in lines:
                self._problem(
                    "DUPLICATE_LINE",
                    f"The line id {line.id} is there twice.",
                    where=f"line {line.number} ({line.product})",
                )
            else:
                lines[line.id] = line
        return list(lines.values())

    # -- one line -------------------------------------------------------------------------------------

    def _line(self, line: OrderLine) -> OrderLine:
        attributes = self._usable(line.attributes, line)
        if not (math.isfinite(line.quantity) and line.quantity > 0):
            self._line_problem(line, "WRONG_QUANTITY", f"The quantity is {line.quantity:g}; it must be above zero.")
            line = replace(line, quantity=1)
        if line.sub_action is not None and line.action is not Action.CHANGE:
            self._line_problem(
                line,
                "WRONG_ACTION",
                f"{line.sub_action} is no sub-action of {line.action}.",
                hint="Sub-actions (Suspend, Resume) belong to lines with the action Change.",
            )
        product = self._set.products.get(line.product)
        if product is None:
            self._line_problem(
                line,
                "UNKNOWN_PRODUCT",
                f"The mapping set has no product {line.product!r}.",
                hint=self._like(line.product),
            )
        elif product.kind == "technical":
            self._line_problem(
                line,
                "TECHNICAL_PRODUCT",
                "A technical product can't be ordered.",
                hint="Order the commercial product that it comes from.",
                source=str(product.source),
            )
        else:
            attributes = self._attributes(line, product, attributes)
        return replace(line, attributes=attributes)

    def _usable(self, attributes: JsonObject, where: OrderLine | str) -> JsonObject:
        usable: dict[str, Json] = {}
        for name, value in attributes.items():
            try:
                plain(name)
                usable[name] = plain(value)
            except Unusable as reason:
                message = f"The value of {shown(name.encode(errors='replace').decode())} can't be used: {reason}."
                if isinstance(where, str):
                    self._problem("UNUSABLE_VALUE", message, where=where)
                else:
                    self._line_problem(where, "UNUSABLE_VALUE", message)
        return usable

    def _like(self, code: str) -> str:
        if code not in self._suggested:
            known = self._tables.sellable if len(self._suggested) < _MOST_SUGGESTIONS else ()
            close = get_close_matches(code, known, n=1)
            self._suggested[code] = f"Did you mean {close[0]}?" if close else ""
        return self._suggested[code]

    def _attributes(self, line: OrderLine, product: Product, given: JsonObject) -> JsonObject:
        taken: dict[str, Json] = {}
        for name, value in given.items():
            definition = product.attributes.get(name)
            if definition is None:
                self._undefined(line, product, name, value)
            elif value is not None:
                taken[name] = self._fitted(line, definition, value)
                continue
            if value is not None or line.action is Action.CHANGE:
                taken[name] = value
        if line.action is Action.ADD:
            for name, default in self._tables.needs[product.code].defaults.items():
                taken.setdefault(name, default)
        self._require(line, product, taken)
        return taken

    def _require(self, line: OrderLine, product: Product, taken: JsonObject) -> None:
        for definition in self._tables.needs[product.code].required:
            name = definition.name
            if self._is_missing(line, name, taken):
                self._line_problem(
                    line,
                    "MISSING_ATTRIBUTE",
                    f"The mandatory attribute {name} is missing.",
                    hint=_choice(definition),
                    source=str(definition.source),
                )

    @staticmethod
    def _is_missing(line: OrderLine, name: str, taken: JsonObject) -> bool:
        if line.action is Action.ADD:
            return name not in taken and line.attributes.get(name) is None  # unusable is not missing
        return name in taken and taken[name] is None

    def _fitted(self, line: OrderLine, definition: AttributeDefinition, value: Json) -> Json:
        try:
            value = fitted(value, definition.type)
        except Unusable as reason:
            self._line_problem(
                line,
                "WRONG_TYPE",
                f"{definition.name}: {reason}.",
                hint=_choice(definition),
                source=str(definition.source),
            )
            return value
        if not allowed(value, definition.values):
            self._line_problem(
                line,
                "NOT_ALLOWED",
                f"{definition.name} can't be {shown(value)}.",
                hint=_choice(definition),
                source=str(definition.source),
            )
        return value

    def _undefined(self, line: OrderLine, product: Product, name: str, value: Json) -> None:
        if name == ASSET:
            if value is not None and not (isinstance(value, str) and 0 < len(value) <= MAX_KEY):
                self._line_problem(
                    line, "WRONG_TYPE", f"{ASSET} is {shown(value)}, not the text that names an installed asset."
                )
        elif product.attributes and name not in self._tables.everywhere:
            close = get_close_matches(name, [*product.attributes, ASSET], n=1)
            self._line_problem(
                line,
                "UNKNOWN_ATTRIBUTE",
                f"The product has no attribute {name!r}.",
                hint=f"Did you mean {close[0]}?" if close else f"It has {', '.join(product.attributes)}.",
                source=str(product.source),
            )

    # -- lines among each other -----------------------------------------------------------------------

    def _parents(self, lines: dict[LineId, OrderLine]) -> None:
        for line in tuple(lines.values()):
            if line.parent is not None and line.parent not in lines:
                self._line_problem(
                    line,
                    "UNKNOWN_PARENT",
                    f"Its parent line {line.parent} is not in the order.",
                    hint="Add the parent line (with the action NoChange if nothing changes there).",
                )
                lines[line.id] = replace(line, parent=None)
        for ring in _rings(lines):
            names = [self._labels[member] for member in ring[:_MOST_NAMED]]
            around = " → ".join([*names, *(["…"] if len(ring) > len(names) else []), names[0]])
            for member in ring:
                self._line_problem(lines[member], "PARENT_RING", f"Its parent lines form a ring: {around}.")
                lines[member] = replace(lines[member], parent=None)

    def _actions_in_bundles(self, lines: Mapping[LineId, OrderLine]) -> None:
        for line in lines.values():
            above = lines.get(line.parent) if line.parent is not None else None
            if above is not None and above.action is Action.DISCONNECT and line.action is not Action.DISCONNECT:
                self._line_problem(
                    line,
                    "WRONG_ACTION",
                    f"The action is {line.action}, but {self._labels[above.id]} above it is disconnected.",
                    hint="Disconnect this line too, or take it out of the bundle.",
                )

    def _assets(self, lines: Mapping[LineId, OrderLine]) -> None:
        first: dict[tuple[str, str], OrderLine] = {}
        for line in lines.values():
            asset = line.attributes.get(ASSET)
            if isinstance(asset, str):
                other = first.setdefault((line.product, asset), line)
                if other is not line:
                    self._line_problem(
                        line,
                        "DUPLICATE_ASSET",
                        f"The asset {asset} is that of {self._labels[other.id]} too.",
                        hint="One asset of a product can have one line in an order.",
                    )


def _labels(lines: Sequence[OrderLine]) -> dict[LineId, str]:
    """`line` and the line's number, or its id where the number is missing or not its own."""
    count: dict[str, int] = {}
    for line in lines:
        count[line.number] = count.get(line.number, 0) + 1
    return {line.id: f"line {line.number if line.number and count[line.number] == 1 else line.id}" for line in lines}


def _choice(definition: AttributeDefinition) -> str:
    if not definition.values:
        return ""
    return f"It can be {', '.join(shown(value) for value in definition.values[:10])}."


def _rings(lines: Mapping[LineId, OrderLine]) -> list[tuple[LineId, ...]]:
    """The rings among parent links, each from the member that comes first in the order."""
    rings: list[tuple[LineId, ...]] = []
    done: set[LineId] = set()
    for start in lines:
        path: dict[LineId, None] = {}
        current: LineId | None = start
        while current is not None and current not in done and current not in path:
            path[current] = None
            current = lines[current].parent
        if current is not None and current in path:
            members = list(path)
            rings.append(tuple(members[members.index(current) :]))
        done.update(path)
    return rings
