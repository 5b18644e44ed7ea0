"""`python -m launcher services -- COMMAND`: run a command beside private PostgreSQL and Redis."""

import os
import shutil
from pathlib import Path

from launcher import children
from launcher.bed import make_bed
from launcher.errors import LauncherError
from launcher.installation import require_space
from launcher.packages import require_venv_module
from launcher.toolbox import Toolbox


def main(tools: Toolbox, arguments: list[str]) -> int:
    """Run the command with ECRM_DATABASE_URL and ECRM_REDIS_URL set; returns its exit status."""
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        raise LauncherError("Usage: python3 -m launcher services -- COMMAND [ARGUMENT …]")
    require_venv_module()
    require_space(tools.state.root, is_first=not tools.packages.python.exists())
    lock = tools.lock()
    try:
        tools.packages.sync(dev=False)
    finally:
        lock.release()
    name = f"services-{os.getpid()}"
    try:
        with make_bed(tools, name, careless=True) as bed:
            return children.run_in_foreground(
                command, env=bed.environment({}), cwd=Path.cwd(), meanwhile=bed.supervisor.revive
            )
    finally:
        shutil.rmtree(tools.state.path(name), ignore_errors=True)
