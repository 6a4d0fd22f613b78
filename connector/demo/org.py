"""What the demo's people need of Salesforce's REST API: query, create, update. Any org would do.

Everything takes an `httpx.AsyncClient` whose base URL is the org's and whose headers carry the token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from connector.errors import RemoteError

API = "/services/data/v66.0"

Fields = Mapping[str, Any]


class OrgRefused(RemoteError):
    """The org did not do what the demo asked; the message is the org's own."""

    code = "DEMO_ORG"


async def query(org: httpx.AsyncClient, soql: str, **values: str | Sequence[str]) -> list[dict[str, Any]]:
    """All records of a query, page after page.

    `{name}` in the query stands for the value of that name, as SOQL writes it: a text in quotes, or several
    of them in parentheses.

    Raises:
        OrgRefused: the org does not accept the query.
    """
    text = soql.format(**{name: _literal(value) for name, value in values.items()})
    page = _checked(await org.get(f"{API}/query", params={"q": text}))
    records: list[dict[str, Any]] = list(page["records"])
    while not page["done"]:
        page = _checked(await org.get(page["nextRecordsUrl"]))
        records += page["records"]
    return records


async def create(org: httpx.AsyncClient, sobject: str, fields: Fields) -> str:
    """Create a record and give its Id.

    Raises:
        OrgRefused: the org does not accept it.
    """
    return str(_checked(await org.post(f"{API}/sobjects/{sobject}", json=dict(fields)))["id"])


async def update(org: httpx.AsyncClient, sobject: str, record: str, fields: Fields) -> None:
    """Change fields of a record.

    Raises:
        OrgRefused: the org does not accept it.
    """
    _checked(await org.patch(f"{API}/sobjects/{sobject}/{record}", json=dict(fields)))


def _literal(value: str | Sequence[str]) -> str:
    if not isinstance(value, str):
        return f"({', '.join(_literal(each) for each in value)})"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _checked(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
    request = response.request
    raise OrgRefused(f"{request.method} {request.url.path}: {response.status_code} {response.text[:1000]}")
