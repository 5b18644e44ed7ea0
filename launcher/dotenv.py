"""What the user has set: the environment first, then the `.env` file that the product reads too."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Left by other projects or by make itself; they would steer our tools in a wrong direction. (Compiled
# modules make a start three times faster; they go to the state directory, not into the checkout.)
_FOREIGN = (
    "DJANGO_SETTINGS_MODULE",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "PGDATABASE",
    "PGHOST",
    "PGPASSWORD",
    "PGPORT",
    "PGUSER",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
)

_TOOL_CHOICES = ("ECRM_POSTGRES", "ECRM_CHROMIUM")


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file: `NAME=value`, optional quotes, `export` and comment lines."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            found[name.strip()] = _unquote(value.strip())
    return found


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


@dataclass(frozen=True, slots=True)
class UserSettings:
    """The settings a person made, with `_FILE` counting as set."""

    environ: Mapping[str, str]
    file: Mapping[str, str]
    is_isolated: bool = False

    def get(self, name: str) -> str:
        """The value as set by the user; empty when not set."""
        if path := self._raw(f"{name}_FILE"):
            return Path(path).read_text(encoding="utf-8").strip()
        return self._raw(name)

    def is_set(self, name: str) -> bool:
        """Whether the user decided about this variable."""
        return bool(self._raw(name) or self._raw(f"{name}_FILE"))

    def isolated(self) -> "UserSettings":
        """Only the choice of tools: what tests and benchmarks may know of a person's settings."""
        choices = {name: self._raw(name) for name in _TOOL_CHOICES if self._raw(name)}
        return UserSettings(choices, {}, is_isolated=True)

    def variables(self) -> dict[str, str]:
        """The ECRM_* variables to hand to the product as they are."""
        found = {name: value for name, value in self.environ.items() if name.startswith("ECRM_")}
        return {**found, "ECRM_ENV_FILE": ""} if self.is_isolated else found

    def _raw(self, name: str) -> str:
        return self.environ[name] if name in self.environ else self.file.get(name, "")


def user_settings(checkout: Path) -> UserSettings:
    """What the person who starts the launcher has set."""
    named = os.environ.get("ECRM_ENV_FILE", str(checkout / ".env"))
    return UserSettings(dict(os.environ), read_env_file(Path(named)) if named else {})


def clean_environment() -> dict[str, str]:
    """The environment without what belongs to other projects."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}
