"""What people are shown of the settings: origins, what is missing, and never a secret."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.mappings.set import MappingSet, System
from connector.settings import Settings, explain, load, missing, warnings

SECRET = "hunter2"

COMPLETE = {
    "CONNECTOR_DATABASE__URL": f"postgresql://me:{SECRET}@db.example:5432/orders?sslmode=require&sslpassword={SECRET}",
    "CONNECTOR_SALESFORCE__INSTANCE_URL": "https://example.my.salesforce.com",
    "CONNECTOR_SALESFORCE__CONSUMER_KEY": "3MVG9",
    "CONNECTOR_SALESFORCE__CLIENT_SECRET": SECRET,
    "CONNECTOR_DESTINATIONS__WAREHOUSE_URL": "https://warehouse.example",
    "CONNECTOR_CREDENTIALS__WAREHOUSE__USERNAME": "me",
    "CONNECTOR_CREDENTIALS__WAREHOUSE__PASSWORD": SECRET,
    "CONNECTOR_INBOUND_SECRETS__WAREHOUSE": f'["{SECRET}", "{SECRET}-old"]',
}

WAREHOUSE = System(
    name="warehouse", base_url="WAREHOUSE_URL", auth="basic", auth_name="warehouse", inbound_secret="warehouse"
)


def mapping_set(*systems: System) -> MappingSet:
    return MappingSet(name="infiwave", version="1", hash="0", systems={system.name: system for system in systems})


@pytest.fixture
def complete(tmp_path: Path) -> dict[str, str]:
    return COMPLETE | {"CONNECTOR_MAPPING_SETS": str(tmp_path)}


def test_nothing_is_missing(complete: dict[str, str]) -> None:
    assert missing(load(environ=complete, env_file=None), [mapping_set(WAREHOUSE)]) == []


@pytest.mark.parametrize(
    ("left_out", "needed_for"),
    [
        ("CONNECTOR_DATABASE__URL", "the database"),
        ("CONNECTOR_SALESFORCE__INSTANCE_URL", "its My Domain"),
        ("CONNECTOR_SALESFORCE__CONSUMER_KEY", "signing in to Salesforce"),
        ("CONNECTOR_MAPPING_SETS", "at least one folder"),
        ("CONNECTOR_DESTINATIONS__WAREHOUSE_URL", "the address of system warehouse of infiwave"),
        ("CONNECTOR_CREDENTIALS__WAREHOUSE__PASSWORD", "signing in to system warehouse of infiwave (basic)"),
        ("CONNECTOR_INBOUND_SECRETS__WAREHOUSE", "checking messages from system warehouse of infiwave"),
    ],
)
def test_what_is_missing_is_named_with_its_purpose(complete: dict[str, str], left_out: str, needed_for: str) -> None:
    del complete[left_out]
    needs = missing(load(environ=complete, env_file=None), [mapping_set(WAREHOUSE)])
    assert [need.variable for need in needs] == [left_out]
    assert needed_for in needs[0].needed_for


def test_no_way_to_sign_in(complete: dict[str, str]) -> None:
    del complete["CONNECTOR_SALESFORCE__CLIENT_SECRET"]
    (need,) = missing(load(environ=complete, env_file=None))
    assert need.variable == "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE"
    assert "CONNECTOR_SALESFORCE__CLIENT_SECRET" in need.needed_for


def test_two_ways_to_sign_in(complete: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("key")
    complete["CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE"] = str(key)
    complete["CONNECTOR_SALESFORCE__PRIVATE_KEY"] = "key"
    found = [need.variable for need in missing(load(environ=complete, env_file=None))]
    assert found == [f"CONNECTOR_SALESFORCE__{name}" for name in ("PRIVATE_KEY_FILE", "CLIENT_SECRET", "USERNAME")]


def test_a_key_file_that_is_not_there(complete: dict[str, str], tmp_path: Path) -> None:
    del complete["CONNECTOR_SALESFORCE__CLIENT_SECRET"]
    complete |= {
        "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE": str(tmp_path / "none.pem"),
        "CONNECTOR_SALESFORCE__USERNAME": "me@example.com",
    }
    (need,) = missing(load(environ=complete, env_file=None))
    assert str(need) == f"CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE: the file {tmp_path / 'none.pem'} does not exist"


def test_a_folder_of_mappings_that_is_not_there(complete: dict[str, str], tmp_path: Path) -> None:
    complete["CONNECTOR_MAPPING_SETS"] = f"{tmp_path},{tmp_path}/a,{tmp_path}/b"
    (need,) = missing(load(environ=complete, env_file=None))
    assert need.needed_for == f"no such folder: {tmp_path}/a, {tmp_path}/b"


def test_credentials_of_another_kind(complete: dict[str, str]) -> None:
    del complete["CONNECTOR_CREDENTIALS__WAREHOUSE__USERNAME"]
    del complete["CONNECTOR_CREDENTIALS__WAREHOUSE__PASSWORD"]
    complete["CONNECTOR_CREDENTIALS__WAREHOUSE__TOKEN"] = SECRET
    (need,) = missing(load(environ=complete, env_file=None), [mapping_set(WAREHOUSE)])
    assert str(need) == "CONNECTOR_CREDENTIALS__WAREHOUSE__KIND: is bearer, system warehouse of infiwave wants basic"


def test_a_system_without_secrets_needs_its_address_alone(complete: dict[str, str]) -> None:
    needs = missing(load(environ=complete, env_file=None), [mapping_set(System(name="crm", base_url="CRM_URL"))])
    assert [need.variable for need in needs] == ["CONNECTOR_DESTINATIONS__CRM_URL"]


def test_a_token_is_needed_where_others_can_connect(complete: dict[str, str]) -> None:
    complete["CONNECTOR_API__HOST"] = "0.0.0.0"  # noqa: S104 - nothing is opened
    assert [need.variable for need in missing(load(environ=complete, env_file=None))] == ["CONNECTOR_API__TOKEN"]


def test_a_mistyped_name_counts_as_missing(complete: dict[str, str]) -> None:
    complete["CONNECTOR_WORKERS__CONCURRENCY"] = "5"
    (need,) = missing(load(environ=complete, env_file=None))
    assert str(need) == (
        "CONNECTOR_WORKERS__CONCURRENCY: is not a setting; did you mean CONNECTOR_WORKER__CONCURRENCY?"
    )


def test_origins(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("\nCONNECTOR_API__PORT=1\n")
    (tmp_path / "CONNECTOR_API__TOKEN").write_text("x")
    settings = load(
        {"log": {"level": "debug"}}, environ={"CONNECTOR_API__HOST": "::1"}, env_file=env_file, secrets_dir=tmp_path
    )
    origins = {row.variable: row.origin for row in explain(settings)}
    assert origins["CONNECTOR_API__HOST"] == "environment"
    assert origins["CONNECTOR_API__PORT"] == f"{env_file}:2"
    assert origins["CONNECTOR_API__TOKEN"] == str(tmp_path / "CONNECTOR_API__TOKEN")
    assert origins["CONNECTOR_LOG__LEVEL"] == "given"
    assert origins["CONNECTOR_LOG__FORMAT"] == "default"
    assert origins["CONNECTOR_DATABASE__URL"] == "missing"
    assert origins["CONNECTOR_SALESFORCE__AUDIENCE"] == ""


def test_every_missing_setting_has_one_row(complete: dict[str, str]) -> None:
    del complete["CONNECTOR_DESTINATIONS__WAREHOUSE_URL"]
    rows = explain(load(environ=complete, env_file=None), [mapping_set(WAREHOUSE)])
    assert [row.needed_for for row in rows if row.variable == "CONNECTOR_DESTINATIONS__WAREHOUSE_URL"] == [
        "the address of system warehouse of infiwave"
    ]
    assert len({row.variable for row in rows}) == len(rows)


# -- secrets ----------------------------------------------------------------------------------------------


def test_no_secret_is_shown(complete: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    settings = load(environ=complete, env_file=None)
    logging.getLogger("test").warning("%r %s %s", settings, settings, settings.variables)
    shown = [*map(str, explain(settings)), repr(settings), settings.model_dump_json(), str(missing(settings))]
    assert SECRET not in "\n".join([*shown, caplog.text])
    database = next(row for row in explain(settings) if row.variable == "CONNECTOR_DATABASE__URL")
    assert database.value == "postgresql://me:********@db.example:5432/orders?sslmode=require&sslpassword=********"


@pytest.mark.parametrize("name", [name for name, value in COMPLETE.items() if SECRET in value])
def test_no_secret_is_in_an_error(complete: dict[str, str], name: str) -> None:
    wrong = {
        "salesforce": {"client_secret": 1},
        "api": {"port": SECRET},
        "worker": SECRET,
        "credentials": {"x": SECRET},
    }
    with pytest.raises(SettingsError) as caught:
        load(wrong, environ=complete | {name: f"[{SECRET}"}, env_file=None)
    assert SECRET not in f"{caught.value!r}{caught.value.__cause__!r}"
    with pytest.raises(ValueError, match="port") as direct:
        Settings.model_validate({"api": {"port": SECRET}})
    assert SECRET not in str(direct.value)


def test_files_with_secrets_that_others_may_read(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    env_file = tmp_path / ".env"
    env_file.write_text(f"CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE={key}\n")
    for file in (key, env_file):
        file.touch()
        file.chmod(0o644)
    settings = load(environ={}, env_file=env_file)
    assert [str(key) in line or str(env_file) in line for line in warnings(settings)] == [True, True]
    key.chmod(0o600)
    env_file.chmod(0o600)
    assert warnings(settings) == []
