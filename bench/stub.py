"""A fulfillment system that answers at once, as cheaply as Python can: a process of its own, so that what it takes
can be told apart from what the connector takes. `python -m bench.stub --ready-file FILE`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class _Answering(asyncio.Protocol):
    """HTTP/1.1 with kept connections: any request is answered with 200 and an id."""

    served = 0

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(_END)) >= 0:
            head = self._read[:end].lower()
            at = head.find(_LENGTH)
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            whole = end + len(_END) + length
            if len(self._read) < whole:
                return
            self._read = self._read[whole:]
            self._answer()

    def _answer(self) -> None:
        _Answering.served += 1
        body = b'{"id":"S-%d","status":"done"}' % _Answering.served
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )


async def serve(ready: Path) -> None:
    """Serve on a free port of the loopback until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(_Answering, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    partial = ready.with_suffix(".partial")
    partial.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    partial.replace(ready)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.stub")
    parser.add_argument("--ready-file", type=Path, required=True)
    asyncio.run(serve(parser.parse_args().ready_file))


if __name__ == "__main__":
    main()
