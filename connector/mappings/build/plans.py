"""plans/*.yaml: plan definitions and their items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from connector.mappings.build import completion, time
from connector.mappings.document import Node
from connector.mappings.draft import Draft, Made, awaited, entries_of, items_of, one_or_more, word
from connector.mappings.set import PLAN, Dependency, FormField, ItemDefinition, PlanDefinition, Scope
from connector.model.states import ItemType

_ANY_TYPE = frozenset(
    {
        "key",
        "type",
        "name",
        "scope",
        "when",
        "skip_branch",
        "after",
        "ponr",
        "penalty",
        "reacts_to",
        "on_cancel",
        "on_amend",
        "duration",
        "calendar",
        "not_before",
        "jeopardy",
    }
)
_OF_TYPE: Mapping[ItemType, frozenset[str]] = {
    ItemType.CALLOUT: frozenset({"interface", "completes"}),
    ItemType.AUTO: frozenset({"task", "set"}),
    ItemType.MANUAL: frozenset({"queue", "instructions", "outcomes", "failing_outcomes", "form", "due"}),
    ItemType.EVENT: frozenset({"completes"}),
    ItemType.TIMER: frozenset({"until"}),
    ItemType.MILESTONE: frozenset(),
    ItemType.SUBPLAN: frozenset({"plan", "for_each", "collect"}),
}
_TOGETHER = (
    ("failing_outcomes", "outcomes", ""),
    ("collect", "for_each", ": whose outputs are collected"),
    ("skip_branch", "when", ": what skips the item"),
)
"""Keys that mean nothing without another one."""
_NEEDS: Mapping[ItemType, tuple[str, str]] = {
    ItemType.CALLOUT: ("interface", "A callout needs `interface`: what to call."),
    ItemType.AUTO: ("task", "An auto item needs `task`: `assetize` or `set`."),
    ItemType.MANUAL: ("queue", "A manual task needs `queue`: whose task it is."),
    ItemType.EVENT: ("completes", "An event item needs `completes`: what it waits for."),
    ItemType.SUBPLAN: ("plan", "A subplan needs `plan`: the definition of its items."),
}


def build(draft: Draft) -> None:
    """Build the plan definitions."""
    for document in draft.documents["plans"]:
        name = document.get("plan")
        if name is None or not name.is_scalar or name.text in draft.plans:
            draft.complete = False
            continue
        items: dict[str, ItemDefinition] = {}
        for node in draft.usable(items_of(document.get("items"))):
            if node["key"].text not in items:
                item = _item(draft, name.text, node)
                items[item.key] = item
                draft.items[name.text, item.key] = Made(item, node)
        draft.plans[name.text] = Made(PlanDefinition(name=name.text, items=items, source=name.source), document)


def _item(draft: Draft, plan: str, node: Node) -> ItemDefinition:
    kind = ItemType(node["type"].text)
    key = node["key"].text
    _fits_type(draft, node, kind)
    _refers_to_what_exists(draft, node)
    penalty = node.get("penalty")
    if penalty is not None and word(node, "ponr") != "soft":
        penalty.report(draft.findings, "MAP016", "Only a soft point of no return has a penalty.")
    expressions, reacts_to = draft.expressions, node.get("reacts_to")
    when, instructions, until, for_each = (node.get(key) for key in ("when", "instructions", "until", "for_each"))
    calendar = time.calendar(draft, node.get("calendar"))
    expected = time.expected(draft, node.get("duration"), calendar)
    length, due, not_before = node.get("duration"), node.get("due"), node.get("not_before")
    allowed = time.length(due, calendar) if due is not None else None
    task = word(node, "task")
    return ItemDefinition(
        key=key,
        plan=plan,
        type=kind,
        name=word(node, "name", key.replace("-", " ").replace("_", " ").capitalize()),
        scope=Scope(word(node, "scope", "line")),
        after=tuple(_dependency(draft, plan, entry) for entry in one_or_more(node.get("after"))),
        when=expressions.scalar(when, PLAN, "condition") if when is not None else None,
        skip_branch=_is_true(node, "skip_branch"),
        interface=word(node, "interface") or None,
        completes=completion.build(draft, node, kind, calendar),
        queue=word(node, "queue") or None,
        instructions=expressions.scalar(instructions, PLAN, "text") if instructions is not None else None,
        outcomes=tuple(outcome.text for outcome in items_of(node.get("outcomes"))),
        failing_outcomes=tuple(outcome.text for outcome in items_of(node.get("failing_outcomes"))),
        form=_form(draft, node),
        duration=time.length(length, calendar) if length is not None and length.is_scalar else None,
        until=expressions.scalar(until, PLAN, "text") if until is not None else None,
        task=cast("Literal['assetize', 'set']", task) if task else None,
        sets={name.text: expressions.scalar(value, PLAN) for name, value in entries_of(node.get("set"))},
        subplan=word(node, "plan") or None,
        for_each=expressions.scalar(for_each, PLAN, "list") if for_each is not None else None,
        collect=word(node, "collect") or None,
        ponr=cast("Literal['soft', 'hard'] | None", word(node, "ponr") or None),
        penalty=word(node, "penalty"),
        reacts_to=None if reacts_to is None else frozenset(each.text for each in items_of(reacts_to)),
        on_cancel=word(node, "on_cancel") or None,
        on_amend=word(node, "on_amend") or None,
        expected=expected,
        calendar=calendar,
        not_before=expressions.scalar(not_before, PLAN, "text") if not_before is not None else None,
        due=allowed,
        limits=time.limits(draft, node, expected, allowed, calendar),
        source=node.source,
    )


def _refers_to_what_exists(draft: Draft, node: Node) -> None:
    """Report names of nothing, and names of something else."""
    interface, queue = node.get("interface"), node.get("queue")
    if interface is not None:
        completion.interface(draft, interface)
    if queue is not None and draft.known(queue, draft.names.queues, "MAP038", "queue"):
        _manual_queue(draft, queue)
    for key in ("plan", "on_cancel", "on_amend"):
        definition = node.get(key)
        if definition is not None:
            draft.known(definition, draft.names.plans, "MAP034", "plan definition")
    outcomes = {outcome.text for outcome in items_of(node.get("outcomes"))}
    for outcome in items_of(node.get("failing_outcomes")):
        draft.known(outcome, outcomes, "MAP071", "outcome")


def _fits_type(draft: Draft, node: Node, kind: ItemType) -> None:
    allowed = _ANY_TYPE | _OF_TYPE[kind]
    every = _ANY_TYPE.union(*_OF_TYPE.values())
    for name, _ in node.entries:
        if name.text in every and name.text not in allowed:
            others = ", ".join(other for other, keys in _OF_TYPE.items() if name.text in keys)
            name.report(
                draft.findings,
                "MAP016",
                f"`{name.text}` means nothing for an item of type {kind}.",
                hint=f"It belongs to: {others}.",
            )
    needed = _NEEDS.get(kind)
    if needed is not None and node.get(needed[0]) is None:
        node["key"].report(draft.findings, "MAP070", needed[1])
    length, until = node.get("duration"), node.get("until")
    if kind is ItemType.TIMER:
        lasts = length is not None and length.is_scalar
        if lasts == (until is not None):
            node["key"].report(draft.findings, "MAP070", "A timer needs either `duration: PT1H` or `until`.")
    elif length is not None and length.is_scalar:
        length.report(
            draft.findings,
            "MAP016",
            f"Only a timer lasts a fixed time; an item of type {kind} has an expected one.",
            hint=f"Write `duration: {{likely: {length.text}}}`.",
        )
    for given, wanted, why in _TOGETHER:
        value = node.get(given)
        if value is not None and value.plain is not False and node.get(wanted) is None:
            value.report(draft.findings, "MAP070", f"`{given}` needs `{wanted}`{why}.")
    task = word(node, "task")
    if kind is ItemType.AUTO and (task == "set") != (node.get("set") is not None) and task:
        message = (
            "The task `set` needs `set`: which attributes."
            if task == "set"
            else f"`set` means nothing for the task `{task}`."
        )
        node["task"].report(draft.findings, "MAP070" if task == "set" else "MAP016", message)


def _manual_queue(draft: Draft, node: Node) -> None:
    if draft.names.queues[node.text] == "fallout":
        node.report(draft.findings, "MAP041", f"`{node.text}` is a queue of fallout, not of manual tasks.")


def _is_true(node: Node, key: str) -> bool:
    value = node.get(key)
    return value is not None and value.plain is True


def _dependency(draft: Draft, plan: str, entry: Node) -> Dependency:
    node = awaited(entry)
    path, _, scope = node.text.partition("@")
    named, separator, key = path.rpartition("/")
    if not scope and not separator:
        own = draft.names.plans[plan]
        if key not in own and key in draft.names.item_keys:
            hint = f"It is one of another definition: write `{key}@order`, `{key}@bundle` or `{key}@line`."
            node.report(draft.findings, "MAP040", f"There is no item `{key}` in `{plan}`.", hint=hint)
        else:
            draft.known(node, own, "MAP040", "item", word=key, inside=f"in `{plan}`")
    elif not scope:
        node.report(
            draft.findings,
            "MAP013",
            "A dependency on another plan needs a scope.",
            hint=f"Write `{node.text}@order`, or `@bundle`, `@line`.",
        )
    elif separator:
        if draft.known(node, draft.names.plans, "MAP034", "plan definition", word=named):
            draft.known(node, draft.names.plans[named], "MAP040", "item", word=key, inside=f"in `{named}`")
    else:
        draft.known(node, draft.names.item_keys, "MAP040", "item", word=key, inside="in any plan definition")
    return Dependency(
        key=key,
        scope=Scope(scope) if scope else None,
        plan=named or None,
        at_start=entry is not node,
        source=node.source,
    )


def _form(draft: Draft, node: Node) -> tuple[FormField, ...]:
    fields: dict[str, FormField] = {}
    for entry in items_of(node.get("form")):
        name = entry["name"]
        if name.text in fields:
            name.report(draft.findings, "MAP015", f"The form has two fields `{name.text}`.")
        required = entry.get("required")
        fields[name.text] = FormField(
            name=name.text,
            label=word(entry, "label", name.text),
            type=cast("Literal['string', 'integer', 'number', 'boolean', 'date']", word(entry, "type", "string")),
            required=bool(required.plain) if required is not None else False,
        )
    return tuple(fields.values())
