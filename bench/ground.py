"""Where the benchmarks run: a database of their own, Django, a shop, and how busy processes were."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

DATABASE = os.environ.get("ECRM_BENCH_DB", "ecrm_bench")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ground:
    """The shop of the benchmarks and the key of its server."""

    shop_id: int
    key: str
    write_key: str
    agent_email: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def database() -> Iterator[None]:
    """An empty database beside the one of the environment; all processes started here use it."""
    server = os.environ.get("ECRM_DATABASE_URL", "postgres://ecrm@127.0.0.1:5432/ecrm")
    _execute(server, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    _execute(server, f"CREATE DATABASE {DATABASE}")
    os.environ["ECRM_DATABASE_URL"] = urlunsplit(urlsplit(server)._replace(path=f"/{DATABASE}"))
    os.environ.setdefault("ECRM_SECRET_KEY", "only-for-benchmarks-" * 4)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecrm.settings")
    os.environ["ECRM_API_RATE"] = "10000000"
    os.environ["ECRM_DEMO"] = "1"
    try:
        yield
    finally:
        from django.db import connection

        connection.close()
        os.environ["ECRM_DATABASE_URL"] = server
        _execute(server, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


def prepare() -> Ground:
    """Migrate, open a shop, hire an owner, issue a key."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity", "0"], check=True
    )
    import django

    django.setup()
    from company import services as company

    shop = company.create_shop(
        slug="bench", name="Bench", brand="Bench", market="FR", languages=["fr", "en"],
        currency="EUR", support_email="bonjour@bench.example",
    )  # fmt: skip
    agent = company.create_agent(email="owner@bench.example", name="Owner", password=None)
    company.grant_role(agent.pk, role_key="owner", shop_id=None, by=None)
    _row, key = company.issue_api_key(
        shop_id=shop.pk, name="bench", scopes=["orders:read", "orders:write"], by=None
    )
    _row, write_key = company.issue_api_key(
        shop_id=shop.pk, name="tracking", scopes=["track:write"], by=None
    )
    return Ground(shop_id=shop.pk, key=key, write_key=write_key, agent_email=agent.email)


def connect() -> psycopg2.extensions.connection:
    """A plain connection to the database of the benchmarks."""
    return psycopg2.connect(os.environ["ECRM_DATABASE_URL"])


@contextmanager
def child(*arguments: str, port: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process, until the block ends; the block begins when it listens on the port, if it has one."""
    process = subprocess.Popen([sys.executable, *arguments])
    try:
        deadline = time.monotonic() + 60
        while port is not None and not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{arguments[:3]} did not start")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def backends() -> list[int]:
    """The PostgreSQL processes that work for this database, but not for us."""
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [DATABASE],
        )
        return [row[0] for row in cursor.fetchall()]


def cpu_seconds(*pids: int) -> float:
    """CPU time these processes have used so far; those of another machine count as nothing."""
    total = 0.0
    for pid in pids:
        with suppress(OSError):
            parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(parts[11]) + int(parts[12])) / TICKS
    return total


def peak_megabytes(pid: int) -> float:
    """The most memory a living process has had at once."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kilobytes) / 1024


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
