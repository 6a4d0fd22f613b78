"""Technicians: a visit is promised, booked a little later, and done in the end."""

from __future__ import annotations

from connector.demo.simulated.calls import Answer, Call, Operation, SystemDefinition

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


WORKFORCE = SystemDefinition(
    name="workforce",
    auth="basic",
    operations=(Operation(method="POST", path="/v1/visits", handler=book_visit),),
)
