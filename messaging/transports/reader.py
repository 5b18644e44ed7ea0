"""The parent's end of the reading child: sends a mail, waits for the answer, replaces dead children."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from messaging.mime import child
from messaging.mime.reading import ParsedMail
from messaging.mime.structure import Unreadable

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_SECONDS = 30.0
"""Wall clock per mail; the child's own limit is processor time."""
MAILS_PER_CHILD = 200
_CHUNK = 65536


_threads = threading.local()


def of_thread() -> MailReader:
    """The calling thread's reader; its child ends with the process."""
    found: MailReader | None = getattr(_threads, "reader", None)
    if found is None:
        found = _threads.reader = MailReader()
    return found


class _Gone(Exception):
    """The child died or took too long."""


class MailReader:
    """Reads mails in a child process. Not shared between threads."""

    def __init__(self, *, seconds: float = LONGEST_SECONDS) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._mails = 0

    def read(self, raw: bytes) -> ParsedMail:
        """The mail as it is understood.

        Raises Unreadable; "too_expensive" when the child did not survive the mail.
        """
        process = self._child()
        try:
            answer, blobs = self._exchange(process, raw)
        except _Gone as error:
            self.close()
            raise Unreadable("too_expensive") from error
        if "error" in answer:
            raise Unreadable(str(answer["error"]))
        return child.unpacked(answer["mail"], blobs)

    def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _child(self) -> subprocess.Popen[bytes]:
        if self._process is not None and (
            self._process.poll() is not None or self._mails >= MAILS_PER_CHILD
        ):
            self.close()
        if self._process is None:
            self._mails = 0
            self._process = subprocess.Popen(
                [sys.executable, "-m", "messaging.mime.child"],
                cwd=ROOT,
                env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        self._mails += 1
        return self._process

    def _exchange(
        self, process: subprocess.Popen[bytes], raw: bytes
    ) -> tuple[dict[str, Any], list[bytes]]:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise _Gone
        pump = threading.Thread(target=_send, args=(stdin, raw), daemon=True)
        pump.start()
        source = _Source(stdout.fileno(), deadline=time.monotonic() + self._seconds)
        answer = json.loads(source.take(child.LENGTH.unpack(source.take(child.LENGTH.size))[0]))
        blobs = [source.take(item["size"]) for item in answer.get("mail", {}).get("files", ())]
        pump.join()
        return answer, blobs


def _send(stdin: Any, raw: bytes) -> None:
    try:
        for piece in (child.LENGTH.pack(len(raw)), raw):
            view = memoryview(piece)
            while view:
                view = view[stdin.write(view) :]
    except (OSError, ValueError):
        return  # the child died; the reading side notices


class _Source:
    """Bytes from a pipe until a deadline."""

    def __init__(self, descriptor: int, *, deadline: float) -> None:
        self._descriptor = descriptor
        self._deadline = deadline

    def take(self, size: int) -> bytes:
        pieces: list[bytes] = []
        while size:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0 or not select.select([self._descriptor], [], [], remaining)[0]:
                raise _Gone
            piece = os.read(self._descriptor, min(size, _CHUNK))
            if not piece:
                raise _Gone
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)
