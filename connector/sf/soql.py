"""The queries that read orders and inventory, derived from the intake mapping: a field in it is a field read.

Ids are checked before they come here and field names are checked here, so nothing needs escaping.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from connector.errors import MappingError
from connector.mappings.salesforce import Intake, IntakeField

ORDER_OBJECT = "Order"
STATUS_CODE = "StatusCode"
"""Of the standard Order: `Draft` or `Activated`, whatever its Status is called."""

MAX_IDS = 200
"""Ids in one query: a query is part of an address, which may have 16,384 bytes."""

_NAME = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*", re.ASCII)
_ORDER_BY = re.compile(r"[A-Za-z][\w.]*(?:\s+(?:ASC|DESC))?(?:\s+NULLS\s+(?:FIRST|LAST))?", re.ASCII | re.IGNORECASE)


def order_query(intake: Intake, ids: Sequence[str]) -> str:
    """Orders with these ids, each with its lines."""
    fields = ["Id", *_paths(intake.order)]
    if intake.order_object == ORDER_OBJECT:
        fields.append(STATUS_CODE)
    lines = _select(["Id", *_paths(intake.lines)], _name(intake.lines_relationship))
    if intake.lines_order_by:
        lines += f" ORDER BY {_order_by(intake.lines_order_by)}"
    selected = ", ".join([*_unique(fields), f"({lines})"])
    return f"SELECT {selected} FROM {_name(intake.order_object)} WHERE Id IN ({_quoted(ids)})"  # noqa: S608 (all checked)


def inventory_query(intake: Intake, accounts: Sequence[str]) -> str:
    """The inventory of these accounts, in a stable order."""
    account = _name(intake.inventory_account)
    fields = ["Id", account, *_paths(intake.inventory)]
    return f"{_select(fields, _name(intake.inventory_object))} WHERE {account} IN ({_quoted(accounts)}) ORDER BY Id"


def in_groups(ids: Iterable[str]) -> list[list[str]]:
    """The ids, each once, in groups that fit one query."""
    unique = list(dict.fromkeys(ids))
    return [unique[start : start + MAX_IDS] for start in range(0, len(unique), MAX_IDS)]


def _select(fields: Sequence[str], source: str) -> str:
    return f"SELECT {', '.join(_unique(fields))} FROM {source}"  # noqa: S608 (checked)


def _paths(fields: Mapping[str, IntakeField]) -> list[str]:
    return [_name(field.path) for field in fields.values() if field.path]


def _unique(fields: Iterable[str]) -> list[str]:
    """Each field once: Salesforce refuses to select one twice, and doesn't mind case."""
    return list({field.lower(): field for field in reversed(list(fields))}.values())[::-1]


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise MappingError(f"{text!r} in the intake mapping is no field or object of Salesforce.")
    return text


def _order_by(text: str) -> str:
    if not all(_ORDER_BY.fullmatch(part.strip()) for part in text.split(",")):
        raise MappingError(f"{text!r} in the intake mapping is no order of lines.")
    return text


def _quoted(ids: Sequence[str]) -> str:
    return ",".join(f"'{record_id}'" for record_id in ids)
