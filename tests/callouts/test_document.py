from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.callouts.document import MAX_DEPTH, NotJson, is_finite, parse

plain = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_every_json_value_is_read(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(b"\xef\xbb\xbf" + json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary())
def test_nothing_but_not_json_is_raised(raw: bytes) -> None:
    with suppress(NotJson):
        parse(raw)


@given(values)
def test_a_nul_is_refused_wherever_it_stands(value: Any) -> None:
    for document in ([value, "a\0"], {"\0": value}, {"a": [value, {"b\0": 1}]}):
        with pytest.raises(NotJson, match="NUL"):
            parse(json.dumps(document).encode())


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert parse(rb'"\\u0000"') == r"\u0000"


def test_depth() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":[' * (depth // 2) + b"]}" * (depth // 2)

    assert parse(nested(MAX_DEPTH)) is not None
    with pytest.raises(NotJson, match="deep"):
        parse(nested(MAX_DEPTH + 2))


@pytest.mark.parametrize("raw", [b"", b" ", b"\r\n\t ", b"\xef\xbb\xbf", b"null"])
def test_nothing_is_null(raw: bytes) -> None:
    assert parse(raw) is None


def test_numbers_that_json_does_not_have() -> None:
    assert is_finite({"a": [1, 2.5, {"b": "x"}]})
    for value in (math.inf, -math.inf, math.nan):
        assert not is_finite({"a": [1, {"b": value}]})
