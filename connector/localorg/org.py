"""The org: all its parts put together, independent of how anybody reaches it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from connector.localorg import ids, times
from connector.localorg.events.bus import Bus
from connector.localorg.faults import Faults
from connector.localorg.meter import Meter
from connector.localorg.oauth import OAuth
from connector.localorg.records.flows import Flows
from connector.localorg.records.save import Records
from connector.localorg.schema.metadata import Metadata, read_metadata
from connector.localorg.schema.model import Schema
from connector.localorg.security import ADMINISTRATOR, INTEGRATION, Actor, Security
from connector.localorg.seed import ADMIN_USERNAME, Seeder
from connector.localorg.soql.run import Answer, run
from connector.localorg.soql.scope import Setting
from connector.localorg.store.database import Database
from connector.localorg.store.store import Store

NEWEST_VERSION = 67
OLDEST_VERSION = 31
"""API versions that the org answers to. Behaviour is that of the newest in all of them."""

_log = logging.getLogger(__name__)


class Org:
    """One Salesforce org.

    Args:
        data: the folder that keeps it; None keeps it in memory only.
        metadata: the folder with what is deployed to it, in source format; None for an org as delivered.
        clock: where it takes the time from.
        name: the organization's name.
        my_domain: the first part of its My Domain host, which a JWT may name as audience.
        daily_api_requests: the daily allowance of API calls.
    """

    def __init__(
        self,
        *,
        data: Path | None = None,
        metadata: Path | None = None,
        clock: times.Clock = times.now,
        name: str = "Local Org",
        my_domain: str = "localorg",
        daily_api_requests: int = 100_000,
    ) -> None:
        self.clock = clock
        self.database = Database(data)
        self.metadata: Metadata = read_metadata(metadata, self._prefix)
        self.schema: Schema = self.metadata.schema
        self.store = Store(self.database, clock)
        for lost in self.store.open(self.schema):
            _log.warning("records of %s are kept, but the metadata no longer has it", lost)
        for warning in self.metadata.warnings:
            _log.info("metadata: %s", warning)
        self._seeder = Seeder(self.schema, self.store, clock)
        self.org_id = self._seeder.seed(self.metadata, org_name=name, instance="LOCAL1")
        self.security = Security(self.store, self.metadata.permission_sets)
        self.faults = Faults()
        self.meter = Meter(clock, daily_api_requests)
        self.bus = Bus(self.schema, self.store, clock)
        self.bus.ring_for(self._count_events)
        self.records = Records(self.schema, self.store, clock)
        self.records.before_write = self.faults.before_write
        self.flows = Flows(self.metadata.flows, self.records)
        self.oauth = OAuth(self.store, clock, org_id=self.org_id, my_domain=my_domain)

    @property
    def admin(self) -> Actor:
        """The administrator, as the one who acts."""
        user_id = self.oauth.user_named(ADMIN_USERNAME)
        assert user_id is not None  # seeded
        return self.security.actor(user_id)

    def add_user(
        self, username: str, name: str, *, permission_sets: Iterable[str] = (), administrator: bool = False
    ) -> str:
        """Add a user, or more permission sets to one. Without sets a user may do next to nothing. Its Id."""
        profile = ADMINISTRATOR if administrator else INTEGRATION
        user_id = self._seeder.user(username, name, profile, permission_sets)
        self.security.forget()
        return user_id

    def query(self, actor: Actor, soql: str, *, url: str, deleted_too: bool = False) -> Answer:
        """Run a query for somebody.

        Raises:
            SalesforceError: what Salesforce would answer to such a query.
        """
        with self.store.lock:
            setting = Setting(
                schema=self.schema,
                store=self.store,
                access=actor.access,
                now=self.clock(),
                text=soql,
                deleted_too=deleted_too,
            )
            return run(setting, url)

    def statistics(self) -> dict[str, Any]:
        """Counts for the curious: calls by kind and client, records per object, events."""
        with self.store.lock:
            return {
                "calls": {"used": self.meter.used, "maximum": self.meter.daily_maximum},
                "calls_by_kind": dict(self.meter.by_kind),
                "calls_by_client": dict(self.meter.by_client),
                "rows_written": dict(self.meter.rows),
                "records": {table.name: len(table.live) for table in self.store.tables() if table.live},
                "events": {
                    "kept": len(self.bus),
                    "published": self.meter.events_published,
                    "delivered": self.meter.events_delivered,
                },
                "warnings": list(self.metadata.warnings),
            }

    def close(self) -> None:
        """Close the file."""
        with self.store.lock:
            self.database.close()

    def _count_events(self) -> None:
        self.meter.events_published = self.bus.published

    def _prefix(self, name: str) -> str:
        """The key prefix of a custom object or event, given once and kept."""
        given: dict[str, str] = self.database.documents("prefix")
        if name not in given:
            first = "e" if name.endswith("__e") else "a"
            number = sum(1 for prefix in given.values() if prefix.startswith(first))
            given[name] = ids.custom_prefix(first, number)
            self.database.keep("prefix", name, given[name])
        return given[name]
