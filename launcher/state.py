"""The state directory: stamps, secrets, locks, logs and everything else that outlives a start.

A stamp is written only after its step succeeded, and files are replaced by renaming, so that
whatever was interrupted is simply done again by the next start.
"""

import base64
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.console import say
from launcher.errors import LauncherError
from launcher.interruption import stop, wait_until

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK_PATIENCE_SECONDS = 15.0
LOG_KEEP_BYTES = 10 * 1024 * 1024


def default_state_dir() -> Path:
    """`ECRM_STATE_DIR`, or `.ecrm` in the checkout."""
    return Path(os.environ.get("ECRM_STATE_DIR") or CHECKOUT / ".ecrm").expanduser().resolve()


@dataclass(frozen=True, slots=True)
class State:
    """One state directory (a run, the tests and the benchmarks each have their own)."""

    root: Path

    def prepare(self) -> "State":
        """Make the directory; raises LauncherError when that is impossible."""
        # As root, PostgreSQL runs as another user and has to reach its data through this directory.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            if not self.root.is_dir():
                self.root.mkdir(parents=True, mode=mode)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise LauncherError(
                f"The state directory {self.root} cannot be made ({error.strerror}). "
                "Set ECRM_STATE_DIR to a directory of yours."
            ) from error
        return self

    @property
    def logs(self) -> Path:
        """Where every process and every step writes its output."""
        return self.root / "logs"

    def path(self, *parts: str) -> Path:
        """A path below the state directory."""
        return self.root.joinpath(*parts)

    def log(self, name: str) -> Path:
        """The log file of a process, moved aside first when it has grown too large."""
        path = self.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_KEEP_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def below(self, name: str) -> "State":
        """A separate state directory inside this one."""
        return State(self.root / name).prepare()

    # Remembered values and stamps

    def read(self, name: str) -> dict[str, Any]:
        """A remembered JSON document; empty when there is none or it was cut off."""
        try:
            document = json.loads(self.path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, name: str, document: dict[str, Any], *, mode: int = 0o644) -> None:
        """Remember a JSON document; readers see the old one or the new one, never a half."""
        write_atomically(self.path(name), json.dumps(document, indent=2) + "\n", mode=mode)

    def is_done(self, step: str, fingerprint: str) -> bool:
        """Whether the step succeeded before on exactly these inputs."""
        return bool(self.read("stamps.json").get(step) == fingerprint)

    def mark_done(self, step: str, fingerprint: str) -> None:
        """Remember that the step succeeded on these inputs."""
        self.write("stamps.json", {**self.read("stamps.json"), step: fingerprint})

    def forget(self, step: str) -> None:
        """Have the step done again next time."""
        stamps = self.read("stamps.json")
        if stamps.pop(step, None) is not None:
            self.write("stamps.json", stamps)

    def secrets(self) -> dict[str, str]:
        """The random secrets of this state directory, made at the first call, readable by the owner only."""
        known = self.read("secrets.json")
        wanted: dict[str, Callable[[], str]] = {
            "secret_key": lambda: secrets.token_urlsafe(48),
            "field_keys": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "postgres_admin_password": lambda: secrets.token_urlsafe(24),
            "postgres_password": lambda: secrets.token_urlsafe(24),
            "redis_password": lambda: secrets.token_urlsafe(24),
            "instance": lambda: secrets.token_hex(6),
        }
        complete = {name: str(known.get(name) or make()) for name, make in wanted.items()}
        if complete != known:
            self.write("secrets.json", complete, mode=0o600)
        return complete


class Lock:
    """An exclusive lock on a file; the kernel frees it when the last holder is gone, however it died."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def acquire(self, *, patience: float, waiting: str = "") -> bool:
        """Take the lock, waiting for it; prints `waiting` when it is not free at once."""
        deadline = time.monotonic() + patience
        announced = False
        while not self.try_acquire():
            if waiting and not announced:
                say(waiting)
                announced = True
            if not wait_until(deadline):
                return False
            stop.nap(0.1)
        return True

    def note(self, text: str) -> None:
        """Leave a word in the lock file for whoever finds it taken."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)

    def read_note(self) -> str:
        """What the holder left in the lock file."""
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def release(self) -> None:
        """Free the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_state(state: State, *, doing: str) -> Lock:
    """Keep other launchers off a state directory; raises LauncherError when one is at work there.

    The wait covers a launcher that was killed a moment ago and whose processes are being stopped.
    """
    lock = Lock(state.path("lock"))
    if not lock.try_acquire():
        holder = lock.read_note()
        patience = 1.0 if _is_alive(holder) else LOCK_PATIENCE_SECONDS
        if not lock.acquire(patience=patience):
            raise LauncherError(
                f"Another launcher ({holder or 'just starting'}) works in {state.root}.\n"
                "Stop it first, or give this one a place of its own, for example:\n"
                "    ECRM_STATE_DIR=.ecrm-second PORT=8001 make run"
            )
    lock.note(f"pid {os.getpid()}, {doing}")
    return lock


def _is_alive(note: str) -> bool:
    words = note.replace(",", " ").split()
    pid = next((word for word in words if word.isdigit()), "")
    try:
        os.kill(int(pid), 0) if pid else None
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return bool(pid)


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace a file so that it is never seen half written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def fingerprint(*files: Path, text: Iterable[str] = ()) -> str:
    """A short hash of the contents of files and folders (and of some words beside them)."""
    digest = hashlib.sha256()
    for word in text:
        digest.update(f"{word}\0".encode())
    for file in files:
        for path in _files_of(file):
            digest.update(f"{path.relative_to(file.parent)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


_UNINTERESTING = {"node_modules", "dist", "__pycache__"}


def _files_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = []
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(f for f in folders if f not in _UNINTERESTING and not f.startswith("."))
        found += [Path(folder, name) for name in sorted(files) if not name.startswith(".")]
    return found
