"""Fixtures of the whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.installation import Installation, installed


@pytest.fixture
async def installation(tmp_path: Path, database_url: str) -> AsyncIterator[Installation]:
    async with installed(tmp_path, database_url) as one:
        yield one
