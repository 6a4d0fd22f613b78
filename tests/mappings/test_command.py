"""`connector mappings …` as people and programs see it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connector.cli.mappings import app
from connector.mappings.diagnostics import CODES
from tests.mappings.valid_set import FILES, broken

ORDER = {
    "order": {
        "number": "100",
        "account": {"id": "A1", "type": "Consumer"},
        "attributes": {"channel": "web"},
        "lines": [{"product": "BOX", "attributes": {"size": "S"}}],
    }
}


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def folder(path: Path, files: Mapping[str, str] = FILES) -> Path:
    for name, text in files.items():
        target = path / "tiny" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return path / "tiny"


def order_file(path: Path, content: object = ORDER) -> Path:
    target = path / "order.json"
    target.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return target


# -- check --------------------------------------------------------------------------------------------------


def test_check_of_a_good_set(tmp_path: Path) -> None:
    result = run("check", folder(tmp_path))
    assert result.exit_code == 0
    assert result.output.startswith("tiny 3 (")
    assert result.output.endswith("0 errors, 0 warnings\n")


def test_check_of_a_broken_set(tmp_path: Path) -> None:
    result = run("check", folder(tmp_path, broken("decomposition/boxes.yaml", "attributes.size", "attributes.sise")))
    assert result.exit_code == 1
    assert "error MAP026: There is no attribute `sise` of BOX." in result.output
    assert "--> decomposition/boxes.yaml:7:46" in result.output
    assert re.search(r"\| +\^\^\^\^\n", result.output)
    assert "= Did you mean `size`?" in result.output
    assert result.output.endswith("tiny: 1 error, 0 warnings\n")


def test_warnings_are_errors_only_when_strict(tmp_path: Path) -> None:
    made = folder(tmp_path, broken("products/commercial.yaml", "    fulfillment: none\n", ""))
    assert run("check", made).exit_code == 0
    assert run("check", "--strict", made).exit_code == 1


def test_check_for_programs(tmp_path: Path) -> None:
    good = folder(tmp_path)
    told = json.loads(run("check", "--json", good).output)
    assert (told["ok"], told["diagnostics"], told["set"]["rule"]) == (True, [], 2)
    assert [each["ok"] for each in json.loads(run("check", "--json", good, good).output)] == [True, True]


def test_a_folder_that_is_none_is_a_fault_of_usage(tmp_path: Path) -> None:
    missing = run("check", tmp_path / "nothing")
    assert (missing.exit_code, missing.output) == (2, f"There is no folder {tmp_path / 'nothing'}.\n")
    file = order_file(tmp_path)
    assert run("check", file).output == f"{file} is not a folder.\n"
    assert run("check").exit_code == 2


# -- try ----------------------------------------------------------------------------------------------------


def test_try_shows_lines_plan_and_requests(tmp_path: Path) -> None:
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path))
    assert result.exit_code == 0, result.output
    for text in (
        "Order 100 with 1 line, set tiny 3",
        "Technical lines (2)",
        "sku BOX-S",
        "Plan (7 items)",
        "ship  callout warehouse.ship until warehouse.shipped  after ",
        "check  manual queue Checkers",
        "Expected to take 1:00:20, along",
        "POST ${WAREHOUSE_URL}/v1/shipments/BOX-S?express=false",
        '"pieces": 1',
        '"address": "web"',
        "PUT ${PRINTER_URL}/labels",
    ):
        assert text in result.output
    assert "Explanation" not in result.output


def test_try_explains(tmp_path: Path) -> None:
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path), "--explain")
    assert "Explanation (" in result.output
    assert "decomposition/boxes.yaml:2" in result.output


def test_try_for_programs(tmp_path: Path) -> None:
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path), "--json", "--explain")
    told = json.loads(result.output)
    assert (told["ok"], told["problems"], told["requests"]) == (True, [], ["logistics"])
    assert [line["product"] for line in told["lines"]] == ["PARCEL", "LABEL"]
    ship = next(item for item in told["items"] if item["key"] == "ship")
    before = {item["key"] for item in told["items"] if item["no"] in ship["after"]}
    assert before == {"check", "print"}
    call = next(call for call in told["calls"] if call["interface"] == "warehouse.ship")
    assert call["request"]["headers"] == {"X-Channel": "web"}
    assert told["explanation"]


WAITING = broken(
    "decomposition/boxes.yaml",
    "    from: {class: Parcel}\n    to: LABEL\n",
    "    from: {class: Parcel}\n    to: LABEL\n    required: true\n    when: line.attributes.remark != 'none'\n",
)
"""A label is made when the person who has checked the parcel has remarked something."""


def test_try_shows_the_rules_that_wait_and_where_from(tmp_path: Path) -> None:
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path, WAITING))
    assert result.exit_code == 0, result.output
    for text in (
        "Technical lines (1)",
        "Parked rules (1)",
        "parcel-to-label  T1 → LABEL  waits for remark, from 1 check  required",
        "--assume T1.remark=… tells what would come of an answer.",
    ):
        assert text in result.output
    told = json.loads(run("try", order_file(tmp_path), "--set", folder(tmp_path, WAITING), "--json").output)
    assert [(rule["rule"], rule["waits_for"], rule["comes_from"]) for rule in told["parked"]] == [
        ("parcel-to-label", ["remark"], [1])
    ]


@pytest.mark.parametrize(("whose", "lines"), [("PARCEL.remark=fine", 2), ("T1.remark=fine", 2), ("T1.remark=none", 1)])
def test_try_shows_what_would_come_of_an_answer(tmp_path: Path, whose: str, lines: int) -> None:
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path, WAITING), "--assume", whose)
    assert result.exit_code == 0, result.output
    assert f"Technical lines ({lines})" in result.output
    assert "Parked rules" not in result.output
    assert f"remark {whose.partition('=')[2]}" in result.output


@pytest.mark.parametrize(
    ("text", "says"),
    [("PARCEL", "says no answer"), ("PARCEL.remark", "says no answer"), ("T9.remark=x", "no technical line T9")],
)
def test_an_answer_to_nothing_is_a_fault_of_usage(tmp_path: Path, text: str, says: str) -> None:
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path, WAITING), "--assume", text)
    assert result.exit_code == 2
    assert says in result.output


def test_try_reads_standard_input(tmp_path: Path) -> None:
    result = run("try", "-", "--set", folder(tmp_path), stdin=json.dumps(ORDER))
    assert result.exit_code == 0, result.output


def test_a_request_that_needs_the_output_of_an_item_says_which(tmp_path: Path) -> None:
    files = broken("systems/printer.yaml", "body: 'line.attributes'", "body: 'bundle[\"PARCEL\"].tracking'",
                   ("plans/parcels.yaml", "after: [check, print@bundle]", "after: [check]"),
                   ("plans/labels.yaml", "interface: printer.print", "interface: printer.print\n    after: ship@bundle"))  # fmt: skip
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path, files))
    assert re.search(r"not known yet: 'tracking' is absent; it comes from \d+ ship\n", result.output)


def test_an_order_with_problems_shows_them(tmp_path: Path) -> None:
    bad = {"order": {"lines": [{"product": "BOXX"}, {"product": "BOX"}]}}
    result = run("try", order_file(tmp_path, bad), "--set", folder(tmp_path))
    assert result.exit_code == 1
    assert "Problems (" in result.output
    assert "UNKNOWN_PRODUCT line 1 (BOXX)" in result.output
    assert "MISSING_ATTRIBUTE line 2 (BOX): The mandatory attribute size is missing." in result.output
    assert "--explain tells every decision." in result.output


def test_an_order_for_which_nothing_is_to_be_done_says_so(tmp_path: Path) -> None:
    result = run("try", order_file(tmp_path, {"lines": [{"product": "WRAP"}]}), "--set", folder(tmp_path))
    assert result.exit_code == 0
    for text in ("None: no rule makes", "None: no scenario gives", "None: no item of the plan calls"):
        assert text in result.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "line 1, column 2: not JSON"),
        ('{"lines": [{"produkt": "BOX"}]}', "order.lines[0].produkt: there is no such key; did you mean 'product'?"),
        ("[1]", "the file must hold an object"),
    ],
)
def test_a_file_that_holds_no_order_is_a_fault_of_usage(tmp_path: Path, content: str, says: str) -> None:
    result = run("try", order_file(tmp_path, content), "--set", folder(tmp_path))
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_files_that_can_not_be_read_are_a_fault_of_usage(tmp_path: Path) -> None:
    made = folder(tmp_path)
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe")
    large = tmp_path / "large.json"
    large.write_bytes(b" " * 5_000_001)
    for path, says in (
        (tmp_path / "none.json", "can't be read: No such file"),
        (tmp_path, "can't be read: Is a directory"),
        (binary, "is not UTF-8 text"),
        (large, "more than 5000000 bytes"),
    ):
        result = run("try", path, "--set", made)
        assert (result.exit_code, says in result.output) == (2, True), result.output


@pytest.mark.parametrize("at", ["soon", "2026-03-31T09:00:00"])
def test_a_time_that_is_none_is_a_fault_of_usage(tmp_path: Path, at: str) -> None:
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path), "--at", at)
    assert result.exit_code == 2
    assert repr(at) in result.output


def test_try_with_a_broken_set_shows_its_findings(tmp_path: Path) -> None:
    result = run("try", order_file(tmp_path), "--set", folder(tmp_path, broken("set.yaml", "timezone", "timezon")))
    assert result.exit_code == 1
    assert "error MAP010" in result.output


# -- schema, codes ------------------------------------------------------------------------------------------


def test_a_schema_for_every_part(tmp_path: Path) -> None:
    assert run("schema", "--out", tmp_path / "schemas").exit_code == 0
    names = {path.name.removesuffix(".schema.json") for path in (tmp_path / "schemas").iterdir()}
    assert names == {
        "set",
        "intake",
        "scenarios",
        "queues",
        "fallout",
        "writeback",
        "products",
        "decomposition",
        "plans",
        "systems",
    }
    plans = json.loads(run("schema", "plans").output)
    item = plans["properties"]["items"]["items"]
    assert item["additionalProperties"] is False
    assert item["required"] == ["key", "type"]
    assert "callout" in item["properties"]["type"]["enum"]


def test_a_schema_of_nothing_is_a_fault_of_usage() -> None:
    result = run("schema", "plan")
    assert result.exit_code == 2
    assert "plans" in result.output


def test_codes_are_explained() -> None:
    assert all(code in run("codes").output for code in CODES)
    one = run("codes", "map026").output
    assert "MAP026" in one
    assert "MAP027" not in one
    assert run("codes", "MAP999").exit_code == 2
