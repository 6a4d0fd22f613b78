"""What a simulated system tells the connector: signed, and again until it is taken."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import Mapping

import httpx

from connector.demo.simulated.calls import Behaviour
from connector.demo.simulated.memory import Memory, Message

LONGEST_WAIT = 3.0
"""Seconds between two attempts at most: the connector may be away for a moment only."""

GIVE_UP = frozenset({400, 413, 422})
"""Answers after which the same message would only be refused again."""


def sign(secret: str, body: bytes, at: int) -> Mapping[str, str]:
    """The headers that prove who sent a message, and when."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Connector-Timestamp": str(at), "X-Connector-Signature": f"v1={digest}"}


class Messenger:
    """Delivers the messages of one system. `connector` is the connector's address, empty while it is not known."""

    def __init__(self, *, system: str, memory: Memory, secret: str, behaviour: Behaviour, connector: str = "") -> None:
        self.connector = connector
        self._system = system
        self._memory = memory
        self._secret = secret
        self._behaviour = behaviour
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There may be something to send."""
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
            while True:
                self._news.clear()
                if self.connector and not self._behaviour.hold_messages:
                    for message in self._memory.due_messages():
                        await self._deliver(client, message)
                await self._rest()

    async def _rest(self) -> None:
        due = self._memory.next_due()
        silent = due is None or not self.connector or self._behaviour.hold_messages
        wait = None if silent or due is None else max(0.0, due - time.time())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), wait)

    async def _deliver(self, client: httpx.AsyncClient, message: Message) -> None:
        try:
            response = await self._send(client, message)
            if response.is_success and self._behaviour.deliver_twice:
                await self._send(client, message)
        except httpx.TransportError:
            self._memory.postpone(message, _wait(message))
            return
        if response.is_success:
            self._memory.delivered(message)
        elif response.status_code in GIVE_UP:
            self._memory.refused(message, f"{response.status_code}: {response.text[:500]}")
        else:
            self._memory.postpone(message, _wait(message))

    async def _send(self, client: httpx.AsyncClient, message: Message) -> httpx.Response:
        body = message.body.encode()
        return await client.post(
            f"{self.connector.rstrip('/')}/v1/inbound/{self._system}",
            content=body,
            headers={"Content-Type": "application/json", **sign(self._secret, body, int(time.time()))},
        )


def _wait(message: Message) -> float:
    return float(min(LONGEST_WAIT, 0.1 * 2**message.attempts))
