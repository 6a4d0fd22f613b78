"""Where settings come from, which place wins, and what is said when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.settings import Settings, load
from connector.settings.load import is_known, known_names


def load_from(tmp_path: Path, environ: dict[str, str] | None = None, dotenv: str | None = None) -> Settings:
    env_file = tmp_path / ".env"
    if dotenv is not None:
        env_file.write_text(dotenv)
    secrets = tmp_path / "secrets"
    secrets.mkdir(exist_ok=True)
    return load(environ=environ or {}, env_file=env_file, secrets_dir=secrets)


def test_nothing_set_gives_the_defaults(tmp_path: Path) -> None:
    settings = load_from(tmp_path)
    assert settings.api.port == 8080
    assert settings.api.host == "127.0.0.1"
    assert settings.salesforce.api_version == "66.0"
    assert settings.mapping_sets == ()


def test_each_place_goes_before_the_next(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    for name in ("PORT", "HOST", "TOKEN"):
        (tmp_path / "secrets" / f"CONNECTOR_API__{name}").write_text("1\n")
    dotenv = "CONNECTOR_API__PORT=2\nCONNECTOR_API__HOST=2\n"
    settings = load_from(tmp_path, {"CONNECTOR_API__PORT": "3"}, dotenv)
    assert (settings.api.port, settings.api.host) == (3, "2")
    assert settings.api.token is not None
    assert settings.api.token.get_secret_value() == "1"
    given = load({"api": {"port": 4}}, environ={"CONNECTOR_API__PORT": "3", "CONNECTOR_API__HOST": "3"}, env_file=None)
    assert (given.api.port, given.api.host) == (4, "3")


def test_an_empty_value_is_none(tmp_path: Path) -> None:
    settings = load_from(tmp_path, {"CONNECTOR_API__PORT": ""}, "CONNECTOR_API__PORT=7\nCONNECTOR_API__HOST=\n")
    assert (settings.api.port, settings.api.host) == (7, "127.0.0.1")


def test_constructing_settings_reads_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_API__PORT", "9")
    assert Settings().api.port == 8080
    assert load(env_file=None).api.port == 9


def test_settings_can_not_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.api.port = 1


def test_names_of_a_mapping_set_are_found_however_they_are_written(tmp_path: Path) -> None:
    settings = load_from(
        tmp_path,
        {
            "CONNECTOR_DESTINATIONS__WAREHOUSE_URL": "https://warehouse.example/api/",
            "CONNECTOR_CREDENTIALS__BILLING_EU__USERNAME": "me",
            "CONNECTOR_INBOUND_SECRETS__WAREHOUSE": "one",
            "CONNECTOR_INBOUND_SECRETS__BILLING": '["new", "old"]',
        },
    )
    assert settings.destination("WAREHOUSE_URL") == "https://warehouse.example/api"
    credential = settings.credential("billing-eu")
    assert credential is not None
    assert (credential.kind, credential.absent) == ("basic", ("password",))
    assert [secret.get_secret_value() for secret in settings.inbound_secret("warehouse")] == ["one"]
    assert [secret.get_secret_value() for secret in settings.inbound_secret("Billing")] == ["new", "old"]
    assert settings.inbound_secret("other") == ()


@pytest.mark.parametrize("text", ["mappings/infiwave, mappings/voltara", '["mappings/infiwave", "mappings/voltara"]'])
def test_several_folders(tmp_path: Path, text: str) -> None:
    settings = load_from(tmp_path, {"CONNECTOR_MAPPING_SETS": text})
    assert settings.mapping_sets == (Path("mappings/infiwave"), Path("mappings/voltara"))


def test_a_key_in_one_line(tmp_path: Path) -> None:
    settings = load_from(tmp_path, {"CONNECTOR_SALESFORCE__PRIVATE_KEY": r"-----BEGIN\nabc\n-----END"})
    assert settings.salesforce.private_key is not None
    assert settings.salesforce.private_key.get_secret_value() == "-----BEGIN\nabc\n-----END"


# -- credentials ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"USERNAME": "u", "PASSWORD": "p"}, "basic"),
        ({"TOKEN": "t"}, "bearer"),
        ({"HEADER": "X-Key", "VALUE": "v"}, "header"),
        ({"TOKEN_URL": "https://id.example/token", "CLIENT_ID": "c", "SCOPE": "s"}, "oauth2"),
        ({"KIND": "oauth2"}, "oauth2"),
    ],
)
def test_the_kind_of_a_credential_follows_from_its_fields(tmp_path: Path, fields: dict[str, str], kind: str) -> None:
    settings = load_from(tmp_path, {f"CONNECTOR_CREDENTIALS__SHOP__{name}": value for name, value in fields.items()})
    assert settings.credentials["shop"].kind == kind


@pytest.mark.parametrize("fields", [{"KIND": "basic", "TOKEN": "t"}, {"USERNAME": "u", "TOKEN": "t"}])
def test_a_credential_of_two_kinds_is_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="CONNECTOR_CREDENTIALS__SHOP"):
        load_from(tmp_path, {f"CONNECTOR_CREDENTIALS__SHOP__{name}": value for name, value in fields.items()})


# -- what is wrong ----------------------------------------------------------------------------------------


def test_all_that_is_wrong_is_said_at_once_and_where(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_from(tmp_path, {"CONNECTOR_API__PORT": "eighty"}, "# first\n\nCONNECTOR_LOG__LEVEL=loud\n")
    first, second = sorted(caught.value.message.splitlines())
    assert first.startswith("CONNECTOR_API__PORT (environment): input should be a valid integer")
    assert second.startswith(f"CONNECTOR_LOG__LEVEL ({tmp_path}/.env:3): input should be 'debug', 'info'")


@pytest.mark.parametrize(
    "url",
    [
        "http://warehouse.example",
        "ftp://warehouse.example/?key=hunter2",
        "warehouse.example",
        "https://me:hunter2@warehouse.example",
        "https://warehouse.example/?key=hunter2",
        "https://[broken",
        "https://host:port",
    ],
)
def test_an_address_that_is_not_safe_is_refused(tmp_path: Path, url: str) -> None:
    names = ("DESTINATIONS__WAREHOUSE_URL", "SALESFORCE__INSTANCE_URL", "CREDENTIALS__X__TOKEN_URL")
    for name in names:
        with pytest.raises(SettingsError, match=f"CONNECTOR_{name}") as caught:
            load_from(tmp_path, {f"CONNECTOR_{name}": url})
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:9", "https://a.example/b"])
def test_plain_http_is_for_this_machine(tmp_path: Path, url: str) -> None:
    assert load_from(tmp_path, {"CONNECTOR_DESTINATIONS__X": url}).destination("x") == url


def test_a_database_that_is_not_postgresql_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="postgresql://user:password@host") as caught:
        load_from(tmp_path, {"CONNECTOR_DATABASE__URL": "mysql://me:hunter2@host/db"})
    assert "hunter2" not in str(caught.value)


def test_a_named_folder_of_secrets_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        load(environ={"CONNECTOR_SECRETS_DIR": str(tmp_path / "none")}, env_file=None)


def test_a_folder_of_secrets_is_named_by_a_variable(tmp_path: Path) -> None:
    (tmp_path / "connector_api__token").write_text("quiet")
    (tmp_path / "other").write_text("not ours")
    settings = load(environ={"CONNECTOR_SECRETS_DIR": str(tmp_path)}, env_file=None)
    assert settings.api.token is not None
    assert settings.unknown == {}


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Line 2 of .*\.env"):
        load_from(tmp_path, dotenv="CONNECTOR_API__PORT=1\n'broken=\n")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_from(tmp_path)


# -- names ------------------------------------------------------------------------------------------------


def test_mistyped_names_are_found_out(tmp_path: Path) -> None:
    settings = load_from(
        tmp_path,
        {
            "CONNECTOR_API__PROT": "1",
            "CONNECTOR_CREDENTIALS__SHOP__PASWORD": "p",
            "CONNECTOR_SALESFORCE_USERNAME": "me",
            "CONNECTOR_WEATHER": "fine",
        },
    )
    assert settings.unknown == {
        "CONNECTOR_API__PROT": "CONNECTOR_API__PORT",
        "CONNECTOR_CREDENTIALS__SHOP__PASWORD": "CONNECTOR_CREDENTIALS__SHOP__PASSWORD",
        "CONNECTOR_SALESFORCE_USERNAME": "CONNECTOR_SALESFORCE__USERNAME",
        "CONNECTOR_WEATHER": "",
    }


def test_what_kubernetes_adds_is_not_ours(tmp_path: Path) -> None:
    settings = load_from(
        tmp_path,
        {
            "CONNECTOR_SERVICE_HOST": "10.0.0.1",
            "CONNECTOR_SERVICE_PORT_HTTP": "80",
            "CONNECTOR_PORT": "tcp://10.0.0.1:80",
            "CONNECTOR_PORT_80_TCP_ADDR": "10.0.0.1",
        },
    )
    assert settings.unknown == {}


def test_every_listed_name_is_known() -> None:
    for name in known_names():
        assert name == "CONNECTOR_SECRETS_DIR" or is_known(name.replace("<NAME>", "SHOP"))
    assert not is_known("CONNECTOR_API")
    assert not is_known("CONNECTOR_CREDENTIALS__SHOP")
    assert not is_known("CONNECTOR_DESTINATIONS__")
