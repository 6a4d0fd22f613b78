"""Findings for people and programs."""

from __future__ import annotations

import io

from rich.console import Console

from connector.mappings.diagnostics import Diagnostic
from connector.mappings.report import explained, summary, to_json
from connector.text import printable
from tests.mappings.valid_set import FILES, broken, check


def shown(found: Diagnostic, files: dict[str, str], *, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=terminal, highlight=False, width=60, color_system="standard" if terminal else None
    )
    for block in explained([found], files):
        console.print(block, soft_wrap=True, end="")
    return out.getvalue()


def finding(line: int, column: int, length: int) -> Diagnostic:
    return Diagnostic(code="MAP026", file="a.yaml", line=line, column=column, message="No.", hint="Yes?", length=length)


def test_a_finding_shows_the_line_with_a_caret() -> None:
    assert shown(finding(2, 4, 3), {"a.yaml": "one\ntwo three\n"}) == (
        "error MAP026: No.\n  --> a.yaml:2:4\n   2 | two three\n     |    ^^^\n   = Yes?\n"
    )


def test_the_caret_stands_under_wide_characters_and_tabs() -> None:
    text = shown(finding(1, 4, 2), {"a.yaml": "\t数x数数y"})
    line, caret = text.splitlines()[2:4]
    assert line == "   1 |  数x数数y"
    assert caret == "     |     ^^^^"


def test_a_long_line_is_shown_around_the_place() -> None:
    text = shown(finding(1, 5001, 4), {"a.yaml": "x" * 5000 + "here" + "y" * 5000})
    line, caret = text.splitlines()[2:4]
    assert len(line) < 220
    assert line[caret.index("^") : caret.rindex("^") + 1] == "here"


def test_a_finding_without_its_text_has_no_line() -> None:
    assert shown(finding(1, 1, 1), {}) == "error MAP026: No.\n  --> a.yaml:1:1\n   = Yes?\n"


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b[" in shown(finding(1, 1, 1), {"a.yaml": "text"}, terminal=True)
    assert "\x1b[" not in shown(finding(1, 1, 1), {"a.yaml": "text"})


def test_a_file_can_not_send_commands_to_the_terminal() -> None:
    assert "\x1b" not in shown(finding(1, 1, 1), {"a.yaml": "\x1b[31mred\x1b]0;title\x07"})
    assert printable("a\tb\x1b\x9b\u202e") == "a b���"


def test_the_summary_counts() -> None:
    assert summary(check(FILES)) == (
        f"tiny 3 ({check(FILES).require().hash}): 4 products, 2 rules, 2 scenarios, 2 plans, 7 items, "
        "2 systems, 2 interfaces, 1 list; 0 errors, 0 warnings"
    )
    assert summary(check(broken("set.yaml", "name: tiny\n", "")), "tiny") == "tiny: 1 error, 0 warnings"


def test_programs_get_everything() -> None:
    told = to_json(check(broken("set.yaml", "timezone", "timezon")), "sets/tiny")
    assert (told["folder"], told["ok"], told["errors"], told["warnings"], told["set"]) == (
        "sets/tiny",
        False,
        1,
        0,
        None,
    )
    assert told["diagnostics"] == [
        {
            "code": "MAP010",
            "severity": "error",
            "file": "set.yaml",
            "line": 3,
            "column": 1,
            "length": 7,
            "message": "The set has no key `timezon`.",
            "hint": "Did you mean `timezone`?",
        }
    ]
    assert to_json(check(FILES), "x")["set"]["name"] == "tiny"
