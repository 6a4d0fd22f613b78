"""Read the settings: what is given, then the environment, the `.env` file, the secrets, the defaults."""

from __future__ import annotations

import difflib
import os
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource
from pydantic_settings.exceptions import SettingsError as SourceError

from connector.errors import SettingsError
from connector.settings.model import Settings
from connector.settings.variables import DELIMITER, PREFIX, SECRETS_DIR, Variable, read_variables

ENV_FILE = Path(".env")


def load(
    given: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    env_file: Path | None = ENV_FILE,
    secrets_dir: Path | None = None,
) -> Settings:
    """Read all settings. `given` (nested, by field name) goes before every variable.

    Variables that name no setting are not used; `Settings.unknown` has them.

    Raises:
        SettingsError: values that are wrong, all of them in one message, without the values themselves;
            or a file or folder that can't be read.
    """
    variables = read_variables(os.environ if environ is None else environ, env_file, secrets_dir)
    unknown = {name: _meant(name) for name in variables if not is_known(name)}
    known = {name: variable for name, variable in variables.items() if name not in unknown}
    try:
        values = _Variables(Settings, known)()
        settings = Settings(**_merge(values, given or {}))
    except ValidationError as error:
        raise SettingsError("\n".join(_problems(error, known))) from None
    except SourceError as error:
        raise SettingsError(f"The settings can't be read: {error}.") from None
    settings._variables = known  # noqa: SLF001 - a private attribute is pydantic's way to keep it out of the fields
    settings._unknown = unknown  # noqa: SLF001
    return settings


class _Variables(EnvSettingsSource):
    """pydantic-settings' reader of nested names, fed with variables that were read already."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, Variable]) -> None:
        self._flat: Mapping[str, str | None] = {name.lower(): found.value for name, found in variables.items()}
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._flat


def _merge(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _problems(error: ValidationError, variables: Mapping[str, Variable]) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = variable_name(*(str(part) for part in problem["loc"] if isinstance(part, str)))
        origin = f" ({variables[name].origin})" if name in variables else ""
        message = problem["msg"].removeprefix("Value error, ")
        yield f"{name}{origin}: {message[:1].lower()}{message[1:]}."


# -- names ----------------------------------------------------------------------------------------------


def variable_name(*path: str) -> str:
    """The variable of a setting: `salesforce`, `username` gives `CONNECTOR_SALESFORCE__USERNAME`."""
    return PREFIX + DELIMITER.join(part.upper() for part in path)


def is_known(name: str) -> bool:
    """Whether a variable names a setting."""
    return _leads_to_value(Settings, name.removeprefix(PREFIX).lower().split(DELIMITER))


def _leads_to_value(kind: Any, path: list[str]) -> bool:
    """Whether going down `path` from a type ends at a plain value."""
    kind = _without_none(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        found = kind.model_fields.get(path[0]) if path else None
        return found is not None and _leads_to_value(found.annotation, path[1:])
    if get_origin(kind) is dict:
        return bool(path) and bool(path[0]) and _leads_to_value(get_args(kind)[1], path[1:])
    return not path


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in {Union, types.UnionType}:
        return next(part for part in get_args(kind) if part is not type(None))
    return kind


def known_names() -> list[str]:
    """Every variable there is; `<NAME>` stands for a name that a mapping set uses."""
    return [SECRETS_DIR, *_names_below(Settings, ())]


def _names_below(kind: Any, path: tuple[str, ...]) -> Iterator[str]:
    kind = _without_none(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from _names_below(field.annotation, (*path, name))
    elif get_origin(kind) is dict:
        yield from _names_below(get_args(kind)[1], (*path, "<name>"))
    else:
        yield variable_name(*path)


def _meant(name: str) -> str:
    """The known variable that comes closest, with the name of the mapping set's part put in; '' if none is close."""
    parts = name.removeprefix(PREFIX).split(DELIMITER)
    candidates = []
    for known in known_names():
        pattern = known.removeprefix(PREFIX).split(DELIMITER)
        own = parts[pattern.index("<NAME>")] if "<NAME>" in pattern and len(parts) == len(pattern) else "<NAME>"
        candidates.append(known.replace("<NAME>", own))
    return next(iter(difflib.get_close_matches(name, candidates, n=1, cutoff=0.8)), "")
