"""Every code: a set broken in just that way, the place that is pointed at, and what is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.mappings.diagnostics import CODES, Diagnostic, Findings, did_you_mean
from connector.mappings.document import MAX_DEPTH
from connector.mappings.load import MAX_FILE_BYTES
from connector.mappings.load import check as check_folder
from connector.mappings.remedies import REMEDIES
from tests.mappings.valid_set import FILES, broken, check, findings, marked

BOXES, PARCELS, TECHNICAL, COMMERCIAL = (
    "decomposition/boxes.yaml",
    "plans/parcels.yaml",
    "products/technical.yaml",
    "products/commercial.yaml",
)
WAREHOUSE, PRINTER = "systems/warehouse.yaml", "systems/printer.yaml"


@dataclass(frozen=True)
class Case:
    """A broken set, and the finding that it must give."""

    code: str
    files: Mapping[str, str]
    at: str
    """File and line."""
    under: str
    """The text under the caret."""
    says: str
    """Part of message and hint."""


def case(  # noqa: PLR0917 - a row of the table below
    code: str, at: str, under: str, says: str, path: str, old: str, new: str, *more: tuple[str, str, str]
) -> Case:
    return Case(code, broken(path, old, new, *more), at, under, says)


OFFICE = (
    "set.yaml",
    "fallout_queue: Trouble\n",
    'fallout_queue: Trouble\ncalendars: {office: {hours: {mon: "08:00-17:00"}}}\n',
)


def calendar(code: str, under: str, says: str, written: str) -> Case:
    """A calendar `shop` that makes no sense."""
    old = "fallout_queue: Trouble\n"
    return case(code, "set.yaml:5", under, says, "set.yaml", old, f"{old}calendars: {{shop: {{{written}}}}}\n")


def without(path: str) -> dict[str, str]:
    return {name: text for name, text in FILES.items() if name != path}


CASES = [
    # -- reading --------------------------------------------------------------------------------------
    Case("MAP001", without("set.yaml"), "set.yaml:1", "", "is missing"),
    Case("MAP002", {**FILES, "queues.yaml": "queues: []\n# \x07\n"}, "queues.yaml:2", "\x07", "not allowed"),
    Case("MAP002", {**FILES, "queues.yaml": 'queues: ["\\ud800"]\n'}, "queues.yaml:1", '"', "surrogate"),
    Case("MAP005", {**FILES, "plan/x.yaml": "a: b"}, "plan/x.yaml:1", "a", "Did you mean `plans/x.yaml`?"),
    Case("MAP005", {**FILES, "scenario.yaml": "a: b"}, "scenario.yaml:1", "a", "Did you mean `scenarios.yaml`?"),
    case("MAP006", "set.yaml:3", "\t", "never with tabs", "set.yaml", "timezone", "\ttimezone"),
    case("MAP006", "queues.yaml:2", ":", "must be quoted", "queues.yaml", "label: The checkers", "label: [a: b: c"),
    case("MAP006", f"{PARCELS}:12", ":", "must be quoted", PARCELS, "name: Ship it", "name: Ship: it"),
    case("MAP007", f"{BOXES}:5", "to", "first in line 4", BOXES, "to: PARCEL\n", "to: PARCEL\n    to: LABEL\n"),
    case("MAP008", "queues.yaml:1", "*", "Write the value again", "queues.yaml", "queues:\n", "queues: *x\nmore:\n"),
    case("MAP008", "set.yaml:1", "!", "tags", "set.yaml", "name: tiny", "name: !!str tiny"),
    case("MAP008", "set.yaml:1", "&", "anchors", "set.yaml", "name: tiny", "name: &x tiny"),
    case("MAP008", "set.yaml:3", "-", "directives", "set.yaml", "name: tiny", "%YAML 1.1\n# old\n---\nname: tiny"),
    Case("MAP009", {**FILES, "queues.yaml": "[" * (MAX_DEPTH + 1)}, "queues.yaml:1", "[", "Nested deeper"),
    # -- structure ------------------------------------------------------------------------------------
    case("MAP010", f"{BOXES}:5", "targt", "Did you mean `to`?", BOXES, "to: PARCEL\n", "to: PARCEL\n    targt: X\n"),
    case("MAP010", f"{BOXES}:5", "condition", "mean `when`?", BOXES, "to: PARCEL\n", "to: PARCEL\n    condition: a\n"),
    case("MAP010", "intake.yaml:4", "account", "Write `account.id", "intake.yaml", "account.id: A", "account: A"),
    case("MAP011", f"{PRINTER}:5", "{}", "needs the key `method`", PRINTER,
         """request: {method: PUT, path: '"/labels"', body: 'line.attributes'}""", "request: {}"),
    case("MAP011", "scenarios.yaml:2", "{action: Add, plan: send}", "exactly one of", "scenarios.yaml",
         "{product: PARCEL, action: [Add, Change], plan: send}", "{action: Add, plan: send}"),
    case("MAP012", "set.yaml:1", "[tiny]", "not a list", "set.yaml", "name: tiny", "name: [tiny]"),
    case("MAP012", "set.yaml:4", "12", "Put it in quotes", "set.yaml", "fallout_queue: Trouble", "fallout_queue: 12"),
    case("MAP012", f"{COMMERCIAL}:11", "yes", "only `true` and `false`", COMMERCIAL, "required: true", "required: yes"),
    case("MAP012", f"{PARCELS}:9", "{}", "not a mapping", PARCELS, "form:\n      - {name: remark, label: Remark, type: string}", "form: {}"),
    case("MAP012", f"{WAREHOUSE}:31", "address?", "can be left out", WAREHOUSE,
         "address?: line.attributes.?address", "address?: {street: order.id}"),
    case("MAP013", f"{PARCELS}:4", "manuel", "Did you mean `manual`?", PARCELS, "type: manual", "type: manuel"),
    case("MAP013", f"{WAREHOUSE}:4", "0", "not between 1 and", WAREHOUSE, "concurrency: 5", "concurrency: 0"),
    case("MAP013", f"{WAREHOUSE}:22", "'\"v1/shipments/\" + line.attributes.sku'", "begins with `/`", WAREHOUSE,
         '"/v1/shipments/"', '"v1/shipments/"'),
    case("MAP013", f"{PARCELS}:14", "labels/print", "needs a scope", PARCELS, "print@bundle]", "labels/print]"),
    case("MAP013", "intake.yaml:3", "Hi", "none of High", "intake.yaml", "{Fast: High}", "{Fast: Hi}"),
    case("MAP012", "intake.yaml:3", "maybe", "is `true` or `false`", "intake.yaml",
         "  priority:", "  penalty_approved: {field: X__c, values: {Yes: true, No: maybe}}\n  priority:"),
    case("MAP013", "intake.yaml:11", "Undo", "none of Add, Amend", "intake.yaml",
         "  action: {field", "  supplemental_action: {field: X__c, default: Undo}\n  action: {field"),
    case("MAP014", f"{PARCELS}:16", "2 days", "ISO 8601", PARCELS, "within: P2D", "within: 2 days"),
    case("MAP014", f"{PARCELS}:29", "PT0S", "is nothing", PARCELS, "duration: PT1H", "duration: PT0S"),
    case("MAP015", f"{COMMERCIAL}:13", "BOX", "defined twice", COMMERCIAL, "code: WRAP", "code: BOX"),
    case("MAP015", f"{PARCELS}:11", "check", "defined twice", PARCELS, "key: ship\n", "key: check\n"),
    case("MAP016", f"{PARCELS}:40", "queue", "belongs to: manual", PARCELS, "scope: order", "scope: order\n    queue: Checkers"),
    case("MAP016", f"{PARCELS}:18", "PT20S", "{likely: PT20S}", PARCELS, "duration: {likely: PT20S}", "duration: PT20S"),
    case("MAP016", f"{BOXES}:7", "{list: skus}", "either `{value", BOXES, "{list: skus, key: line.attributes.size}", "{list: skus}"),
    case("MAP016", f"{COMMERCIAL}:14", "scope", "commercial product", COMMERCIAL, "code: WRAP\n", "code: WRAP\n    scope: line\n"),
    # -- expressions ----------------------------------------------------------------------------------
    case("MAP020", f"{BOXES}:5", "=", "Compare with `==`", BOXES, 'type == "Consumer"', 'type = "Consumer"'),
    case("MAP020", f"{BOXES}:9", "'", "ends too early", BOXES, "pieces: 1", "pieces: '1 +'"),
    case("MAP020", f"{WAREHOUSE}:22", "/", "quotes of its own", WAREHOUSE, "'\"/v1/shipments/\" + line.attributes.sku'", "/v1/x"),
    case("MAP021", f"{BOXES}:9", "+", "can't be applied to (int, string)", BOXES, "pieces: 1", "pieces: 1 + 'x'"),
    case("MAP021", f"{BOXES}:9", "sise", "There is no function `sise`. Did you mean `size`?", BOXES, "pieces: 1", "pieces: sise(order.id)"),
    case("MAP022", f"{BOXES}:9", "lines", "Did you mean `line`?", BOXES, "pieces: 1", "pieces: lines.attributes.x"),
    case("MAP022", f"{BOXES}:9", "one", "it needs quotes of its own", BOXES, "pieces: 1", "pieces: one"),
    case("MAP022", "scenarios.yaml:3", "bundle", "not known here", "scenarios.yaml", 'line.product == "LABEL"', "bundle.LABEL.sku == 'x'"),
    case("MAP022", "writeback.yaml:4", "item", "Known here", "writeback.yaml", "plan.status", "item.state"),
    case("MAP023", f"{BOXES}:9", "line.attributes.?weight", ".orValue(...)", BOXES, "pieces: 1", "pieces: line.attributes.?weight"),
    case("MAP023", f"{WAREHOUSE}:31", "line.attributes.sku", "needs no `?`", WAREHOUSE, "line.attributes.?address", "line.attributes.sku"),
    case("MAP024", f"{BOXES}:5", "1 + 2", "true or false", BOXES, 'order.account.type == "Consumer" && line.action != "Disconnect"', "1 + 2"),
    case("MAP024", f"{PARCELS}:6", "12", "Here belongs text", PARCELS, "'\"Check \" + line.attributes.sku'", "12"),
    case("MAP025", f"{BOXES}:5", "acton", "Did you mean `action`?", BOXES, "line.action", "line.acton"),
    case("MAP025", f"{PARCELS}:24", "trackin", "outputs of `warehouse.arrived`", PARCELS, "event.tracking", "event.trackin"),
    case("MAP025", f"{PRINTER}:6", "Content-Type", "lower case", PRINTER, "content-type", "Content-Type"),
    case("MAP025", "writeback.yaml:4", "statsu", "Did you mean `status`?", "writeback.yaml", "plan.status", "plan.statsu"),
    case("MAP026", f"{BOXES}:7", "sise", "attribute `sise` of BOX. Did you mean `size`?", BOXES, "line.attributes.size", "line.attributes.sise"),
    case("MAP026", f"{BOXES}:8", "chanel", "intake.yaml", BOXES, "order.attributes.channel", "order.attributes.chanel"),
    case("MAP026", f"{WAREHOUSE}:28", "sq", "of LABEL", WAREHOUSE, 'bundle["LABEL"].sku', 'bundle["LABEL"].sq'),
    Case("MAP027", broken(BOXES, "pieces: 1", "pieces: " + "1" * 4001), f"{BOXES}:9", "1", "4001 characters"),
    Case("MAP027", broken(BOXES, "pieces: 1", "pieces: 1" + " + 1" * 40), f"{BOXES}:9", "1", "nested too deeply"),
    # -- names ----------------------------------------------------------------------------------------
    case("MAP030", f"{BOXES}:4", "PARSEL", "Did you mean `PARCEL`?", BOXES, "to: PARCEL\n", "to: PARSEL\n"),
    case("MAP030", f"{WAREHOUSE}:28", "LABLE", "technical product `LABLE`", WAREHOUSE, 'bundle["LABEL"]', 'bundle["LABLE"]'),
    case("MAP031", f"{BOXES}:11", "Parsel", "Did you mean `Parcel`?", BOXES, "class: Parcel", "class: Parsel"),
    case("MAP032", f"{BOXES}:8", "adress", "Did you mean `address`?", BOXES, "address: {", "adress: {"),
    case("MAP033", f"{BOXES}:7", "sku", "Did you mean `skus`?", BOXES, "list: skus", "list: sku"),
    case("MAP034", "scenarios.yaml:2", "sent", "Did you mean `send`?", "scenarios.yaml", "plan: send", "plan: sent"),
    case("MAP035", f"{PARCELS}:15", "warehuose.ship", "no system `warehuose`", PARCELS, "interface: warehouse.ship", "interface: warehuose.ship"),
    case("MAP036", f"{PARCELS}:15", "warehouse.shp", "Did you mean `warehouse.ship`?", PARCELS, "interface: warehouse.ship", "interface: warehouse.shp"),
    case("MAP036", "fallout.yaml:6", "shp", "no interface `warehouse.shp`", "fallout.yaml", "interface: ship", "interface: shp"),
    case("MAP037", f"{PARCELS}:16", "warehouse.sent", "no event `warehouse.sent`", PARCELS, "on: warehouse.shipped", "on: warehouse.sent"),
    case("MAP038", f"{PARCELS}:5", "Chekers", "Did you mean `Checkers`?", PARCELS, "queue: Checkers", "queue: Chekers"),
    case("MAP039", "fallout.yaml:6", "son", "Did you mean `soon`?", "fallout.yaml", "retry: soon", "retry: son"),
    case("MAP040", f"{PARCELS}:21", "shipp", "no item `shipp` in `send`", PARCELS, "after: ship\n", "after: shipp\n"),
    case("MAP040", f"{PARCELS}:14", "prnt@bundle", "in any plan definition", PARCELS, "print@bundle", "prnt@bundle"),
    case("MAP040", f"{PARCELS}:14", "print/prnt@order", "in `print`", PARCELS, "print@bundle", "print/prnt@order"),
    case("MAP040", f"{PARCELS}:14", "chek", "Did you mean `check`?", PARCELS, "[check, print@bundle]", "[{start: chek}, print@bundle]"),
    case("MAP040", f"{PARCELS}:14", "print", "write `print@order`", PARCELS, "print@bundle", "print"),
    case("MAP041", f"{BOXES}:12", "BOX", "commercial product", BOXES, "to: LABEL", "to: BOX"),
    case("MAP041", f"{PARCELS}:5", "Trouble", "queue of fallout", PARCELS, "queue: Checkers", "queue: Trouble"),
    case("MAP041", "set.yaml:4", "Checkers", "queue of manual tasks", "set.yaml", "fallout_queue: Trouble", "fallout_queue: Checkers"),
    # -- rings, reach ---------------------------------------------------------------------------------
    case("MAP050", f"{PARCELS}:14", "rest", "wait for each other", PARCELS, "after: [check, print@bundle]", "after: [check, rest, print@bundle]"),
    case("MAP050", f"{PARCELS}:14", "ship", "ship → ship", PARCELS, "after: [check, print@bundle]", "after: [check, ship]"),
    case("MAP050", f"{PARCELS}:14", "rest", "ship → rest → arrived → ship", PARCELS, "after: [check, print@bundle]", "after: [check, {start: rest}, print@bundle]"),
    case("MAP051", "plans/labels.yaml:6", "ship@order", "print/print → send/ship → print/print", "plans/labels.yaml",
         "interface: printer.print", "interface: printer.print\n    after: ship@order"),
    case("MAP052", f"{BOXES}:12", "LABEL", "PARCEL → LABEL → PARCEL", BOXES, "sku: line.attributes.sku\n",
         "sku: line.attributes.sku\n  - {id: back, from: LABEL, to: PARCEL, when: line.action == 'Add', attributes: {sku: line.attributes.sku}}\n"),
    case("MAP053", f"{TECHNICAL}:7", "Thing", "Thing → Parcel → Thing", TECHNICAL, "- name: Thing\n", "- name: Thing\n    parent: Parcel\n"),
    case("MAP054", f"{PARCELS}:33", "1 > 2", "never true", PARCELS, 'when: line.action == "Add"', "when: 1 > 2"),
    case("MAP054", f"{BOXES}:16", "late", "always comes first", BOXES, "to: LABEL\n", "to: LABEL\n    xor: one\n", (BOXES,
         "sku: line.attributes.sku\n", "sku: line.attributes.sku\n  - {id: late, from: PARCEL, to: LABEL, xor: one, priority: 200, attributes: {sku: line.attributes.sku}}\n")),
    case("MAP054", f"{WAREHOUSE}:13", "arrived", "before it takes every message", WAREHOUSE, '      when: body.event == "shipped"\n', ""),
    case("MAP054", f"{TECHNICAL}:19", "LABEL", "No rule leads to", BOXES, "to: LABEL", "to: PARCEL", (BOXES, "from: {class: Parcel}", "from: WRAP")),
    # -- completeness ---------------------------------------------------------------------------------
    case("MAP060", f"{BOXES}:15", "again", "equal priority", BOXES, "sku: line.attributes.sku\n",
         "sku: line.attributes.sku\n  - {id: again, from: PARCEL, to: LABEL, attributes: {sku: line.attributes.sku}}\n"),
    case("MAP061", "fallout.yaml:7", "{class: transient, retry: none, queue: Trouble}", "never wins", "fallout.yaml", 'message: "time.?out"', "class: transient"),
    case("MAP062", "scenarios.yaml:4", "{product: PARCEL, action: Change, plan: send}", "already", "scenarios.yaml", "plan: print}\n", "plan: print}\n  - {product: PARCEL, action: Change, plan: send}\n"),
    case("MAP063", f"{TECHNICAL}:19", "LABEL", "neither a scenario nor a rule", "scenarios.yaml", "class: Thing", "product: PARCEL"),
    case("MAP064", f"{COMMERCIAL}:13", "WRAP", "`fulfillment: none`", COMMERCIAL, "    fulfillment: none\n", ""),
    case("MAP065", f"{TECHNICAL}:19", "LABEL", "mandatory attribute `sku` of `LABEL`", BOXES, "attributes:\n      sku: line.attributes.sku", "attributes: {}"),
    case("MAP066", f"{COMMERCIAL}:12", "heavy", "not a number", COMMERCIAL, "default: 1.5", "default: heavy"),
    case("MAP066", f"{BOXES}:9", "'\"many\"'", "not a whole number", BOXES, "pieces: 1", "pieces: '\"many\"'"),
    case("MAP066", f"{COMMERCIAL}:17", "7", "list is used in decomposition/boxes.yaml:7", COMMERCIAL, "L: BOX-L", "L: 7"),
    # -- rules that wait ------------------------------------------------------------------------------
    case("MAP067", f"{BOXES}:13", "nowhere", "Nothing gives `nowhere` to a line of PARCEL", BOXES, "to: LABEL\n", "to: LABEL\n    when: line.attributes.nowhere == 'x'\n",
         (TECHNICAL, "tracking: string", "tracking: string\n      nowhere: string")),
    case("MAP068", f"{BOXES}:13", "true", "`parcel-to-label` never waits", BOXES, "to: LABEL\n", "to: LABEL\n    required: true\n"),
    # -- items ----------------------------------------------------------------------------------------
    case("MAP070", "plans/labels.yaml:3", "print", "A callout needs `interface`", "plans/labels.yaml", "    interface: printer.print\n", ""),
    case("MAP070", f"{PARCELS}:3", "check", "needs `queue`", PARCELS, "    queue: Checkers\n", ""),
    case("MAP070", f"{PARCELS}:26", "rest", "either `duration: PT1H` or `until`", PARCELS, "    duration: PT1H\n", ""),
    case("MAP070", f"{PARCELS}:30", "true", "`skip_branch` needs `when`", PARCELS, "    duration: PT1H\n", "    duration: PT1H\n    skip_branch: true\n"),
    case("MAP071", f"{PARCELS}:8", "Brokn", "Did you mean `Broken`?", PARCELS, "failing_outcomes: [Broken]", "failing_outcomes: [Brokn]"),
    case("MAP072", f"{PARCELS}:16", "warehouse.arrived", "names no item", PARCELS, "on: warehouse.shipped", "on: warehouse.arrived"),
    case("MAP074", f"{PARCELS}:33", "chek", "Did you mean `check`?", PARCELS, 'when: line.action == "Add"', 'when: items["chek"].outcome == "Fine"'),
    case("MAP074", f"{PARCELS}:33", "done", "Only of what it waits for", PARCELS, 'when: line.action == "Add"', 'when: items.done.state == "Completed"'),
    case("MAP074", f"{WAREHOUSE}:26", "check", "an item's own expressions", WAREHOUSE, "reference: item.ref", 'reference: items["check"].outcome'),
    case("MAP075", f"{PARCELS}:33", '"Fin"', "Did you mean `Fine`?", PARCELS, 'when: line.action == "Add"', 'when: items.check.outcome == "Fin"'),
    case("MAP075", f"{PARCELS}:33", '"Broken"', "the item fails", PARCELS, 'when: line.action == "Add"', 'when: items.check.outcome in ["Fine", "Broken"]'),
    case("MAP075", f"{PARCELS}:33", '"Fine"', "Only a manual task", PARCELS, 'when: line.action == "Add"', "when: '!(\"Fine\" in items[\"ship\"].outcomes)'"),
    case("MAP055", "plans/labels.yaml:6", "send", "print → send → print", PARCELS, "    after: [note]\n", "    after: [note]\n  - {key: more, type: subplan, plan: print}\n",
         ("plans/labels.yaml", "interface: printer.print\n", "interface: printer.print\n  - {key: again, type: subplan, plan: send}\n")),
    case("MAP076", "plans/labels.yaml:6", "ship@order", "wait for each other only", PARCELS, "    after: [note]\n", "    after: [note]\n  - {key: more, type: subplan, plan: print}\n",
         ("plans/labels.yaml", "interface: printer.print\n", "interface: printer.print\n    after: ship@order\n")),
    case("MAP076", "plans/labels.yaml:6", "bundle", "Leave `scope` away", PARCELS, "    after: [note]\n", "    after: [note]\n  - {key: more, type: subplan, plan: print}\n",
         ("plans/labels.yaml", "interface: printer.print\n", "interface: printer.print\n    scope: bundle\n")),
    case("MAP070", f"{PARCELS}:41", "many", "`collect` needs `for_each`", PARCELS, "    after: [note]\n", "    after: [note]\n  - {key: more, type: subplan, plan: print, collect: many}\n"),
    case("MAP034", f"{PARCELS}:41", "prnt", "Did you mean `print`?", PARCELS, "    after: [note]\n", "    after: [note]\n  - {key: more, type: subplan, plan: prnt}\n"),
    case("MAP024", f"{PARCELS}:41", "1 + 1", "belongs a list", PARCELS, "    after: [note]\n", "    after: [note]\n  - {key: more, type: subplan, plan: print, for_each: 1 + 1}\n"),
    # -- time -----------------------------------------------------------------------------------------
    case("MAP042", f"{PARCELS}:13", "offce", "Did you mean `office`?", PARCELS, "    name: Ship it\n", "    name: Ship it\n    calendar: offce\n", OFFICE),
    case("MAP077", f"{PARCELS}:18", "PT1M", "Longer than the likely", PARCELS, "{likely: PT20S}", "{optimistic: PT1M, likely: PT20S}"),
    case("MAP077", f"{PARCELS}:18", "PT1S", "Shorter than the likely", PARCELS, "{likely: PT20S}", "{likely: PT20S, pessimistic: PT1S}"),
    case("MAP077", f"{PARCELS}:19", "PT30S", "not shorter", PARCELS, "{likely: PT20S}", "{likely: PT20S}\n    jeopardy: {late: PT30S, at_risk: PT30S}"),
    case("MAP013", f"{PARCELS}:19", "1.5", "no share", PARCELS, "{likely: PT20S}", "{likely: PT20S}\n    jeopardy: {at_risk: 1.5}"),
    case("MAP070", f"{PARCELS}:26", "{at_risk: 0.5}", "How long may it run?", PARCELS, "      within: P7D\n", "      within: P7D\n    jeopardy: {at_risk: 0.5}\n"),
    case("MAP016", f"{PARCELS}:19", "due", "It belongs to: manual", PARCELS, "{likely: PT20S}", "{likely: PT20S}\n    due: P1D"),
    case("MAP024", f"{PARCELS}:19", "3", "Here belongs text", PARCELS, "{likely: PT20S}", "{likely: PT20S}\n    not_before: 3"),
    case("MAP024", f"{PARCELS}:19", "'\"soon\"'", "no date and time", PARCELS, "{likely: PT20S}", "{likely: PT20S}\n    not_before: '\"soon\"'"),
    case("MAP024", f"{PARCELS}:19", "'\"9999-01-01\"'", "too far away", PARCELS, "{likely: PT20S}", "{likely: PT20S}\n    not_before: '\"9999-01-01\"'"),
    calendar("MAP084", "shop", "nobody ever works", "hours: {}"),
    calendar("MAP084", '"17:00-08:00"', "ends before it begins", 'hours: {mon: "17:00-08:00", tue: "08:00-17:00"}'),
    calendar("MAP084", '["13:00-17:00", "08:00-14:00"]', "not one after the other", 'hours: {mon: ["13:00-17:00", "08:00-14:00"]}'),
    calendar("MAP084", "wed-mon", "of wed are given twice", 'hours: {wed: "08:00-17:00", wed-mon: "08:00-17:00"}'),
    calendar("MAP084", "02-30", "There is no 02-30", 'hours: {mon: "08:00-17:00"}, dates: {02-30: closed}'),
    calendar("MAP013", '"8-17"', "is not hours", 'hours: {mon: "8-17"}'),
    calendar("MAP085", "Europe/Berln", "no time zone", 'hours: {mon: "08:00-17:00"}, timezone: Europe/Berln'),
    calendar("MAP085", "XX", "not known", 'hours: {mon: "08:00-17:00"}, holidays: XX'),
    calendar("MAP085", "DE-ZZ", "Known: BB", 'hours: {mon: "08:00-17:00"}, holidays: DE-ZZ'),
    case("MAP085", "set.yaml:3", "Europe/Berln", "no time zone", "set.yaml", "Europe/Berlin", "Europe/Berln"),
    case("MAP041", "set.yaml:5", "Checkers", "not of fallout", "set.yaml", "Trouble\n", "Trouble\njeopardy: {late: {case: Checkers}}\n"),
    case("MAP078", f"{PARCELS}:16", "printer.print", "asking must not do anything", PARCELS, "{on: warehouse.shipped, within: P2D}", "{on: warehouse.shipped, within: P2D, poll: printer.print, every: PT1M, until: status == 200}"),
    case("MAP036", f"{PARCELS}:16", "printer.prnt", "Did you mean `printer.print`?", PARCELS, "{on: warehouse.shipped, within: P2D}", "{on: warehouse.shipped, within: P2D, poll: printer.prnt, every: PT1M, until: status == 200}"),
    case("MAP070", f"{PARCELS}:16", "printer.print", "`poll` needs `every`: how often", PARCELS, "{on: warehouse.shipped, within: P2D}", "{on: warehouse.shipped, within: P2D, poll: printer.print, until: status == 200}"),
    case("MAP070", f"{PARCELS}:16", "PT1M", "`every` needs `poll`", PARCELS, "{on: warehouse.shipped, within: P2D}", "{on: warehouse.shipped, within: P2D, every: PT1M}"),
    case("MAP070", f"{PARCELS}:16", "completes", "`on`, `poll`, or both", PARCELS, "{on: warehouse.shipped, within: P2D}", "{within: P2D}"),
    case("MAP070", f"{PARCELS}:22", "completes", "needs `on`", PARCELS, "      on: warehouse.arrived\n      match: event.tracking == line.attributes.tracking\n", ""),
    case("MAP070", f"{PARCELS}:16", "true", "`match` needs `on`", PARCELS, "{on: warehouse.shipped, within: P2D}", "{match: true, within: P2D}"),
    case("MAP016", f"{PARCELS}:24", "printer.print", "`poll` means nothing", PARCELS, "      match: event.tracking == line.attributes.tracking\n", "      poll: printer.print\n"),
    case("MAP082", f"{PARCELS}:16", "PT1M", "shorter than the first", PARCELS, "{on: warehouse.shipped, within: P2D}", "{within: P2D, poll: printer.print, every: {first: PT2M, cap: PT1M}, until: status == 200}"),
    case("MAP022", f"{PARCELS}:16", "line", "not known here", PARCELS, "{on: warehouse.shipped, within: P2D}", "{within: P2D, poll: printer.print, every: PT2M, until: line.quantity == 1}",
         (PRINTER, "{method: PUT, path: '\"/labels\"', body: 'line.attributes'}", "{method: GET, path: '\"/labels\"'}")),
    case("MAP014", f"{PARCELS}:16", "PT0.01S", "once in a second", PARCELS, "{on: warehouse.shipped, within: P2D}", "{within: P2D, poll: printer.print, every: PT0.01S, until: status == 200}", (PRINTER, "{method: PUT, path: '\"/labels\"', body: 'line.attributes'}", "{method: GET, path: '\"/labels\"'}")),
    case("MAP077", f"{PARCELS}:16", "P3D", "when the time is over, P2D", PARCELS, "{on: warehouse.shipped, within: P2D}", "{within: P2D, poll: printer.print, every: {first: P3D, cap: P4D}, until: status == 200}", (PRINTER, "{method: PUT, path: '\"/labels\"', body: 'line.attributes'}", "{method: GET, path: '\"/labels\"'}")),
    case("MAP054", f"{PARCELS}:16", "1 > 2", "no answer tells the end", PARCELS, "{on: warehouse.shipped, within: P2D}", "{within: P2D, poll: printer.print, every: PT1M, until: 1 > 2}", (PRINTER, "{method: PUT, path: '\"/labels\"', body: 'line.attributes'}", "{method: GET, path: '\"/labels\"'}")),
    case("MAP041", f"{WAREHOUSE}:34", "ship", "is another request", WAREHOUSE, "idempotency: {header: Idempotency-Key}\n", "idempotency: {header: Idempotency-Key}\n    recall: ship\n"),
    # -- systems --------------------------------------------------------------------------------------
    case("MAP080", f"{PRINTER}:2", "http://user:secret@printer", "Write `base_url: ${NETWORK_URL}`", PRINTER, "${PRINTER_URL}", "http://user:secret@printer"),
    case("MAP081", f"{WAREHOUSE}:24", "X Channel", "not a header's name", WAREHOUSE, "X-Channel", "X Channel"),
    case("MAP081", f"{WAREHOUSE}:24", "Authorization", "named under `auth`", WAREHOUSE, "X-Channel", "Authorization"),
    case("MAP081", f"{WAREHOUSE}:24", "idempotency-key", "already carries", WAREHOUSE, "X-Channel", "idempotency-key"),
    case("MAP082", "fallout.yaml:2", "PT1S", "shorter than the one before", "fallout.yaml", "[PT1S, PT5S]", "[PT5S, PT1S]"),
    case("MAP082", "fallout.yaml:3", "PT0.5S", "shorter than the first", "fallout.yaml", "cap: PT1M", "cap: PT0.5S"),
    case("MAP082", "fallout.yaml:2", "3", "without a `wait`", "fallout.yaml", ", wait: [PT1S, PT5S]", ""),
    case("MAP083", "fallout.yaml:7", '"(time"', "not a regular expression", "fallout.yaml", "time.?out", "(time"),
    # -- Salesforce -----------------------------------------------------------------------------------
    case("MAP090", "intake.yaml:2", "number: OrderNumber", "needs the key `account.id`", "intake.yaml", "  account.id: AccountId\n", ""),
    case("MAP090", "intake.yaml:9", "number: OrderItemNumber", "needs the key `product`", "intake.yaml", "  product: Product2.ProductCode\n", ""),
    case("MAP091", "writeback.yaml:10", "Order__r.External_Id__c", "also written as `Order__c`", "writeback.yaml",
         "    Started_At__c:", "    Order__r.External_Id__c: order.id\n    Started_At__c:"),
    case("MAP091", "writeback.yaml:9", "external_id__c", "the key of the record", "writeback.yaml", "Order__c: order.id", "external_id__c: order.id"),
    case("MAP092", "writeback.yaml:6", "object: Orchestration_Plan__c", "need `external_id`", "writeback.yaml", "  external_id: External_Id__c\n", ""),
    case("MAP092", "writeback.yaml:3", "External_Id__c", "updated by their Id", "writeback.yaml", "object: Order\n", "object: Order\n  external_id: External_Id__c\n"),
    # -- unused ---------------------------------------------------------------------------------------
    case("MAP073", f"{PARCELS}:14", "print@bundle", "its own items alone", PARCELS, "    ponr: hard\n", "    on_cancel: send\n"),
    case("MAP026", f"{PARCELS}:17", "trackng", "Did you mean `tracking`?", PARCELS, "    ponr: hard\n", "    reacts_to: [trackng]\n"),
    case("MAP030", f"{PARCELS}:17", "PARCL.sku", "Did you mean `PARCEL`?", PARCELS, "    ponr: hard\n", "    reacts_to: [PARCL.sku]\n"),
    case("MAP034", f"{PARCELS}:17", "sned", "Did you mean `send`?", PARCELS, "    ponr: hard\n", "    on_amend: sned\n"),
    case("MAP036", f"{PRINTER}:5", "unprint", "no interface", PRINTER, "  print:\n", "  print:\n    recall: unprint\n"),
    case("MAP016", f"{PARCELS}:18", "20 euros", "Only a soft", PARCELS, "    ponr: hard\n", "    ponr: hard\n    penalty: 20 euros\n"),
    case("MAP100", f"{COMMERCIAL}:17", "left-over", "No rule uses", COMMERCIAL, "lists:\n", "lists:\n  left-over: {a: b}\n"),
    case("MAP101", "plans/labels.yaml:1", "print", "Nothing chooses", "scenarios.yaml", '  - {class: Thing, action: Add, when: line.product == "LABEL", plan: print}\n', ""),
    case("MAP102", f"{PRINTER}:4", "print", "No item uses", "plans/labels.yaml", "type: callout\n    interface: printer.print", "type: milestone"),
    case("MAP103", "queues.yaml:4", "Idle", "Nothing uses", "queues.yaml", "kind: fallout}\n", "kind: fallout}\n  - {name: Idle, developer_name: Idle}\n"),
    case("MAP104", "fallout.yaml:2", "soon", "No row uses", "fallout.yaml", "retry: soon", "retry: none"),
]  # fmt: skip


@pytest.mark.parametrize("each", CASES, ids=[f"{each.code}-{place}" for place, each in enumerate(CASES)])
def test_a_broken_set_gives_the_finding_at_its_place(each: Case) -> None:
    found = findings(each.files, each.code)
    assert found, f"not found; but: {[str(other) for other in findings(each.files)]}"
    fitting = [one for one in found if f"{one.file}:{one.line}" == each.at]
    assert fitting, [str(one) for one in found]
    said = [f"{one.message} {one.hint}" for one in fitting]
    assert any(each.says in text for text in said), said
    if each.files.get(fitting[0].file):
        assert each.under in [marked(each.files, one) for one in fitting]


def test_the_valid_set_has_no_finding() -> None:
    result = check(FILES)
    assert [str(found) for found in result.diagnostics] == []
    assert result.mapping_set is not None


def test_a_single_fault_is_reported_once_and_causes_no_others() -> None:
    """Follow-up findings hide the cause: a misspelt word is one finding."""
    quiet = {"MAP010", "MAP013", "MAP014", "MAP020", "MAP022", "MAP025", "MAP026", "MAP036", "MAP040"}
    told = {each.code: [str(found) for found in findings(each.files)] for each in CASES if each.code in quiet}
    noisy = {code: found for code, found in told.items() if len(found) > 1}
    assert noisy == {}


# -- what only a folder can have ---------------------------------------------------------------------------


def _written(folder: Path) -> Path:
    for path, text in FILES.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def _no_folder(folder: Path) -> Path:
    return folder / "nothing"


def _latin_1(folder: Path) -> Path:
    (_written(folder) / "queues.yaml").write_bytes("queues: []\n# Möbel".encode("latin-1"))
    return folder


def _too_large(folder: Path) -> Path:
    (_written(folder) / "queues.yaml").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    return folder


def _link_out(folder: Path) -> Path:
    outside = folder / "outside.yaml"
    outside.write_text("queues: []", encoding="utf-8")
    inside = _written(folder / "set")
    (inside / "plans" / "more.yaml").symlink_to(outside)
    return inside


ON_DISK: Mapping[str, tuple[str, Callable[[Path], Path]]] = {
    "missing": ("MAP001", _no_folder),
    "latin-1": ("MAP002", _latin_1),
    "large": ("MAP003", _too_large),
    "link": ("MAP004", _link_out),
}


@pytest.mark.parametrize("name", ON_DISK)
def test_a_broken_folder_gives_the_finding(name: str, tmp_path: Path) -> None:
    code, make = ON_DISK[name]
    result = check_folder(make(tmp_path))
    assert [found.code for found in result.diagnostics] == [code]
    assert result.mapping_set is None


# -- the table ---------------------------------------------------------------------------------------------


def test_every_code_has_a_case() -> None:
    covered = {each.code for each in CASES} | {code for code, _ in ON_DISK.values()}
    assert covered == set(CODES)


def test_the_page_tells_of_every_code(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "mapping-diagnostics.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| MAP")]
    told = [tuple(cell.strip() for cell in row.strip("|").split(" | ")) for row in rows]
    assert told == [(code.name, code.severity.value, code.meaning, REMEDIES[code.name]) for code in CODES.values()]


def test_a_finding_without_a_hint_of_its_own_says_what_is_to_be_done_about_its_kind() -> None:
    found = Diagnostic(code="MAP085", file="set.yaml", line=1, column=1, message="m")
    assert (found.hint, found.advice) == ("", REMEDIES["MAP085"])
    assert found.to_json()["hint"].startswith("Write an IANA name")


def test_every_severity_is_a_property_of_the_code() -> None:
    found = Diagnostic(code="MAP100", file="a.yaml", line=1, column=1, message="m")
    assert (found.severity.value, found.is_error) == ("warning", False)
    assert str(found) == "a.yaml:1:1: warning MAP100: m"


def test_findings_are_sorted_by_place_and_told_once() -> None:
    gathered = Findings()
    for file, line in (("b.yaml", 1), ("a.yaml", 9), ("a.yaml", 2), ("a.yaml", 2)):
        gathered.put(Diagnostic(code="MAP010", file=file, line=line, column=1, message="m"))
    assert [(found.file, found.line) for found in gathered] == [("a.yaml", 2), ("a.yaml", 9), ("b.yaml", 1)]


def test_all_errors_of_a_set_come_in_one_run() -> None:
    files = broken(
        BOXES,
        "line.attributes.size",
        "line.attributes.sise",
        (PARCELS, "interface: warehouse.ship", "interface: warehouse.shp"),
        ("queues.yaml", "label: The checkers", "lable: The checkers"),
        ("writeback.yaml", "plan.status", "plan.statsu"),
        ("set.yaml", "timezone", "timezon"),
    )
    assert {found.code for found in findings(files)} == {"MAP010", "MAP025", "MAP026", "MAP036"}
    assert len(findings(files, "MAP010")) == 2


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("teir", "Did you mean `tier`?"),
        ("TIER", "Did you mean `tier`?"),
        ("xyz", "Known here: `colour`, `tier`."),
    ],
)
def test_hints_name_the_nearest_word(word: str, hint: str) -> None:
    assert did_you_mean(word, ["tier", "colour"]) == hint


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    files = broken(
        PRINTER, "${PRINTER_URL}", "http://user:hunter2@printer", (WAREHOUSE, "secret: warehouse", "secret: hun!ter2")
    )
    found = findings(files)
    assert {one.code for one in found} == {"MAP080", "MAP013"}
    assert not any("ter2" in f"{one.message}{one.hint}" for one in found)
