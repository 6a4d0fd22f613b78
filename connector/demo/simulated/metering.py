"""Meters: a classic one is read by somebody who sends the number in, a smart one tells it."""

from __future__ import annotations

import zlib

from connector.demo.simulated.calls import Answer, Call, Operation, Refused, SystemDefinition

READING = 9.0
"""Seconds until somebody has gone down to the cellar."""


def request_reading(call: Call) -> Answer:
    """Ask the customer for a reading; it will be told when it comes."""
    order, meter = call.want("orderId", "meterNumber")
    _must_exist(meter)
    number = f"MR-{call.memory.next('reading-request'):06}"
    call.memory.put("reading-request", number, {"orderId": order, "meterNumber": meter})
    reading = {"meterNumber": meter, "readingKwh": reading_of(meter), "readAt": call.time(READING)}
    call.tell({"event": "reading.sent", "orderId": order, **reading}, after=READING)
    return Answer(status=201, body={"requestId": number})


def read_now(call: Call) -> Answer:
    """Read a smart meter."""
    meter = call.path["meter"]
    _must_exist(meter)
    return Answer(body={"meterNumber": meter, "readingKwh": reading_of(meter), "readAt": call.time()})


def reading_of(meter: str) -> int:
    """What a meter shows: always the same, so that a test can know it."""
    return zlib.crc32(meter.encode()) % 90_000


def _must_exist(meter: str) -> None:
    if meter.startswith("X"):
        raise Refused(404, "UNKNOWN_METER", f"Nobody knows a meter {meter}.")


METERING = SystemDefinition(
    name="metering",
    auth="header",
    latency=0.2,
    operations=(
        Operation(method="POST", path="/v1/reading-requests", handler=request_reading),
        Operation(method="GET", path="/v1/meters/{meter}/reading", handler=read_now),
    ),
)
