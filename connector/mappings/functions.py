"""The functions that this project adds to CEL: few, pure, bounded, each documented for designers.

| function | gives |
|---|---|
| `digits(text)` | only the digits of a text: for phone numbers and postal codes |
| `slug(text)` | lower case, words joined by `-`: for names in identifiers |
| `days(n)` | a duration of n days (CEL's own `duration()` knows hours at most) |
"""

from __future__ import annotations

import re
from datetime import timedelta

from cel_expr_python import cel

_T = cel.Type


def digits(text: str) -> str:
    """Only the digits of `text`."""
    return re.sub(r"\D", "", text)


def slug(text: str) -> str:
    """`text` in lower case with every run of other characters than letters and digits as one `-`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def days(count: int) -> timedelta:
    """A duration of `count` days."""
    return timedelta(days=count)


FUNCTIONS = [
    cel.FunctionDecl(
        "digits", [cel.Overload("digits_string", return_type=_T.STRING, parameters=[_T.STRING], impl=digits)]
    ),
    cel.FunctionDecl("slug", [cel.Overload("slug_string", return_type=_T.STRING, parameters=[_T.STRING], impl=slug)]),
    cel.FunctionDecl("days", [cel.Overload("days_int", return_type=_T.DURATION, parameters=[_T.INT], impl=days)]),
]
"""Declarations for `cel.NewEnv`."""
