"""A sender of mass mail in a process of its own, to be killed: `python -m tests.messaging.murder URL DIR`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def start(url: str, journals: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A sender that works until it is killed or nothing is left to send."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.messaging.murder", url, str(journals)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_one(senders: list[subprocess.Popen[bytes]], chance: random.Random) -> str:
    """Kill a sender, or its courier, at this moment; returns which, or "" when there was none."""
    sender = chance.choice(senders)
    couriers = _children(sender.pid)
    victim = chance.choice([sender.pid, *couriers])
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
        return "sender" if victim == sender.pid else "courier"
    return ""


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(word) for word in text.split()]


def _send(url: str, journals: str) -> None:
    import django

    django.setup()
    from django.db import Error, connection

    from messaging.models import OutgoingMessage
    from messaging.services.mass import MassSender

    sender = MassSender(url, journals=Path(journals))
    waiting = OutgoingMessage.objects.filter(state__in=["pending", "deferred", "claimed"])
    while True:
        try:
            if not sender.send_due():
                if not waiting.exists():
                    break
                time.sleep(0.2)
        except Error:
            connection.close()
            time.sleep(0.5)
    sender.close()


if __name__ == "__main__":
    _send(sys.argv[1], sys.argv[2])
