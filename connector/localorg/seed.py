"""What an org has before anybody works with it: itself, its profiles, an administrator, the standard price book;
and what deployed metadata adds as records: permission sets and queues.
"""

from __future__ import annotations

from collections.abc import Iterable

from connector.localorg import times
from connector.localorg.schema.metadata import Metadata, Queue
from connector.localorg.schema.model import Schema
from connector.localorg.security import ADMINISTRATOR, INTEGRATION
from connector.localorg.store.database import Record
from connector.localorg.store.store import Store
from connector.localorg.store.table import first

ADMIN_USERNAME = "admin@localorg.example"


class Seeder:
    """Brings the set-up records in line with the metadata. Doing it again changes nothing."""

    def __init__(self, schema: Schema, store: Store, clock: times.Clock) -> None:
        self._schema = schema
        self._store = store
        self._clock = clock

    def seed(self, metadata: Metadata, *, org_name: str, instance: str) -> str:
        """Create what is missing. Gives the Id of the organization."""
        with self._store.transaction():
            org_id = self._one(
                "Organization",
                "Name",
                org_name,
                InstanceName=instance,
                IsSandbox=True,
                OrganizationType="Developer Edition",
                TimeZoneSidKey="UTC",
                LanguageLocaleKey="en_US",
            )
            for name in (ADMINISTRATOR, INTEGRATION):
                self._one("Profile", "Name", name)
            self.user(ADMIN_USERNAME, "Admin", ADMINISTRATOR)
            self._one("Pricebook2", "Name", "Standard Price Book", IsStandard=True, IsActive=True)
            for permission_set in metadata.permission_sets:
                self._one("PermissionSet", "Name", permission_set.name, Label=permission_set.label, IsCustom=True)
            for queue in metadata.queues:
                self._queue(queue)
        return org_id

    def user(self, username: str, name: str, profile: str, permission_sets: Iterable[str] = ()) -> str:
        """The user of that name, created if missing, with at least these permission sets. Its Id.

        Raises:
            KeyError: no permission set has that name.
        """
        with self._store.transaction():
            profile_id = self._find("Profile", "Name", profile)
            head, _, last = name.rpartition(" ")
            names = {"FirstName": head, "LastName": last} if head else {"LastName": last}
            user_id = self._one(
                "User",
                "Username",
                username,
                **names,
                Name=name,
                Alias=username[:8],
                Email=username,
                ProfileId=profile_id,
                IsActive=True,
                UserType="Standard",
                TimeZoneSidKey="UTC",
                LocaleSidKey="en_US",
                LanguageLocaleKey="en_US",
            )
            assignments = self._store.table("PermissionSetAssignment")
            held = {assignments.live[each]["PermissionSetId"] for each in assignments.find("AssigneeId", user_id)}
            for wanted in permission_sets:
                set_id = self._find("PermissionSet", "Name", wanted)
                if set_id is None:
                    raise KeyError(f"there is no permission set {wanted}")
                if set_id not in held:
                    self._create("PermissionSetAssignment", {"AssigneeId": user_id, "PermissionSetId": set_id})
            return user_id

    def _queue(self, queue: Queue) -> None:
        group_id = self._one("Group", "DeveloperName", queue.developer_name, Name=queue.label, Type="Queue")
        members = self._store.table("QueueSobject")
        held = {members.live[each]["SobjectType"] for each in members.find("QueueId", group_id)}
        for name in queue.objects:
            if name not in held:
                self._create("QueueSobject", {"QueueId": group_id, "SobjectType": name})

    def _one(self, object_name: str, key: str, value: str, **fields: object) -> str:
        found = self._find(object_name, key, value)
        return found or self._create(object_name, {key: value, **fields})

    def _find(self, object_name: str, key: str, value: str) -> str | None:
        table = self._store.table(object_name)
        if table.indexed(key):
            return first(table.find(key, value))
        return first(each for each, record in table.live.items() if record.get(key) == value)

    def _create(self, object_name: str, fields: Record) -> str:
        sobject = self._schema[object_name]
        table = self._store.table(object_name)
        now = times.stamp(self._clock())
        with self._store.transaction() as transaction:
            record_id = transaction.new_id(table, sobject.prefix)
            owner = self._find("User", "Username", ADMIN_USERNAME) or record_id
            stamps = {
                "CreatedDate": now,
                "CreatedById": owner,
                "LastModifiedDate": now,
                "LastModifiedById": owner,
                "SystemModstamp": now,
            }
            transaction.put(table, {"Id": record_id, "IsDeleted": False, **stamps, **fields})
        return record_id
