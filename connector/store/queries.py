"""Named SQL: every query stands in `sql/*.sql` under a line `-- name: what_it_does`, its description below."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(file: str) -> dict[str, str]:
    """The queries of `sql/<file>.sql`, by name.

    Raises:
        ValueError: two queries have the same name.
    """
    text = (resources.files("connector.store") / "sql" / f"{file}.sql").read_text()
    parts = _NAME.split(text)[1:]
    named: dict[str, str] = {}
    for name, sql in zip(parts[::2], parts[1::2], strict=True):
        if name in named:
            raise ValueError(f"two queries named {name} in {file}.sql")
        named[name] = sql.strip()
    return named
