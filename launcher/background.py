"""The front end's build beside the installation of the Python packages: both mostly wait."""

import subprocess
import sys
import time

from launcher import children, frontend
from launcher.dotenv import clean_environment
from launcher.errors import LauncherError, hint_for, tail
from launcher.state import CHECKOUT, State
from launcher.toolbox import Toolbox


class FrontendBuild:
    """A build in a process of its own (`python -m launcher frontend`); nothing when it is built."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools
        self._child: subprocess.Popen[bytes] | None = None
        if frontend.is_built():
            return
        tools.node  # noqa: B018  (the wheel, when needed, is installed by this process, not by two)
        self._log = tools.state.log("frontend-build")
        self._started = time.monotonic()
        self._child = children.start(
            [sys.executable, "-m", "launcher", "frontend"],
            env={**clean_environment(), "ECRM_STATE_DIR": str(tools.state.root)},
            cwd=CHECKOUT,
            log=self._log,
        )

    def wait(self) -> None:
        """Wait for the build; raises LauncherError with the end of its output."""
        if self._child is None:
            return
        with self._tools.watch.step("Front end (rest of the wait)"):
            status = children.finish(self._child)
        self._tools.watch.steps.append(
            ("Front end in all, beside the rest", time.monotonic() - self._started)
        )
        if status:
            text = tail(self._log)
            raise LauncherError(f"The front end could not be built:\n{text}\n{hint_for(text)}")


def build_now(state: State) -> None:
    """The `frontend` command: build in this process."""
    tools = Toolbox(state)
    frontend.build(state, tools.node)
