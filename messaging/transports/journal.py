"""What a courier writes down while it hands mails over, so that its death leaves no doubt that need not be.

Each courier has a directory with a lock that lasts as long as it or its owner, and in it one append-only
file per batch. A line is in the kernel's hands when `write` returns and outlives a killed process. It
need not outlive the machine: the first line names the boot of the machine, and in a journal of another
boot what is missing proves nothing.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
Kind = Literal["accepted", "deferred", "rejected", "closed", "unknown", "unmade"]
_KINDS: Final[dict[str, Kind]] = {kind: kind for kind in get_args(Kind)}
_LINE: Final = re.compile(
    rf"\A([SR]) (\d+) (\d+)(?: ({'|'.join(_KINDS)}) (\d+) ([^\t]*)(?:\t(\S*)\t(\S*))?)?\Z"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """How a mail fared: when, and in the server's words. `unmade` could not be rendered.

    A provider also gives it an id, and some refusals have a reason that is not in the words.
    """

    kind: Kind
    milliseconds: int
    code: int
    text: str
    reason: str = ""
    provider_id: str = ""


@dataclass(slots=True)
class Story:
    """What a journal tells. Of a mail in neither nothing was handed over, when the story is whole."""

    is_whole: bool
    started: dict[int, int] = field(default_factory=dict)
    ended: dict[int, Entry] = field(default_factory=dict)


class Desk:
    """A courier's directory, with a lock that its owner and the courier hold together.

    The kernel gives the lock back when both are dead, and not before: then nobody will hand over anything
    more, and whoever finds the journals may settle them.
    """

    def __init__(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.place = place
        self._lock = (place / "lock").open("a")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def fileno(self) -> int:
        """The lock, for the courier to inherit."""
        return self._lock.fileno()

    def leave(self) -> None:
        """Give up the own share of the lock."""
        self._lock.close()


class Pen:
    """Writes one batch's journal. An end may travel with the next start; whoever waits flushes before."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._held = b""

    def start(self, number: int, milliseconds: int) -> None:
        """This mail is about to be handed over."""
        os.write(self._file, b"%bS %d %d\n" % (self._held, number, milliseconds))
        self._held = b""

    def end(self, number: int, entry: Entry) -> None:
        """This is what became of it."""
        said = " ".join(entry.text.replace("\0", " ").split())[:500]
        line = f"R {number} {entry.milliseconds} {entry.kind} {entry.code} {said}"
        if entry.reason or entry.provider_id:
            line += f"\t{entry.reason}\t{entry.provider_id}"
        line += "\n"
        self._held += line.encode("utf-8", "replace")

    def flush(self) -> None:
        """Write what is held."""
        if self._held:
            os.write(self._file, self._held)
            self._held = b""

    def close(self) -> None:
        """Nothing more is written."""
        self.flush()
        os.close(self._file)


def create(place: Path, token: str) -> Path:
    """The empty journal of a batch, made before the batch is claimed."""
    path = place / f"{token}.journal"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{_boot()}\n")
    return path


def abandoned(root: Path) -> list[Path]:
    """The journals of couriers which are dead, as are their owners."""
    found = []
    for place in [entry for entry in root.glob("*") if entry.is_dir()]:
        if not _is_held(place):
            found += sorted(place.glob("*.journal"))
    return found


def is_on_this_machine(root: Path, token: str) -> bool:
    """Whether the journal of a batch is here, whoever wrote it."""
    return any(root.glob(f"*/{token}.journal"))


def _is_held(place: Path) -> bool:
    try:
        lock = (place / "lock").open("r")
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def read(path: Path) -> Story:
    """What a journal tells; a last line cut short by a crash of the machine is not told."""
    first, *lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    story = Story(is_whole=first == _boot())
    for line in lines[:-1]:
        match = _LINE.match(line)
        if match is None:
            story.is_whole = False
            continue
        letter, number, moment, kind, code, said, reason, provider_id = match.groups()
        if letter == "S":
            story.started[int(number)] = int(moment)
            story.ended.pop(int(number), None)  # begun anew: how it ended before says nothing
        else:
            told = (said, reason or "", provider_id or "")
            story.ended[int(number)] = Entry(_KINDS[kind], int(moment), int(code), *told)
    return story


def tidy(root: Path) -> None:
    """Remove what dead couriers left, once nothing of it is to be settled."""
    for place in [entry for entry in root.glob("*") if entry.is_dir()]:
        if not _is_held(place) and not any(place.glob("*.journal")):
            shutil.rmtree(place, ignore_errors=True)


def _boot() -> str:
    return BOOT.read_text().strip() if BOOT.exists() else "unknown"
