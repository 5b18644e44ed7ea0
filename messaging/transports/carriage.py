"""The owner's end of a courier: starts the process, gives it batches, hears when one is done."""

from __future__ import annotations

import fcntl
import json
import select
import subprocess
import sys
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from messaging.transports import journal
from messaging.transports.smtp import Patience

ROOT: Final = Path(__file__).resolve().parent.parent.parent
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
MOST_WORDS: Final = 200
ROOM: Final = 1 << 20
"""Bytes of the pipe: a batch lies ready in it while the one before is carried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """What a courier has to know. `unsubscribe_url` contains TOKEN; `base` is our own address."""

    url: str
    own_name: str
    key: bytes
    unsubscribe_url: str
    base: str
    journals: Path
    connections: int = 4
    patience: Patience | None = None
    failpoint: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The courier has finished a batch; `trouble` is what kept it from the server."""

    token: str
    trouble: str


class CourierDied(Exception):
    """The process is gone. Its journals say how far it came."""


class Carriage:
    """One courier process, ready to work. Raises CourierDied when it does not come up."""

    def __init__(self, setup: Setup) -> None:
        self._desk = journal.Desk(setup.journals / uuid.uuid4().hex)
        self._known: set[int] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "messaging.transports.courier"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._desk.fileno()],
        )
        if self._process.stdin is not None:
            fcntl.fcntl(self._process.stdin, fcntl.F_SETPIPE_SZ, ROOM)
        patience = setup.patience or Patience()
        self._say(
            {
                "url": setup.url,
                "own_name": setup.own_name,
                "key": setup.key.hex(),
                "unsubscribe_url": setup.unsubscribe_url,
                "base": setup.base,
                "desk": str(self._desk.place),
                "connections": setup.connections,
                "patience": asdict(patience),
                "failpoint": setup.failpoint,
            }
        )
        # What is claimed for a courier has a second to leave: nothing is claimed before it stands ready.
        if self.wait(START_SECONDS) is None:
            self.close()
            raise CourierDied

    @property
    def pid(self) -> int:
        """The process, for those who measure or kill it."""
        return self._process.pid

    def prepare(self, token: str) -> Path:
        """The journal of a batch, to be made before the batch is claimed."""
        return journal.create(self._desk.place, token)

    def unknown(self, wordings: set[int]) -> set[int]:
        """Those of these wordings whose words the courier has to be told with the next batch."""
        return wordings if self._is_full(wordings) else wordings - self._known

    def submit(
        self,
        token: str,
        *,
        deadline: float,
        mails: list[list[Any]],
        words: Mapping[int, dict[str, str]],
        plus: Collection[str] = (),
    ) -> None:
        """Give it a batch; reports of mail from the `plus` senders name it. Raises CourierDied."""
        forget = self._is_full(set(words))
        if forget:
            self._known.clear()
        self._known |= set(words)
        self._say(
            {
                "token": token,
                "deadline": deadline,
                "mails": mails,
                "words": words,
                "plus": sorted(plus),
                "forget": forget,
            }
        )

    def wait(self, seconds: float) -> Done | None:
        """The next finished batch, or None when none was finished in time. Raises CourierDied."""
        output = self._process.stdout
        if output is None or not select.select([output], [], [], seconds)[0]:
            return None
        line = output.readline()
        if not line.endswith(b"\n"):
            self._process.wait()
            raise CourierDied
        return Done(**json.loads(line))

    def close(self) -> None:
        """Let it finish what it is doing and go; never raises."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.leave()

    def leave(self) -> None:
        """Let go of a courier that is gone."""
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                with suppress(OSError):
                    end.close()
        self._desk.leave()

    def _is_full(self, wordings: set[int]) -> bool:
        return len(self._known | wordings) > MOST_WORDS

    def _say(self, message: dict[str, Any]) -> None:
        if self._process.stdin is None:
            raise CourierDied
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            self._process.wait()
            raise CourierDied from error
