"""Decomposition: what was sold, as what the fulfillment systems understand, and the plan to get there.

Pure: the order, the account's inventory, a mapping set and the time go in; technical lines, items and the
reason of every decision come out. The same input always gives the same output, and whatever is wrong with
an order is said of it at once, never raised.

    order lines ──prepare──▶ rules ──▶ drafts ──▶ technical lines ──▶ scenarios ──▶ items
    (commercial)             ▲  which fire   merge,    │  each is a source            one per definition,
                             │  (firing),    compare   │  of further rules            key and scope, after
                             │  what they    with what │                              those that it waits for
                             │  give         is        │
                             │ (attributes)  installed │
                             └─────────────────────────┘
                                     level by level

    line 2 MOBILE-PLAN ─┬─▶ T1 MOBILE-CFS ─┬─▶ T4 MOBILE-ACCESS      each arrow is a rule; two arrows that
                        │                  └─▶ T5 SIM                meet are merged, because the target's
    line 3 HANDSET ─────┼─▶ T3 DEVICE                                scope gives both the same key
                        └─▶ T2 SUBSCRIPTION ◀── line 3

- `order`: the order against the products; defaults.
- `scope`: keys: what becomes one line, and how a later order finds it again (`assetId`).
- `rules`, `levels`: applying rules level by level; `firing`, `attributes`: which fire, what they give.
- `draft`, `merge`, `finish`: from contributions to a technical line.
- `installed`, `action`: as-is against to-be: Add, Change, Disconnect, NoChange.
- `scenarios`, `items`: plan definitions, items, dependencies.
- `coverage`, `near`: nothing is dropped in silence.
- `parking`, `hopes`: rules that wait for what items will bring; `known`, `growth`: what comes of it when it has come.
- `journal`, `explain`: every decision, and its plain text.

Everything is linear in the lines, the rules of their products and the dependencies; measured by
`bench/decomposition.py`.

What is wrong is a `Problem` with one of these codes:

    the order           EMPTY_ORDER, DUPLICATE_LINE, UNKNOWN_PRODUCT, TECHNICAL_PRODUCT, UNKNOWN_ATTRIBUTE,
                        MISSING_ATTRIBUTE, WRONG_TYPE, NOT_ALLOWED, UNUSABLE_VALUE, WRONG_QUANTITY,
                        WRONG_ACTION, UNKNOWN_PARENT, PARENT_RING, DUPLICATE_ASSET
    rules and values    NO_RULE, ATTRIBUTE, MISSING_TECHNICAL_ATTRIBUTE, WRONG_VALUE, MERGE_CONFLICT,
                        SCOPE_KEY, RULE_RING
    scenarios, items    NO_SCENARIO, ITEM_RING, TOO_MANY_DEPENDENCIES
    rules that wait     RULE_NEVER_FIRED, LATE_CONFLICT
"""

from __future__ import annotations

from connector.decomposition.engine import decompose
from connector.decomposition.explain import why
from connector.decomposition.result import Decomposition

__all__ = ["Decomposition", "decompose", "why"]
