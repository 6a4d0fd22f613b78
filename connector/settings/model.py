"""The settings, by section. Every field's docstring is its line in the documentation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector.callouts.destination import HEADER_NAME, check_address
from connector.errors import SettingsError
from connector.model.order import Priority
from connector.settings.variables import DELIMITER, PREFIX, Variable
from connector.sf.config import API_VERSION, require_safe_address


def _checked(check: Callable[[str], object], text: str) -> str:
    """A URL that `check` accepts, without a final slash. What is refused is not repeated."""
    if "@" in text:
        raise ValueError("must not hold a user or password: those are settings of their own")
    try:
        _ = urlsplit(text).port  # refuses one that is not a number
        check(text)
    except SettingsError as error:
        raise ValueError(str(error).replace(repr(text), "it").removesuffix(".")) from None
    except ValueError:
        raise ValueError("is not a URL") from None
    return text.rstrip("/")


def _database_address(secret: SecretStr) -> SecretStr:
    try:
        url = urlsplit(secret.get_secret_value())
    except ValueError:
        raise ValueError("is not a URL") from None
    if url.scheme not in {"postgresql", "postgres"}:
        raise ValueError("is not a URL of the form postgresql://user:password@host:5432/database")
    return secret


def _several(value: Any) -> Any:
    """Texts separated by commas, or a JSON list."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _one_or_several(value: Any) -> Any:
    """One secret, or a JSON list of them."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else [value]


def _pem(value: Any) -> Any:
    r"""A key in one line, with `\n` for its line ends, as variables often hold it."""
    return value.replace("\\n", "\n") if isinstance(value, str) else value


def fold(name: str) -> str:
    """How a name of a mapping set (`billing-eu`) reads in a variable, without regard to case (`billing_eu`)."""
    return name.lower().replace("-", "_").replace(".", "_")


def _folded(value: Any) -> Any:
    return {fold(str(name)): inner for name, inner in value.items()} if isinstance(value, Mapping) else value


SystemAddress = Annotated[str, AfterValidator(partial(_checked, check_address))]
OrgAddress = Annotated[str, AfterValidator(partial(_checked, require_safe_address))]
Named = BeforeValidator(_folded)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


class DatabaseSettings(_Section):
    """The PostgreSQL database that all workers share."""

    url: Annotated[SecretStr, AfterValidator(_database_address)] | None = None
    """Its address, `postgresql://user:password@host:5432/database`; add `?sslmode=verify-full` across a network."""
    pool_size: int = Field(default=10, ge=2, le=500)
    """Connections that one process keeps at most."""


class SalesforceSettings(_Section):
    """The Salesforce org, and how to sign in: with a private key (JWT bearer) or a client secret."""

    instance_url: OrgAddress | None = None
    """The org's My Domain, `https://example.my.salesforce.com`."""
    consumer_key: str | None = None
    """The consumer key of the External Client App."""
    username: str | None = None
    """The integration user; for signing in with a private key."""
    private_key_file: Path | None = None
    """File with the private key (PEM) whose certificate the External Client App holds."""
    private_key: Annotated[SecretStr, BeforeValidator(_pem)] | None = None
    """The private key itself, instead of a file."""
    client_secret: SecretStr | None = None
    """The consumer secret; for signing in with client credentials, instead of a private key."""
    audience: OrgAddress | None = None
    """Audience of the JWT where it is not the My Domain, such as `https://test.salesforce.com`."""
    api_version: str = Field(default=API_VERSION, pattern=r"^\d+\.0$")
    """Version of the Salesforce API."""
    orders_since: date | None = None
    """Orders activated before this day are left alone when orders are looked for by query."""
    call_seconds: float = Field(default=120.0, ge=1.0, le=600.0)
    """How long a call may take. What a worker was writing when it died waits as long for another worker."""
    events: Literal["cometd"] = "cometd"
    """How events are received."""


class Credential(_Section):
    """How to sign in to a fulfillment system. The kind follows from the fields that are given."""

    kind: Literal["basic", "bearer", "header", "oauth2"] | None = None
    """`basic`, `bearer`, `header` or `oauth2` (client credentials)."""
    username: str | None = None
    """basic: the user."""
    password: SecretStr | None = None
    """basic: the password."""
    token: SecretStr | None = None
    """bearer: the token."""
    header: str | None = Field(default=None, pattern=f"^{HEADER_NAME.pattern}$")
    """header: the name of the header."""
    value: SecretStr | None = None
    """header: its value."""
    token_url: SystemAddress | None = None
    """oauth2: where tokens are issued."""
    client_id: str | None = None
    """oauth2: who we are."""
    client_secret: SecretStr | None = None
    """oauth2: our secret."""
    scope: str | None = None
    """oauth2: the scope to ask for, where the system wants one."""
    audience: str | None = None
    """oauth2: the audience to ask for, where the system wants one."""
    in_body: bool | None = None
    """oauth2: true where the system wants id and secret in the form, not as Basic."""

    @model_validator(mode="after")
    def _check_kind(self) -> Credential:
        given = {name for name in type(self).model_fields if name != "kind" and getattr(self, name) is not None}
        fitting = [kind for kind in NEEDED_BY_KIND if given <= {*NEEDED_BY_KIND[kind], *_ALLOWED_BY_KIND.get(kind, ())}]
        if self.kind is None and len(fitting) == 1:
            object.__setattr__(self, "kind", fitting[0])  # frozen, but not finished yet
        elif self.kind is None:
            raise ValueError("the fields don't say which kind it is; set kind to basic, bearer, header or oauth2")
        elif self.kind not in fitting:
            raise ValueError(f"has fields that the kind {self.kind} does not use")
        return self

    @property
    def absent(self) -> tuple[str, ...]:
        """The fields that its kind needs and that are not given."""
        return tuple(name for name in NEEDED_BY_KIND[self.kind or ""] if getattr(self, name) is None)


NEEDED_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "basic": ("username", "password"),
    "bearer": ("token",),
    "header": ("header", "value"),
    "oauth2": ("token_url", "client_id", "client_secret"),
}
"""The fields that a credential of each kind must have."""

_ALLOWED_BY_KIND = {"oauth2": ("scope", "audience", "in_body")}


class ApiSettings(_Section):
    """The HTTP interface: call-backs of fulfillment systems, order tracking, health."""

    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` for every one of the machine, behind something that speaks TLS."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token: SecretStr | None = None
    """What readers of orders send as `Authorization: Bearer …`; needed when others than this machine can connect."""
    operator_token: SecretStr | None = None
    """What those send who pause things and let workers end through the API; without it nobody can there."""


class WorkerSettings(_Section):
    """How much one process does at the same time."""

    concurrency: int = Field(default=100, ge=1, le=10_000)
    """Callouts under way at once."""
    grace_seconds: float = Field(default=10.0, ge=0.0, le=3600.0)
    """How long callouts under way may take to end when the process is asked to end."""


class LaneSettings(_Section):
    """How much of what there is one lane of orders may take; nothing: as much as there is."""

    orders_per_second: float | None = Field(default=None, gt=0.0, le=10_000.0)
    """Orders of this lane that may begin in a second, in all processes together; nothing: any number."""
    orders_per_minute: float | None = Field(default=None, gt=0.0, le=600_000.0)
    """The same in a minute; give one of both."""
    share: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of a process's callouts, and of each system's `concurrency` and `per_second`, that this lane may take."""

    @model_validator(mode="after")
    def _check_rate(self) -> LaneSettings:
        if self.orders_per_second is not None and self.orders_per_minute is not None:
            raise ValueError("give orders_per_second or orders_per_minute, not both")
        return self

    @property
    def per_second(self) -> float | None:
        """Its rate; None: it has none."""
        return self.orders_per_minute / 60 if self.orders_per_minute else self.orders_per_second


class PauseSettings(_Section):
    """What happens when a pause ends."""

    resumed_per_second: float = Field(default=20.0, gt=0.0, le=10_000.0)
    """How much of what waited for it starts in a second, in all processes together."""


class RetentionSettings(_Section):
    """How long finished orders stay where they are worked on, and how long in the archive."""

    hot_days: int = Field(default=30, ge=0, le=36_500)
    """Days after which a finished order is moved into the archive, where order tracking still finds it."""
    keep_days: int | None = Field(default=None, ge=7, le=36_500)
    """Days after which a finished order is deleted from the archive; nothing: never."""

    @model_validator(mode="after")
    def _check_order(self) -> RetentionSettings:
        if self.keep_days is not None and self.keep_days < self.hot_days:
            raise ValueError("keep_days must not be less than hot_days")
        return self


class LogSettings(_Section):
    """What is logged, and how. Logs go to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    format: Literal["console", "json"] = "console"
    """`console` for people, `json` (one object a line) for machines."""


class Settings(BaseSettings):
    """Everything that an installation decides. Made by `connector.settings.load`; immutable.

    Constructing it directly takes just the values given and looks at no variable.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        enable_decoding=False,
    )

    database: DatabaseSettings = DatabaseSettings()
    salesforce: SalesforceSettings = SalesforceSettings()
    mapping_sets: Annotated[tuple[Path, ...], BeforeValidator(_several)] = ()
    """Folders of the mapping sets, separated by commas; the first is the default one."""
    destinations: Annotated[dict[str, SystemAddress], Named] = Field(default={})
    """Addresses of the fulfillment systems, by the name that a mapping set uses (`${WAREHOUSE_URL}`)."""
    credentials: Annotated[dict[str, Credential], Named] = Field(default={})
    """How to sign in to the fulfillment systems, by the name that a mapping set uses."""
    inbound_secrets: Annotated[dict[str, Annotated[tuple[SecretStr, ...], BeforeValidator(_one_or_several)]], Named] = (
        Field(default={})
    )
    """HMAC secrets of the messages that systems send to us; a JSON list while one replaces another."""
    api: ApiSettings = ApiSettings()
    worker: WorkerSettings = WorkerSettings()
    lanes: Annotated[dict[Literal["high", "default", "bulk"], LaneSettings], Named] = Field(default={})
    """Limits of the lanes of orders (`HIGH`, `DEFAULT`, `BULK`), beside the rule that urgent ones go first."""
    pauses: PauseSettings = PauseSettings()
    retention: RetentionSettings = RetentionSettings()
    log: LogSettings = LogSettings()

    _variables: Mapping[str, Variable] = PrivateAttr(default_factory=dict)
    _unknown: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given: reading variables is the work of `load`, which remembers where each came from."""
        return (init_settings,)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The variables that it was loaded from, by name."""
        return self._variables

    @property
    def unknown(self) -> Mapping[str, str]:
        """Variables with our prefix that name no setting, each with the name that was probably meant, or ''."""
        return self._unknown

    @property
    def lane_rates(self) -> Mapping[Priority, float]:
        """Orders that may begin in a second, of the lanes that have a rate."""
        rates = {Priority[name.upper()]: given.per_second for name, given in self.lanes.items()}
        return {lane: rate for lane, rate in rates.items() if rate is not None}

    @property
    def lane_shares(self) -> Mapping[Priority, float]:
        """What the lanes may take of each system; those that are not there: all of it."""
        return {Priority[name.upper()]: given.share for name, given in self.lanes.items()}

    def destination(self, name: str) -> str | None:
        """The address of that name."""
        return self.destinations.get(fold(name))

    def credential(self, name: str) -> Credential | None:
        """The credentials of that name."""
        return self.credentials.get(fold(name))

    def inbound_secret(self, name: str) -> tuple[SecretStr, ...]:
        """The secrets of that name; a message may be signed with any of them. Empty: none is set."""
        return self.inbound_secrets.get(fold(name), ())
