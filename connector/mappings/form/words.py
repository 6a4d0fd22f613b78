"""Shapes of the words that stand in many places: names, codes, paths."""

from __future__ import annotations

from connector.mappings.set import Scope
from connector.mappings.shapes import Record, Text, required

NAME = Text("a name (letters, digits, `-`, `_`; a letter first)", r"[A-Za-z][A-Za-z0-9_-]*", longest=80)
CODE = Text("a product code", r"\S(?:[^\r\n]*\S)?", loose=True)
ATTRIBUTE = Text("an attribute's name (letters, digits, `_`)", r"[A-Za-z_][A-Za-z0-9_]*", longest=80)
TEXT = Text(longest=4_000)
LOOSE_TEXT = Text(loose=True)
HEADER = Text("a header's name", r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", code="MAP081")
SETTING = Text(
    "the name of a setting",
    r"\$\{[A-Z][A-Z0-9_]*\}",
    code="MAP080",
    hint="Write `base_url: ${NETWORK_URL}`; the address itself is in the settings, never in a mapping set.",
    quiet=True,
)
CREDENTIALS = Text(
    "the name of credentials in the settings",
    r"[A-Za-z][A-Za-z0-9_-]*",
    hint="Secrets never stand in a mapping set.",
    longest=40,
    quiet=True,
)
INTERFACE = Text("an interface, `system.interface`", r"[A-Za-z][A-Za-z0-9_-]*\.[A-Za-z][A-Za-z0-9_-]*")
EVENT_NAME = Text("an event, `system.event`", r"[A-Za-z][A-Za-z0-9_-]*\.[A-Za-z][A-Za-z0-9_-]*")
OBJECT = Text("a Salesforce object's name", r"[A-Za-z][A-Za-z0-9_]*", longest=80)
FIELD_PATH = Text("a Salesforce field", r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*){0,5}")
DEPENDENCY = Text(
    "an item to wait for",
    rf"(?:[A-Za-z][A-Za-z0-9_-]*/)?[A-Za-z][A-Za-z0-9_-]*(?:@(?:{'|'.join(Scope)}))?",
    hint="`key`, or across definitions `key@order` and `plan/key@bundle`.",
)
REACTION = Text(
    "an attribute that an item reacts to",
    r"(?:[^\s.][^\r\n.]*\.)?[A-Za-z_][A-Za-z0-9_]*",
    hint="`attribute`, `PRODUCT.attribute` of a line in the same bundle, or `order.attribute`.",
)

BY_CLASS = Record("a class as source", {"class": required(NAME, "The class, with all classes below it.")})
