"""The HTTP session under every call to Salesforce: bounded in time and size, and never following strangers.

simple-salesforce has no time-outs, tells the API usage of successes only, and always says https. All of
that is mended here, below it, by means that `requests` offers: a session and a transport adapter.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from connector.sf.config import CLIENT_NAME, OrgConfig, Timeouts, is_loopback
from connector.sf.failures import BadAnswer, Unavailable
from connector.sf.usage import UsageGauge

USAGE_HEADER = "Sforce-Limit-Info"


def open_session(config: OrgConfig, gauge: UsageGauge) -> requests.Session:
    """A session for one org; to be closed by whoever opened it."""
    session = _Session(config.timeouts)
    session.headers["Sforce-Call-Options"] = f"client={CLIENT_NAME}"
    session.headers["User-Agent"] = CLIENT_NAME
    # Without an `auth` of its own a session takes the password that ~/.netrc has for the host, and puts it
    # in place of our token.
    session.auth = _leave_alone
    parts = urlsplit(config.url)
    local = is_loopback(parts.hostname or "")
    session.trust_env = config.trust_environment and not local
    if config.ca_file is not None:
        session.ca_file = str(config.ca_file)
    adapter = _Adapter(config, gauge)
    session.mount("https://", adapter)
    if parts.scheme == "http":
        session.mount(f"https://{parts.netloc}/", _PlainAdapter(config, gauge))
        session.mount(f"http://{parts.netloc}/", adapter)
        session.mount("http://", _NoPlainHttp())
    else:
        session.mount("http://", _NoPlainHttp())
    return session


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Session(requests.Session):
    """Time-outs on every request, no redirects, and our authorities where some were named."""

    def __init__(self, timeouts: Timeouts) -> None:
        super().__init__()
        self._timeouts = timeouts
        self.ca_file: str | None = None

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", (self._timeouts.connect, self._timeouts.read))
        # The API redirects nobody; a token must not be carried to where a proxy's login page is.
        kwargs["allow_redirects"] = False
        if self.ca_file is not None:
            # As an argument, since a session's own `verify` loses to REQUESTS_CA_BUNDLE.
            kwargs.setdefault("verify", self.ca_file)
        return super().request(method, url, *args, **kwargs)


class _Adapter(HTTPAdapter):
    """Reads the API usage off every answer and puts a bound on its body."""

    def __init__(self, config: OrgConfig, gauge: UsageGauge) -> None:
        super().__init__(pool_connections=2, pool_maxsize=config.concurrency)
        self._max_bytes = config.max_body_bytes
        self._seconds = config.timeouts.call
        self._gauge = gauge

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        deadline = time.monotonic() + self._seconds
        response = super().send(request, *args, **kwargs)
        self._gauge.observe(response.headers.get(USAGE_HEADER))
        response.raw = _BoundedBody(response.raw, self._max_bytes, deadline)
        return response


class _PlainAdapter(_Adapter):
    """Sends what is addressed to https over http: for an org on this machine."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = urlunsplit(("http", parts.netloc, parts.path, parts.query, parts.fragment))
        return super().send(request, *args, **kwargs)


class _NoPlainHttp(HTTPAdapter):
    """Sends nothing."""

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        raise requests.exceptions.InvalidSchema(f"{request.url} is not encrypted")


class _BoundedBody:
    """A body that ends with an error when it is too long or takes too long; in all else the body itself."""

    def __init__(self, raw: Any, max_bytes: int, deadline: float) -> None:
        self._raw = raw
        self._max_bytes = max_bytes
        self._deadline = deadline

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amount: int, *, decode_content: bool | None = None) -> Iterator[bytes]:
        """As `urllib3.HTTPResponse.stream`.

        Raises:
            BadAnswer: the body is longer than allowed.
            Unavailable: it is not complete in the time that a call may take.
        """
        seen = 0
        for chunk in self._raw.stream(amount, decode_content=decode_content):
            seen += len(chunk)
            if seen > self._max_bytes:
                self._raw.close()
                raise BadAnswer(f"Salesforce's answer is longer than {self._max_bytes:,} bytes.")
            if time.monotonic() > self._deadline:
                self._raw.close()
                raise Unavailable("Salesforce's answer did not arrive in the time that a call may take.")
            yield chunk
