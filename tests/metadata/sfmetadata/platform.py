"""What every org brings along, as far as this project touches it.

A name that is missing here is reported as unknown: look it up in Salesforce's documentation, or in the retrieved
metadata of a real org, before adding it.
"""

from __future__ import annotations

from collections.abc import Mapping

STANDARD_FIELDS: Mapping[str, Mapping[str, str]] = {
    "Account": {
        "AccountNumber": "Text",
        "BillingAddress": "Address",
        "Phone": "Phone",
        "ShippingAddress": "Address",
        "Type": "Picklist",
    },
    "Case": {
        "AccountId": "Lookup",
        "Description": "LongTextArea",
        "Origin": "Picklist",
        "Priority": "Picklist",
        "Status": "Picklist",
        "Subject": "Text",
    },
    "Order": {
        "AccountId": "Lookup",
        "ActivatedDate": "DateTime",
        "BillingAddress": "Address",
        "Description": "LongTextArea",
        "EffectiveDate": "Date",
        "EndDate": "Date",
        "OrderNumber": "AutoNumber",
        "OrderReferenceNumber": "Text",
        "PoNumber": "Text",
        "ShippingAddress": "Address",
        "Status": "Picklist",
        "StatusCode": "Picklist",
        "TotalAmount": "Currency",
        "Type": "Picklist",
    },
    "OrderItem": {
        "Description": "Text",
        "EndDate": "Date",
        "OrderId": "Lookup",
        "OrderItemNumber": "AutoNumber",
        "Product2Id": "Lookup",
        "Quantity": "Number",
        "ServiceDate": "Date",
        "UnitPrice": "Currency",
    },
    "Product2": {
        "Description": "LongTextArea",
        "Family": "Picklist",
        "IsActive": "Checkbox",
        "ProductCode": "Text",
    },
    "Task": {
        "Description": "LongTextArea",
        "Priority": "Picklist",
        "Status": "Picklist",
        "Subject": "Text",
        "WhatId": "Lookup",
    },
}
"""Standard objects and their fields (beside `SYSTEM_FIELDS`): name → type."""

SYSTEM_FIELDS: Mapping[str, str] = {
    "Id": "Lookup",
    "Name": "Text",
    "OwnerId": "Lookup",
    "CreatedById": "Lookup",
    "CreatedDate": "DateTime",
    "LastModifiedById": "Lookup",
    "LastModifiedDate": "DateTime",
}
"""Fields that (nearly) every object has. They take part in no field permission, but for `Order.Name`."""

NOT_IN_FIELD_PERMISSIONS = frozenset(
    {
        "Case.Status",
        "Order.AccountId",
        "Order.EffectiveDate",
        "Order.EndDate",
        "Order.OrderNumber",
        "Order.Status",
        "Order.StatusCode",
        "OrderItem.OrderId",
        "OrderItem.OrderItemNumber",
        "OrderItem.Product2Id",
        "OrderItem.Quantity",
        "OrderItem.UnitPrice",
        "Product2.IsActive",
    }
)
"""Standard fields that no permission set may name: required ones, or always visible. From retrieved profiles of orgs
with orders enabled, in which they never occur while the others of their object do."""

NAME_IN_FIELD_PERMISSIONS = frozenset({"Order.Name"})
"""Order's name may be empty, so it has field permissions where other names have none."""

OBJECT_ACCESS_FROM: Mapping[str, str] = {"OrderItem": "Order"}
"""Objects whose access follows another's and that no permission set lists."""

PICKLIST_VALUES: Mapping[str, frozenset[str]] = {"Order.StatusCode": frozenset({"Draft", "Activated"})}
"""Standard picklists whose values no admin can change."""

QUEUEABLE_STANDARD = frozenset({"Case", "Lead", "Order", "ServiceContract"})
"""Standard objects that a queue may own, of those that matter here. Custom objects may all, if they have an owner."""

USER_PERMISSIONS: Mapping[str, frozenset[str]] = {
    "ActivateOrder": frozenset(),
    "ApiEnabled": frozenset(),
    "EditActivatedOrders": frozenset({"ActivateOrder"}),
    "TransferAnyCase": frozenset(),
}
"""User permissions, and those that each depends on."""

CUSTOM_OBJECT_COLUMNS: Mapping[str, str] = {
    "NAME": "Text",
    "OWNER.ALIAS": "Text",
    "CREATEDBY_USER": "Text",
    "CREATED_DATE": "DateTime",
    "UPDATEDBY_USER": "Text",
    "LAST_UPDATE": "DateTime",
}
"""How list views of custom objects name the system fields."""

STANDARD_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "Case": {
        "CASES.CASE_NUMBER": "AutoNumber",
        "CASES.SUBJECT": "Text",
        "CASES.STATUS": "Picklist",
        "CASES.PRIORITY": "Picklist",
        "CASES.ORIGIN": "Picklist",
        "CASES.CLOSED": "Checkbox",
        "CASES.CREATED_DATE": "DateTime",
        "CORE.USERS.ALIAS": "Text",
    },
    "Order": {
        "ORDERS.ORDER_NUMBER": "AutoNumber",
        "ORDERS.STATUS": "Picklist",
        "ORDERS.TYPE": "Picklist",
        "ORDERS.EFFECTIVE_DATE": "Date",
        "ORDERS.TOTAL_AMOUNT": "Currency",
        "SALES.ACCOUNT.NAME": "Text",
    },
}
"""How list views of standard objects name their columns, as retrieved from real orgs."""

EVENT_FIELD_TYPES = frozenset({"Checkbox", "Date", "DateTime", "LongTextArea", "Number", "Text"})
"""Types that a field of a platform event may have."""

EVENT_RESERVED = frozenset({"EventUuid", "ReplayId"})
"""Fields that every platform event has."""
