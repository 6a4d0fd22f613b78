"""Keeping secrets out of what people read: logs, failures, Cases, the attempt log.

Three nets, one behind the other: values that are known to be secret are removed wherever they stand and
however they are encoded; values of fields named like a secret are removed whatever they are; and what
follows `Bearer` or `Basic` is removed where it looks like a credential. Text is searched before it is
cut, so that no half of a secret stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

from connector.callouts.document import NotJson, parse
from connector.model.json import Json

MARK = "***"
"""What stands where a secret was."""

MAX_TEXT = 4_000
"""Longest text that comes out, in characters."""

_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authorization",
    "credential",
    "cookie",
)
_NAMES = frozenset({"auth", "pin", "puk", "otp", "cvv", "cvc", "sessionid", "jsessionid", "signature", "assertion"})

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_FIELD = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]++)\\*["']?\s{0,8}[:=>]\s{0,8}""")
_VALUE = re.compile(
    r"""\\++"(?:.*?\\"|.*)|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|'(?:[^'\\]|\\.)*+(?:'|\\?\Z)|[^\s,;&}\]<"']*""",
    re.DOTALL,
)
_LINE = re.compile(r"(?im)(?<![\w-])((?:proxy-)?authorization|(?:set-)?cookie)(\s{0,8}[:=]\s{0,8})[^\r\n]+")
_SCHEME = re.compile(r"(?i)\b(bearer|basic|digest|negotiate)(\s{1,8})[A-Za-z0-9._~+/=-]{16,}")


def is_sensitive(name: str) -> bool:
    """The value of a field, header or parameter of this name is not for people's eyes."""
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return bare in _NAMES or any(word in bare for word in _WORDS)


class Redactor:
    """Removes the secrets that it was given, and what looks like one. Immutable."""

    __slots__ = ("_longest", "_needles")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._needles = sorted({form for secret in secrets if secret for form in _forms(secret)})
        self._longest = max(map(len, self._needles), default=0)

    def text(self, text: str, limit: int = MAX_TEXT) -> str:
        """The text without secrets and control characters, cut to `limit` characters (ending in `…`)."""
        # Half a secret at the end of the window would not be recognised, so the window is searched with
        # a margin of the longest secret, and only what lies before the margin is kept.
        kept = max(limit, MAX_TEXT)
        shown = self._without_known(text[: kept + self._longest], kept)
        shown = _LINE.sub(rf"\1\2{MARK}", shown)
        shown = _SCHEME.sub(rf"\1\2{MARK}", shown)
        shown = _without_field_values(shown)
        shown = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", shown)
        return shown if len(shown) <= limit and len(text) <= kept else shown[: max(limit - 1, 0)] + "…"

    def json(self, value: Json, depth: int = 0) -> Json:
        """The value with every secret inside it replaced; what is nested very deeply is left out."""
        if depth > 50:  # noqa: PLR2004 - deeper than any document that is accepted
            return "…"
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(key): MARK if is_sensitive(key) and inner is not None else self.json(inner, depth + 1)
                for key, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.json(inner, depth + 1) for inner in value]
        return value

    def document(self, value: Json, limit: int = MAX_TEXT) -> str:
        """The value as JSON text without secrets, cut to `limit` characters."""
        return self.text(json.dumps(self.json(value), ensure_ascii=False, default=str), limit)

    def content(self, content: bytes, limit: int = MAX_TEXT) -> str:
        """The start of somebody's message without secrets: as JSON where it is JSON, else as text."""
        try:
            return self.document(parse(content), limit)
        except NotJson:
            return self.text(content.decode("utf-8", "replace"), limit)

    def pairs(self, pairs: Mapping[str, str]) -> dict[str, str]:
        """Headers or query parameters without secrets."""
        return {name: MARK if is_sensitive(name) else self.text(value) for name, value in pairs.items()}

    def _without_known(self, text: str, end: int) -> str:
        spans: list[tuple[int, int]] = []
        for needle in self._needles:
            start = text.find(needle)
            while start != -1:
                spans.append((start, start + len(needle)))
                start = text.find(needle, start + 1)
        parts: list[str] = []
        position = 0
        for start, stop in sorted(spans):
            if stop <= position:
                continue
            if start >= end:
                break
            if start >= position:
                parts += (text[position:start], MARK)
            position = stop
        parts.append(text[position:end])
        return "".join(parts)


def _forms(secret: str) -> Iterable[str]:
    """A secret as it is, and as it looks in URLs, forms, JSON and Python's quoting."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]


def _without_field_values(text: str) -> str:
    """The text without what follows a name of a secret: in JSON (also inside a JSON text), forms, XML, prose."""
    parts: list[str] = []
    position = 0
    while (found := _FIELD.search(text, position)) is not None:
        # A field of another name may hold one that matters inside its value, so only the name is passed over.
        end = found.end() if is_sensitive(found["name"]) else found.end("name")
        parts.append(text[position:end])
        position = end
        if end == found.end():
            value = _VALUE.match(text, end)
            position = value.end() if value else end
            parts.append(MARK)
    parts.append(text[position:])
    return "".join(parts)
