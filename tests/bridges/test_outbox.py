"""What there is to write, as the Salesforce edge gets it from the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from connector.bridges.salesforce import OutboxBridge
from connector.errors import MappingError
from connector.model.dossier import CommandAnswer
from connector.model.ids import CommandId
from connector.model.json import JsonObject
from connector.orchestrator.present import command_variables
from tests.orchestrator.turning import NOW, Bench, mobile, order_id


async def test_an_order_whose_mapping_set_is_gone_keeps_nobody_elses_records_back(bench: Bench) -> None:
    await bench.submit(mobile(1), mobile(2))
    await bench.turn()
    async with bench.database.connection() as connection:
        await connection.execute("update orders set set_hash = 'gone' where order_id = $1", order_id(1))
    bridge = OutboxBridge(bench.outbox, bench.sets)

    presents = await bridge.load(await bridge.claim(10, 1000, timedelta(seconds=30)))

    lost = [present for present in presents if present.mark.order == order_id(1)]
    assert {(present.set_hash, present.variables) for present in lost} == {("gone", None)}
    with pytest.raises(MappingError):
        await bench.sets.by_hash("gone")
    others = [present for present in presents if present.mark.order == order_id(2)]
    assert others
    assert all(present.variables for present in others)


def test_the_result_of_a_command_is_cut_where_it_would_not_fit_its_field() -> None:
    def told(result: JsonObject | None) -> Mapping[str, Any]:
        command = CommandAnswer(
            command=CommandId("a0C000000000001AAA"), answer="Done", message="…", at=NOW, result=result
        )
        shown: Mapping[str, Any] = command_variables(command)["command"]
        return shown

    assert "result" not in told(None)
    short: JsonObject = {"items": [{"name": "Ship"}]}
    assert told(short)["result"] == short
    long: JsonObject = {"order": "801", "items": [{"name": "x" * 100}] * 2_000}
    assert told(long)["result"]["items"] == 2_000
    assert told(long)["result"]["order"] == "801"
