"""Who may do what: profiles and permission sets, down to fields. There are no sharing rules: all records are seen."""

from __future__ import annotations

from dataclasses import dataclass

from connector.localorg.errors import refused
from connector.localorg.schema.model import Field, Kind, SObject
from connector.localorg.schema.permissions import ObjectAccess, PermissionSet
from connector.localorg.store.store import Store

ADMINISTRATOR = "System Administrator"
"""Name of the profile that may do everything."""

INTEGRATION = "Minimum Access - API Only Integrations"
"""Name of the profile that may do nothing but what permission sets add."""

_ALL = ObjectAccess(read=True, create=True, edit=True, delete=True)
_READ = ObjectAccess(read=True)


class Access:
    """What one user may do. Made anew when permissions change."""

    def __init__(self, permission_sets: tuple[PermissionSet, ...], *, everything: bool = False) -> None:
        self.everything = everything
        self._sets = permission_sets
        self._objects: dict[str, ObjectAccess] = {}
        self._readable = frozenset[str]().union(*(each.readable for each in permission_sets))
        self._editable = frozenset[str]().union(*(each.editable for each in permission_sets))
        self._user_permissions = frozenset[str]().union(*(each.user_permissions for each in permission_sets))

    def object(self, sobject: SObject) -> ObjectAccess:
        """What the user may do with records of this object."""
        if self.everything:
            return _ALL
        if sobject.kind in (Kind.SETUP, Kind.NAME):
            return _READ
        name = sobject.name.lower()
        known = self._objects.get(name)
        if known is None:
            names = {name, sobject.access_from.lower()}
            known = ObjectAccess()
            for each in self._sets:
                for granted in names & each.objects.keys():
                    known |= each.objects[granted]
            self._objects[name] = known
        return known

    def reads(self, sobject: SObject, field: Field) -> bool:
        """Whether the user sees the field. Says nothing about the object."""
        return self.everything or _open(sobject, field) or _permission(sobject, field) in self._readable

    def edits(self, sobject: SObject, field: Field) -> bool:
        """Whether the user may fill the field in."""
        return self.everything or _open(sobject, field) or _permission(sobject, field) in self._editable

    def may(self, user_permission: str) -> bool:
        """Whether the user has a user permission such as `EditActivatedOrders`."""
        return self.everything or user_permission in self._user_permissions

    def demand(self, sobject: SObject, right: str) -> None:
        """Refuse unless the user may `create`, `edit` or `delete` records of this object."""
        granted = self.object(sobject)
        if not getattr(granted, right):
            if right == "create":
                message = f"entity type cannot be inserted: {sobject.label}"
                raise refused("INSUFFICIENT_ACCESS_OR_READONLY", message, ())
            raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", ())


def _permission(sobject: SObject, field: Field) -> str:
    return f"{sobject.name}.{field.governed_by or field.name}".lower()


def _open(sobject: SObject, field: Field) -> bool:
    return field.open or sobject.kind is not Kind.RECORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """On whose behalf something happens. `client` is what the caller names itself in `Sforce-Call-Options`."""

    user_id: str
    access: Access
    client: str = ""


class Security:
    """Users' access, worked out from their profile and permission set assignments, and remembered."""

    def __init__(self, store: Store, permission_sets: tuple[PermissionSet, ...]) -> None:
        self._store = store
        self._sets = {each.name: each for each in permission_sets}
        self._known: dict[str, Access] = {}

    def access(self, user_id: str) -> Access:
        """What this user may do."""
        known = self._known.get(user_id)
        if known is None:
            known = self._known[user_id] = self._work_out(user_id)
        return known

    def forget(self) -> None:
        """Assignments have changed."""
        self._known = {}

    def actor(self, user_id: str, client: str = "") -> Actor:
        """The user as the one who acts."""
        return Actor(user_id=user_id, access=self.access(user_id), client=client)

    def _work_out(self, user_id: str) -> Access:
        user = self._store.table("User").live[user_id]
        profile = self._store.table("Profile").live.get(user.get("ProfileId", ""), {})
        assignments = self._store.table("PermissionSetAssignment")
        sets = self._store.table("PermissionSet").live
        names = [
            sets[assignments.live[each]["PermissionSetId"]]["Name"] for each in assignments.find("AssigneeId", user_id)
        ]
        return Access(
            tuple(self._sets[name] for name in names if name in self._sets),
            everything=profile.get("Name") == ADMINISTRATOR,
        )
