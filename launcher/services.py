"""PostgreSQL and Redis for the product: the user's own, or private ones started here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from launcher import postgres, redis
from launcher.console import say
from launcher.dotenv import clean_environment
from launcher.errors import LauncherError
from launcher.state import State
from launcher.supervisor import Process, Supervisor
from launcher.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class Addresses:
    """How the product reaches its services; `cluster` names what the database's content belongs to."""

    database_url: str
    redis_url: str
    cluster: str


def start_own_or_users(tools: Toolbox, place: State, supervisor: Supervisor) -> Addresses:
    """For `make run`: what ECRM_DATABASE_URL and ECRM_REDIS_URL name, else private services."""
    database_url = tools.settings.get("ECRM_DATABASE_URL")
    redis_url = tools.settings.get("ECRM_REDIS_URL")
    cluster = database_url
    if database_url:
        say(f"  Database: {_without_password(database_url)} (from ECRM_DATABASE_URL)")
    else:
        database_url = _start_postgres(tools, place, supervisor, careless=False)
        cluster = place.secrets()["instance"]
    if redis_url:
        say(f"  Redis: {_without_password(redis_url)} (from ECRM_REDIS_URL)")
    else:
        redis_url = _start_redis(tools, place, supervisor, careless=False)
    return Addresses(database_url, redis_url, cluster)


def start_private(
    tools: Toolbox, place: State, supervisor: Supervisor, *, careless: bool
) -> Addresses:
    """For tests and benchmarks: always private services, with a cluster made afresh."""
    postgres.discard(place)
    database_url = _start_postgres(tools, place, supervisor, careless=careless)
    redis_url = _start_redis(tools, place, supervisor, careless=careless)
    return Addresses(database_url, redis_url, place.secrets()["instance"])


def product_environment(
    tools: Toolbox, place: State, addresses: Addresses, defaults: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the product; what the user has set wins over `defaults`."""
    secrets = place.secrets()
    foreign = {k: v for k, v in clean_environment().items() if not k.startswith("ECRM_")}
    ours = {
        "ECRM_SECRET_KEY": secrets["secret_key"],
        "ECRM_FIELD_KEYS": secrets["field_keys"],
        **defaults,
    }
    bin_folder = tools.packages.python.parent
    return {
        **foreign,
        **tools.settings.variables(),
        **{name: value for name, value in ours.items() if not tools.settings.is_set(name)},
        "VIRTUAL_ENV": str(bin_folder.parent),
        "PATH": f"{bin_folder}{os.pathsep}{foreign.get('PATH', os.defpath)}",
        "PYTHONPYCACHEPREFIX": str(tools.state.path("pycache")),
        "PYTHONUNBUFFERED": "1",
        "ECRM_STATE_DIR": str(place.root),
        "ECRM_DATABASE_URL": addresses.database_url,
        "ECRM_REDIS_URL": addresses.redis_url,
    }


def _start_postgres(tools: Toolbox, place: State, supervisor: Supervisor, *, careless: bool) -> str:
    binaries = tools.postgres(place)
    cluster = postgres.prepare(place, binaries, tools.watch, careless=careless)
    with tools.watch.step(f"PostgreSQL {binaries.major} ({binaries.origin})"):
        supervisor.start(cluster.process(), patience=60)
    return cluster.url


def _start_redis(tools: Toolbox, place: State, supervisor: Supervisor, *, careless: bool) -> str:
    binary = tools.redis_binary
    server = redis.prepare(place, binary, careless=careless)
    with tools.watch.step(f"Redis ({binary.name})"):
        _start_even_with_unreadable_data(server, supervisor)
    return server.url


def _start_even_with_unreadable_data(server: redis.Redis, supervisor: Supervisor) -> None:
    process: Process = server.process()
    try:
        supervisor.start(process, patience=30)
    except LauncherError:
        supervisor.abandon(process)
        server.set_aside()
        supervisor.start(server.process(), patience=30)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
