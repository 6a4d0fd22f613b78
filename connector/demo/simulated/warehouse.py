"""Phones, SIM cards and routers in parcels. Says at once that it will, and later that it has."""

from __future__ import annotations

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
    call.memory.put("shipment", shipment["shipmentId"], shipment)
    faster = 2 if call.body.get("express") else 1
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
    operations=(Operation(method="POST", path="/v1/shipments", handler=ship),),
    controls=(Operation(method="PUT", path="/_sim/articles/{sku}", handler=set_stock),),
)
