"""Phones, SIM cards, routers and terminals in parcels. Says at once that it will, and later that it has."""

from __future__ import annotations

from typing import Any

from connector.demo.simulated.calls import Answer, Call, Operation, Refused, SystemDefinition

PACKING = 5.0
"""Seconds until a parcel leaves."""

CARRIAGE = 8.0
"""Seconds from there to the customer's door."""

STOCK = {
    "HS-ARIA9": "device",
    "HS-ARIA9P": "device",
    "HS-PEBBLE": "device",
    "SIM-NANO": "sim",
    "CPE-IW-AX3000": "device",
    "CPE-IW-AX5400": "device",
    "ONT-FT100": "device",
    "ONT-FT1000": "device",
}
"""What there is: article number → sort of goods."""


def ship(call: Call) -> Answer:
    """Take the order for one parcel."""
    sku, order, reference = call.want("sku", "orderId", "reference")
    if sku not in STOCK:
        raise Refused(422, "UNKNOWN_SKU", f"There is no article {sku}.")
    if call.memory.get("sold-out", sku):
        raise Refused(409, "OUT_OF_STOCK", f"Article {sku} is sold out.")
    number = call.memory.next("shipment")
    shipment = {"shipmentId": f"SH-{number:06}", "orderId": order, "sku": sku, "trackingNumber": f"IWL{number:09}DE"}
    if STOCK[sku] == "sim":
        shipment["iccid"] = f"894920{number:013}"
    else:
        shipment["serialNumber"] = f"SN{number:08}"
    faster = 2 if call.body.get("express") else 1
    kept = {**shipment, "leavesAt": call.time(PACKING / faster)}
    call.memory.put("shipment", shipment["shipmentId"], kept)
    arrival = (PACKING + CARRIAGE) / faster
    call.tell({"event": "shipment.shipped", "reference": reference, **shipment}, after=PACKING / faster)
    call.tell(
        {
            "event": "shipment.delivered",
            "orderId": order,
            "shipmentId": shipment["shipmentId"],
            "deliveredAt": call.time(arrival),
        },
        after=arrival,
    )
    return Answer(status=202, body={"shipmentId": shipment["shipmentId"]})


def recall(call: Call) -> Answer:
    """Put a parcel that has not left back on its shelf."""
    shipment = call.path["shipment"]
    known = _shipment(call, shipment)
    if known["leavesAt"] <= call.time():
        raise Refused(409, "HAS_LEFT", f"Shipment {shipment} has left the warehouse.")
    call.memory.put("shipment", shipment, {**known, "recalled": True})
    for event in ("shipment.shipped", "shipment.delivered"):
        call.memory.untell(event, "shipmentId", shipment)
    return Answer(status=204)


def announce_return(call: Call) -> Answer:
    """Send the customer a label for the way back; a parcel that is still on its way turns round."""
    (shipment,) = call.want("shipmentId")
    _shipment(call, shipment)
    number = f"RT-{call.memory.next('return'):06}"
    call.memory.put("return", number, {"shipmentId": shipment})
    call.memory.untell("shipment.delivered", "shipmentId", shipment)
    return Answer(status=201, body={"returnId": number})


def _shipment(call: Call, shipment: str) -> dict[str, Any]:
    known = call.memory.get("shipment", shipment)
    if known is None:
        raise Refused(404, "UNKNOWN_SHIPMENT", f"There is no shipment {shipment}.")
    return known


def set_stock(call: Call) -> Answer:
    """Behind the scenes: `{"soldOut": true}` sells an article out, false brings it back."""
    sku = call.path["sku"]
    if call.body.get("soldOut"):
        call.memory.put("sold-out", sku, {})
    else:
        call.memory.drop("sold-out", sku)
    return Answer(body={"sku": sku, "soldOut": call.memory.get("sold-out", sku) is not None})


WAREHOUSE = SystemDefinition(
    name="warehouse",
    auth="basic",
    operations=(
        Operation(method="POST", path="/v1/shipments", handler=ship),
        Operation(method="DELETE", path="/v1/shipments/{shipment}", handler=recall),
        Operation(method="POST", path="/v1/returns", handler=announce_return),
    ),
    controls=(Operation(method="PUT", path="/_sim/articles/{sku}", handler=set_stock),),
)
