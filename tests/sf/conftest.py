"""A Salesforce org on this machine with our metadata, and a connection to it as the integration user."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from connector.localorg import LocalOrg
from connector.sf.config import ClientCredentials, OrgConfig, Timeouts
from connector.sf.connection import Connection, connect
from tests.sf.keys import key_pair
from tests.sf.shop import Shop

METADATA = Path(__file__).parents[2] / "deploy" / "salesforce" / "force-app" / "main" / "default"
USER = "connector@localorg.example"
KEY, SECRET = "the-consumer-key", "the-consumer-secret"


@pytest.fixture
def local_org() -> Iterator[LocalOrg]:
    """An org with our metadata, the integration user and its app."""
    with LocalOrg(metadata=METADATA) as org:
        org.add_user(USER, "Order Connector", permission_sets=["Order_Connector_Integration"])
        org.register_app(KEY, public_key=key_pair()[1], consumer_secret=SECRET, username=USER)
        yield org


@pytest.fixture
def shop(local_org: LocalOrg) -> Shop:
    """Whoever makes orders in the org."""
    return Shop(local_org)


@pytest.fixture
def config(local_org: LocalOrg) -> OrgConfig:
    """How the org is reached."""
    return OrgConfig(
        url=local_org.url,
        credentials=ClientCredentials(consumer_key=KEY, consumer_secret=SecretStr(SECRET)),
        timeouts=Timeouts(connect=5.0, read=10.0, call=20.0),
    )


@pytest.fixture
def connection(config: OrgConfig) -> Iterator[Connection]:
    """A connection to the org."""
    with connect(config, lambda: datetime.now(UTC)) as opened:
        yield opened
