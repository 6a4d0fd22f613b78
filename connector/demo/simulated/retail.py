"""Voltara's own contracts and accounts."""

from __future__ import annotations

from typing import Any

from connector.demo.simulated.calls import Answer, Call, Operation, Refused, SystemDefinition


def activate_contract(call: Call) -> Answer:
    """Begin a contract at a market location, where there is none yet of another customer."""
    account, location, tariff = call.want("account", "marketLocation", "tariff")
    known = call.memory.get("contract", location)
    if known is not None and known["account"] != account:
        raise Refused(409, "ALREADY_SUPPLIED", f"Somebody else is supplied at {location}.")
    contract = {
        "contractId": known["contractId"] if known else f"C-{call.memory.next('contract'):06}",
        "account": account,
        "tariff": tariff,
        "annualKwh": call.body.get("annualKwh"),
        "readingKwh": call.body.get("readingKwh"),
        "suppliedFrom": known["suppliedFrom"] if known else call.time(),
    }
    call.memory.put("contract", location, contract)
    return Answer(status=201, body=contract)


def change_contract(call: Call) -> Answer:
    """Change the tariff of a contract."""
    (tariff,) = call.want("tariff")
    contract = {**_known(call, "contract"), "tariff": tariff, "annualKwh": call.body.get("annualKwh")}
    call.memory.put("contract", call.path["location"], contract)
    return Answer(body=contract)


def end_contract(call: Call) -> Answer:
    """End a contract."""
    _known(call, "contract")
    call.memory.drop("contract", call.path["location"])
    return Answer(status=204)


def open_account(call: Call) -> Answer:
    """Begin to bill."""
    location, base_fee, price = call.want("marketLocation", "baseFeeCents", "kwhPrice")
    known = call.memory.get("account", location)
    account = {
        "billingId": known["billingId"] if known else f"E-{call.memory.next('account'):06}",
        "baseFeeCents": base_fee,
        "kwhPrice": price,
        "positions": call.body.get("positions", []),
        "billedFrom": known["billedFrom"] if known else call.time(),
    }
    call.memory.put("account", location, account)
    return Answer(status=201, body=account)


def change_account(call: Call) -> Answer:
    """Bill something else from now on."""
    base_fee, price = call.want("baseFeeCents", "kwhPrice")
    account = {**_known(call, "account"), "baseFeeCents": base_fee, "kwhPrice": price}
    call.memory.put("account", call.path["location"], account)
    return Answer(body=account)


def close_account(call: Call) -> Answer:
    """Send the final bill."""
    _known(call, "account")
    call.memory.drop("account", call.path["location"])
    return Answer(status=204)


def _known(call: Call, kind: str) -> dict[str, Any]:
    known = call.memory.get(kind, call.path["location"])
    if known is None:
        raise Refused(404, f"UNKNOWN_{kind.upper()}", f"There is no {kind} at {call.path['location']}.")
    return known


RETAIL = SystemDefinition(
    name="retail",
    auth="basic",
    latency=0.2,
    operations=(
        Operation(method="POST", path="/v1/contracts", handler=activate_contract),
        Operation(method="PUT", path="/v1/contracts/{location}", handler=change_contract),
        Operation(method="DELETE", path="/v1/contracts/{location}", handler=end_contract),
        Operation(method="POST", path="/v1/accounts", handler=open_account),
        Operation(method="PUT", path="/v1/accounts/{location}", handler=change_account),
        Operation(method="DELETE", path="/v1/accounts/{location}", handler=close_account),
    ),
)
