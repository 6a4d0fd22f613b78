"""Infiwave's billing: old, and not awake for the first calls of its life."""

from __future__ import annotations

from connector.demo.simulated.calls import Answer, Call, Operation, Refused, SystemDefinition


def start(call: Call) -> Answer:
    """Begin a subscription."""
    subscription, account, fee = call.want("subscription", "account", "monthlyFeeCents")
    known = call.memory.get("subscription", subscription)
    bill = {
        "id": known["id"] if known else f"B-{call.memory.next('subscription'):06}",
        "account": account,
        "monthlyFeeCents": fee,
        "positions": call.body.get("positions", []),
        "billedFrom": known["billedFrom"] if known else call.time(),
    }
    call.memory.put("subscription", subscription, bill)
    return Answer(status=201, body=bill)


def change(call: Call) -> Answer:
    """Change the fee of a subscription."""
    (fee,) = call.want("monthlyFeeCents")
    bill = {**_known(call), "monthlyFeeCents": fee, "positions": call.body.get("positions", [])}
    call.memory.put("subscription", call.path["subscription"], bill)
    return Answer(body=bill)


def stop(call: Call) -> Answer:
    """End a subscription."""
    call.memory.put("subscription", call.path["subscription"], {**_known(call), "billedUntil": call.time()})
    return Answer(status=204)


def _known(call: Call) -> dict[str, object]:
    known = call.memory.get("subscription", call.path["subscription"])
    if known is None:
        raise Refused(404, "UNKNOWN_SUBSCRIPTION", f"There is no subscription {call.path['subscription']}.")
    return known


BILLING = SystemDefinition(
    name="billing",
    auth="header",
    latency=0.25,
    first_failures=2,
    operations=(
        Operation(method="POST", path="/v1/subscriptions", handler=start),
        Operation(method="PUT", path="/v1/subscriptions/{subscription}", handler=change),
        Operation(method="DELETE", path="/v1/subscriptions/{subscription}", handler=stop),
    ),
)
