"""A private PostgreSQL cluster: made once, loopback only, password protected, one database for us."""

import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from launcher import children, guardian
from launcher.children import RunAs
from launcher.console import Stopwatch, say
from launcher.dotenv import clean_environment
from launcher.errors import LauncherError, hint_for
from launcher.ports import choose_port
from launcher.postgres_binaries import Binaries
from launcher.state import State
from launcher.supervisor import Process

# For root in a private home: places that the server's own user may enter.
_PUBLIC_PLACES = (Path("/var/lib/ecrm"), Path("/var/tmp/ecrm"))
# Code-point order with Unicode case folding; the same on every machine and every version.
_LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For clusters that are thrown away after use: nothing in them has to survive a power cut.
_CARELESS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(slots=True)
class Cluster:
    """One private cluster and how to reach it."""

    state: State
    binaries: Binaries
    folder: Path
    run_as: RunAs | None
    careless: bool
    port: int

    @property
    def url(self) -> str:
        """The URL of the product's database, with the password of its role."""
        password = self.state.secrets()["postgres_password"]
        return f"postgres://ecrm:{password}@127.0.0.1:{self.port}/ecrm"

    def process(self) -> Process:
        """The server as a supervised process."""
        settings = {**_SETTINGS, **(_CARELESS if self.careless else {}), "port": str(self.port)}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Process(
            name="postgres",
            command=[self.binaries.folder / "postgres", "-D", self.folder / "data", *flags],
            env=_environment(),
            cwd=Path("/"),
            log=self.state.log("postgres"),
            run_as=self.run_as,
            stop_signal=signal.SIGINT,  # "fast": ends connections, writes a checkpoint
            stop_patience=15.0,
            is_ready=lambda: answers(self.port),
            before_restart=self.clear_leftovers,
        )

    def clear_leftovers(self) -> None:
        """Make way for a server after a crash: end an orphan, remove a pid file that lies.

        The caller holds the lock of the state directory, so nobody else may be using this cluster.
        A pid file with a dead number stays: the server itself judges it, together with the shared
        memory that backends of the dead server may still hold.
        """
        data = self.folder / "data"
        pid = _server_pid(data)
        if pid is None or not guardian.is_running(pid):
            return
        if _is_server_of(pid, data):
            _end_orphan(pid)
        else:
            (data / "postmaster.pid").unlink(missing_ok=True)


def remembered_major(state: State) -> int | None:
    """The version that made the cluster of this state directory, when there is one."""
    try:
        text = (_remembered_folder(state) / "data" / "PG_VERSION").read_text(encoding="utf-8")
        return int(text)
    except (OSError, ValueError):
        return None


def prepare(state: State, binaries: Binaries, watch: Stopwatch, *, careless: bool) -> Cluster:
    """The cluster of a state directory, made now when it does not exist.

    A careless one is always made afresh; the caller removes it with `discard` after use.
    """
    run_as = children.unprivileged_user()
    if careless:
        discard(state)
    folder = _remembered_folder(state)
    if not (folder / "data" / "PG_VERSION").is_file():
        folder = _choose_folder(state, run_as)
        with watch.step("PostgreSQL cluster"):
            binaries = _make_cluster(state, binaries, folder, run_as)
    else:
        binaries = _reachable(binaries, folder, run_as)
    port = choose_port(state.read("postgres.json").get("port"))
    state.write("postgres.json", {"folder": str(folder), "port": port})
    cluster = Cluster(state, binaries, folder, run_as, careless, port)
    cluster.clear_leftovers()
    return cluster


def discard(state: State) -> None:
    """Remove the cluster of a state directory, a forgotten server included."""
    folder = _remembered_folder(state)
    pid = _server_pid(folder / "data")
    if pid and _is_server_of(pid, folder / "data"):
        _end_orphan(pid)
    shutil.rmtree(folder, ignore_errors=True)


def _remembered_folder(state: State) -> Path:
    return Path(state.read("postgres.json").get("folder") or state.path("postgres"))


def _choose_folder(state: State, run_as: RunAs | None) -> Path:
    """Where the data goes: the state directory, unless the server's user can't enter it."""
    if run_as is None or _can_enter(state.root, run_as):
        return state.path("postgres")
    name = state.secrets()["instance"]
    for parent in _PUBLIC_PLACES:
        with suppress(OSError):
            parent.mkdir(mode=0o711, exist_ok=True)
            if _can_enter(parent, run_as):
                say(
                    f"  PostgreSQL's data goes to {parent / name}: {state.root} is private to root."
                )
                return parent / name
    raise LauncherError(
        "PostgreSQL cannot run as root, and the user it would run as cannot enter "
        f"{state.root}. Set ECRM_STATE_DIR to a directory outside root's home."
    )


def _can_enter(folder: Path, run_as: RunAs) -> bool:
    for path in (folder, *folder.parents):
        facts = path.stat()
        if facts.st_uid == run_as.uid:
            allowed = facts.st_mode & stat.S_IXUSR
        elif facts.st_gid == run_as.gid:
            allowed = facts.st_mode & stat.S_IXGRP
        else:
            allowed = facts.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def _make_cluster(state: State, binaries: Binaries, folder: Path, run_as: RunAs | None) -> Binaries:
    """Make the cluster beside its place and move it there when it is complete."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    password = partial / "password"
    password.write_text(state.secrets()["postgres_admin_password"], encoding="utf-8")
    password.chmod(0o600)
    if run_as:
        os.chown(partial, run_as.uid, run_as.gid)
        os.chown(password, run_as.uid, run_as.gid)
    binaries = _reachable(binaries, partial, run_as)
    _initdb(binaries, partial, run_as, log=state.log("postgres"))
    _create_database(binaries, partial / "data", run_as, state.secrets()["postgres_password"])
    password.unlink()
    partial.rename(folder)
    return replace(binaries, folder=_moved(binaries.folder, partial, folder))


def _initdb(binaries: Binaries, folder: Path, run_as: RunAs | None, *, log: Path) -> None:
    children.run(
        [
            binaries.folder / "initdb", "-D", folder / "data",
            "--username=postgres", f"--pwfile={folder / 'password'}",
            "--auth=scram-sha-256", "--encoding=UTF8", f"--locale={_LOCALE}",
            "--no-sync",  # the first checkpoint of the server writes it all again
        ],
        env=_environment(), cwd=Path("/"), log=log, what="Making the PostgreSQL cluster", run_as=run_as,
    )  # fmt: skip


def _create_database(binaries: Binaries, data: Path, run_as: RunAs | None, password: str) -> None:
    """Make the product's role and database in single-user mode, which needs no client program.

    The role is no superuser: what works here works on a production server too.
    """
    statements = (
        f"CREATE ROLE ecrm LOGIN CREATEDB PASSWORD '{password}';\n"
        "CREATE DATABASE ecrm OWNER ecrm;\n"
    )
    done = subprocess.run(
        [
            binaries.folder / "postgres",
            "--single",
            "-D",
            data,
            "-c",
            "exit_on_error=true",
            "postgres",
        ],
        input=statements.encode(),
        env=_environment(),
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=run_as.uid if run_as else None,
        group=run_as.gid if run_as else None,
        extra_groups=[] if run_as else None,
        check=False,
    )
    if done.returncode:
        output = done.stdout.decode("utf-8", "replace").replace(password, "…")
        raise LauncherError(f"The database could not be made:\n{output}\n{hint_for(output)}")


def _reachable(binaries: Binaries, folder: Path, run_as: RunAs | None) -> Binaries:
    """The programs, copied beside the data when the server's user can't reach them."""
    if run_as is None or _runs(binaries, run_as):
        return binaries
    copy = folder / f"programs-{binaries.major}"
    copied = replace(binaries, folder=copy / "bin")
    if not _runs(copied, run_as):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(binaries.folder.parent, copy, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, run_as.uid, run_as.gid, follow_symlinks=False)
    return copied


def _runs(binaries: Binaries, run_as: RunAs) -> bool:
    try:
        done = subprocess.run(
            [binaries.folder / "postgres", "--version"],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=run_as.uid,
            group=run_as.gid,
            extra_groups=[],
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _moved(path: Path, old: Path, new: Path) -> Path:
    return new / path.relative_to(old) if path.is_relative_to(old) else path


def _server_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _is_server_of(pid: int, data: Path) -> bool:
    command = children.capture(["ps", "-o", "command=", "-p", str(pid)])
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")
    return "postgres" in command and str(data) in command


def _end_orphan(pid: int) -> None:
    for number, patience in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 2.0)):
        with suppress(OSError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience
        while guardian.is_running(pid) and time.monotonic() < deadline:
            time.sleep(0.05)


def _environment() -> dict[str, str]:
    env = {k: v for k, v in clean_environment().items() if not k.startswith(("PG", "LC_", "LANG"))}
    return {**env, "LANG": "C", "TZ": "UTC"}


def answers(port: int) -> bool:
    """Whether the server accepts connections (it is neither starting up nor shutting down)."""
    body = struct.pack("!I", 196608) + b"user\0ecrm\0database\0ecrm\0\0"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack("!I", len(body) + 4) + body)
            return connection.recv(1) == b"R"  # it asks for the password; an error would be "E"
    except OSError:
        return False
