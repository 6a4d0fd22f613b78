"""The compiled set: what is in it, that it is a pure function of the files, and that it never fails otherwise."""

from __future__ import annotations

import builtins
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.mappings.compile import CheckResult, compile_set, content_hash
from connector.mappings.diagnostics import MappingSetInvalid
from connector.mappings.load import check, load
from connector.mappings.set import RULE, MappingSet, Scope
from connector.mappings.text import FileText
from connector.mappings.timing import Expected
from connector.model.failure import FailureClass
from connector.model.order import Action
from connector.model.states import ItemType
from tests.mappings.valid_set import FILES, broken


@pytest.fixture(scope="module")
def made() -> MappingSet:
    return compile_set(FILES).require()


# -- what is in it ------------------------------------------------------------------------------------------


def test_the_head(made: MappingSet) -> None:
    assert (made.name, made.version, made.timezone, made.fallout_queue) == ("tiny", "3", "Europe/Berlin", "Trouble")
    assert made.files == FILES


def test_products_have_what_their_classes_define(made: MappingSet) -> None:
    parcel = made.products["PARCEL"]
    assert (parcel.kind, parcel.classes, parcel.scope, parcel.request) == (
        "technical", ("Parcel", "Thing"), Scope.BUNDLE, "logistics",
    )  # fmt: skip
    assert list(parcel.attributes) == ["sku", "tracking", "address", "pieces"]
    assert parcel.attributes["sku"].required
    assert parcel.attributes["pieces"].merge == "sum"
    assert str(parcel.attributes["sku"].source) == "products/technical.yaml:4"
    assert not made.products["WRAP"].fulfillment
    assert made.products["WRAP"].name == "WRAP"
    assert made.products["LABEL"].scope_key is not None
    assert made.products["BOX"].attributes["weight"].default == 1.5


def test_rules_are_sorted_and_expanded_to_products(made: MappingSet) -> None:
    (rule,) = made.rules["BOX"]
    assert (rule.id, rule.target, rule.priority, rule.products) == ("box-to-parcel", "PARCEL", 100, frozenset({"BOX"}))
    assert rule.attributes["sku"].list == "skus"
    assert (rule.attributes["address"].default, rule.attributes["address"].has_default) == ("unknown", True)
    assert made.rules["PARCEL"][0].written_from == "class Parcel"
    assert made.lists["skus"] == {"S": "BOX-S", "L": "BOX-L"}


def test_rules_run_by_priority_then_id() -> None:
    files = dict(FILES)
    files["decomposition/more.yaml"] = (
        "rules:\n"
        "  - {id: b, from: BOX, to: LABEL, priority: 5, attributes: {sku: line.attributes.size}, when: line.quantity > 1.0}\n"
        "  - {id: a, from: BOX, to: LABEL, priority: 5, attributes: {sku: line.attributes.size}, when: line.quantity > 2.0}\n"
        "  - {id: c, from: BOX, to: LABEL, priority: -1, attributes: {sku: line.attributes.size}, when: line.quantity > 3.0}\n"
    )
    rules = compile_set(files).require().rules["BOX"]
    assert [rule.id for rule in rules] == ["c", "a", "b", "box-to-parcel"]


def test_scenarios_of_the_product_come_before_those_of_its_classes(made: MappingSet) -> None:
    assert [scenario.written_for for scenario in made.scenarios["PARCEL"]] == ["PARCEL", "class Thing"]
    assert made.scenarios["PARCEL"][0].actions == {Action.ADD, Action.CHANGE}
    assert [scenario.id for scenario in made.scenarios["PARCEL"]] == ["PARCEL-send", "Thing-print"]


def test_items(made: MappingSet) -> None:
    check_item, ship = made.definition("send", "check"), made.definition("send", "ship")
    assert (check_item.type, check_item.queue, check_item.failing_outcomes) == (
        ItemType.MANUAL,
        "Checkers",
        ("Broken",),
    )
    assert check_item.form[0].name == "remark"
    assert ship.completes is not None
    assert (ship.completes.on, ship.completes.within) == ("warehouse.shipped", timedelta(days=2))
    assert [(before.key, before.scope) for before in ship.after] == [("check", None), ("print", Scope.BUNDLE)]
    length = timedelta(seconds=20)
    assert ship.expected == Expected(optimistic=length, likely=length, pessimistic=length)
    assert ship.ponr == "hard"
    assert made.definition("send", "rest").duration == timedelta(hours=1)
    assert made.definition("print", "print").name == "Print"
    assert list(made.definition("send", "note").sets) == ["lifecycle"]


def test_an_item_may_wait_for_a_start_and_take_its_branch_with_it() -> None:
    path = "plans/parcels.yaml"
    files = broken(path, "after: [check, print@bundle]", "after: [{start: check}, {start: print@bundle}, print@order]")
    files[path] = files[path].replace("    when: line", "    skip_branch: true\n    when: line")
    made = compile_set(files).require()

    waits = [(before.key, before.scope, before.at_start) for before in made.definition("send", "ship").after]
    assert waits == [("check", None, True), ("print", Scope.BUNDLE, True), ("print", Scope.ORDER, False)]
    assert made.definition("send", "note").skip_branch
    assert not made.definition("send", "ship").skip_branch


def test_an_item_sees_what_has_become_of_all_that_it_waits_for() -> None:
    path = "plans/parcels.yaml"
    files = broken(
        path, 'when: line.action == "Add"', 'when: items["check"].outcome in ["Fine", ""] && items.ship.outputs.x == 1'
    )
    assert compile_set(files).diagnostics == ()


def test_a_callout_may_be_asked_about() -> None:
    files = broken(
        "plans/parcels.yaml",
        "{on: warehouse.shipped, within: P2D}",
        "{poll: printer.status, every: {first: PT30S, factor: 3, cap: PT1H}, until: body.done, fails: body.lost, within: P2D}",
        (
            "systems/printer.yaml",
            "interfaces:\n",
            "interfaces:\n  status: {request: {method: GET, path: '\"/status\"'}}\n",
        ),
    )
    made = compile_set(files).require()
    ship = made.definition("send", "ship")
    assert ship.completes is not None
    assert (ship.completes.on, ship.completes.within) == ("", timedelta(days=2))
    assert ship.calls == ("warehouse.ship", "printer.status")
    poll = ship.completes.poll
    assert poll is not None
    assert (poll.interface, poll.every, poll.factor) == ("printer.status", timedelta(seconds=30), 3)
    assert (poll.longest, poll.until.text, poll.fails and poll.fails.text) == (
        timedelta(hours=1),
        "body.done",
        "body.lost",
    )


def test_systems(made: MappingSet) -> None:
    system, ship = made.systems["warehouse"], made.interface("warehouse.ship")
    assert (system.base_url, system.auth, system.auth_name, system.inbound_secret) == (
        "WAREHOUSE_URL", "oauth2", "warehouse", "warehouse",
    )  # fmt: skip
    assert (system.concurrency, system.per_second) == (5, 2.5)
    assert (ship.idempotency_header, ship.timeout, ship.short_retries) == ("Idempotency-Key", timedelta(seconds=10), 2)
    assert (ship.errors[0].failure_class, ship.errors[0].code) == (FailureClass.BUSINESS, "SOLD_OUT")
    assert made.systems["printer"].auth == "none"
    assert list(system.events) == ["shipped", "arrived"]


def test_an_answer_is_ok_from_200_to_299_unless_the_interface_says_otherwise(made: MappingSet) -> None:
    ok = made.interface("warehouse.ship").ok
    answers = [ok.is_true(ok.environment.activation({"status": status})) for status in (199, 200, 299, 300)]
    assert answers == [False, True, True, False]


def test_retry_policies(made: MappingSet) -> None:
    soon, growing = made.retry_policies["soon"], made.retry_policies["growing"]
    assert [soon.wait(retry) for retry in (1, 2, 3, 4)] == [
        timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=5), None,
    ]  # fmt: skip
    assert [wait.total_seconds() for wait in growing.waits] == [1, 3, 9, 27, 60]
    assert (growing.retries, growing.jitter) == (None, 0.1)
    assert made.retry_policies["none"].wait(1) is None


def test_the_interface_of_a_row_is_its_full_name(made: MappingSet) -> None:
    assert made.fallout[1].interface == "warehouse.ship"


def test_how_long_an_order_waits_for_one_that_does_not_come(made: MappingSet) -> None:
    assert made.follow_on.patience == timedelta(days=1)
    text = f"{FILES['set.yaml']}follow_on: {{patience: PT4H}}\n"
    told = compile_set({**FILES, "set.yaml": text}).require(folder="tiny")
    assert told.follow_on.patience == timedelta(hours=4)


def test_intake_and_write_back(made: MappingSet) -> None:
    assert made.intake.order["priority"].values == {"Fast": "High"}
    assert made.intake.lines["attributes"].json
    assert (made.intake.order_object, made.intake.lines_relationship) == ("Order", "OrderItems")
    assert (made.intake.inventory_object, made.intake.inventory_account) == ("Inventory_Item__c", "Account__c")
    assert "object" not in made.intake.inventory
    assert made.writeback["plan"].omit_null == {"Started_At__c"}
    assert made.writeback["order"].external_id is None


# -- the name of a content ----------------------------------------------------------------------------------


def test_the_hash_is_of_paths_and_texts_whatever_their_order() -> None:
    assert content_hash(FILES) == content_hash(dict(sorted(FILES.items(), reverse=True)))
    assert len(content_hash(FILES)) == 16
    assert content_hash({"a": "b"}) != content_hash({"a": "b "})
    assert content_hash({"ab": "c"}) != content_hash({"a": "bc"})
    assert content_hash({"a": "bc", "d": ""}) != content_hash({"a": "b", "cd": ""})


TEXTS = st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4)


@given(TEXTS, TEXTS)
def test_different_files_have_different_hashes(one: dict[str, str], other: dict[str, str]) -> None:
    assert (content_hash(one) == content_hash(other)) == (one == other)


def test_a_set_compiled_again_from_its_files_is_the_same(made: MappingSet) -> None:
    again = compile_set(made.files).require()
    assert again.hash == made.hash
    assert list(again.products) == list(made.products)
    assert list(again.plans["send"].items) == list(made.plans["send"].items)


def test_the_hash_is_the_same_in_every_process() -> None:
    program = "from tests.mappings.valid_set import *; print(check(FILES).require().hash)"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert hashes == {f"{content_hash(FILES)}\n"}


# -- purity -------------------------------------------------------------------------------------------------


def test_compiling_and_checking_touch_nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_set(FILES)  # whatever is imported late has been imported now

    def refused(*_: object, **__: object) -> object:
        raise AssertionError("a file, a folder or the network was touched")

    doors = ((builtins, ["open"]), (os, ["open", "scandir", "listdir", "stat", "getenv"]), (socket, ["socket"]))
    with monkeypatch.context() as closed:
        for module, names in doors:
            for name in names:
                closed.setattr(module, name, refused)
        valid, invalid = compile_set(FILES), compile_set({**FILES, "queues.yaml": "a: ["})
    assert valid.mapping_set is not None
    assert invalid.mapping_set is None


def test_a_set_with_errors_can_not_be_had() -> None:
    result = compile_set(broken("set.yaml", "name: tiny\n", ""))
    with pytest.raises(MappingSetInvalid) as refused:
        result.require(folder="sets/tiny")
    assert refused.value.diagnostics == result.diagnostics
    assert "sets/tiny" in refused.value.message
    assert "needs the key `name`" in refused.value.message


def test_warnings_do_not_keep_a_set_from_being_used() -> None:
    result = compile_set(broken("products/commercial.yaml", "    fulfillment: none\n", ""))
    assert ([found.code for found in result.warnings], result.errors) == (["MAP064"], ())
    assert result.require().name == "tiny"


# -- folders ------------------------------------------------------------------------------------------------


def written(folder: Path, files: Mapping[str, str] = FILES) -> Path:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    return folder


def test_a_folder_is_read_as_its_files(tmp_path: Path) -> None:
    assert load(written(tmp_path)).hash == content_hash(FILES)


def test_what_is_no_part_of_the_set_is_left_alone(tmp_path: Path) -> None:
    others = {"README.md": "text", "cases/a.yaml": "[", ".git/x.yaml": "[", "plans/.swp.yaml": "[", "img/logo.svg": "<"}
    assert load(written(tmp_path, {**FILES, **others})).hash == content_hash(FILES)


def test_a_folder_with_errors_says_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(MappingSetInvalid) as refused:
        load(written(tmp_path, broken("set.yaml", "tiny", "[tiny]")))
    assert [found.code for found in refused.value.diagnostics] == ["MAP012"]


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    """A mounted Kubernetes config map is made of such links."""
    folder = written(tmp_path)
    (folder / "..data").mkdir()
    (folder / "queues.yaml").rename(folder / "..data" / "queues.yaml")
    (folder / "queues.yaml").symlink_to(Path("..data") / "queues.yaml")
    assert load(folder).hash == content_hash(FILES)


@pytest.mark.parametrize("target", ["nowhere", "queues.yaml", "..", "/etc"])
def test_links_that_lead_elsewhere_are_refused(tmp_path: Path, target: str) -> None:
    folder = written(tmp_path / "set")
    (folder / "plans" / "more.yaml").symlink_to(target if target.startswith("/") else Path(target))
    assert "MAP004" in [found.code for found in check(folder).diagnostics]


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path)
    for number in range(501):
        (folder / "products" / f"p{number}.yaml").touch()
    assert "MAP003" in [found.code for found in check(folder).diagnostics]


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_is_an_empty_part(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, {**FILES, "plans/empty.yaml": text})).plans.keys() == {"send", "print"}


def test_an_empty_folder_is_no_set(tmp_path: Path) -> None:
    assert [found.code for found in check(tmp_path).diagnostics] == ["MAP001"]


# -- whatever people write ----------------------------------------------------------------------------------

PATHS = st.sampled_from(sorted(FILES))
SCRAPS = st.sampled_from(
    [
        "",
        " ",
        "\n",
        ":",
        "- ",
        "'",
        '"',
        "[",
        "]",
        "{",
        "}",
        "|",
        ">",
        "&a ",
        "*a",
        "!x ",
        "#",
        "\t",
        "? ",
        ",",
        "\x00",
        "null",
        "true",
        "12",
        "line",
        "order.",
        "&&",
        "a: b\n",
        "---\n",
        "ä😀",
        "\r\n",
        "${X}",
        "PT1S",
        "@order",
        "\u2028",
    ]
)


@st.composite
def mutations(draw: st.DrawFn) -> dict[str, str]:
    """The valid set with a few places cut, doubled, swapped or written over."""
    files = dict(FILES)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(PATHS)
        text = files.get(path, "")
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        kind = draw(st.sampled_from(["cut", "insert", "replace", "double", "drop line", "swap", "remove file"]))
        lines = text.splitlines(keepends=True)
        line = draw(st.integers(0, max(0, len(lines) - 1)))
        match kind:
            case "cut":
                files[path] = text[:start] + text[end:]
            case "insert":
                files[path] = text[:start] + draw(SCRAPS) + text[start:]
            case "replace":
                files[path] = text[:start] + draw(SCRAPS) + text[end:]
            case "double":
                files[path] = text[:end] + text[start:end] + text[end:]
            case "drop line":
                files[path] = "".join(lines[:line] + lines[line + 1 :])
            case "swap":
                files[path] = files.get(draw(PATHS), "")
            case _:
                files.pop(path, None)
    return files


def sound(result: CheckResult, files: Mapping[str, str]) -> None:
    """Every finding stands inside its file, and there is a set exactly when there is no error."""
    assert (result.mapping_set is None) == bool(result.errors)
    for found in result.diagnostics:
        assert found.message.endswith((".", "?"))
        text = FileText(path=found.file, text=files.get(found.file, ""))
        assert 1 <= found.line <= len(text.starts)
        assert 1 <= found.column <= len(text.line(found.line)) + 1
        assert found.length >= 1
        if found.length > 1:
            assert found.column - 1 + found.length <= len(text.line(found.line))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations())
def test_a_corrupted_set_gives_findings_and_never_fails(files: dict[str, str]) -> None:
    sound(compile_set(files), files)


WORDS = sorted({word for text in FILES.values() for word in text.replace(":", " ").replace(",", " ").split()})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PATHS, st.integers(0, 10_000), st.sampled_from(WORDS))
def test_a_word_in_the_wrong_place_gives_findings_and_never_fails(path: str, place: int, word: str) -> None:
    words = FILES[path].split(" ")
    words[place % len(words)] = word
    files = {**FILES, path: " ".join(words)}
    sound(compile_set(files), files)


# -- size ---------------------------------------------------------------------------------------------------


def large(rules: int) -> dict[str, str]:
    """A set with so many rules, each with a product, a list, a plan and a scenario of its own."""
    numbers = range(rules)
    products = "".join(
        f"  - {{code: C{n}, kind: commercial, attributes: {{size: string}}}}\n"
        f"  - {{code: T{n}, kind: technical, attributes: {{sku: string}}}}\n"
        for n in numbers
    )
    lists = "".join(f"  l{n}: {{S: a, L: b}}\n" for n in numbers)
    made = "".join(
        f"  - id: r{n}\n    from: C{n}\n    to: T{n}\n    when: line.action != 'Disconnect'\n"
        f"    attributes: {{sku: {{list: l{n}, key: line.attributes.size}}}}\n"
        for n in numbers
    )
    plans = "---\n".join(
        f"plan: p{n}\nitems:\n  - {{key: a{n}, type: milestone}}\n  - {{key: b{n}, type: milestone, after: [a{n}, a{max(0, n - 1)}@order]}}\n"
        for n in numbers
    )
    scenarios = "".join(f"  - {{product: T{n}, action: [Add], plan: p{n}}}\n" for n in numbers)
    return {
        **{path: FILES[path] for path in ("set.yaml", "intake.yaml")},
        "queues.yaml": "queues:\n  - {name: Trouble, developer_name: Trouble, kind: fallout}\n",
        "products/all.yaml": f"products:\n{products}lists:\n{lists}",
        "decomposition/all.yaml": f"rules:\n{made}",
        "plans/all.yaml": plans,
        "scenarios.yaml": f"scenarios:\n{scenarios}",
    }


def test_a_thousand_rules_are_read_in_steps_that_grow_with_their_number() -> None:
    """Counted, not timed: calls of functions per rule stay the same."""

    def calls(rules: int) -> int:
        count = 0

        def seen(_: object, event: str, __: object) -> None:
            nonlocal count
            count += event in {"call", "c_call"}

        files = large(rules)
        sys.setprofile(seen)
        try:
            result = compile_set(files)
        finally:
            sys.setprofile(None)
        assert result.diagnostics == ()
        return count

    few, many = calls(20), calls(160)
    assert many < few * 8 * 1.3


def test_hundreds_of_rules_make_a_set() -> None:
    made = compile_set(large(300)).require()
    assert len(made.rules) == 300
    assert RULE is made.rules["C0"][0].attributes["sku"].expression.environment
