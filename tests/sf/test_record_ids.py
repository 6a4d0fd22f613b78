"""Record ids: the 18-character form of both forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sf.record_ids import canonical_id

SHORT = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=15, max_size=15)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        # Examples of Salesforce's own documentation.
        ("0013000001HFvvJ", "0013000001HFvvJAAT"),
        ("001A0000006Vm9r", "001A0000006Vm9rIAC"),
        ("003A0000006Vm9r", "003A0000006Vm9rIAC"),
    ],
)
def test_a_short_id_gets_its_three_characters(short: str, long: str) -> None:
    assert canonical_id(short) == long
    assert canonical_id(long) == long


@given(SHORT)
def test_the_long_form_is_its_own(short: str) -> None:
    long = canonical_id(short)

    assert long[:15] == short
    assert canonical_id(long) == long
    assert canonical_id(long[:15] + long[15:].lower()) == long


@given(SHORT, SHORT)
def test_ids_that_differ_in_capitals_alone_differ_without_them(one: str, other: str) -> None:
    if one.lower() == other.lower() and one != other:
        assert canonical_id(one).lower() != canonical_id(other).lower()


@pytest.mark.parametrize(
    "text", ["", "801", "801000000000001AAB", "8010000000000-1", "801000000000001AAAA", "\uff1801000000000001"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Salesforce record id"):
        canonical_id(text)
