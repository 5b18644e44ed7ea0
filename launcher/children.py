"""Starting and ending other programs so that none of them outlives the launcher.

Every child is told by the kernel when the launcher dies (PR_SET_PDEATHSIG), and the guardian
(guardian.py) clears away what children of children leave behind.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from launcher import guardian
from launcher.errors import Interrupted, LauncherError, hint_for, tail
from launcher.interruption import stop

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class RunAs:
    """The Unix user a child runs as; PostgreSQL refuses to run as root."""

    uid: int
    gid: int


def unprivileged_user() -> RunAs | None:
    """Whom to run PostgreSQL as: None is ourselves, which is right for everyone but root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return RunAs(entry.pw_uid, entry.pw_gid)
    raise LauncherError(
        "PostgreSQL cannot run as root, and this machine has neither a user 'postgres' nor "
        "'nobody'. Run this as a normal user, or set ECRM_DATABASE_URL."
    )


def start(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path | None = None,
    run_as: RunAs | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child that ends with the launcher; with a log it gets a process group of its own.

    Without a log it shares our terminal, and so a Ctrl-C reaches it directly.
    """
    output = log.open("ab") if log else None
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**env, guardian.TOKEN_VARIABLE: guardian.token()},
            cwd=cwd,
            stdin=subprocess.DEVNULL if log else None,
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
            start_new_session=log is not None,
            user=run_as.uid if run_as else None,
            group=run_as.gid if run_as else None,
            extra_groups=[] if run_as else None,
            preexec_fn=_die_with_parent(stop_signal),  # noqa: PLW1509 - we have one thread only
        )
    except FileNotFoundError as error:
        raise LauncherError(f"Cannot start {command[0]}: {error.strerror}.") from error
    finally:
        if output:
            output.close()
    guardian.watch(process.pid)
    return process


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    parent = os.getpid()

    def ask_the_kernel() -> None:
        # Runs in the child after it has changed its user: a change of user would clear the request.
        _LIBC.prctl(_PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel


def end(process: subprocess.Popen[bytes], *, patience: float) -> None:
    """Let a child that was told to stop end, insist after a while, and clear its process group."""
    deadline = time.monotonic() + patience
    while process.poll() is None:
        if time.monotonic() > deadline:
            kill_group(process)
            process.wait()
        else:
            stop.nap(0.05)
    bury(process)


def bury(process: subprocess.Popen[bytes]) -> None:
    """Clear what a dead child left in its process group."""
    kill_group(process)
    guardian.forget(process.pid)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and the rest of its process group."""
    with suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            process.kill()
    with suppress(ProcessLookupError, PermissionError):
        if process.pid != os.getpgrp():
            os.killpg(process.pid, signal.SIGKILL)


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    what: str,
    run_as: RunAs | None = None,
    attempts: int = 1,
) -> None:
    """Run a command to its end, its output in `log`; raises LauncherError with the end of the log.

    `attempts` above one is for downloads, which fail for passing reasons.
    """
    for attempt in range(1, attempts + 1):
        begin = log.stat().st_size if log.exists() else 0
        status = finish(start(command, env=env, cwd=cwd, log=log, run_as=run_as))
        if status == 0:
            return
        if attempt < attempts:
            time.sleep(min(2.0 * attempt, 5.0))
            stop.check()
    with log.open("rb") as file:
        file.seek(begin)
        hint = hint_for(file.read().decode("utf-8", "replace"))
    raise LauncherError(
        f"{what} failed (exit status {status}). The end of {log}:\n{tail(log)}"
        + (f"\n{hint}" if hint else "")
    )


def finish(process: subprocess.Popen[bytes]) -> int:
    """Wait for a child; on a stop request end it and raise Interrupted."""
    while process.poll() is None:
        if stop.requested:
            process.terminate()
            end(process, patience=5)
            raise Interrupted
        stop.nap(0.25)
    bury(process)
    return process.returncode


def run_in_foreground(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    meanwhile: Callable[[], object] = lambda: None,
) -> int:
    """Run a command on our own terminal and return its exit status.

    After a stop request it gets ten seconds to put its things in order.
    """
    process = start(command, env=env, cwd=cwd)
    while process.poll() is None and not stop.requested:
        meanwhile()
        stop.nap(0.25)
    if process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)  # a Ctrl-C has reached it without us
        process.terminate()
        end(process, patience=10)
    guardian.forget(process.pid)
    return process.returncode


def capture(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, patience: float = 20
) -> str:
    """The output of a short harmless command; empty when it fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=patience,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
