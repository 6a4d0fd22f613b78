"""Where settings come from: variables of the environment, of a `.env` file, of a folder of secrets.

All three hold the same flat names (`CONNECTOR_SALESFORCE__USERNAME`); the environment goes before the
`.env` file, and that before the secrets. An empty value counts as none. Names are read without regard to case.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

from connector.errors import SettingsError

PREFIX = "CONNECTOR_"
DELIMITER = "__"
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"
"""Names the folder of secrets; without it `/run/secrets` is used where it exists."""

DEFAULT_SECRETS_DIR = Path("/run/secrets")

_FROM_KUBERNETES = re.compile(
    r"CONNECTOR_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)", re.IGNORECASE
)
"""What Kubernetes puts into every container beside a Service that is called `connector`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable: its name in capitals, its value, and where it was found (`environment`, `.env:3`, a path)."""

    name: str
    value: str = field(repr=False)
    origin: str


def read_variables(
    environ: Mapping[str, str], env_file: Path | None, secrets_dir: Path | None = None
) -> Mapping[str, Variable]:
    """Every variable with our prefix, by name, from the place that counts.

    Raises:
        SettingsError: a file or folder that was named can't be read.
    """
    found: dict[str, Variable] = {}
    for variable in [*_from_environment(environ), *(_from_env_file(env_file) if env_file else [])]:
        found.setdefault(variable.name, variable)
    for variable in _from_secrets(secrets_dir, found.pop(SECRETS_DIR, None)):
        found.setdefault(variable.name, variable)
    return found


def _is_ours(name: str) -> bool:
    return name.upper().startswith(PREFIX) and not _FROM_KUBERNETES.fullmatch(name)


def _from_environment(environ: Mapping[str, str]) -> Iterator[Variable]:
    for name, value in environ.items():
        if _is_ours(name) and value:
            yield Variable(name=name.upper(), value=value, origin="environment")


def _from_env_file(path: Path) -> list[Variable]:
    """Later lines win. Values are taken as they stand: nothing is filled in from other variables."""
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The file {path} can't be read: {_reason(error)}.") from None
    found: list[Variable] = []
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\n"))
        if binding.error:
            raise SettingsError(f"Line {line} of {path} is not of the form NAME=value.")
        if binding.key and binding.value and _is_ours(binding.key):
            found.append(Variable(name=binding.key.upper(), value=binding.value, origin=f"{path}:{line}"))
    return found[::-1]


def _from_secrets(folder: Path | None, named: Variable | None) -> Iterator[Variable]:
    if folder is None:
        folder = Path(named.value) if named else DEFAULT_SECRETS_DIR
        if not named and not folder.is_dir():
            return
    if not folder.is_dir():
        raise SettingsError(f"The folder of secrets {folder} does not exist.", hint=f"{SECRETS_DIR} names it.")
    for file in sorted(folder.iterdir()):
        if _is_ours(file.name) and file.is_file():
            try:
                value = file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"The secret {file} can't be read: {_reason(error)}.") from None
            if value:
                yield Variable(name=file.name.upper(), value=value, origin=str(file))


def _reason(error: OSError | UnicodeDecodeError) -> str:
    """Why, without what was read."""
    return error.strerror or "unknown error" if isinstance(error, OSError) else "it is not UTF-8 text"
