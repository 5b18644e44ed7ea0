"""Keeps a set of processes running: restarts what dies, stops all together, gives up loudly."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher import children
from launcher.console import say
from launcher.errors import LauncherError, tail
from launcher.interruption import stop

# Seconds before the restart after the 1st, 2nd, … death in a row; one that fails after all of them
# cannot be kept running. (Being killed from outside is no failure of the program.)
BACKOFF = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
# A process that ran this long was healthy: its next death counts as the first one.
HEALTHY_AFTER = 30.0


@dataclass(frozen=True, kw_only=True)
class Process:
    """One program to keep running."""

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    run_as: children.RunAs | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_patience: float = 8.0
    is_ready: Callable[[], bool] = lambda: True
    before_restart: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Running:
    process: Process
    child: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    failures: int = 0
    restart_at: float | None = None
    log_begin: int = field(default=0)


class Supervisor:
    """Starts processes in order, watches them, and stops them in the opposite order."""

    def __init__(
        self, *, backoff: Sequence[float] = BACKOFF, healthy_after: float = HEALTHY_AFTER
    ) -> None:
        self._backoff = tuple(backoff)
        self._healthy_after = healthy_after
        self._stages: list[list[_Running]] = []

    def start(self, *processes: Process, patience: float = 60.0) -> None:
        """Start some processes together and wait until all are ready.

        Raises LauncherError when one ends before, or is not ready in time.
        """
        stage: list[_Running] = []
        self._stages.append(stage)
        for process in processes:  # one by one: what has started must be known when the next fails
            stage += [_launch(process)]
        deadline = time.monotonic() + patience
        waiting = list(stage)
        while waiting:
            stop.check()
            self.revive(but=stage)
            for running in waiting:
                _require_alive(running)
                if time.monotonic() > deadline:
                    raise LauncherError(
                        f"{running.process.name} was not ready within {patience:.0f} seconds. "
                        f"The end of {running.process.log}:\n{tail(running.process.log)}"
                    )
            waiting = [running for running in waiting if not running.process.is_ready()]
            if waiting:
                stop.nap(0.05)

    def abandon(self, process: Process) -> None:
        """Take back a start that failed."""
        for stage in self._stages:
            for running in [r for r in stage if r.process is process]:
                stage.remove(running)
                children.kill_group(running.child)
                children.end(running.child, patience=5)

    def watch(self) -> None:
        """Keep everything running until a stop request; raises LauncherError when that fails."""
        while not stop.requested:
            stop.nap(self.revive())

    def revive(self, *, but: Sequence[_Running] = ()) -> float:
        """Restart what has died and is due; returns the seconds until there is more to do."""
        due = 1.0
        for running in [r for stage in self._stages if stage is not but for r in stage]:
            if running.restart_at is None and running.child.poll() is not None:
                self._note_death(running)
            if running.restart_at is not None:
                left = running.restart_at - time.monotonic()
                if left <= 0:
                    _relaunch(running)
                else:
                    due = min(due, left)
        return due

    def stop(self) -> None:
        """Stop everything: what was started last goes first, processes of one stage together."""
        while self._stages:
            stage = self._stages.pop()
            for running in stage:
                if running.child.poll() is None:
                    running.child.send_signal(running.process.stop_signal)
            for running in stage:
                process = running.process
                patience = 0.5 if stop.requests > 1 else process.stop_patience
                children.end(running.child, patience=patience)

    def pids(self) -> dict[str, int]:
        """The process number of everything that runs now."""
        return {r.process.name: r.child.pid for stage in self._stages for r in stage}

    def _note_death(self, running: _Running) -> None:
        process, now, status = running.process, time.monotonic(), running.child.returncode
        children.bury(running.child)
        if now - running.started >= self._healthy_after:
            running.deaths = running.failures = 0
        if running.failures >= len(self._backoff):
            raise LauncherError(
                f"{process.name} cannot be kept running: it ended {running.deaths + 1} times in a "
                f"row, the last time with {_describe(status)}. Stopping everything.\n"
                f"The end of {process.log}:\n{tail(process.log)}"
            )
        delay = self._backoff[min(running.deaths, len(self._backoff) - 1)]
        running.deaths += 1
        running.failures += status != -signal.SIGKILL
        running.restart_at = now + delay
        say(
            f"{process.name} ended with {_describe(status)}; "
            f"restarting in {delay:g} s (log: {process.log})"
        )


def _launch(process: Process) -> _Running:
    begin = process.log.stat().st_size if process.log.exists() else 0
    child = children.start(
        process.command,
        env=process.env,
        cwd=process.cwd,
        log=process.log,
        run_as=process.run_as,
        stop_signal=process.stop_signal,
    )
    return _Running(process, child, time.monotonic(), log_begin=begin)


def _relaunch(running: _Running) -> None:
    running.process.before_restart()
    fresh = _launch(running.process)
    running.child, running.started, running.restart_at = fresh.child, fresh.started, None


def _require_alive(running: _Running) -> None:
    if running.child.poll() is None:
        return
    process = running.process
    text = tail(process.log) if process.log.stat().st_size > running.log_begin else ""
    raise LauncherError(
        f"{process.name} ended with {_describe(running.child.returncode)} while starting."
        + (f" The end of {process.log}:\n{text}" if text else "")
    )


def _describe(status: int) -> str:
    if status < 0:
        return f"signal {signal.Signals(-status).name}"
    return f"exit status {status}"
