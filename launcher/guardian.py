"""A second process that clears up when the launcher is killed without a chance to do it itself.

The kernel's parent-death signal reaches children, but not their children, and a signal can be
ignored. The guardian waits on a pipe from the launcher. When the pipe closes without a goodbye, it
gives everything a few seconds to end and then kills what is left: the children by their numbers and
all their descendants by the token that they carry in their environment.
"""

import os
import secrets
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

TOKEN_VARIABLE = "ECRM_LAUNCHER_TOKEN"
GRACE_SECONDS = 6.0
_GOODBYE = 0

_token = ""
_pipe: int | None = None


def token() -> str:
    """The word by which everything that this launcher started is recognised."""
    global _token  # noqa: PLW0603
    if not _token:
        _token = secrets.token_hex(12)
    return _token


def appoint() -> None:
    """Start the guardian; it inherits our locks, so they stay taken until it has cleared up."""
    global _pipe  # noqa: PLW0603
    reading, writing = os.pipe()
    word = token()
    if os.fork() == 0:
        os.close(writing)
        _guard(reading, word)
    os.close(reading)
    _pipe = writing


def watch(pid: int) -> None:
    """Tell the guardian about a child."""
    _tell(pid)


def forget(pid: int) -> None:
    """Tell the guardian that a child is gone and its number may belong to a stranger."""
    _tell(-pid)


def dismiss() -> None:
    """The launcher ends in order: the guardian may go, once nothing is left."""
    global _pipe  # noqa: PLW0603
    _tell(_GOODBYE)
    if _pipe is not None:
        os.close(_pipe)
        _pipe = None


def _tell(number: int) -> None:
    if _pipe is not None:
        with suppress(OSError):
            os.write(_pipe, f"{number}\n".encode())


def _guard(reading: int, word: str) -> None:
    """The guardian's whole life; never returns."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _detach_from_terminal()
        children, is_dismissed = _listen(reading)
        if not is_dismissed:
            _clear_up(children, word)
        status = 0
    finally:
        os._exit(status)


def _detach_from_terminal() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)


def _listen(reading: int) -> tuple[set[int], bool]:
    """The children alive when the launcher went, and whether it said goodbye."""
    children: set[int] = set()
    with os.fdopen(reading, encoding="ascii") as messages:
        for line in messages:
            number = int(line)
            if number == _GOODBYE:  # after a failure, something may still be running beside it
                return children, not children
            if number > 0:
                children.add(number)
            else:
                children.discard(-number)
    return children, False


def _clear_up(children: set[int], word: str) -> None:
    if sys.platform != "linux":  # no parent-death signal there: ask them ourselves
        for pid in children:
            with suppress(OSError):
                os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := survivors(children, word)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def survivors(children: set[int], word: str) -> set[int]:
    """The watched children that still live, with everything that carries the token."""
    return {pid for pid in children if is_running(pid)} | _carriers(word)


def is_running(pid: int) -> bool:
    """Whether a process exists and is more than a corpse that nobody has collected."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    with suppress(OSError, IndexError):
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        return state != "Z"
    return True


def _carriers(word: str) -> set[int]:
    mark = f"{TOKEN_VARIABLE}={word}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes():
                found.add(int(folder.name))
    return found - {os.getpid()}
