"""Ties: things of which there must be only one, or whose order would be a matter of chance."""

from __future__ import annotations

from collections.abc import Hashable

from connector.mappings.document import Node
from connector.mappings.draft import Draft
from connector.mappings.expression import Expression
from connector.mappings.policies import FalloutRow


def check(draft: Draft) -> None:
    """Report tied rules, equal rows of the fallout table, and scenarios that say the same."""
    _rules(draft)
    _rows(draft)
    _scenarios(draft)


def _place(node: Node) -> str:
    return str(node.source)


def _rules(draft: Draft) -> None:
    first: dict[Hashable, tuple[str, Node]] = {}
    for made in draft.rules:
        rule = made.value
        if rule.when is not None:
            continue
        for code in sorted(rule.products):
            tie = (code, rule.target, rule.priority)
            other = first.setdefault(tie, (rule.id, made.node))
            if other[1] is not made.node and (rule.xor is None or not _same_group(draft, other[0], rule.xor)):
                made.node["id"].report(
                    draft.findings,
                    "MAP060",
                    f"`{rule.id}` and `{other[0]}` ({_place(other[1])}) both take {code} to {rule.target}, always, "
                    "with equal priority.",
                    hint="Give one of them a condition or another `priority`, or make one rule of both.",
                )
                break


def _same_group(draft: Draft, rule: str, group: str) -> bool:
    return any(made.value.id == rule and made.value.xor == group for made in draft.rules)


def _rows(draft: Draft) -> None:
    first: dict[Hashable, Node] = {}
    for made in draft.fallout:
        other = first.setdefault(_matches(made.value), made.node)
        if other is not made.node:
            made.node.report(
                draft.findings,
                "MAP061",
                f"This row matches exactly the failures that the row in {_place(other)} matches: it never wins.",
            )


def _matches(row: FalloutRow) -> Hashable:
    return (row.system, row.interface, row.item_type, row.failure_class, row.http_status, row.code, row.message)


def _scenarios(draft: Draft) -> None:
    first: dict[Hashable, Node] = {}
    for made in draft.scenarios:
        scenario = made.value
        for action in sorted(scenario.actions):
            key = (scenario.written_for, action, scenario.plan, _text(scenario.when))
            other = first.setdefault(key, made.node)
            if other is not made.node:
                made.node.report(
                    draft.findings,
                    "MAP062",
                    f"{scenario.written_for} gets `{scenario.plan}` for {action} already ({_place(other)}).",
                )
                break


def _text(expression: Expression | None) -> str:
    return "" if expression is None else " ".join(expression.text.split())
