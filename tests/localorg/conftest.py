from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from connector.localorg import LocalOrg
from tests.localorg.world import METADATA, Catalog, api


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    """An org in memory with the project's metadata deployed."""
    with LocalOrg(metadata=METADATA) as running:
        yield running


@pytest.fixture
def catalog(org: LocalOrg) -> Catalog:
    """An account, and one product with its price."""
    return Catalog(org)


@pytest.fixture
def admin(org: LocalOrg) -> Iterator[httpx.Client]:
    """An HTTP client signed in as the administrator."""
    with api(org, org.access_token("admin@localorg.example")) as client:
        yield client


@pytest.fixture
def integration(org: LocalOrg) -> Iterator[httpx.Client]:
    """An HTTP client signed in as the integration user with the connector's permission set."""
    org.add_user("connector@localorg.example", "Order Connector", permission_sets=["Order_Connector_Integration"])
    with api(org, org.access_token("connector@localorg.example")) as client:
        yield client


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "org"
