"""Reads permission sets: what their holders may do with objects and fields, and their user permissions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from connector.localorg.schema.xml import read


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAccess:
    """What somebody may do with the records of one object."""

    read: bool = False
    create: bool = False
    edit: bool = False
    delete: bool = False

    def __or__(self, other: ObjectAccess) -> ObjectAccess:
        """Both together: permission sets only ever add."""
        return ObjectAccess(
            read=self.read or other.read,
            create=self.create or other.create,
            edit=self.edit or other.edit,
            delete=self.delete or other.delete,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSet:
    """One permission set. Objects by lower-case name, fields as lower-case `object.field`."""

    name: str
    label: str
    objects: dict[str, ObjectAccess]
    readable: frozenset[str]
    editable: frozenset[str]
    user_permissions: frozenset[str]


def read_permission_sets(folder: Path) -> tuple[PermissionSet, ...]:
    """All permission sets of a metadata folder."""
    return tuple(_read(file) for file in sorted(folder.glob("permissionsets/*.permissionset-meta.xml")))


def _read(file: Path) -> PermissionSet:
    root = read(file)
    name = file.name.partition(".")[0]
    fields = list(root.all("fieldPermissions"))
    return PermissionSet(
        name=name,
        label=root.text("label", name),
        objects={
            node.text("object").lower(): ObjectAccess(
                read=node.flag("allowRead"),
                create=node.flag("allowCreate"),
                edit=node.flag("allowEdit"),
                delete=node.flag("allowDelete"),
            )
            for node in root.all("objectPermissions")
        },
        readable=frozenset(node.text("field").lower() for node in fields if node.flag("readable")),
        editable=frozenset(node.text("field").lower() for node in fields if node.flag("editable")),
        user_permissions=frozenset(node.text("name") for node in root.all("userPermissions") if node.flag("enabled")),
    )
