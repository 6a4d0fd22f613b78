"""The simulated fulfillment systems of the demo: `python -m connector.demo.systems --data DIR --ready-file FILE`.

Each system is an HTTP server on a port of its own, all in this one process. When all of them serve, the ready
file is written (readable for its owner only, because it holds the invented secrets); its shape is that of
`Served` below, by system name. SIGTERM and SIGINT stop it. Started again with the same DIR, the systems
go on with what they remembered, with the same secrets, on other ports.

Settings that the connector needs for them, by the names that the mapping sets use (system → setting of its address,
name and kind of its credentials, name of its inbound secret):

| system | address | credentials | inbound secret |
|---|---|---|---|
| warehouse | `WAREHOUSE_URL` | `warehouse` (basic) | `warehouse` |
| network | `NETWORK_URL` | `network` (bearer) | |
| serviceability | `SERVICEABILITY_URL` | `serviceability` (header) | |
| workforce | `WORKFORCE_URL` | `workforce` (basic) | `workforce` |
| billing | `BILLING_URL` | `billing` (header) | |
| grid | `GRID_URL` | `grid` (oauth2, client credentials) | `grid` |
| metering | `METERING_URL` | `metering` (header) | `metering` |
| retail | `RETAIL_URL` | `retail` (basic) | |
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypedDict

import uvicorn

from connector.demo.simulated.billing import BILLING
from connector.demo.simulated.calls import SystemDefinition
from connector.demo.simulated.grid import GRID
from connector.demo.simulated.guard import Secrets, keep, replace_file
from connector.demo.simulated.memory import Memory
from connector.demo.simulated.metering import METERING
from connector.demo.simulated.network import NETWORK
from connector.demo.simulated.retail import RETAIL
from connector.demo.simulated.server import SimulatedSystem
from connector.demo.simulated.serviceability import SERVICEABILITY
from connector.demo.simulated.warehouse import WAREHOUSE
from connector.demo.simulated.workforce import WORKFORCE

SYSTEMS: Mapping[str, SystemDefinition] = {
    definition.name: definition
    for definition in (WAREHOUSE, NETWORK, SERVICEABILITY, WORKFORCE, BILLING, GRID, METERING, RETAIL)
}


class Served(TypedDict):
    """One system that serves. `setting` names the setting of its address, `kind` the kind of its credentials."""

    url: str
    setting: str
    kind: str
    credentials: dict[str, str]
    """basic: username, password. bearer: token. header: header, value. oauth2: token_url, client_id, client_secret."""
    inbound_secret: str
    """What the system signs its messages to the connector with."""


def environment(served: Mapping[str, Served]) -> dict[str, str]:
    """The connector's settings for these systems, as environment variables; `served` is what the ready file holds."""
    variables: dict[str, str] = {}
    for name, system in served.items():
        variables[f"CONNECTOR_DESTINATIONS__{system['setting']}"] = system["url"]
        credentials = f"CONNECTOR_CREDENTIALS__{name.upper()}__"
        variables |= {credentials + field.upper(): value for field, value in system["credentials"].items()}
        variables[f"CONNECTOR_INBOUND_SECRETS__{name.upper()}"] = system["inbound_secret"]
    return variables


class _Server(uvicorn.Server):
    """A server that leaves signals to the process that it is one of several in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving(
    data: Path,
    *,
    speed: float = 1.0,
    connector: str = "",
    definitions: Mapping[str, SystemDefinition] = SYSTEMS,
) -> AsyncIterator[dict[str, Served]]:
    """Serve the systems on free ports of this machine while the context is open.

    `data` is the folder of what they remember; `speed` divides every latency and delay; `connector` is the
    address that messages go to, which can also be told later (`POST /_sim/connector`).
    """
    own = keep(data / "credentials.json", {name: definition.auth for name, definition in definitions.items()})
    servers: list[_Server] = []
    tasks: list[asyncio.Task[None]] = []
    served: dict[str, Served] = {}
    try:
        for name, definition in definitions.items():
            memory = Memory(data / f"{name}.sqlite3")
            system = SimulatedSystem(definition, memory=memory, own=own[name], speed=speed, connector=connector)
            listener = socket.create_server(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            config = uvicorn.Config(system.app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
            servers.append(_Server(config))
            tasks.append(asyncio.create_task(servers[-1].serve(sockets=[listener])))
            served[name] = _served(definition, url, own[name])
        await _until_all_serve(servers, tasks)
        yield served
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


async def _until_all_serve(servers: list[_Server], tasks: list[asyncio.Task[None]]) -> None:
    while not all(server.started for server in servers):
        for task in tasks:
            if task.done():
                await task
                raise RuntimeError("a simulated system stopped before it served")
        await asyncio.sleep(0.01)


def _served(definition: SystemDefinition, url: str, own: Secrets) -> Served:
    credentials = {name: value for name, value in own.items() if name != "inbound_secret"}
    if definition.auth == "oauth2":
        del credentials["token"]
        credentials["token_url"] = f"{url}/oauth/token"
    return {
        "url": url,
        "setting": f"{definition.name.upper()}_URL",
        "kind": definition.auth,
        "credentials": credentials,
        "inbound_secret": own["inbound_secret"],
    }


async def _main(data: Path, ready_file: Path, *, speed: float, connector: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(data, speed=speed, connector=connector) as served:
        replace_file(ready_file, json.dumps(served, indent=2), mode=0o600)
        await stop.wait()


def main() -> None:
    """Read the arguments and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m connector.demo.systems", description="Simulated systems.")
    parser.add_argument("--data", type=Path, required=True, help="folder of what the systems remember")
    parser.add_argument("--ready-file", type=Path, required=True, help="written when all systems serve")
    parser.add_argument("--connector", default="", help="address of the connector, for call-backs and events")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="divides every latency and delay (10: ten times faster)"
    )
    arguments = parser.parse_args()
    if arguments.speed <= 0:
        parser.error("--speed must be above 0")
    asyncio.run(_main(arguments.data, arguments.ready_file, speed=arguments.speed, connector=arguments.connector))


if __name__ == "__main__":
    main()
