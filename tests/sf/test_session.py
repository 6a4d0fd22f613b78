"""The HTTP session, over real sockets: bounds, usage, and who is never talked to."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from connector.sf.config import ClientCredentials, OrgConfig, Timeouts
from connector.sf.failures import BadAnswer
from connector.sf.session import open_session
from connector.sf.usage import Usage, UsageGauge


@dataclass
class Heard:
    """What a server was asked."""

    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, Heard]]:
    """A small server on this machine that answers everything by `answer`."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.requests.append((self.command, self.path, dict(self.headers)))
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}", heard
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def config(url: str, *, max_body: int = 1_000, read: float = 5.0) -> OrgConfig:
    return OrgConfig(
        url=url,
        credentials=ClientCredentials(consumer_key="k", consumer_secret=SecretStr("s")),
        max_body_bytes=max_body,
        timeouts=Timeouts(connect=2.0, read=read),
    )


def sends(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_https_for_an_org_on_this_machine_goes_in_the_clear() -> None:
    with server(sends(b"{}")) as (url, heard):
        gauge = UsageGauge()
        with open_session(config(url), gauge) as session:
            secure = url.replace("http:", "https:")

            assert session.get(f"{secure}/services/data/v66.0/?q=1").json() == {}

        ((_, path, headers),) = heard.requests
        assert path == "/services/data/v66.0/?q=1"
        assert headers["Sforce-Call-Options"] == "client=order-connector"


@pytest.mark.parametrize("status", [200, 400, 403, 503])
def test_usage_is_read_off_every_answer(status: int) -> None:
    with server(sends(b"{}", status, Sforce_Limit_Info="api-usage=7/100")) as (url, _):
        gauge = UsageGauge()
        with open_session(config(url), gauge) as session:
            session.get(url)

        assert gauge.last == Usage(7, 100)
        assert gauge.calls == 1


def test_an_endless_answer_is_cut_off() -> None:
    with (
        server(sends(b"x" * 100_000)) as (url, _),
        open_session(config(url), UsageGauge()) as session,
        pytest.raises(BadAnswer, match="longer than 1,000 bytes"),
    ):
        session.get(url)


def test_so_is_one_that_is_small_on_the_wire_alone() -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    assert len(packed) < 2_000
    with (
        server(sends(packed, Content_Encoding="gzip")) as (url, _),
        open_session(config(url, max_body=5_000), UsageGauge()) as session,
        pytest.raises(BadAnswer),
    ):
        session.get(url)


def test_silence_ends() -> None:
    release = threading.Event()
    with server(lambda _handler: (release.wait(10), None)[1]) as (url, _):
        with open_session(config(url, read=0.05), UsageGauge()) as session, pytest.raises(requests.ReadTimeout):
            session.get(url)
        release.set()


def test_a_redirect_is_an_answer() -> None:
    with server(sends(b"", 302, Location="http://127.0.0.1:1/")) as (url, heard):
        with open_session(config(url), UsageGauge()) as session:
            assert session.get(url).status_code == 302

        assert len(heard.requests) == 1


def test_no_other_address_is_talked_to_in_the_clear() -> None:
    secure = config("https://acme.my.salesforce.com")
    with server(sends(b"{}")) as (url, heard):
        with open_session(secure, UsageGauge()) as session, pytest.raises(requests.exceptions.InvalidSchema):
            session.get(url)

        assert heard.requests == []


def test_a_password_in_netrc_does_not_replace_our_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with server(sends(b"{}")) as (url, heard):
        with open_session(config(url), UsageGauge()) as session:
            session.trust_env = True
            session.get(url, headers={"Authorization": "Bearer ours"})

        assert heard.requests[0][2]["Authorization"] == "Bearer ours"


def test_proxies_of_the_environment_are_not_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with server(sends(b"{}")) as (url, _), open_session(config(url), UsageGauge()) as session:
        assert session.get(url).status_code == 200
