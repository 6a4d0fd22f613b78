from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .stub import StubSystem, serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _running_stub() -> AsyncIterator[StubSystem]:
    system = StubSystem()
    async with serving(system) as url:
        system.url = url
        yield system


@pytest.fixture
def stub(_running_stub: StubSystem) -> StubSystem:
    """A system that answers as the test tells it."""
    _running_stub.reset()
    return _running_stub
