"""`python -m connector.localorg`: the org as a process of its own, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from connector.localorg.schema.xml import MetadataError
from connector.localorg.server import LocalOrg


def main(arguments: list[str] | None = None) -> int:
    """Run the org. Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m connector.localorg", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that keeps the org (default: in memory only)")
    parser.add_argument("--metadata", type=Path, help="deployed metadata in source format (default: a bare org)")
    parser.add_argument("--port", type=int, default=0, help="port on the loopback (default: a free one)")
    parser.add_argument("--ready-file", type=Path, help="where to write {url, admin_token, pid} once the org answers")
    parser.add_argument("--daily-api-requests", type=int, default=100_000, help="daily allowance of API calls")
    options = parser.parse_args(arguments)
    try:
        org = LocalOrg(
            data=options.data,
            metadata=options.metadata,
            port=options.port,
            daily_api_requests=options.daily_api_requests,
        )
    except (MetadataError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    asyncio.run(_serve(org, options.ready_file))
    return 0


async def _serve(org: LocalOrg, ready_file: Path | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, org.ask_to_stop)
    serving = asyncio.create_task(org.serve())
    await org.answering()
    if serving.done():
        return await serving
    ready = json.dumps({"url": org.url, "admin_token": org.admin_token, "pid": os.getpid()})
    if ready_file is None:
        sys.stdout.write(f"{ready}\n")
        sys.stdout.flush()
    else:
        unfinished = ready_file.with_suffix(".part")
        unfinished.write_text(ready, encoding="utf-8")
        unfinished.replace(ready_file)
    return await serving


if __name__ == "__main__":
    sys.exit(main())
