"""`make lock`: write the lock files again from what we ask for."""

from launcher.console import say
from launcher.packages import require_venv_module
from launcher.state import CHECKOUT
from launcher.toolbox import Toolbox

NPM_FOLDERS = ("frontend", "tools/postgres", "tools/chromium")


def main(tools: Toolbox, arguments: list[str]) -> int:
    """Compile all Python locks and npm locks to the newest versions that the requests allow."""
    del arguments
    require_venv_module()
    tools.packages.compile_locks()
    for folder in NPM_FOLDERS:
        path = CHECKOUT / folder
        with tools.watch.step(f"{folder}/package-lock.json"):
            tools.node.run(
                "update", "--package-lock-only", "--ignore-scripts",
                folder=path, log=tools.state.log("lock"), what=f"Locking {folder}",
            )  # fmt: skip
    say("Prove the new locks with `make check test` in a fresh clone.")
    return 0
