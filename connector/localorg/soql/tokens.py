"""Cuts a query into tokens, and says where in the text something is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from connector.localorg.errors import SalesforceError, refused

TokenKind = Literal["string", "datetime", "date", "number", "name", "mark", "end"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
      | (?P<date>\d{4}-\d\d-\d\d)
      | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
      | (?P<mark><=|>=|!=|<>|[=<>(),:])
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
_BLANKS = " \t\n\r\f\v"
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `text` of a name has no blanks around its dots; of a string it is the text as written."""

    kind: TokenKind
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words, in any case."""
        return self.kind == "name" and self.text.upper() in words


def tokens(text: str) -> list[Token]:
    """All tokens, the last one of kind `end`.

    Raises:
        SalesforceError: MALFORMED_QUERY at the first thing that is no token.
    """
    found: list[Token] = []
    place = 0
    while True:
        match = _TOKEN.match(text, place)
        if match is None:
            at = place + len(text[place:]) - len(text[place:].lstrip(_BLANKS))
            raise malformed(text, at, f"unexpected token: '{text[at]}'")
        kind = cast("TokenKind", match.lastgroup)
        content = match[kind]
        if kind == "name":
            content = "".join(content.split())
        found.append(Token(kind, content, match.start(kind)))
        if kind == "end":
            return found
        place = match.end()


def unquote(literal: str) -> str:
    """The text that a string literal stands for, with its escapes resolved except for the wildcards of LIKE."""
    return _ESCAPE.sub(lambda match: _unescape(match[1]), literal[1:-1])


def _unescape(code: str) -> str:
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return f"\\{code}" if code in "_%" else _ESCAPES.get(code.lower(), code)


def malformed(text: str, at: int, reason: str) -> SalesforceError:
    """MALFORMED_QUERY with the line, a caret, and the reason."""
    return refused("MALFORMED_QUERY", located(text, at, reason))


def located(text: str, at: int, reason: str) -> str:
    """The message that Salesforce gives for a place in a query."""
    row = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    line = text.split("\n")[row - 1]
    return f"\n{line}\n{' ' * (column - 1)}^\nERROR at Row:{row}:Column:{column}\n{reason}"
