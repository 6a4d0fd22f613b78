"""A request stays at its destination, whatever a mapping makes of an order's data."""

from __future__ import annotations

import posixpath
from urllib.parse import quote, unquote, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.callouts.destination import Destination, check_address
from connector.callouts.refusal import RequestRefused
from connector.callouts.target import target
from connector.errors import SettingsError

BASE = "https://gateway.example:8443/network/v2"

DOTS = ("..", ".", "%2e", "%2E%2e", "%252e%252e", "%25252e%25252e", "..;", "..;a=b", "%c0%ae")
SLASHES = ("/", "//", "%2f", "%5c", "\\")
HOSTS = ("@evil.example", "evil.example", "http:", "https://evil.example", ":")
OTHERS = (
    "?",
    "#",
    "%",
    "%0d%0a",
    "\r\n",
    "\x00",
    "%00",
    "a",
    "v1",
    " ",
    "\t",
    "ü",
    "%C3%BC",
    "~",
    "+",
    "*",
    "[",
    "]",
    "|",
)
LOOK_ALIKES = ("\N{TWO DOT LEADER}", "\N{FULLWIDTH FULL STOP}", "\N{DIVISION SLASH}")
pieces = st.sampled_from((*DOTS, *SLASHES, *HOSTS, *OTHERS, *LOOK_ALIKES))
paths = st.one_of(
    st.lists(pieces, max_size=8).map("".join), st.lists(pieces, max_size=8).map(lambda p: "/" + "".join(p)), st.text()
)


@given(paths)
def test_no_path_leads_away(path: str) -> None:
    try:
        address = target(BASE, path, {})
    except RequestRefused:
        return
    url = httpx.URL(address)
    assert (url.scheme, url.host, url.port, url.userinfo, url.query, url.fragment) == (
        "https",
        "gateway.example",
        8443,
        b"",
        b"",
        "",
    )
    assert urlsplit(address).netloc == "gateway.example:8443"
    seen = url.raw_path.decode()
    assert seen == "/network/v2" + path
    for _ in range(4):
        cleaned = posixpath.normpath("/".join(part.partition(";")[0] for part in seen.split("/")))
        assert f"{cleaned}/".startswith("/network/v2/")
        assert "\\" not in seen
        seen = unquote(seen)


@given(st.text(min_size=1).filter(lambda text: "\\" not in text and text.partition(";")[0] not in (".", "..")))
def test_an_encoded_value_passes_unless_it_is_a_trick(value: str) -> None:
    segment = quote(value, safe="")
    try:
        address = target(BASE, f"/v1/{segment}/x", {})
    except RequestRefused:
        decoded = {value, unquote(value), unquote(unquote(value))}
        assert any(character in text for text in decoded for character in [*map(chr, range(32)), "\x7f", "\\"]) or any(
            part.partition(";")[0] in (".", "..") for text in decoded for part in text.split("/")
        )
    else:
        assert address == f"{BASE}/v1/{segment}/x"


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1, max_size=4))
def test_parameters_stay_parameters(query: dict[str, str]) -> None:
    url = httpx.URL(target(BASE, "/x", query))
    assert (url.host, url.path, url.fragment) == ("gateway.example", "/network/v2/x", "")
    assert dict(url.params) == query


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "begin"),
        ("v1/x", "begin"),
        ("https://evil.example/x", "begin"),
        ("//evil.example/x", "empty segment"),
        ("/v1//x", "empty segment"),
        ("/v1/../x", "dot segment"),
        ("/v1/..", "dot segment"),
        ("/v1/%2e%2E/x", "dot segment"),
        ("/v1/%252e%252e/x", "dot segment"),
        ("/v1/a%2f..%2fb", "dot segment"),
        ("/v1/..;x=1/y", "dot segment"),
        ("/v1/\\..\\x", "percent-encoded"),
        ("/v1/%5c..%5cx", "backslash"),
        ("/v1/%0d%0aX-Evil:1", "control"),
        ("/v1/%zz", "percent-encoded"),
        ("/v1/x?a=b", "'?'"),
        ("/v1/x#y", "'?'"),
        ("/v1/ x", "percent-encoded"),
    ],
)
def test_tricks_are_named(path: str, why: str) -> None:
    with pytest.raises(RequestRefused) as raised:
        target(BASE, path, {})
    assert why in raised.value.message
    assert raised.value.reason == "PATH_REFUSED"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://warehouse.example",
        "warehouse.example",
        "https://",
        "https://user:hunter22@warehouse.example",
        "https://warehouse.example/?a=b",
        "https://warehouse.example/#a",
        "https://warehouse.example/a/../b",
        "https://ware house.example",
        "https://warehouse.example:99999",
        "https://evil.example\\@warehouse.example",
        "http://warehouse.example",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://[::2]",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Destination(base_url=url)
    assert "hunter22" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://warehouse.example",
        "https://warehouse.example:8443/api/",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:1",
    ],
)
def test_addresses_that_are_fine(url: str) -> None:
    check_address(url)


def test_plain_http_elsewhere_must_be_allowed() -> None:
    assert Destination(base_url="http://warehouse.internal", allow_plain_http=True).base_url
