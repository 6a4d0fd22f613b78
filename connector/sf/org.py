"""The org as the rest of this room calls it: query, describe, composite; asynchronous, with our errors.

Underneath is simple-salesforce, which is synchronous: calls are few and large, so a handful of threads
behind a semaphore costs nothing. Every call is a read or an upsert, so any may be repeated without harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from connector.sf.auth import Token, TokenSource
from connector.sf.config import OrgConfig
from connector.sf.failures import BadAnswer, Refused, SessionRefused, Unavailable, call_error

T = TypeVar("T")

Record = dict[str, Any]
"""A record as Salesforce gives it: field names to values, relationships as records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a query: its records, and where the next page is."""

    records: Sequence[Record]
    next_url: str | None = None
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subrequest:
    """One part of a composite request; `path` is relative to the API's root (`composite/sobjects`)."""

    method: str
    path: str
    reference: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subanswer:
    """What became of one part of a composite request."""

    reference: str
    status: int
    body: Any


class Org:
    """One Salesforce org.

    Every method raises the errors of `connector.sf.failures`; a refused token is renewed once before.
    """

    def __init__(self, config: OrgConfig, session: requests.Session, tokens: TokenSource) -> None:
        self._config = config
        self._session = session
        self._tokens = tokens
        self._threads = asyncio.Semaphore(config.concurrency)
        self._client: tuple[Token, Salesforce] | None = None

    async def query(self, soql: str) -> Page:
        """The first page of a query."""
        return _page(await self._call(lambda client: client.query(soql)))

    async def more(self, next_url: str) -> Page:
        """A further page, of a query or of a child relationship inside one."""
        if not next_url.startswith("/services/data/"):
            # It is put right behind the host's name: anything else could lead our token to another host.
            raise BadAnswer("Salesforce's answer to a query names a next page that is none.")
        return _page(await self._call(lambda client: client.query_more(next_url, identifier_is_url=True)))

    async def query_all(self, soql: str) -> list[Record]:
        """Every record of a query."""
        page = await self.query(soql)
        records = list(page.records)
        while page.next_url:
            page = await self.more(page.next_url)
            records.extend(page.records)
        return records

    async def count(self, soql: str) -> int:
        """The number that a `SELECT COUNT()` query gives."""
        return (await self.query(soql)).total

    async def describe(self, name: str) -> Record:
        """What the org says about one object: fields, types, lengths, permissions of our user."""
        answer = await self._call(lambda client: client.restful(f"sobjects/{name}/describe"))
        if not isinstance(answer, dict) or not isinstance(answer.get("fields"), list):
            raise BadAnswer(f"Salesforce's description of {name} is none.")
        return answer

    async def composite(self, parts: Sequence[Subrequest]) -> Sequence[Subanswer]:
        """Several requests in one call, run one after another; a part that fails stops no other.

        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
        """
        root = f"/services/data/v{self._config.api_version}"
        body = orjson.dumps(
            {
                "allOrNone": False,
                "compositeRequest": [
                    {
                        "method": part.method,
                        "url": f"{root}/{part.path}",
                        "referenceId": part.reference,
                        "body": part.body,
                    }
                    for part in parts
                ],
            }
        )
        answer = await self._call(lambda client: client.restful("composite", method="POST", data=body))
        return _subanswers(answer, parts)

    async def _call(self, work: Callable[[Any], T]) -> T:
        token = await self._tokens.token()
        async with self._threads:
            try:
                return await asyncio.to_thread(self._run, work, token)
            except SessionRefused:
                token = await self._tokens.renew(token)
                return await asyncio.to_thread(self._run, work, token)

    def _run(self, work: Callable[[Any], T], token: Token) -> T:
        try:
            return work(self._client_for(token))
        except SalesforceError as error:
            raise call_error(error.status, error.content) from None
        except (requests.JSONDecodeError, TypeError):
            # The library takes for granted that what it counts is a list or an object: a bare null is not.
            raise BadAnswer("Salesforce's answer is not the JSON that was asked for.") from None
        except requests.exceptions.SSLError as error:
            raise Refused(
                f"The certificate of {token.instance_url} is not trusted ({type(error).__name__}).",
                sf_code="TLS",
                hint="Is a proxy in between? Name its certificate authority in the settings.",
            ) from None
        except requests.RequestException as error:
            raise Unavailable(f"{token.instance_url} can't be reached ({type(error).__name__}).") from None

    def _client_for(self, token: Token) -> Salesforce:
        client = self._client
        if client is None or client[0] is not token:
            client = (token, self._new_client(token))
            self._client = client
        return client[1]

    def _new_client(self, token: Token) -> Salesforce:
        client = Salesforce(
            session_id=token.access,
            instance_url=token.instance_url,
            session=self._session,
            version=self._config.api_version,
            object_pairs_hook=None,
        )
        # Without it answers come indented, half as long again.
        client.headers.pop("X-PrettyPrint", None)
        return client


def _page(answer: Any) -> Page:
    if not isinstance(answer, dict) or not isinstance(answer.get("records"), list):
        raise BadAnswer("Salesforce's answer to a query holds no records.")
    following = answer.get("nextRecordsUrl") if answer.get("done") is False else None
    total = answer.get("totalSize")
    return Page(
        records=answer["records"],
        next_url=following if isinstance(following, str) else None,
        total=total if isinstance(total, int) else len(answer["records"]),
    )


def _subanswers(answer: Any, parts: Sequence[Subrequest]) -> Sequence[Subanswer]:
    given = answer.get("compositeResponse") if isinstance(answer, dict) else None
    if not isinstance(given, list):
        raise BadAnswer("Salesforce's answer to a composite request has no parts.")
    found = {
        part["referenceId"]: Subanswer(
            reference=part["referenceId"], status=int(part.get("httpStatusCode") or 0), body=part.get("body")
        )
        for part in given
        if isinstance(part, dict) and "referenceId" in part
    }
    missing = [part.reference for part in parts if part.reference not in found]
    if missing:
        raise BadAnswer(f"Salesforce's answer lacks the parts {', '.join(missing)}.")
    return [found[part.reference] for part in parts]
