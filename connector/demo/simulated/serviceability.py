"""Knows at which addresses there is fiber. Only ever asked, so it remembers nothing."""

from __future__ import annotations

import re
import zlib

from connector.demo.simulated.calls import Answer, Call, Operation, Refused, SystemDefinition

NO_FIBER = frozenset({"17255", "94078"})
"""Postal codes that the diggers have not reached."""

PORTS = 48
"""Ports of one line card."""

MODERN_PORTS = 16
"""Those of them that are lit with the newer technology."""


def check_address(call: Call) -> Answer:
    """Say whether there is fiber at an address, and which port would be its own."""
    street, postal_code, city = (call.query.get(name, "") for name in ("street", "postalCode", "city"))
    address = f"{street}, {postal_code} {city}"
    if not street or not city or not re.fullmatch(r"\d{5}", postal_code):
        raise Refused(404, "UNKNOWN_ADDRESS", f"There is no address {address!r}.")
    if postal_code in NO_FIBER:
        return Answer(body={"fiber": False, "address": address})
    port = zlib.crc32(address.encode()) % PORTS
    return Answer(
        body={
            "fiber": True,
            "address": address,
            "port": f"OLT-{postal_code}-{port:02}",
            "technology": "xgspon" if port < MODERN_PORTS else "gpon",
            "maxDownloadMbit": 1000,
        }
    )


SERVICEABILITY = SystemDefinition(
    name="serviceability",
    auth="header",
    latency=0.3,
    operations=(Operation(method="GET", path="/v1/addresses", handler=check_address),),
)
