"""The browser code: built by Vite, and again only when its sources or its lock have changed."""

import fcntl
from typing import BinaryIO

from launcher.interruption import stop
from launcher.node import Node
from launcher.state import CHECKOUT, State, fingerprint

FOLDER = CHECKOUT / "frontend"
_STAMP = FOLDER / "dist" / ".built"


def build(state: State, node: Node) -> None:
    """Install the packages of the front end and build it when something changed.

    The lock file of the packages is also the lock that keeps two launchers from building at once.
    """
    if is_built():
        return
    log = state.log("frontend")
    with (FOLDER / "package-lock.json").open("rb") as lock:
        while not _try_lock(lock):
            stop.check()
            stop.nap(0.2)
        if is_built():
            return
        node.install(FOLDER, log=log, what="Installing the front end's packages")
        mark = sources()
        _STAMP.unlink(missing_ok=True)
        node.run("run", "build", folder=FOLDER, log=log, what="Building the front end")
        _STAMP.write_text(mark, encoding="utf-8")


def _try_lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_built() -> bool:
    """Whether the built files belong to the sources as they are now."""
    return _STAMP.is_file() and _STAMP.read_text(encoding="utf-8") == sources()


def sources() -> str:
    """A fingerprint of everything that goes into the build."""
    return fingerprint(FOLDER)
