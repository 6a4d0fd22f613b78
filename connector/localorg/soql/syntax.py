"""What a query says, as data. Every name carries the place where it was written, for error messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Path:
    """A field, or a field of a parent: `Account.Owner.Name`. `at` is an offset into the text and no part of it."""

    names: tuple[str, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Call:
    """A function over a field: `COUNT(Id)`, `CALENDAR_YEAR(CreatedDate)`; `COUNT()` has no argument."""

    function: str
    argument: Path | None
    at: int = field(default=0, compare=False)


Operand = Path | Call


@dataclass(frozen=True, slots=True)
class Selected:
    """A selected field or function, with its alias."""

    what: Operand
    alias: str = ""


@dataclass(frozen=True, slots=True)
class FieldSet:
    """`FIELDS(ALL)`, `FIELDS(STANDARD)`, `FIELDS(CUSTOM)`."""

    which: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class DateLiteral:
    """`TODAY`, or `LAST_N_DAYS:7` with its number."""

    name: str
    number: int | None = None


LiteralKind = Literal["null", "boolean", "number", "string", "date", "datetime", "period"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. `value` is a Python value; for a period it is a `DateLiteral`."""

    kind: LiteralKind
    value: Any
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operand operator right`. The operator is upper case; `IN` takes constants or a query."""

    left: Operand
    operator: str
    right: Constant | tuple[Constant, ...] | Query


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Conditions joined by AND."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Conditions joined by OR."""

    conditions: tuple[Condition, ...]


Condition = Comparison | Not | All | AnyOf


@dataclass(frozen=True, slots=True)
class Order:
    """One term of ORDER BY. `nulls_first` is None where the query does not say."""

    by: Operand
    descending: bool = False
    nulls_first: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One SELECT. In a child subquery, `source` is the name of the relationship."""

    select: tuple[Selected | FieldSet | Query, ...]
    source: str
    at: int = field(default=0, compare=False)
    where: Condition | None = None
    group_by: tuple[Operand, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
