"""The market's message exchange: other companies answer, in their own time, and not always yes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.demo.simulated.calls import Answer, Call, Operation, Refused, SystemDefinition, iso

DELIBERATION = 9.0
"""Seconds until another company answers."""

UNHELPFUL_SUPPLIER = "Altstrom"
"""A supplier who never recognises his customers."""

GRID_OPERATOR = "Netze Mitte"


def give_notice(call: Call) -> Answer:
    """Pass a notice on to the previous supplier."""
    order, reference, location, supplier = call.want("orderId", "reference", "marketLocation", "previousSupplier")
    number = f"N-{call.memory.next('notice'):06}"
    call.memory.put("notice", number, {"orderId": order, "marketLocation": location, "supplier": supplier})
    answer = {"reference": reference, "orderId": order, "noticeId": number}
    if supplier == UNHELPFUL_SUPPLIER:
        message = f"{supplier} knows no such customer at {location}."
        call.tell(
            {"event": "notice.refused", "code": "NOTICE_REFUSED", "message": message, **answer}, after=DELIBERATION
        )
    else:
        call.tell({"event": "notice.confirmed", "endOfSupply": _month_end(), **answer}, after=DELIBERATION)
    return Answer(status=202, body={"noticeId": number})


def withdraw_notice(call: Call) -> Answer:
    """Tell the previous supplier that the customer stays."""
    call.memory.drop("notice", call.path["notice"])
    call.memory.untell("notice.confirmed", "noticeId", call.path["notice"])
    return Answer(status=204)


def register_supply(call: Call) -> Answer:
    """Pass a registration on to the grid operator."""
    order, reference, location = call.want("orderId", "reference", "marketLocation")
    if len(location) != 11:  # noqa: PLR2004 - BDEW: market locations have eleven digits
        raise Refused(422, "UNKNOWN_LOCATION", f"{location!r} is no market location: those have eleven digits.")
    number = f"R-{call.memory.next('registration'):06}"
    call.memory.put(
        "registration",
        location,
        {
            "registrationId": number,
            "orderId": order,
            "from": call.body.get("from"),
            "answeredAt": call.time(DELIBERATION),
        },
    )
    call.tell(
        {
            "event": "registration.confirmed",
            "reference": reference,
            "orderId": order,
            "registrationId": number,
            "gridOperator": GRID_OPERATOR,
        },
        after=DELIBERATION,
    )
    return Answer(status=202, body={"registrationId": number})


def registration(call: Call) -> Answer:
    """Tell how far a registration is."""
    known = call.memory.get("registration", call.path["location"])
    if known is None:
        raise Refused(404, "UNKNOWN_LOCATION", f"Nobody has registered {call.path['location']}.")
    if known["answeredAt"] > call.time():
        return Answer(body={"state": "asked", "registrationId": known["registrationId"]})
    answer = {"registrationId": known["registrationId"], "gridOperator": GRID_OPERATOR}
    return Answer(body={"state": "confirmed", **answer})


def sign_off(call: Call) -> Answer:
    """End a registration."""
    call.memory.drop("registration", call.path["location"])
    return Answer(status=204)


def _month_end() -> str:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first_of_next = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return iso(first_of_next)


GRID = SystemDefinition(
    name="grid",
    auth="oauth2",
    operations=(
        Operation(method="POST", path="/v1/notices", handler=give_notice),
        Operation(method="DELETE", path="/v1/notices/{notice}", handler=withdraw_notice),
        Operation(method="POST", path="/v1/registrations", handler=register_supply),
        Operation(method="GET", path="/v1/registrations/{location}", handler=registration),
        Operation(method="DELETE", path="/v1/registrations/{location}", handler=sign_off),
    ),
)
