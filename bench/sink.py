"""An SMTP server which takes everything: `python -m bench.sink PORT [LOG]`.

It answers commands that come in groups (RFC 2920). With a log it appends, before it answers 250, one line
a mail: milliseconds since 1970 and the Message-ID.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Final, cast

import uvloop

GREETING: Final = b"220 sink\r\n"
EXTENSIONS: Final = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 40000000\r\n250 8BITMIME\r\n"
END: Final = b"\r\n.\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, log: int | None) -> None:
        self._log = log
        self._buffer = bytearray()
        self._is_message = False
        self._searched = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        transport = self._transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers: list[bytes] = []
        while self._take(answers):
            pass
        if answers:
            self._transport.write(b"".join(answers))

    def _take(self, answers: list[bytes]) -> bool:
        """Handle one message or one command; False when the rest of it has not come yet."""
        if self._is_message:
            end = self._buffer.find(END, max(0, self._searched - len(END)))
            if end < 0:
                self._searched = len(self._buffer)
                return False
            if self._log is not None:
                self._note()
            del self._buffer[: end + len(END)]
            self._is_message, self._searched = False, 0
            answers.append(b"250 2.0.0 taken\r\n")
            return True
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        answers.append(self._answer(bytes(self._buffer[:4]).upper()))
        del self._buffer[: end + 2]
        return True

    def _answer(self, verb: bytes) -> bytes:
        if verb == b"DATA":
            self._is_message = True
            return b"354 go ahead\r\n"
        if verb in {b"EHLO", b"HELO"}:
            return EXTENSIONS
        if verb == b"QUIT":
            self._transport.close()
            return b"221 bye\r\n"
        return b"250 ok\r\n"

    def _note(self) -> None:
        begin = self._buffer.find(b"Message-ID: ") + 12
        identity = bytes(self._buffer[begin : self._buffer.find(b"\r\n", begin)])
        assert self._log is not None
        os.write(self._log, b"%d %b\n" % (time.time_ns() // 1_000_000, identity))


async def serve(port: int, log: int | None) -> None:
    """Listen on loopback for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(log), "127.0.0.1", port, backlog=100)
    await server.serve_forever()


if __name__ == "__main__":
    into = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND) if sys.argv[2:] else None
    uvloop.run(serve(int(sys.argv[1]), into))
