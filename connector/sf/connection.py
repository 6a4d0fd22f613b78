"""Everything that talks to one org, put together: session, token, client, schema, usage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from connector.sf.auth import SharedToken, TokenSource
from connector.sf.config import OrgConfig
from connector.sf.org import Org
from connector.sf.schema import Schema
from connector.sf.session import open_session
from connector.sf.usage import UsageGauge


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One org, ready to be called; nobody has signed in yet."""

    config: OrgConfig
    org: Org
    tokens: TokenSource
    schema: Schema
    gauge: UsageGauge


@contextmanager
def connect(config: OrgConfig, now: Callable[[], datetime]) -> Iterator[Connection]:
    """A connection to the org, closed at the end."""
    gauge = UsageGauge()
    with open_session(config, gauge) as session:
        tokens = SharedToken(config, session, now)
        org = Org(config, session, tokens)
        yield Connection(config=config, org=org, tokens=tokens, schema=Schema(org), gauge=gauge)
