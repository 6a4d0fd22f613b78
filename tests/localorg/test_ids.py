from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.localorg import ids

SHORT = st.text(string.ascii_letters + string.digits, min_size=15, max_size=15)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("001A0000006Vm9r", "001A0000006Vm9rIAC"),
        ("a00000000000001", "a00000000000001AAA"),
        ("00DD00000000ABC", "00DD00000000ABCMA2"),
    ],
)
def test_the_suffix_is_the_known_one(short: str, full: str) -> None:
    assert ids.normalise(short) == full
    assert ids.normalise(full) == full


@given(SHORT)
def test_both_forms_mean_the_same(short: str) -> None:
    full = ids.normalise(short)
    assert full is not None
    assert full.startswith(short)
    assert ids.normalise(full) == full


@given(SHORT, SHORT)
def test_the_suffix_keeps_ids_apart_that_differ_only_in_case(one: str, other: str) -> None:
    first, second = ids.normalise(one), ids.normalise(one[:5] + other[5:])
    assert first is not None
    assert second is not None
    assert (first.lower() == second.lower()) == (first == second)


@pytest.mark.parametrize("text", ["", "801", "801000000000001AA", "801000000000001AAB", "8010000000000-1"])
def test_what_is_no_id(text: str) -> None:
    assert ids.normalise(text) is None


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_ids_sort_in_order_of_creation(one: int, other: int) -> None:
    assert (ids.make("801", one) < ids.make("801", other)) == (one < other)
    assert ids.normalise(ids.make("801", one)) == ids.make("801", one)


def test_prefixes_of_custom_objects_are_all_different() -> None:
    prefixes = [ids.custom_prefix("a", number) for number in range(200)]
    assert prefixes[:2] == ["a00", "a01"]
    assert len(set(prefixes)) == 200
