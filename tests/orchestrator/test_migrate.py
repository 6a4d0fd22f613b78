"""Plans that go over to another version of their mapping set, or stay with their own and say why."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import orjson

from connector.mappings.compile import compile_set
from connector.mappings.load import load
from connector.mappings.set import MappingSet
from connector.model.events import Addressed, MigrationAsked
from connector.model.states import PlanState
from connector.orchestrator.migrate import assess_migration
from connector.orchestrator.sets import MappingSets
from connector.orchestrator.turn import Turner
from connector.store.sets import SetTable
from tests.orchestrator.turning import NOW, SETS, Bench, answers, finish, mobile, order_id

INFIWAVE = load(SETS / "infiwave")
MOBILE = "plans/mobile.yaml"


def changed(*edits: tuple[str, str], version: str = "next") -> MappingSet:
    """infiwave with other words in its plans for mobile."""
    files = dict(INFIWAVE.files)
    for old, new in edits:
        assert old in files[MOBILE]
        files[MOBILE] = files[MOBILE].replace(old, new, 1)
    files["set.yaml"] = files["set.yaml"].replace(f'version: "{INFIWAVE.version}"', f'version: "{version}"')
    return compile_set(files).require()


ONE_MORE = (
    "  - key: mark-active\n",
    (
        "  - key: greet\n    name: Greet the customer\n    type: auto\n    task: set\n    after: [activate]\n"
        "    set: {greeted: 'true'}\n  - key: mark-active\n"
    ),
)
BEFORE_ALL = (
    "plan: reserve-number\nitems:\n  - key: reserve-number\n",
    "plan: reserve-number\nitems:\n  - key: think\n    type: milestone\n  - key: reserve-number\n    after: [think]\n",
)


async def begun(bench: Bench) -> None:
    """A mobile order whose number is reserved and whose eSIM is made; its binding has been asked for."""
    await bench.submit(mobile())
    await bench.turn(answers((await bench.turn()).work))


async def test_what_has_not_begun_is_as_the_new_set_wants_it(bench: Bench) -> None:
    await begun(bench)
    following = changed(ONE_MORE)
    bench.sets = await MappingSets.publish([following, INFIWAVE], SetTable(bench.database))
    bench.turner = Turner(bench.turns, bench.sets, lambda: bench.now)
    plan = await bench.plan(order_id(1))
    found = assess_migration(plan, INFIWAVE, following, NOW)
    assert found.is_safe, found.reasons
    assert [(each.name, each.effect) for each in found.changes] == [("Greet the customer", "new")]
    await bench.put(Addressed(order=order_id(1), event=MigrationAsked(set_hash=following.hash, by="Bo")))
    under_way = await bench.turn()
    async with bench.database.connection() as connection:
        work = await bench.work.mine()
        assert await connection.fetchval("select set_hash from orders") == following.hash
        told = await connection.fetchrow("select detail, by_whom from history where what = 'migrated'")
    assert (told["by_whom"], "1 items differ" in told["detail"]) == ("Bo", True)
    assert not under_way.work
    bench.turner = Turner(bench.turns, bench.sets, lambda: bench.now)
    await finish(bench, await bench.turn(answers(work)))
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.COMPLETED
    assert any(line.attributes.get("greeted") is True for line in plan.lines.values())


async def test_what_is_not_safe_is_left_alone_and_says_why(bench: Bench) -> None:
    await begun(bench)
    plan = await bench.plan(order_id(1))
    cases: Mapping[str, MappingSet] = {
        "Think is new, and Reserve a phone number after it has begun": changed(BEFORE_ALL),
        "Reserve a phone number has begun, and is something else": changed(
            ("    interface: network.reserveNumber\n", "    interface: network.provisionEsim\n")
        ),
    }
    for reason, following in cases.items():
        found = assess_migration(plan, INFIWAVE, following, NOW)
        assert not found.is_safe
        assert any(reason in each for each in found.reasons), found.reasons
    following = changed(BEFORE_ALL)
    bench.sets = await MappingSets.publish([following, INFIWAVE], SetTable(bench.database))
    bench.turner = Turner(bench.turns, bench.sets, lambda: bench.now)
    await bench.put(Addressed(order=order_id(1), event=MigrationAsked(set_hash=following.hash, by="Bo")))
    await bench.turn()
    async with bench.database.connection() as connection:
        assert await connection.fetchval("select set_hash from orders") == INFIWAVE.hash
        assert await connection.fetchval("select count(*) from history where what = 'not migrated'") == 1


def command(database_url: str, *words: str) -> tuple[int, str, str]:
    given = {**os.environ, "CONNECTOR_DATABASE__URL": database_url, "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "connector", "orders", *words], capture_output=True, text=True, env=given, check=False
    )
    return done.returncode, done.stdout, done.stderr


async def test_the_command_previews_asks_and_tells_what_stays(bench: Bench, migrated_url: str) -> None:
    await begun(bench)
    assert command(migrated_url, "migrate", "--all") == (0, "No order in flight has an older set.\n", "")
    following = changed(ONE_MORE)
    await SetTable(bench.database).keep(following.hash, following.name, following.version, following.files)
    code, told, _ = command(migrated_url, "migrate", "--all", "--preview")
    assert (code, told) == (
        0,
        "00000001: safe (Greet the customer new)\n1 of 1 orders could go over; 0 stay with their set.\n",
    )
    assert await bench.count("inbox") == 0
    code, told, _ = command(migrated_url, "migrate", "1", "--json")
    assert (code, orjson.loads(told)["asked"]) == (0, True)
    assert await bench.count("inbox") == 1
    code, _, complaint = command(migrated_url, "migrate")
    assert (code, "Name orders, or give --all" in complaint) == (2, True)
    worse = changed(BEFORE_ALL, version="worse")
    await SetTable(bench.database).keep(worse.hash, worse.name, worse.version, worse.files)
    code, told, _ = command(migrated_url, "migrate", "--all", "--to", worse.hash, "--preview")
    assert (code, "stays: Think is new" in told) == (3, True)


async def test_the_command_previews_a_revision_from_a_file_and_a_cancellation(bench: Bench, migrated_url: str) -> None:
    await begun(bench)
    code, told, _ = command(migrated_url, "revise", "00000001", "--cancel", "--preview")
    assert (code, "it would be accepted." in told, "Cancel MSISDN" in told) == (0, True, True)
    assert "Expected to be done: " in told
    code, told, _ = command(migrated_url, "revise", "1", "--cancel", "--preview", "--json")
    assert (code, orjson.loads(told)["verdict"]) == (0, "accepted")
    dates = orjson.loads(told)["completion"]
    assert dates["then"] < dates["now"], "what is cancelled is done earlier"
    code, _, complaint = command(migrated_url, "revise", "1", "--cancel")
    assert (code, "can only be previewed" in complaint) == (2, True)
    code, _, complaint = command(migrated_url, "revise", "nonsense", "--preview")
    assert (code, "is no Salesforce Id" in complaint) == (2, True)
    assert await bench.count("inbox") == 0
