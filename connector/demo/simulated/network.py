"""Numbers, SIMs and access for mobile services, ports for fiber; slow, as networks are."""

from __future__ import annotations

from typing import Any

from connector.demo.simulated.calls import Answer, Call, Operation, Refused, SystemDefinition

BLOCKED_NUMBER = "+491705550666"
"""The fraud desk has blocked it: it can be reserved, and not activated until somebody unblocks it."""


def reserve_number(call: Call) -> Answer:
    """Give the service the number that it wants, or the next free one."""
    service_id = call.path["service"]
    service = _service(call)
    number = service.get("number") or call.body.get("wanted") or f"+49170555{1000 + call.memory.next('number')}"
    holder = call.memory.get("number", number)
    if holder is not None and holder.get("service", service_id) != service_id:
        raise Refused(409, "NUMBER_TAKEN", f"The number {number} belongs to another service.")
    call.memory.put("number", number, {**(holder or _number(number)), "service": service_id})
    _keep(call, {**service, "number": number})
    return Answer(status=201, body={"number": number, "reservationId": f"RES-{service_id}"})


def release_number(call: Call) -> Answer:
    """Take the number away from the service."""
    service = _service(call)
    number = service.pop("number", None)
    if number:
        call.memory.drop("number", number)
        _keep(call, service)
    return Answer(status=204)


def provision_esim(call: Call) -> Answer:
    """Make an eSIM profile."""
    iccid = f"894921{call.memory.next('esim'):013}"
    call.memory.put("esim", iccid, {"service": call.path["service"]})
    return Answer(status=201, body={"iccid": iccid, "activationCode": f"LPA:1$sim.infiwave.example${iccid}"})


def withdraw_esim(call: Call) -> Answer:
    """Take an eSIM profile back."""
    call.memory.drop("esim", call.path["iccid"])
    return Answer(status=204)


def void_sim(call: Call) -> Answer:
    """Let a card never work, wherever it is."""
    call.memory.put("void", call.path["iccid"], {})
    return Answer(status=204)


def bind_sim(call: Call) -> Answer:
    """Let the service use this SIM."""
    (iccid,) = call.want("iccid")
    if call.memory.get("void", iccid) is not None:
        raise Refused(409, "SIM_VOID", f"The SIM {iccid} is void.")
    _keep(call, {**_service(call), "iccid": iccid})
    return Answer(body={"iccid": iccid})


def unbind_sim(call: Call) -> Answer:
    """Let the service use no SIM."""
    service = _service(call)
    service.pop("iccid", None)
    _keep(call, service)
    return Answer(status=204)


def activate(call: Call) -> Answer:
    """Let the service into the network: it needs a number that is not blocked, and a SIM."""
    (profile,) = call.want("profile")
    service = _service(call)
    if not service.get("iccid"):
        raise Refused(409, "SIM_NOT_BOUND", f"Service {call.path['service']} has no SIM yet.")
    number = service.get("number", "")
    known = call.memory.get("number", number)
    if known is None:
        raise Refused(409, "NO_NUMBER", f"Service {call.path['service']} has no number yet.")
    if known["blocked"]:
        raise Refused(409, "NUMBER_BLOCKED", f"The number {number} is blocked by the fraud desk.")
    activated = service.get("activatedAt") or call.time()
    _keep(call, {**service, "profile": profile, "activatedAt": activated})
    return Answer(body={"state": "active", "activatedAt": activated})


def change_profile(call: Call) -> Answer:
    """Give an active service another profile."""
    (profile,) = call.want("profile")
    _keep(call, {**_service(call), "profile": profile})
    return Answer(body={"profile": profile})


def deactivate(call: Call) -> Answer:
    """Shut the service out."""
    service = _service(call)
    service.pop("activatedAt", None)
    _keep(call, service)
    return Answer(status=204)


def activate_fiber(call: Call) -> Answer:
    """Light a fiber, or change the speed of one that is lit."""
    download, upload = call.want("downloadMbit", "uploadMbit")
    known = call.memory.get("fiber", call.path["service"]) or {}
    port = call.body.get("port") or known.get("port")
    if port is None:
        raise Refused(422, "NO_PORT", "The line has no port yet: name one.")
    line = {
        "port": port,
        "downloadMbit": download,
        "uploadMbit": upload,
        "activatedAt": known.get("activatedAt") or call.time(),
    }
    call.memory.put("fiber", call.path["service"], line)
    return Answer(body=line)


def deactivate_fiber(call: Call) -> Answer:
    """Put a fiber out."""
    call.memory.drop("fiber", call.path["service"])
    return Answer(status=204)


def set_number(call: Call) -> Answer:
    """Behind the scenes: `{"blocked": false}` unblocks a number, true blocks it."""
    number = call.path["number"]
    known = {**(call.memory.get("number", number) or _number(number)), "blocked": bool(call.body.get("blocked"))}
    call.memory.put("number", number, known)
    return Answer(body={"number": number, **known})


def _number(number: str) -> dict[str, Any]:
    return {"blocked": number == BLOCKED_NUMBER}


def _service(call: Call) -> dict[str, Any]:
    return call.memory.get("service", call.path["service"]) or {}


def _keep(call: Call, service: dict[str, Any]) -> None:
    call.memory.put("service", call.path["service"], service)


NETWORK = SystemDefinition(
    name="network",
    auth="bearer",
    latency=0.6,
    operations=(
        Operation(method="POST", path="/v1/services/{service}/number", handler=reserve_number),
        Operation(method="DELETE", path="/v1/services/{service}/number", handler=release_number),
        Operation(method="POST", path="/v1/services/{service}/esim", handler=provision_esim),
        Operation(method="DELETE", path="/v1/services/{service}/esim/{iccid}", handler=withdraw_esim),
        Operation(method="DELETE", path="/v1/sims/{iccid}", handler=void_sim),
        Operation(method="PUT", path="/v1/services/{service}/sim", handler=bind_sim),
        Operation(method="DELETE", path="/v1/services/{service}/sim", handler=unbind_sim),
        Operation(method="POST", path="/v1/services/{service}/activation", handler=activate),
        Operation(method="DELETE", path="/v1/services/{service}/activation", handler=deactivate),
        Operation(method="PUT", path="/v1/services/{service}/profile", handler=change_profile),
        Operation(method="PUT", path="/v1/fiber/{service}", handler=activate_fiber),
        Operation(method="DELETE", path="/v1/fiber/{service}", handler=deactivate_fiber),
    ),
    controls=(Operation(method="PUT", path="/_sim/numbers/{number}", handler=set_number),),
)
