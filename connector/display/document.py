"""One order as a JSON document: everything, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from msgspec import structs

from connector.display.view import OrderView
from connector.model.dossier import ListedOrder
from connector.model.order import PRIORITY_NAMES, OrderLine
from connector.model.plan import Item, Plan
from connector.model.technical import TechnicalLine
from connector.orchestrator.marks import fallout_key
from connector.orchestrator.status import progress


def listed(order: ListedOrder) -> Mapping[str, Any]:
    """One order of a list."""
    return {**asdict(order), "priority": PRIORITY_NAMES[order.priority]}


def document(view: OrderView) -> Mapping[str, Any]:
    """The order with its plan; values that are no JSON are times, and structs whose absent fields are as by default."""
    dossier = view.dossier
    return {
        "id": dossier.id,
        "number": dossier.number,
        "status": view.status,
        "created_at": dossier.created_at,
        "updated_at": dossier.updated_at,
        "archived_at": dossier.archived_at,
        "parked": dossier.parked,
        "paused": plan.pause if (plan := view.plan) else None,
        "held": {str(no): pause for no, pause in dossier.held.items()},
        "rules_that_wait": plan.parked if plan else (),
        "unread": dossier.unread,
        "events_waiting": dossier.events_waiting,
        "records_behind": dossier.records_behind,
        **(_plan(view, view.plan) if view.plan else {}),
        "waits": [
            {
                "item": wait.item.no,
                "what": wait.what,
                "since": wait.since,
                "until": wait.item.due_at,
                "queue": wait.item.queue,
                "case": wait.case,
            }
            for wait in view.waits()
        ],
        "fallouts": [
            {"case": fallout_key(dossier.id, episode.item, episode.episode), **asdict(episode)}
            for episode in dossier.fallouts
        ],
        "history": dossier.history,
        "history_total": dossier.history_total,
        "calls": dossier.calls,
        "commands": [
            {"command": each.command, "answer": each.answer, "message": each.message, "at": each.at}
            for each in dossier.answers
        ],
        "explanation": dossier.explanation,
    }


def _plan(view: OrderView, plan: Plan) -> Mapping[str, Any]:
    order, expected = plan.order, view.expected
    return {
        "state": plan.state,
        "message": plan.message,
        "problems": plan.problems,
        "account": order.account,
        "priority": PRIORITY_NAMES[order.priority],
        "attributes": order.attributes,
        "requested_at": order.requested_at,
        "started_at": plan.created_at,
        "finished_at": plan.finished_at,
        "newest_version": order.id,
        "versions": [
            {**structs.asdict(sight.version), "status": sight.status, "message": sight.message}
            for sight in view.versions()
        ],
        "follows": plan.waits_for,
        "followed_by": plan.followers,
        "supersedes": order.supersedes,
        "supplemental_action": order.supplemental_action,
        "mapping_set": {
            "name": view.dossier.set_name,
            "version": view.dossier.set_version,
            "hash": plan.set_hash,
        },
        "progress": {
            "percent": progress(plan),
            "items": len(plan.items),
            "done": len(plan.items) - plan.open_items,
            "by_state": {state.value: number for state, number in view.counts().items()},
        },
        "expected": {
            "completion": expected.completion,
            "latest": expected.latest,
            "jeopardy": expected.jeopardy or None,
            "critical_path": sorted(expected.critical),
        },
        "lines": [
            {**_line(sight.line), "depth": sight.depth, "status": sight.status, "progress": sight.progress}
            for sight in view.lines()
        ],
        "items": [_item(view, item) for item in plan.items.values()],
        "unclaimed_events": plan.unclaimed,
    }


def _line(line: OrderLine | TechnicalLine) -> Mapping[str, Any]:
    if isinstance(line, OrderLine):
        return {"kind": "commercial", **asdict(line)}
    return {"kind": "technical", **structs.asdict(line)}


def _item(view: OrderView, item: Item) -> Mapping[str, Any]:
    expected = view.expected
    return {
        **structs.asdict(item),
        "phase": item.phase,
        "critical": item.no in expected.critical,
        "expected_begin": expected.begins.get(item.no),
        "expected_end": expected.ends.get(item.no),
    }
