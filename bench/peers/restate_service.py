"""Restate: a workflow for an order, a durable step for an item. Served by granian, the fastest server it can have."""

from __future__ import annotations

from typing import Any

import restate
from workload import callout

order = restate.Workflow("Order")


@order.main()
async def run(ctx: restate.WorkflowContext, number: int) -> str:
    def item(no: int) -> restate.RestateDurableFuture[Any]:
        return ctx.run_typed(f"item {no}", callout, order=number, item=no)

    await item(1)
    await restate.gather(item(2), item(3), item(4))
    await item(5)
    await restate.gather(item(6), item(7))
    await item(8)
    await item(9)
    await item(10)
    return "done"


app = restate.app(services=[order])
