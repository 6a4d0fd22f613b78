"""`/sobjects` and `/describe`: what the user may know about the objects of the org."""

from __future__ import annotations

from typing import Any

from connector.localorg.org import Org
from connector.localorg.rest.message import Reply, Request
from connector.localorg.rest.sobjects import SObjects
from connector.localorg.schema.model import Field, Kind, SObject, Type
from connector.localorg.security import Access

_SOAP_TYPES = {
    Type.ID: "tns:ID",
    Type.REFERENCE: "tns:ID",
    Type.BOOLEAN: "xsd:boolean",
    Type.INT: "xsd:int",
    Type.DOUBLE: "xsd:double",
    Type.CURRENCY: "xsd:double",
    Type.PERCENT: "xsd:double",
    Type.DATE: "xsd:date",
    Type.DATETIME: "xsd:dateTime",
    Type.TIME: "xsd:time",
}


class Describe:
    """The describe resources."""

    def __init__(self, org: Org, sobjects: SObjects) -> None:
        self._org = org
        self._sobjects = sobjects

    def everything(self, request: Request) -> Reply:
        """GET all objects that the user may see."""
        access = request.actor.access
        visible = [
            each
            for each in self._org.schema
            if each.kind is not Kind.NAME and (access.object(each).read or access.object(each).create)
        ]
        listed = [self._summary(request, each) for each in sorted(visible, key=lambda each: each.name)]
        return Reply(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})

    def basic(self, request: Request, name: str) -> Reply:
        """GET one object, in short."""
        sobject = self._sobjects.entity(name, request.actor)
        return Reply(200, {"objectDescribe": self._summary(request, sobject), "recentItems": []})

    def full(self, request: Request, name: str) -> Reply:
        """GET one object with its fields and child relationships."""
        sobject = self._sobjects.entity(name, request.actor)
        access = request.actor.access
        children = [
            {
                "childSObject": child.object,
                "field": child.field,
                "relationshipName": child.name,
                "cascadeDelete": self._org.schema[child.object].fields[child.field.lower()].on_delete == "cascade",
                "restrictedDelete": self._org.schema[child.object].fields[child.field.lower()].on_delete == "restrict",
                "deprecatedAndHidden": False,
            }
            for child in sobject.children.values()
            if access.object(self._org.schema[child.object]).read
        ]
        fields = [_field(each, sobject, access) for each in sobject.fields.values() if access.reads(sobject, each)]
        return Reply(
            200,
            self._summary(request, sobject)
            | {"fields": fields, "childRelationships": children, "recordTypeInfos": [], "supportedScopes": []},
        )

    def _summary(self, request: Request, sobject: SObject) -> dict[str, Any]:
        granted = request.actor.access.object(sobject)
        event = sobject.kind is Kind.EVENT
        url = f"{request.sobjects}/{sobject.name}"
        return {
            "name": sobject.name,
            "label": sobject.label,
            "labelPlural": sobject.plural,
            "keyPrefix": sobject.prefix or None,
            "custom": sobject.custom,
            "customSetting": False,
            "activateable": False,
            "createable": granted.create,
            "updateable": granted.edit and not event,
            "deletable": granted.delete and not event,
            "undeletable": granted.delete and not event,
            "queryable": granted.read and not event,
            "retrieveable": granted.read and not event,
            "replicateable": granted.read and not event,
            "searchable": False,
            "layoutable": not event,
            "mergeable": False,
            "triggerable": True,
            "feedEnabled": False,
            "deprecatedAndHidden": False,
            "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
        }


def _field(field: Field, sobject: SObject, access: Access) -> dict[str, Any]:
    editable = access.edits(sobject, field)
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type.value,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "length": field.length,
        "byteLength": field.length * 3,
        "precision": field.precision,
        "scale": field.scale,
        "digits": field.precision if field.type is Type.INT else 0,
        "custom": field.custom,
        "nillable": not (field.required or field.type is Type.BOOLEAN),
        "createable": field.create and editable,
        "updateable": field.update and editable,
        "defaultedOnCreate": field.default is not None or field.type is Type.BOOLEAN or bool(field.auto),
        "defaultValue": field.default,
        "unique": field.unique,
        "caseSensitive": field.case_sensitive,
        "externalId": field.external_id,
        "idLookup": field.key or (field.name_field and not field.auto),
        "autoNumber": bool(field.auto),
        "calculated": field.calculated,
        "nameField": field.name_field,
        "permissionable": not field.open,
        "filterable": field.filterable,
        "sortable": field.filterable,
        "groupable": field.filterable and field.type not in (Type.DATETIME, Type.DOUBLE, Type.CURRENCY, Type.PERCENT),
        "aggregatable": field.filterable,
        "restrictedPicklist": field.restricted,
        "picklistValues": [
            {
                "value": each.value,
                "label": each.label,
                "active": each.active,
                "defaultValue": each.default,
                "validFor": None,
            }
            for each in field.values
        ],
        "referenceTo": list(field.to),
        "relationshipName": field.relationship or None,
        "cascadeDelete": field.on_delete == "cascade",
        "restrictedDelete": field.on_delete == "restrict",
        "polymorphicForeignKey": len(field.to) > 1,
        "htmlFormatted": False,
        "extraTypeInfo": "plaintextarea" if field.type is Type.TEXTAREA else None,
        "deprecatedAndHidden": False,
    }
