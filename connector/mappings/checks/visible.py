"""What is visible at a place: the variables of an expression, with the fields that each of them has.

This is `connector.mappings.views` said once more, for checking; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connector.mappings.syntax import ELEMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """A value that an expression may look into. Without `fields` anything may be in it."""

    whose: str = ""
    """For messages: `line`, `the products A, B`."""
    fields: Mapping[str, Visible] | None = None
    element: Visible | None = None
    """What its elements are, when it is a list."""
    what: str = "field"
    code: str = "MAP025"
    hint: str = ""


ANYTHING = Visible()

ORDER_FIELDS = frozenset(
    {
        *("id", "number", "priority", "account", "attributes", "line_count"),
        *("requested_at", "supersedes", "supplemental_action", "follows", "approved_by"),
    }
)
ACCOUNT_FIELDS = frozenset({"id", "name", "type", "attributes"})
COMMERCIAL_FIELDS = frozenset(
    {
        *("id", "number", "product", "classes", "action", "sub_action", "quantity", "attributes"),
        *("supersedes", "supplemental_action"),
    }
)
COMMERCIAL_RELATIVES = frozenset({"children", "parent", "root"})
TECHNICAL_FIELDS = frozenset(
    {
        *("no", "product", "action", "quantity", "attributes", "changes"),
        *("scope_key", "sources", "root", "request"),
    }
)
ITEM_FIELDS = frozenset(
    {
        *("ref", "no", "definition", "key", "name", "type", "state", "epoch", "attempts", "idempotency_key"),
        *("outputs", "outcome", "waiting_for", "queue", "line", "failure", "undoes", "retold"),
        *("parent", "each"),
        *("due_at", "ready_at", "started_at", "finished_at"),
    }
)
FAILURE_FIELDS = frozenset({"code", "message", "failure_class", "system", "interface", "http_status"})


def fields(whose: str, names: Iterable[str], **known: Visible) -> Visible:
    """A value with these fields; of those that are not told of in `known`, anything may be inside."""
    return Visible(whose=whose, fields={**dict.fromkeys(names, ANYTHING), **known})


def attributes(whose: str, names: Iterable[str] | None) -> Visible:
    """The attributes of a line, an order, an account; None: any."""
    if names is None:
        return ANYTHING
    return Visible(whose=whose, fields=dict.fromkeys(names, ANYTHING), what="attribute", code="MAP026")


def merged(views: Iterable[Visible]) -> Visible:
    """A value that is one of several kinds: what any of them has."""
    known = list(views)
    if not known or any(view.fields is None for view in known):
        return ANYTHING
    first = known[0]
    names = {name: None for view in known for name in view.fields or ()}
    inside = {
        name: merged(view.fields[name] for view in known if view.fields is not None and name in view.fields)
        for name in names
    }
    return Visible(whose=first.whose, fields=inside, what=first.what, code=first.code, element=first.element)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A step of a path that leads nowhere: which one, in what, and what there is instead."""

    step: int
    name: str
    inside: Visible = field(default_factory=Visible)


def first_missing(path: tuple[str, ...], variables: Mapping[str, Visible]) -> Missing | None:
    """The first step of a path that nothing visible has; None when it leads somewhere, or nobody can tell."""
    if path[0] not in variables:
        return Missing(step=0, name=path[0], inside=Visible(fields=variables, what="variable", code="MAP022"))
    here: Visible | None = variables[path[0]]
    for place, step in enumerate(path[1:], start=1):
        if here is None:
            return None
        if step == ELEMENT:
            here = here.element
            continue
        if here.fields is None:
            return None
        if step not in here.fields:
            return Missing(step=place, name=step, inside=here)
        here = here.fields[step]
    return None
