"""No secret comes out, however it went in."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.callouts.redaction import MARK, MAX_TEXT, Redactor, is_sensitive

# A secret of which the mark itself is a part can't be told from the mark.
secrets = st.text(
    st.characters(codec="utf-8", exclude_characters="*…", exclude_categories=("Cs", "Cc")), min_size=4, max_size=60
)
texts = st.text(max_size=200)
names = st.sampled_from(
    [
        "password",
        "Password",
        "user_password",
        "clientSecret",
        "access_token",
        "API-Key",
        "x-api-key",
        "Authorization",
        "pwd",
        "PIN",
    ]
)


@given(secrets, texts, texts)
def test_a_known_secret_is_removed_wherever_it_stands(secret: str, before: str, after: str) -> None:
    assert secret not in Redactor([secret]).text(before + secret + after)


@given(secrets, secrets, secrets)
def test_secrets_that_overlap_are_removed_whole(start: str, middle: str, end: str) -> None:
    redactor = Redactor([start + middle, middle + end])
    assert set(redactor.text(start + middle + end)) == set(MARK)


@given(secrets, st.integers(0, 70), st.sampled_from([10, 300, MAX_TEXT]))
def test_a_cut_leaves_no_half_of_a_secret(secret: str, before_the_cut: int, limit: int) -> None:
    assume("." not in secret)
    for cut in (limit, MAX_TEXT):
        shown = Redactor([secret]).text("." * (cut - before_the_cut) + secret + "." * 50, limit)
        assert len(shown) <= limit
        assert set(shown) <= {".", "*", "…"}


@given(secrets, st.dictionaries(texts, texts, max_size=3))
def test_a_known_secret_is_removed_in_every_form(secret: str, around: dict[str, str]) -> None:
    redactor = Redactor([secret])
    forms = {
        json.dumps({**around, "note": f"see {secret}"}),
        json.dumps({**around, "note": f"see {secret}"}, ensure_ascii=False),
        urlencode({"note": secret}),
        quote(secret, safe=""),
    }
    for form in forms:
        shown = redactor.text(form)
        assert secret not in shown
        assert json.dumps(secret)[1:-1] not in shown
        assert quote(secret, safe="") not in shown


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(secrets, names, json_values)
def test_fields_named_like_a_secret_are_removed(value: str, name: str, beside: object) -> None:
    assume(value not in json.dumps([beside, name, "wrapped", "inner"], ensure_ascii=False))
    document = {"wrapped": [{"inner": {name: {"deep": [value]}}}, beside]}
    shown = Redactor().document(document)  # type: ignore[arg-type]
    assert value not in shown


@given(names, st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=8, max_size=40))
def test_fields_named_like_a_secret_are_removed_from_text(name: str, value: str) -> None:
    assume(value.lower() not in f"{name} false end".lower() and name.lower() not in value.lower())
    for text in (
        json.dumps({"a": 1, name: value, "b": 2}),
        json.dumps({"a": 1, name: value, "b": 2})[:-8],
        json.dumps(json.dumps({name: value})),
        json.dumps({name: 'quote " inside ' + value}),
        f"a=1&{name}={value}&b=2",
        f"{name}: {value}",
        f"<{name}>{value}</{name}>",
        f"<login {name}='{value}'/>",
        f"{{'{name}': '{value}'}}",
        f"path: /x?{name}={value}",
    ):
        assert value not in Redactor().text(text), text


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic bWU6cGFzcw==",
        "authorization: Bearer abc",
        "Cookie: a=hunter2222; b=hunter2222",
        "sent Bearer abcdefghijklmnop.qrstuvw",
        "Set-Cookie: sid=hunter2222; Path=/",
    ],
)
def test_credentials_of_headers_are_removed(text: str) -> None:
    shown = Redactor().text(text)
    assert MARK in shown
    for secret in ("bWU6", "abc", "hunter2222"):
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "Basic plan is not available for this customer",
        "the bearer service of line 3 is unknown",
        "shipping: pin-pad ordered",
        '{"message": "number 0170 123 is taken", "code": "TAKEN"}',
        "status=409&reason=duplicate",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_field_inside_the_value_of_another_is_found() -> None:
    assert Redactor().text('{"url": "/x?token=abcdef", "n": 1}') == '{"url": "/x?token=***", "n": 1}'


@given(st.text(max_size=100))
def test_control_characters_do_not_come_out(text: str) -> None:
    shown = Redactor().text(f"\x00\x1b[31m{text}\x07")
    assert not any(ord(character) < 32 and character not in "\t\n" for character in shown)


def test_what_looks_like_a_trap_for_the_patterns_is_read_in_no_time() -> None:
    for trap in (
        "a" * 1_000_000,
        "\\" * 100_000,
        '"' * 100_000,
        "password=" * 50_000,
        'token: \\"' * 50_000,
        "=" * 100_000,
    ):
        assert len(Redactor(["needle"]).text(trap)) <= MAX_TEXT


@pytest.mark.parametrize(
    ("name", "expected"), [("X-Auth-Token", True), ("puk", True), ("shipping", False), ("keyboard", False)]
)
def test_names(name: str, expected: bool) -> None:  # noqa: FBT001
    assert is_sensitive(name) is expected
