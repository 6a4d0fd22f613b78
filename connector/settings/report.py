"""What the settings are, for people: where each value came from, what is missing, what is unwise. No secrets."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr

from connector.mappings.set import MappingSet, System
from connector.settings.load import variable_name
from connector.settings.model import NEEDED_BY_KIND, Settings, fold
from connector.sf.config import is_loopback

HIDDEN = "********"
"""What is shown of a secret: nothing, not even its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting as people see it."""

    variable: str
    value: str
    """Empty when it is not set."""
    origin: str
    """`environment`, `.env:3`, the path of a secret, `given`, `default`, `missing`, or empty: not set, not needed."""
    needed_for: str = ""
    """What does not work without it; only where it is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A setting that `connector run` needs and that is absent or does not fit."""

    variable: str
    needed_for: str

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.variable}: {self.needed_for}"


def explain(settings: Settings, mapping_sets: Iterable[MappingSet] = ()) -> list[Row]:
    """Every setting with its value and origin, secrets hidden, and those that are missing."""
    absent = {need.variable: need.needed_for for need in missing(settings, mapping_sets)}
    rows: list[Row] = []
    for path, value in _values(settings):
        name = variable_name(*path)
        origin = _origin(settings, path)
        reason = absent.pop(name, "")
        if value is None or value == () or reason:
            origin = "missing" if reason else ""
        rows.append(Row(variable=name, value=_shown(value), origin=origin, needed_for=reason))
    rows += [Row(variable=name, value="", origin="missing", needed_for=reason) for name, reason in absent.items()]
    return rows


def missing(settings: Settings, mapping_sets: Iterable[MappingSet] = ()) -> list[Missing]:
    """Everything that `connector run` needs and does not have, with what the mapping sets' systems name.

    Unknown variables are here too: a setting that was mistyped is one that is missing.
    """
    return [
        *_missing_everywhere(settings),
        *_missing_for_salesforce(settings),
        *_missing_for_systems(settings, mapping_sets),
        *_mistyped(settings),
    ]


def warnings(settings: Settings) -> list[str]:
    """What works and is unwise all the same: key files that others may read."""
    files = [settings.salesforce.private_key_file] if settings.salesforce.private_key_file else []
    files += sorted(
        {Path(found.origin.rpartition(":")[0]) for found in settings.variables.values() if ":" in found.origin}
    )
    return [
        f"The file {file} can be read by every user of this machine. Set its permissions to 600."
        for file in files
        if file.is_file() and file.stat().st_mode & stat.S_IROTH
    ]


# -- what is missing --------------------------------------------------------------------------------------


def _missing_everywhere(settings: Settings) -> Iterator[Missing]:
    if settings.database.url is None:
        yield _need("reaching the database: postgresql://user:password@host:5432/database", "database", "url")
    if not settings.mapping_sets:
        yield _need("at least one folder of mappings", "mapping_sets")
    if gone := [str(folder) for folder in settings.mapping_sets if not folder.is_dir()]:
        yield _need(f"no such folder: {', '.join(gone)}", "mapping_sets")
    if settings.api.token is None and not is_loopback(settings.api.host):
        yield _need("reading orders over HTTP from other machines", "api", "token")


def _missing_for_salesforce(settings: Settings) -> Iterator[Missing]:
    org = settings.salesforce
    if org.instance_url is None:
        yield _need("reaching the org: its My Domain address", "salesforce", "instance_url")
    if org.consumer_key is None:
        yield _need("signing in to Salesforce", "salesforce", "consumer_key")
    with_key = org.private_key is not None or org.private_key_file is not None
    if org.private_key is not None and org.private_key_file is not None:
        yield _need("is set beside the private key itself; keep one of them", "salesforce", "private_key_file")
    if with_key and org.client_secret is not None:
        yield _need("is set beside a private key; keep one of them", "salesforce", "client_secret")
    if with_key and org.username is None:
        yield _need("signing in to Salesforce with a private key", "salesforce", "username")
    if not with_key and org.client_secret is None:
        secret = variable_name("salesforce", "client_secret")
        yield _need(f"signing in to Salesforce (or a secret: {secret})", "salesforce", "private_key_file")
    if org.private_key_file is not None and (trouble := _unreadable(org.private_key_file)):
        yield _need(f"the file {org.private_key_file} {trouble}", "salesforce", "private_key_file")


def _missing_for_systems(settings: Settings, mapping_sets: Iterable[MappingSet]) -> Iterator[Missing]:
    """Each once, however many systems name it."""
    seen: set[Missing] = set()
    for mapping_set in mapping_sets:
        for system in mapping_set.systems.values():
            for need in _missing_for_system(settings, system, f"system {system.name} of {mapping_set.name}"):
                if need not in seen:
                    seen.add(need)
                    yield need


def _missing_for_system(settings: Settings, system: System, where: str) -> Iterator[Missing]:
    if system.base_url and settings.destination(system.base_url) is None:
        yield _need(f"the address of {where}", "destinations", fold(system.base_url))
    if system.auth != "none":
        credential = settings.credential(system.auth_name)
        name = fold(system.auth_name)
        if credential is None:
            for part in NEEDED_BY_KIND[system.auth]:
                yield _need(f"signing in to {where} ({system.auth})", "credentials", name, part)
        elif credential.kind != system.auth:
            yield _need(f"is {credential.kind}, {where} wants {system.auth}", "credentials", name, "kind")
        else:
            for part in credential.absent:
                yield _need(f"signing in to {where} ({system.auth})", "credentials", name, part)
    if system.inbound_secret and not settings.inbound_secret(system.inbound_secret):
        yield _need(f"checking messages from {where}", "inbound_secrets", fold(system.inbound_secret))


def _mistyped(settings: Settings) -> Iterator[Missing]:
    for name, meant in settings.unknown.items():
        hint = f"; did you mean {meant}?" if meant else ""
        yield Missing(variable=name, needed_for=f"is not a setting{hint}")


def _need(needed_for: str, *path: str) -> Missing:
    return Missing(variable=variable_name(*path), needed_for=needed_for)


def _unreadable(file: Path) -> str:
    if not file.is_file():
        return "does not exist"
    try:
        file.read_bytes()
    except OSError as error:
        return f"can't be read: {error.strerror}"
    return ""


# -- what is set ------------------------------------------------------------------------------------------


def _values(settings: Settings) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every plain value with its path; of credentials only the fields that are given."""
    yield from _below((), settings)


def _below(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            inner = getattr(value, name)
            if inner is not None or path[:1] != ("credentials",):
                yield from _below((*path, name), inner)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _below((*path, name), inner)
    else:
        yield path, value


def _origin(settings: Settings, path: tuple[str, ...]) -> str:
    found = settings.variables.get(variable_name(*path))
    if found is not None:
        return found.origin
    place: Any = settings
    for name in path:
        if isinstance(place, BaseModel) and name not in place.model_fields_set:
            return "default"
        place = getattr(place, name) if isinstance(place, BaseModel) else place[name]
    return "given"


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return _database(value.get_secret_value())
    if isinstance(value, tuple):
        return ", ".join(_shown(inner) for inner in value)
    return "" if value is None else str(value)


def _database(secret: str) -> str:
    """A database URL with its passwords hidden; any other secret hidden as a whole."""
    if not secret.startswith(("postgresql://", "postgres://")):
        return HIDDEN
    url = urlsplit(secret)
    user, _, _ = url.netloc.rpartition("@")
    place = url.netloc.removeprefix(f"{user}@") if user else url.netloc
    name, colon, _ = user.partition(":")
    netloc = f"{name}{':' + HIDDEN if colon else ''}@{place}" if user else place
    query = urlencode(
        [(key, HIDDEN if "pass" in key.lower() else value) for key, value in parse_qsl(url.query)], safe="/*"
    )
    return urlunsplit((url.scheme, netloc, url.path, query, ""))
