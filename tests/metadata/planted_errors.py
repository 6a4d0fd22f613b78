"""Errors to plant in a copy of the project: at least one for every kind of finding."""

from __future__ import annotations

from dataclasses import dataclass

from tests.metadata.sfmetadata.findings import Code

MAIN = "force-app/main/default/"
DEFINITION = "sfdx-project.json"
PLAN = MAIN + "objects/Orchestration_Plan__c/Orchestration_Plan__c.object-meta.xml"
PLAN_FIELDS = MAIN + "objects/Orchestration_Plan__c/fields/"
ITEM = MAIN + "objects/Orchestration_Item__c/Orchestration_Item__c.object-meta.xml"
ITEM_FIELDS = MAIN + "objects/Orchestration_Item__c/fields/"
ITEM_VIEWS = MAIN + "objects/Orchestration_Item__c/listViews/"
ORDER_FIELDS = MAIN + "objects/Order/fields/"
EVENT = MAIN + "objects/Order_Submitted__e/Order_Submitted__e.object-meta.xml"
EVENT_FIELDS = MAIN + "objects/Order_Submitted__e/fields/"
COMMAND_FIELDS = MAIN + "objects/Fulfillment_Command__c/fields/"
ORDER_FLOW = MAIN + "flows/Publish_Order_Submitted.flow-meta.xml"
COMMAND_FLOW = MAIN + "flows/Publish_Fulfillment_Command.flow-meta.xml"
INTEGRATION = MAIN + "permissionsets/Order_Connector_Integration.permissionset-meta.xml"
OPERATOR = MAIN + "permissionsets/Fulfillment_Operator.permissionset-meta.xml"
OVERRIDE = MAIN + "permissionsets/Point_Of_No_Return_Override.permissionset-meta.xml"
OVERRIDE_RULE = (
    MAIN + "objects/Fulfillment_Command__c/validationRules/Override_Needs_Permission.validationRule-meta.xml"
)
QUEUE = MAIN + "queues/Credit_Check.queue-meta.xml"
TAB = MAIN + "tabs/Inventory_Item__c.tab-meta.xml"
MY_TASKS = ITEM_VIEWS + "My_Tasks.listView-meta.xml"
CASE_VIEW = MAIN + "objects/Case/listViews/Open_Fulfillment_Fallout.listView-meta.xml"


@dataclass(frozen=True, slots=True)
class Planted:
    """`old` in the file becomes `new`, and `code` is found, in this file or in `found`, for a reason with `reason`."""

    code: Code
    file: str
    old: str
    new: str
    reason: str
    found: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


def field_permission(name: str, *, editable: bool = False) -> str:
    return (
        f"<fieldPermissions><editable>{str(editable).lower()}</editable><field>{name}</field>"
        "<readable>true</readable></fieldPermissions>\n"
    )


def object_permission(name: str) -> str:
    rights = "".join(f"<{right}>false</{right}>" for right in ("allowCreate", "allowDelete", "allowEdit"))
    return (
        f"<objectPermissions>{rights}<allowRead>true</allowRead><modifyAllRecords>false</modifyAllRecords>"
        f"<object>{name}</object><viewAllRecords>false</viewAllRecords></objectPermissions>\n"
    )


FIRST_FIELD = "<fieldPermissions>"
FIRST_OBJECT = "<objectPermissions>"

PROJECT_FILES = [
    Planted(Code.PROJECT, DEFINITION, '"path": "force-app"', '"pat": "force-app"', "not a project definition"),
    Planted(Code.PROJECT, DEFINITION, '"force-app"', '"elsewhere"', "elsewhere holds nothing"),
    Planted(Code.PROJECT, DEFINITION, '"default": true', '"default": false', "exactly one"),
    Planted(Code.UNKNOWN_FILE, MAIN + "flows/Stray.flw-meta.xml", "", "<Flow/>", "Stray.flw-meta.xml"),
    Planted(Code.UNKNOWN_FILE, MAIN + "flows/Stray.flow", "", "<Flow/>", "Stray.flow"),
    Planted(Code.WRONG_PLACE, MAIN + "queues/Stray.flow-meta.xml", "", "<Flow/>", "belongs in main/default/flows"),
    Planted(
        Code.FILE_NAME, PLAN_FIELDS + "State__c.field-meta.xml", ">State__c<", ">Status__c<", "fullName is Status__c"
    ),
]

GRAMMAR = [
    Planted(Code.MALFORMED, QUEUE, "</Queue>", "", "not well-formed"),
    Planted(Code.NAMESPACE, QUEUE, "soap.sforce.com/2006/04/metadata", "example.org/other", "not in the namespace"),
    Planted(Code.NAMESPACE, QUEUE, "<name>", '<name xmlns="urn:x">', "name is not in the namespace"),
    Planted(
        Code.ROOT_TYPE,
        MAIN + "tabs/Other__c.tab-meta.xml",
        "",
        '<CustomTob xmlns="http://soap.sforce.com/2006/04/metadata"/>',
        "it should be CustomTab",
    ),
    Planted(
        Code.UNKNOWN_ELEMENT,
        ITEM,
        "<enableHistory>false</enableHistory>",
        "<enableHistori/>",
        "enableHistori is no element",
    ),
    Planted(
        Code.UNKNOWN_ELEMENT,
        ORDER_FLOW,
        "<targetReference>Leave_Note</targetReference>",
        "<target/>",
        "target is no element",
    ),
    Planted(Code.GIVEN_TWICE, QUEUE, "<name>", "<name>One</name><name>", "name is given twice"),
    Planted(
        Code.SPLIT_LIST, INTEGRATION, "</PermissionSet>", field_permission("Order.Type") + "</PermissionSet>", "next"
    ),
    Planted(Code.MISSING_ELEMENT, OPERATOR, "<label>Fulfillment Operator</label>", "", "lacks label"),
    Planted(Code.NOT_IN_ENUM, ORDER_FLOW, "AutoLaunchedFlow", "AutolaunchedFlow", "no value of FlowProcessType"),
    Planted(Code.NOT_IN_ENUM, EVENT, "HighVolume", "High", "no value of PlatformEventType"),
    Planted(Code.NOT_BOOLEAN, PLAN, "<enableSearch>true", "<enableSearch>yes", "'yes', not a boolean"),
    Planted(Code.NOT_NUMBER, ITEM_FIELDS + "Error_Code__c.field-meta.xml", ">80<", ">eighty<", "not a number"),
    Planted(Code.NOT_SCALAR, QUEUE, "<name>Credit Check", "<name><b>Credit Check</b>", "can't hold elements"),
    Planted(Code.STRAY_TEXT, QUEUE, "<queueSobject>", "and <queueSobject>", "text inside Queue"),
]

OBJECTS = [
    Planted(Code.LABEL, PLAN, "<label>Orchestration Plan</label>", "", "has no label"),
    Planted(Code.LABEL, PLAN, "<pluralLabel>", "<pluralLabel>" + 40 * "x", "40 are the most"),
    Planted(Code.LABEL, ITEM_VIEWS + "My_Tasks.listView-meta.xml", "My Tasks", 41 * "x", "1 to 40 characters"),
    Planted(Code.DESCRIPTION, EVENT, "<description>", "<description>" + 1000 * "x", "1000 are the most"),
    Planted(
        Code.DESCRIPTION,
        EVENT_FIELDS + "Reason__c.field-meta.xml",
        "<description>Why the event was published: Activated.</description>",
        "",
        "has no description",
    ),
    Planted(
        Code.DEVELOPER_NAME,
        MAIN + "objects/Orchestration_Item__c/listViews/Mine_.listView-meta.xml",
        "",
        '<ListView xmlns="http://soap.sforce.com/2006/04/metadata"><columns>NAME</columns>'
        "<filterScope>Mine</filterScope><label>Mine</label></ListView>",
        "Mine_ is no valid",
    ),
    Planted(
        Code.DEVELOPER_NAME,
        PLAN_FIELDS + "Bad__Name__c.field-meta.xml",
        "",
        '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><label>Bad</label></CustomField>',
        "Bad__Name__c is no valid",
    ),
    Planted(
        Code.DEVELOPER_NAME,
        PLAN_FIELDS + "Standard.field-meta.xml",
        "",
        '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><label>Standard</label></CustomField>',
        "does not end as a custom name does",
    ),
    Planted(Code.OBJECT_SHAPE, PLAN, "<sharingModel>ReadWrite</sharingModel>", "", "lacks sharingModel"),
    Planted(
        Code.OBJECT_SHAPE, PLAN, "<sharingModel>", "<eventType>HighVolume</eventType><sharingModel>", "for platform"
    ),
    Planted(Code.OBJECT_SHAPE, PLAN, "<enableSharing>true", "<enableSharing>false", "go together"),
    Planted(
        Code.OBJECT_SHAPE, PLAN, "<displayFormat>OP-{000000}</displayFormat>", "", "exactly if it is an AutoNumber"
    ),
    Planted(Code.OBJECT_SHAPE, PLAN, "OP-{000000}", "OP-", "needs a number"),
    Planted(Code.OBJECT_SHAPE, PLAN, "<type>AutoNumber", "<type>Number", "type Text or AutoNumber"),
    Planted(
        Code.OBJECT_SHAPE,
        MAIN + "objects/Gone__c/fields/Name_Of__c.field-meta.xml",
        "",
        '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><label>Gone</label></CustomField>',
        "there is no object Gone__c",
    ),
    Planted(Code.EVENT_SHAPE, EVENT, "PublishAfterCommit", "PublishImmediately", "not PublishAfterCommit"),
    Planted(
        Code.EVENT_SHAPE, EVENT, "<publishBehavior>", "<sharingModel>Read</sharingModel><publishBehavior>", "has no"
    ),
    Planted(Code.VIEW_COLUMN, ITEM, ">Queue__c<", ">Cue__c<", "has no field Cue__c"),
]

FIELDS = [
    Planted(Code.FIELD_SHAPE, PLAN_FIELDS + "Started_At__c.field-meta.xml", ">DateTime<", ">Time<", "not one that is"),
    Planted(Code.FIELD_SHAPE, PLAN_FIELDS + "Progress__c.field-meta.xml", "<scale>0</scale>", "", "needs scale"),
    Planted(
        Code.FIELD_SHAPE,
        PLAN_FIELDS + "Progress__c.field-meta.xml",
        "<scale>",
        "<length>3</length><scale>",
        "can't have",
    ),
    Planted(
        Code.FIELD_SHAPE, PLAN_FIELDS + "Message__c.field-meta.xml", "<visibleLines>4</visibleLines>", "", "needs v"
    ),
    Planted(Code.FIELD_SIZE, ITEM_FIELDS + "Outcomes__c.field-meta.xml", ">255<", ">256<", "1 to 255, not 256"),
    Planted(Code.FIELD_SIZE, ORDER_FIELDS + "Attributes__c.field-meta.xml", "32768", "131073", "256 to 131072"),
    Planted(Code.FIELD_SIZE, PLAN_FIELDS + "Progress__c.field-meta.xml", "<scale>0<", "<scale>3<", "has to be less"),
    Planted(Code.EVENT_FIELD, EVENT_FIELDS + "Reason__c.field-meta.xml", ">Text<", ">Percent<", "can't have a Percent"),
    Planted(
        Code.EVENT_FIELD,
        EVENT_FIELDS + "Reason__c.field-meta.xml",
        "<unique>false",
        "<unique>true",
        "can't be unique",
    ),
    Planted(
        Code.EVENT_FIELD,
        EVENT_FIELDS + "ReplayId__c.field-meta.xml",
        "",
        '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>ReplayId__c</fullName>'
        "<label>Replay</label><length>18</length><type>Text</type></CustomField>",
        "every platform event has a field ReplayId",
    ),
    Planted(
        Code.LOOKUP_TARGET, PLAN_FIELDS + "Order__c.field-meta.xml", ">Order</ref", ">Ordr</ref", "looks up to Ordr"
    ),
    Planted(
        Code.LOOKUP_TARGET,
        PLAN_FIELDS + "Order__c.field-meta.xml",
        ">Order</ref",
        ">Order_Submitted__e</ref",
        "unknown",
    ),
    Planted(
        Code.LOOKUP_DELETE, PLAN_FIELDS + "Order__c.field-meta.xml", "SetNull", "Cascade", "optional lookup has SetN"
    ),
    Planted(
        Code.LOOKUP_DELETE,
        PLAN_FIELDS + "Order__c.field-meta.xml",
        "<required>false",
        "<required>true",
        "required lookup has Restrict",
    ),
    Planted(
        Code.RELATIONSHIP_NAME,
        PLAN_FIELDS + "Order__c.field-meta.xml",
        "<relationshipName>Orchestration_Plans",
        "<relationshipName>Orchestration Plans",
        "no valid developer name",
    ),
    Planted(
        Code.RELATIONSHIP_NAME,
        PLAN_FIELDS + "Order__c.field-meta.xml",
        "<relationshipName>Orchestration_Plans",
        "<relationshipName>Orchestration_items",
        "two child relationships",
    ),
    Planted(
        Code.PICKLIST_VALUE,
        PLAN_FIELDS + "State__c.field-meta.xml",
        "<fullName>Frozen",
        "<fullName>Freezing",
        "2 values with fullName",
    ),
    Planted(
        Code.PICKLIST_VALUE,
        PLAN_FIELDS + "State__c.field-meta.xml",
        "<label>Frozen</label>",
        "",
        "a value without label",
    ),
    Planted(
        Code.PICKLIST_VALUE,
        ORDER_FIELDS + "Fulfillment_Priority__c.field-meta.xml",
        "<default>false",
        "<default>true",
        "more than one default",
    ),
    Planted(
        Code.PICKLIST_VALUE,
        ORDER_FIELDS + "Jeopardy__c.field-meta.xml",
        "<restricted>true",
        "<restricted>false",
        "is not restricted",
    ),
    Planted(
        Code.EXTERNAL_ID,
        PLAN_FIELDS + "External_Id__c.field-meta.xml",
        "<unique>true",
        "<unique>false",
        "has to be unique",
    ),
]

PERMISSIONS = [
    Planted(Code.PERMISSION_TARGET, OPERATOR, "Case.Attempts__c", "Case.Attempt__c", "no field Case.Attempt__c"),
    Planted(Code.PERMISSION_TARGET, OVERRIDE, "<name>Override_", "<name>Over_", "no custom permission Over_Point"),
    Planted(Code.PERMISSION_TARGET, OVERRIDE_RULE, "$Permission.", "$Permission.My_", "no custom permission My_Over"),
    Planted(Code.PERMISSION_TARGET, OPERATOR, "<object>Account<", "<object>Acount<", "no object Acount"),
    Planted(Code.PERMISSION_TARGET, OPERATOR, "<tab>Inventory_Item__c<", "<tab>Inventory__c<", "no tab Inventory__c"),
    Planted(
        Code.PERMISSION_FORBIDDEN,
        INTEGRATION,
        FIRST_FIELD,
        field_permission("Fulfillment_Command__c.Action__c") + FIRST_FIELD,
        "Action__c is required",
    ),
    Planted(
        Code.PERMISSION_FORBIDDEN,
        INTEGRATION,
        FIRST_FIELD,
        field_permission("Case.Status") + FIRST_FIELD,
        "is required",
    ),
    Planted(
        Code.PERMISSION_FORBIDDEN, INTEGRATION, FIRST_FIELD, field_permission("Case.OwnerId") + FIRST_FIELD, "system"
    ),
    Planted(
        Code.PERMISSION_FORBIDDEN,
        INTEGRATION,
        FIRST_FIELD,
        field_permission("Order_Submitted__e.Order_Id__c") + FIRST_FIELD,
        "fields of platform events have no permissions",
    ),
    Planted(
        Code.PERMISSION_FORBIDDEN,
        INTEGRATION,
        FIRST_OBJECT,
        object_permission("OrderItem") + FIRST_OBJECT,
        "follows Order",
    ),
    Planted(
        Code.PERMISSION_FORBIDDEN,
        INTEGRATION,
        "<object>Order_Submitted__e</object>\n        <viewAllRecords>false",
        "<object>Order_Submitted__e</object>\n        <viewAllRecords>true",
        "has no viewAllRecords",
    ),
    Planted(
        Code.PERMISSION_DEPENDS, INTEGRATION, "<allowDelete>true", "<allowDelete>false", "modifyAllRecords needs allowD"
    ),
    Planted(
        Code.PERMISSION_DEPENDS,
        OPERATOR,
        FIRST_FIELD,
        field_permission("Product2.Family") + FIRST_FIELD,
        "no access to the object Product2",
    ),
    Planted(
        Code.PERMISSION_DEPENDS,
        INTEGRATION,
        "<field>Orchestration_Plan__c.State__c</field>\n        <readable>true",
        "<field>Orchestration_Plan__c.State__c</field>\n        <readable>false",
        "editable needs readable",
    ),
    Planted(
        Code.PERMISSION_DEPENDS,
        INTEGRATION,
        "<enabled>true</enabled>\n        <name>ActivateOrder",
        "<enabled>false</enabled>\n        <name>ActivateOrder",
        "EditActivatedOrders needs ActivateOrder",
    ),
    Planted(
        Code.PERMISSION_ORDER,
        OPERATOR,
        FIRST_FIELD,
        field_permission("Order.Type") + FIRST_FIELD,
        "comes after Order.Type",
    ),
    Planted(Code.PERMISSION_ORDER, OPERATOR, FIRST_OBJECT, object_permission("Account") + FIRST_OBJECT, "comes twice"),
    Planted(
        Code.USER_PERMISSION, INTEGRATION, "<name>ApiEnabled", "<name>ApiEnabld", "ApiEnabld is no user permission"
    ),
    Planted(
        Code.NOT_GRANTED,
        INTEGRATION,
        "<field>Orchestration_Item__c.Queue__c<",
        "<field>Order.Name<",
        "can't read Orchestration_Item__c.Queue__c",
    ),
    Planted(
        Code.NOT_GRANTED,
        PLAN_FIELDS + "New__c.field-meta.xml",
        "",
        '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><label>New</label><type>Date</type></CustomField>',
        "can't read Orchestration_Plan__c.New__c",
        found=INTEGRATION,
    ),
    Planted(Code.NOT_GRANTED, INTEGRATION, "<object>Inventory_Item__c<", "<object>Account<", "read Inventory_Item__c"),
]

FILTER = """<operator>EqualTo</operator>
            <value>
                <stringValue>"""

FAULT_PATH = """<faultConnector>
            <targetReference>Leave_Note</targetReference>
        </faultConnector>"""

FLOWS = [
    Planted(Code.FLOW_START, ORDER_FLOW, "<object>Order</object>", "<object>Ordr</object>", "starts on Ordr"),
    Planted(Code.FLOW_START, ORDER_FLOW, "<status>Active", "<status>Draft", "status is Draft"),
    Planted(Code.FLOW_START, ORDER_FLOW, "<apiVersion>66.0", "<apiVersion>65.0", "apiVersion is 65.0"),
    Planted(Code.FLOW_START, ORDER_FLOW, "RecordAfterSave", "RecordBeforeSave", "not RecordAfterSave"),
    Planted(Code.FLOW_START, ORDER_FLOW, "CreateAndUpdate", "Create", "only an update can change"),
    Planted(Code.FLOW_START, ORDER_FLOW, "CreateAndUpdate", "Delete", "recordTriggerType is Delete"),
    Planted(Code.FLOW_START, COMMAND_FLOW, ">Create<", ">CreateAndUpdate<", "runs on every update"),
    Planted(Code.FLOW_NAME, ORDER_FLOW, "<name>Leave_Note", "<name>Leave Note", "'Leave Note' is no valid name"),
    Planted(Code.FLOW_NAME, ORDER_FLOW, "<name>noteText", "<name>keep_fault", "'keep_fault' is there twice"),
    Planted(Code.FLOW_NAME, ORDER_FLOW, "<label>Leave Note</label>", "", "Leave_Note has no label"),
    Planted(
        Code.FLOW_TARGET, ORDER_FLOW, ">Leave_Note</targetReference>", ">Leave</targetReference>", "leads to Leave,"
    ),
    Planted(
        Code.FLOW_UNREACHABLE, ORDER_FLOW, ">Leave_Note</targetReference>", ">Keep_Fault</targetReference>", "Leave_N"
    ),
    Planted(Code.FLOW_FIELD, ORDER_FLOW, "<field>StatusCode<", "<field>StatusKode<", "Order has no field StatusKode"),
    Planted(Code.FLOW_FIELD, ORDER_FLOW, "<field>Reason__c<", "<field>Reasons__c<", "has no field Reasons__c"),
    Planted(Code.FLOW_FIELD, ORDER_FLOW, "<field>Reason__c<", "<field>Order_Id__c<", "Order_Id__c is filled twice"),
    Planted(
        Code.FLOW_FIELD, ORDER_FLOW, "<object>Order_Submitted__e<", "<object>Order_Sent__e<", "object Order_Sent__e"
    ),
    Planted(Code.FLOW_FIELD, ORDER_FLOW, "<field>Fulfillment_Message__c<", "<field>Message__c<", "no field Message__c"),
    Planted(Code.FLOW_TYPE, ORDER_FLOW, "<operator>EqualTo<", "<operator>LessThan<", "LessThan can't compare"),
    Planted(Code.FLOW_TYPE, ORDER_FLOW, FILTER + "Activated", FILTER + "Active", "'Active' is none of its values"),
    Planted(
        Code.FLOW_TYPE, ORDER_FLOW, ">$Record.Id<", ">$Record.ActivatedDate<", "a DateTime does not go into a Text"
    ),
    Planted(
        Code.FLOW_TYPE, ORDER_FLOW, ">$Record.Id<", ">$Record.Attributes__c<", "32768 characters do not go into 18"
    ),
    Planted(Code.FLOW_TYPE, ORDER_FLOW, ">Activated<", ">" + 41 * "x" + "<", "41 characters do not go into 40"),
    Planted(Code.FLOW_TYPE, ORDER_FLOW, "<dataType>String", "<dataType>Number", "a String does not go into a Number"),
    Planted(
        Code.FLOW_TYPE,
        EVENT_FIELDS + "Order_Id__c.field-meta.xml",
        "<length>18",
        "<length>15",
        "18 characters do not go into 15",
        found=ORDER_FLOW,
    ),
    Planted(Code.FLOW_REFERENCE, ORDER_FLOW, ">$Record.Id<", ">$Record.Ids<", "nothing that $Record.Ids names"),
    Planted(
        Code.FLOW_REFERENCE, ORDER_FLOW, ">noteText</elementReference>", ">note</elementReference>", "that note names"
    ),
    Planted(Code.FLOW_REFERENCE, ORDER_FLOW, ">lastFault</assign", ">last</assign", "no variable last"),
    Planted(Code.FLOW_REFERENCE, ORDER_FLOW, "({!$Flow.FaultMessage})", "({!$Flow.Fault})", "nothing that $Flow.Fault"),
    Planted(
        Code.FLOW_REFERENCE, COMMAND_FLOW, "({!$Flow.FaultMessage})", "({!$Flow.Why})", "nothing that $Flow.Why names"
    ),
    Planted(Code.FLOW_REQUIRED, ORDER_FLOW, "<field>Order_Id__c<", "<field>Reason__c<", "Order_Id__c is required"),
    Planted(Code.FLOW_FAULT, COMMAND_FLOW, FAULT_PATH, "", "Publish_Event can fail and has no fault path"),
    Planted(
        Code.FLOW_UNCHECKED,
        ORDER_FLOW,
        "<assignments>",
        "<actionCalls><name>Mail</name><label>Mail</label><locationX>0</locationX><locationY>0</locationY>"
        "<actionName>emailSimple</actionName><actionType>emailSimple</actionType></actionCalls><assignments>",
        "actionCalls is a kind of element that is not checked",
    ),
    Planted(
        Code.FLOW_UNCHECKED, ORDER_FLOW, "<inputReference>$Record<", "<inputReference>other<", "anything but $Record"
    ),
]

VIEWS = [
    Planted(
        Code.VIEW_COLUMN,
        CASE_VIEW,
        "<columns>CASES.SUBJECT",
        "<columns>CASES.TITLE",
        "CASES.TITLE is no column of Case",
    ),
    Planted(Code.VIEW_COLUMN, MY_TASKS, "<columns>Queue__c", "<columns>Instructions__c", "too long for a list"),
    Planted(Code.VIEW_COLUMN, MY_TASKS, "<columns>Queue__c", "<columns>NAME", "different columns"),
    Planted(Code.VIEW_FILTER, MY_TASKS, "Ready,Running", "Ready,Runing", "State__c has no values ['Runing']"),
    Planted(Code.VIEW_FILTER, MY_TASKS, "<field>Type__c", "<field>Kind__c", "Kind__c is no column"),
    Planted(Code.VIEW_FILTER, MY_TASKS, "<field>Type__c", "<field>Outputs__c", "too long to filter by"),
    Planted(Code.VIEW_FILTER, MY_TASKS, "<operation>equals", "<operation>greaterThan", "greaterThan can't compare"),
    Planted(Code.VIEW_FILTER, MY_TASKS, "<operation>equals", "<operation>includes", "multi-select"),
    Planted(Code.VIEW_FILTER, CASE_VIEW, "<value>0", "<value>false", "CASES.CLOSED is a checkbox"),
    Planted(
        Code.VIEW_FILTER, MY_TASKS, "<columns>NAME", "<booleanFilter>1 AND 3</booleanFilter><columns>NAME", "every fil"
    ),
    Planted(Code.VIEW_SCOPE, MY_TASKS, ">Mine<", ">MineAndMyGroups<", "MineAndMyGroups is no scope"),
    Planted(Code.VIEW_SCOPE, MY_TASKS, ">Mine<", ">Queue<", "scope Queue and a queue go together"),
    Planted(
        Code.VIEW_SCOPE,
        MY_TASKS,
        "<filterScope>Mine</filterScope>",
        "<filterScope>Queue</filterScope><queue>Order_Fallout</queue>",
        "no queue Order_Fallout for Orchestration_Item__c",
    ),
    Planted(Code.TAB, TAB, "Custom13: Box", "Box", "motif 'Box' is not like"),
    Planted(Code.TAB, TAB, "<customObject>true", "<customObject>false", "says customObject true"),
    Planted(
        Code.TAB,
        MAIN + "tabs/Gone__c.tab-meta.xml",
        "",
        '<CustomTab xmlns="http://soap.sforce.com/2006/04/metadata"/>',
        "there is no custom object Gone__c",
    ),
    Planted(Code.QUEUE, QUEUE, "Orchestration_Item__c", "Orchestration_Task__c", "can't own Orchestration_Task__c"),
    Planted(Code.QUEUE, QUEUE, "Orchestration_Item__c", "Order_Submitted__e", "can't own Order_Submitted__e"),
    Planted(Code.QUEUE, QUEUE, "<name>Credit Check", "<name>" + 41 * "x", "is no valid name"),
]

ALL = [*PROJECT_FILES, *GRAMMAR, *OBJECTS, *FIELDS, *PERMISSIONS, *FLOWS, *VIEWS]
