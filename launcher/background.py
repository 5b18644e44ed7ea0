"""Commands that run beside the rest of a start: on two cores, half of it is waiting otherwise."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher import children, frontend
from launcher.console import Stopwatch
from launcher.dotenv import clean_environment
from launcher.errors import LauncherError, hint_for, tail
from launcher.state import CHECKOUT, State
from launcher.toolbox import Toolbox


@dataclass
class Task:
    """A command on its way; its place in the timings is what it took from start to end."""

    watch: Stopwatch
    title: str
    what: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    log: Path
    on_success: Callable[[], None] = lambda: None
    started: float = field(default_factory=time.monotonic)
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> "Task":
        """Start the command."""
        self.child = children.start(self.command, env=self.env, cwd=CHECKOUT, log=self.log)
        return self

    def wait(self) -> None:
        """Wait for its end; raises LauncherError with the end of its output."""
        if self.child is None:
            return
        status = children.finish(self.child)
        self.child = None
        if status:
            text = tail(self.log)
            hint = hint_for(text)
            raise LauncherError(
                f"{self.what} failed (exit status {status}). The end of {self.log}:\n{text}"
                + (f"\n{hint}" if hint else "")
            )
        self.watch.note(self.title, time.monotonic() - self.started)
        self.on_success()


class Nothing(Task):
    """A task that turned out not to be needed."""

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__(watch, "", "", (), {}, Path())


def build_frontend(tools: Toolbox) -> Task:
    """The front end's build in a process of its own (`python -m launcher frontend`)."""
    if frontend.is_built():
        return Nothing(tools.watch)
    tools.node  # noqa: B018  (the wheel, when needed, is installed by this process, not by two)
    return Task(
        tools.watch,
        "Front end",
        "Building the front end",
        [sys.executable, "-m", "launcher", "frontend"],
        {**clean_environment(), "ECRM_STATE_DIR": str(tools.state.root)},
        tools.state.log("frontend-build"),
    ).start()


def build_now(state: State) -> None:
    """The `frontend` command: build in this process."""
    tools = Toolbox(state)
    frontend.build(state, tools.node)
