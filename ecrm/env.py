"""The only place that reads the environment.

Every variable is `ECRM_*`. A secret may stand in a file instead: `ECRM_SECRET_KEY_FILE=/run/secrets/key`.
A `.env` file beside manage.py is read first; real variables win over it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

_reader = environ.Env()
# ECRM_ENV_FILE names another file; set but empty, it means none at all (tests).
_file = os.environ.get("ECRM_ENV_FILE", str(BASE_DIR / ".env"))
if _file and Path(_file).is_file():
    environ.Env.read_env(_file, overwrite=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """One documented environment variable; docs/settings.md lists exactly these."""

    name: str
    default: str
    help: str


VARIABLES: dict[str, Variable] = {}


def _declare(name: str, default: str, help_text: str) -> str:
    VARIABLES[name] = Variable(name, default, help_text)
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    return os.environ.get(name, default)


def text(name: str, default: str, help_text: str) -> str:
    """The variable as it stands, or the default."""
    return _declare(name, default, help_text)


def flag(name: str, *, default: bool, help_text: str) -> bool:
    """True for 1, true, yes and on."""
    fallback = "1" if default else "0"
    value = _declare(name, fallback, help_text).strip() or fallback
    return value.lower() in {"1", "true", "yes", "on"}


def number(name: str, default: int, help_text: str) -> int:
    """A whole number."""
    return int(_declare(name, str(default), help_text).strip() or default)


def words(name: str, default: str, help_text: str) -> list[str]:
    """A comma-separated list without empty items."""
    return [word.strip() for word in _declare(name, default, help_text).split(",") if word.strip()]


def database(url: str) -> dict[str, object]:
    """A Django DATABASES entry for a postgres:// URL."""
    return dict(_reader.db_url_config(url))
