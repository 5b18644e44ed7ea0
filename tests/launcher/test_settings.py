"""Which settings the launcher obeys: the environment, then `.env`, then its own defaults."""

import pytest

from launcher import services
from launcher.dotenv import UserSettings, read_env_file
from launcher.installation import wants_demo
from launcher.services import Addresses
from launcher.toolbox import Toolbox

ADDRESSES = Addresses("postgres://ecrm:x@127.0.0.1:21000/ecrm", "redis://127.0.0.1:21001/0", "c")


def toolbox(state, environ=None, file=None):
    return Toolbox(state, settings=UserSettings(environ or {}, file or {}))


def test_the_env_file_is_read_as_the_product_reads_it(tmp_path):
    path = tmp_path / ".env"
    path.write_text(
        "# our server\n\nECRM_DATABASE_URL=postgres://a:b=c@host/db\n"
        "export ECRM_REDIS_URL='redis://host'\nECRM_SMTP_URL=\"smtp://host\"\nnonsense\n"
    )

    assert read_env_file(path) == {
        "ECRM_DATABASE_URL": "postgres://a:b=c@host/db",
        "ECRM_REDIS_URL": "redis://host",
        "ECRM_SMTP_URL": "smtp://host",
    }


def test_no_env_file_is_no_settings(tmp_path):
    assert read_env_file(tmp_path / ".env") == {}


def test_the_environment_wins_over_the_env_file():
    settings = UserSettings({"ECRM_REDIS_URL": "redis://one"}, {"ECRM_REDIS_URL": "redis://two"})

    assert settings.get("ECRM_REDIS_URL") == "redis://one"


def test_a_secret_in_a_file_counts_as_set(tmp_path):
    (tmp_path / "url").write_text("postgres://host/db\n")
    settings = UserSettings({}, {"ECRM_DATABASE_URL_FILE": str(tmp_path / "url")})

    assert settings.is_set("ECRM_DATABASE_URL")
    assert settings.get("ECRM_DATABASE_URL") == "postgres://host/db"


@pytest.mark.parametrize(
    ("environ", "verdict"),
    [
        ({}, True),
        ({"ECRM_DEMO": "0"}, False),
        ({"ECRM_DEMO": "1"}, True),
        ({"ECRM_SMTP_URL": "smtp://host"}, False),
        ({"ECRM_SMTP_URL": "smtp://host", "ECRM_DEMO": "yes"}, True),
    ],
)
def test_demo_mode_is_the_default_until_real_mail_is_set_up(state, environ, verdict):
    assert wants_demo(toolbox(state, environ)) is verdict


def test_what_a_person_has_set_wins_over_our_defaults(state):
    tools = toolbox(state, {"ECRM_SECRET_KEY": "mine"}, {"ECRM_BASE_URL": "https://mine"})

    env = services.product_environment(tools, state, ADDRESSES, {"ECRM_BASE_URL": "http://ours"})

    assert env["ECRM_SECRET_KEY"] == "mine"
    assert "ECRM_BASE_URL" not in env  # the product reads it from the .env file itself
    assert env["ECRM_FIELD_KEYS"] == state.secrets()["field_keys"]


def test_tests_and_benchmarks_are_deaf_to_a_persons_settings(state, monkeypatch):
    monkeypatch.setenv("ECRM_SMTP_URL", "smtp://real")
    tools = toolbox(
        state,
        {"ECRM_SMTP_URL": "smtp://real", "ECRM_POSTGRES": "npm"},
        {"ECRM_DATABASE_URL_FILE": "/run/secrets/real"},
    ).isolated()

    env = services.product_environment(tools, state, ADDRESSES, {})

    assert "ECRM_SMTP_URL" not in env
    assert "ECRM_DATABASE_URL_FILE" not in env
    assert env["ECRM_ENV_FILE"] == ""
    assert env["ECRM_DATABASE_URL"] == ADDRESSES.database_url
    assert tools.settings.get("ECRM_POSTGRES") == "npm"


def test_variables_of_other_projects_do_not_reach_the_product(state, monkeypatch):
    for name in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH", "VIRTUAL_ENV", "PGPORT", "MAKELEVEL"):
        monkeypatch.setenv(name, "foreign")

    env = services.product_environment(toolbox(state), state, ADDRESSES, {})

    assert "foreign" not in {env.get(name) for name in env if name != "PYTEST_CURRENT_TEST"}
