"""Lines that fit a width, whatever stands in them."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from connector.display.lines import Line, Lines, fit, flow, plain

TEXTS = st.text(alphabet=st.sampled_from("ab zé漢字\x1b\x9b\u202e\t…"), max_size=30)


@given(texts=st.lists(TEXTS, max_size=5), width=st.integers(1, 40))
def test_a_cut_line_is_never_too_wide(texts: list[str], width: int) -> None:
    line = Line()
    for text in texts:
        line.add(text)
    shown = "".join(text for text, _ in line.cut(width))
    assert cell_len(shown) <= width
    assert shown.isprintable()
    if cell_len(line.plain) <= width and line.cells <= width:
        assert shown.rstrip() == line.plain


@given(texts=st.lists(TEXTS, max_size=5), cells=st.integers(0, 20), right=st.booleans())
def test_a_column_has_exactly_its_width(texts: list[str], cells: int, *, right: bool) -> None:
    for text in texts:
        assert Line().column(text, cells, right=right).cells == cells
        assert cell_len(fit(text.replace("\x1b", "").replace("\x9b", ""), cells)) <= cells or cells == 0


@given(words=st.lists(st.text(alphabet="abc漢", min_size=1, max_size=8), max_size=20), width=st.integers(20, 60))
def test_a_flowing_line_keeps_every_word(words: list[str], width: int) -> None:
    line = Line()
    for place, word in enumerate(words):
        line.add(f"{word} ", "bold" if place % 2 else "")
    made = list(flow(line, width))
    assert " ".join(each.plain for each in made).split() == words
    assert all(each.cells <= width for each in made if each.plain)


@pytest.mark.parametrize("colour", [True, False])
def test_lines_are_printed_with_colour_only_where_there_is_some(*, colour: bool) -> None:
    file = StringIO()
    console = Console(file=file, width=20, force_terminal=colour, color_system="truecolor" if colour else None)
    console.print(Lines([Line("red \x1b[2J", "red"), Line("x" * 30)]))
    shown = file.getvalue()
    assert ("\x1b[31m" in shown) is colour
    assert "\x1b[2J" not in shown
    assert "x" * 19 + "…" in shown


def test_plain_lines_have_no_space_at_their_ends() -> None:
    assert plain([Line("a  "), Line(), Line("b")], 10) == "a\n\nb"
