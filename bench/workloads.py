"""What is sent, and what stands in the rows: one set of documents for the loaded rows, the server and the limit."""

import json
from pathlib import Path

from server import fail

# Time part of the ids of the loaded orders: order `n` has BASE + n, in milliseconds since 1970.
BASE = 1_735_689_600_000

FIELDS = """
    id clientOrderId status phase outcome version createdAt customAttributes
    workOrders { id sequence type status phase outcome customAttributes }
"""
PAGE = "query { orders(first: 20) { nodes { %s } } }" % FIELDS
ORDER = "query($id: ID!) { order(id: $id) { %s } }" % FIELDS
CREATE = """mutation($input: OrderCreateInput!) {
    orderCreate(input: $input) { order { id version } userErrors { code message path } }
}"""

CONSIGNEE = {"name": "Ananya Krishnamurthy", "phone": {"countryCode": "+91", "number": "9845012345", "isMobile": True}}
DESTINATION = {
    "address": {
        "line1": "No. 14, 2nd Cross, 5th Main",
        "line2": "Koramangala 1st Block",
        "city": "Bengaluru",
        "state": "Karnataka",
        "postalCode": "560034",
        "country": "IN",
    },
    "geo": {"latitude": 12.9277, "longitude": 77.633},
}
SUMMARY = {"invoiceNumber": "MM/26-27/118842", "totalItems": 3, "totalCost": {"amount": "2849.00", "currency": "INR"}}
PICKUP = {
    "location": {"facilityId": "BLR-FC-PEENYA"},
    "slot": {"from": "2027-01-04T03:30:00Z", "to": "2027-01-04T05:30:00Z"},
    "serviceTimeSeconds": 300,
}
DELIVERY = {"slot": {"from": "2027-01-04T08:30:00Z", "to": "2027-01-04T12:30:00Z"}, "serviceTimeSeconds": 240}
CONTAINERS = [{"containerId": "C-1", "type": "BOX", "weight": {"value": "1.250", "unit": "KILOGRAM"}}]

# `@` stands for the number of the order. About 300 and 150 bytes.
ORDER_ATTRIBUTES = {
    "shipmentNumber": "SHP-@",
    "zone": "BLR-SOUTH-4",
    "lane": "IN-KA-560034",
    "priority": "STANDARD",
    "slaHours": 24,
    "prepaid": False,
    "hub": "BLR-FC-PEENYA",
    "route": ["PEENYA", "RAJAJINAGAR", "KORAMANGALA"],
    "handling": {"fragile": False, "coldChain": False},
    "declaredValue": "2849.00",
    "channel": "MARKETPLACE",
    "sellerId": "SEL-20993",
}
WORK_ORDER_ATTRIBUTES = {
    "label": "LBL-@",
    "vehicleType": "TWO_WHEELER",
    "distanceKm": 12.4,
    "rider": {"skill": "DELIVERY", "language": "kn"},
    "dockDoor": "D-07",
    "weighed": True,
}


DEFINE = """mutation($input: AttributeDefinitionCreateInput!) {
    attributeDefinitionCreate(input: $input) { userErrors { code message } }
}"""
TYPES = {str: "STRING", bool: "BOOLEAN", int: "NUMBER", float: "NUMBER", dict: "OBJECT", list: "ARRAY"}


def definitions():
    """The inputs that define the attributes of the orders and work orders here."""
    return [
        {"owner": owner, "key": key, "type": TYPES[type(value)]}
        for owner, attributes in [("ORDER", ORDER_ATTRIBUTES), ("WORK_ORDER", WORK_ORDER_ATTRIBUTES)]
        for key, value in attributes.items()
    ]


def define_attributes(server):
    """Only attributes that are defined can be set."""
    for definition in definitions():
        answer = server.ask(DEFINE, {"input": definition})["attributeDefinitionCreate"]
        if answer["userErrors"]:
            fail(f"an attribute was not defined: {answer}")


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def documents():
    """The documents as they stand in the rows, by the names of the variables in sql/*.sql."""
    return {
        "consignee": compact(CONSIGNEE),
        "destination": compact(DESTINATION),
        "summary": compact(SUMMARY),
        "pickup": compact(PICKUP),
        "delivery": compact(DELIVERY),
        "containers": compact(CONTAINERS),
        "order_attributes": compact(ORDER_ATTRIBUTES),
        "work_order_attributes": compact(WORK_ORDER_ATTRIBUTES),
    }


def order_input(work_orders, **fields):
    """An order as a client sends it; `@` in it stands for its number."""
    return {
        "clientId": "mirchi-mart",
        "clientOrderId": "@",
        "clientName": "Mirchi Mart",
        "type": "PARCEL",
        "domain": "E_COMMERCE",
        "consignee": CONSIGNEE,
        "destination": DESTINATION,
        "summary": SUMMARY,
        "customAttributes": ORDER_ATTRIBUTES,
        "workOrders": [
            {
                "type": "MOVE_CONTAINERS",
                "description": f"Parcel {number}",
                "pickup": PICKUP,
                "delivery": DELIVERY,
                "containers": CONTAINERS,
                "customAttributes": WORK_ORDER_ATTRIBUTES,
            }
            for number in range(1, work_orders + 1)
        ],
        **fields,
    }


def type_id(prefix, number):
    """The text form of a 128-bit id: the prefix, and its bits in Crockford's base 32."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return prefix + "_" + "".join(alphabet[(number >> shift) & 31] for shift in range(125, -1, -5))


def loaded_order_id(n):
    """Id of the loaded order `n`, as sql/load.sql makes it."""
    return type_id("ord", int(f"{BASE + n:012x}70008000000000000000", 16))


def write_files(folder, orders):
    """Writes the bodies of the requests and the ids that they ask for."""
    folder = Path(folder)
    (folder / "page.json").write_text(compact({"query": PAGE}))
    (folder / "order.json").write_text(compact({"query": ORDER, "variables": {"id": "@"}}))
    create = {"query": CREATE, "variables": {"input": order_input(3, idempotencyKey="@")}}
    (folder / "create.json").write_text(compact(create))
    (folder / "order_ids").write_text("".join(loaded_order_id(n) + "\n" for n in range(1, orders + 1)))
