"""What the launcher tells people when it cannot go on."""

import errno
from collections.abc import Iterable
from pathlib import Path

TAIL_LINES = 15

_FULL_DISK = (
    "The disk is full. Free some space (a first start needs about 1.5 GB) and run it again."
)
_WRONG_HASH = (
    "A downloaded file differs from the one in the lock file. It was not installed. Clear the "
    "download cache and try again; if it stays, do not trust the package mirror."
)
_CERTIFICATE = (
    "The TLS certificate of the package index was refused. Behind a company proxy, set "
    "SSL_CERT_FILE and NODE_EXTRA_CA_CERTS to the company's certificate file."
)
_DOWNLOAD = (
    "A download failed. Check the network, then run it again: finished parts are kept. Behind a "
    "proxy or with an own mirror, set HTTPS_PROXY, PIP_INDEX_URL, UV_DEFAULT_INDEX and "
    "npm_config_registry."
)
_HINTS = {
    ("no space left on device", "disk quota exceeded", "enospc"): _FULL_DISK,
    ("hash mismatch", "do not match the hashes", "eintegrity"): _WRONG_HASH,
    ("certificate", "self-signed", "unknownissuer"): _CERTIFICATE,
    (
        "failed to fetch",
        "network is unreachable",
        "name resolution",
        "dns error",
        "enotfound",
        "eai_again",
        "econnrefused",
        "econnreset",
        "etimedout",
        "timed out",
        "error sending request",
        "no matching distribution",
    ): _DOWNLOAD,
}


class LauncherError(Exception):
    """A failure explained in words for the person at the keyboard; shown without a traceback."""


class Interrupted(Exception):
    """Someone asked the launcher to stop (Ctrl-C, SIGTERM or a closed terminal)."""


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, indented; empty when there is none."""
    try:
        text = path.read_bytes()[-20_000:].decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def hint_for(output: str) -> str:
    """A sentence on what to do about a failed command, when its output tells the cause."""
    lowered = output.lower()
    return next((hint for needles, hint in _HINTS.items() if _any_in(needles, lowered)), "")


def explain_os_error(error: OSError) -> str:
    """A refusal of the operating system in words."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _FULL_DISK
    where = f" ({error.filename})" if error.filename else ""
    return f"The operating system refused: {error.strerror or error}{where}"


def _any_in(needles: Iterable[str], text: str) -> bool:
    return any(needle in text for needle in needles)
