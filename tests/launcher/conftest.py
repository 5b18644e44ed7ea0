"""Throw-away programs instead of the product: these tests need no database and no download."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from launcher.state import CHECKOUT, State
from launcher.supervisor import Process


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").prepare()


@pytest.fixture
def script(state: State) -> Callable[..., Process]:
    """Make a supervised process from a few lines of Python."""

    def make(name: str, source: str, **options: object) -> Process:
        return Process(
            name=name,
            command=[sys.executable, "-u", "-c", source],
            env=dict(os.environ),
            cwd=state.root,
            log=state.log(name),
            **options,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Python code in a process of its own, as the launcher runs in one."""
    started: list[subprocess.Popen[str]] = []

    def start(source: str, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", source],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.communicate()


def wait_for(condition: Callable[[], object], *, seconds: float = 15) -> None:
    """Return as soon as the condition holds; fail the test when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It never became true."
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
