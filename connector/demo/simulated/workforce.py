"""Technicians: a visit is promised, booked a little later, and done in the end."""

from __future__ import annotations

from typing import Any

from connector.demo.simulated.calls import Answer, Call, Operation, Refused, SystemDefinition

BOOKING = 4.0
"""Seconds until a technician has a free day."""

TRAVEL = 14.0
"""Seconds from there until the work is done."""

TECHNICIANS = ("Ayla Demir", "Jonas Weber", "Mirela Popa")


def book_visit(call: Call) -> Answer:
    """Promise a visit."""
    order, reference, address = call.want("orderId", "reference", "address")
    number = call.memory.next("visit")
    visit = {
        "visitId": f"V-{number:05}",
        "technician": TECHNICIANS[number % len(TECHNICIANS)],
        "visitAt": call.body.get("notBefore") or call.time(BOOKING + TRAVEL),
    }
    call.memory.put("visit", visit["visitId"], {**visit, "orderId": order, "address": address})
    call.tell({"event": "visit.booked", "reference": reference, "orderId": order, **visit}, after=BOOKING)
    done = {"event": "visit.done", "orderId": order, "visitId": visit["visitId"], "doneAt": call.time(BOOKING + TRAVEL)}
    call.tell(done, after=BOOKING + TRAVEL)
    return Answer(status=202, body={"visitId": visit["visitId"]})


def move_visit(call: Call) -> Answer:
    """Send the technician to another address, at the same time if nobody has been there yet."""
    (address,) = call.want("address")
    visit = {**_visit(call), "address": address}
    call.memory.put("visit", call.path["visit"], visit)
    return Answer(body=visit)


def cancel_visit(call: Call) -> Answer:
    """Let the technician stay at home."""
    call.memory.put("visit", call.path["visit"], {**_visit(call), "canceled": True})
    for event in ("visit.booked", "visit.done"):
        call.memory.untell(event, "visitId", call.path["visit"])
    return Answer(status=204)


def _visit(call: Call) -> dict[str, Any]:
    known = call.memory.get("visit", call.path["visit"])
    if known is None:
        raise Refused(404, "UNKNOWN_VISIT", f"There is no visit {call.path['visit']}.")
    return known


WORKFORCE = SystemDefinition(
    name="workforce",
    auth="basic",
    operations=(
        Operation(method="POST", path="/v1/visits", handler=book_visit),
        Operation(method="PUT", path="/v1/visits/{visit}", handler=move_visit),
        Operation(method="DELETE", path="/v1/visits/{visit}", handler=cancel_visit),
    ),
)
