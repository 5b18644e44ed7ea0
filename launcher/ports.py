"""Free ports for private services, and who sits on a taken one."""

import random
import socket
from contextlib import suppress
from pathlib import Path

from launcher.errors import LauncherError

# Below the range from which outgoing connections of the same machine get their ports.
_RANGE = (20_000, 30_000)
_LISTEN = "0A"


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_port(remembered: int | None = None, *, avoid: frozenset[int] = frozenset()) -> int:
    """The remembered port when it is free, else a random free one."""
    if remembered and remembered not in avoid and is_free(remembered):
        return remembered
    for _ in range(200):
        port = random.randint(*_RANGE)
        if port not in avoid and is_free(port):
            return port
    raise LauncherError(f"No free port between {_RANGE[0]} and {_RANGE[1]} on this machine.")


def require_free(port: int) -> None:
    """Raise LauncherError with the name of the holder when the web port is taken."""
    if is_free(port):
        return
    holder = holder_of(port)
    raise LauncherError(
        f"Port {port} is taken{f' by {holder}' if holder else ''}.\n"
        f"Stop that program, or choose another port:\n    PORT={port + 1} make run"
    )


def holder_of(port: int) -> str:
    """`name (pid 123)` of the process listening on the port; empty when it can't be seen."""
    inode = _listening_inode(port)
    if not inode:
        return ""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(
                str(link.readlink()) == f"socket:[{inode}]" for link in (folder / "fd").iterdir()
            ):
                name = (folder / "comm").read_text(encoding="utf-8").strip()
                return f"{name} (pid {folder.name})"
    return ""


def _listening_inode(port: int) -> str:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    return fields[9]
    return ""
