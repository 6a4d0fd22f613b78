"""Reads `standard.toml`: the standard objects, and the fields that every object has."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from connector.localorg.schema.draft import Draft
from connector.localorg.schema.model import Field, Kind, PicklistValue, Type

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_ADDRESS_PART = re.compile(r"(Billing|Shipping|Mailing)(Street|City|State|PostalCode|Country)")

_DEFAULT_LENGTH = {Type.PICKLIST: 255, Type.ID: 18, Type.REFERENCE: 18, Type.MULTIPICKLIST: 4099}


def standard_objects() -> dict[str, Draft]:
    """All standard objects by lower-case name, open for the metadata to add custom fields."""
    return {name.lower(): _draft(name, raw) for name, raw in _declared().items()}


@cache
def _declared() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("standard.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def system_fields(*, owner: bool) -> list[Field]:
    """Id, the four stamps of creation and change, SystemModstamp, IsDeleted, and OwnerId where there is an owner."""
    fixed: dict[str, Any] = {"create": False, "update": False, "open": True}
    user: dict[str, Any] = {"type": Type.REFERENCE, "to": ("User",), "length": 18} | fixed
    fields = [
        Field(name="Id", label="Record ID", type=Type.ID, length=18, **fixed),
        Field(name="IsDeleted", label="Deleted", type=Type.BOOLEAN, **fixed),
        Field(name="CreatedDate", label="Created Date", type=Type.DATETIME, **fixed),
        Field(name="CreatedById", label="Created By ID", relationship="CreatedBy", **user),
        Field(name="LastModifiedDate", label="Last Modified Date", type=Type.DATETIME, **fixed),
        Field(name="LastModifiedById", label="Last Modified By ID", relationship="LastModifiedBy", **user),
        Field(name="SystemModstamp", label="System Modstamp", type=Type.DATETIME, **fixed),
    ]
    if owner:
        fields.append(
            Field(
                name="OwnerId",
                label="Owner ID",
                type=Type.REFERENCE,
                length=18,
                to=("Group", "User"),
                relationship="Owner",
                open=True,
            )
        )
    return fields


def _draft(name: str, raw: dict[str, Any]) -> Draft:
    label = raw.get("label", _spaced(name))
    draft = Draft(
        name=name,
        label=label,
        plural=raw.get("plural", f"{label}s"),
        prefix=raw["prefix"],
        kind=Kind(raw.get("kind", "record")),
        access_from=raw.get("access_from", ""),
    )
    draft.add(*system_fields(owner=raw.get("owner", False)))
    for field_name, settings in raw["fields"].items():
        draft.add(_field(field_name, settings))
        if "set" in settings:
            draft.value_sets[field_name] = settings["set"]
    return draft


def _field(name: str, raw: dict[str, Any]) -> Field:
    kind = Type(raw["type"])
    auto = raw.get("auto", "")
    required = raw.get("required", False)
    writable = not auto
    return Field(
        name=name,
        label=raw.get("label", _spaced(name)),
        type=kind,
        length=raw.get("length", _DEFAULT_LENGTH.get(kind, 0)),
        precision=raw.get("precision", 0),
        scale=raw.get("scale", 0),
        values=_values(raw),
        restricted=raw.get("restricted", False),
        required=required,
        unique=raw.get("unique", False),
        external_id=raw.get("external_id", False),
        to=tuple(raw.get("to", ())),
        relationship=raw.get("relationship", ""),
        children=raw.get("children", ""),
        on_delete=raw.get("on_delete", "clear"),
        default=raw.get("default"),
        create=raw.get("create", writable),
        update=raw.get("update", writable),
        auto=auto,
        start=raw.get("start", 1),
        open=raw.get("open", required or bool(auto) or raw.get("name", False)),
        governed_by=_address(name),
        name_field=raw.get("name", False),
    )


def _address(name: str) -> str:
    """`BillingCity` → `BillingAddress`: field-level security knows addresses only as a whole."""
    part = _ADDRESS_PART.fullmatch(name)
    return f"{part[1]}Address" if part else ""


def _values(raw: dict[str, Any]) -> tuple[PicklistValue, ...]:
    names = raw.get("values", [])
    groups = raw.get("groups", [""] * len(names))
    return tuple(
        PicklistValue(value=name, label=name, group=group, default=name == raw.get("default"))
        for name, group in zip(names, groups, strict=True)
    )


def _spaced(name: str) -> str:
    return _WORD.sub(" ", name)
