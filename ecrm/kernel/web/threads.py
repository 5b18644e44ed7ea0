"""Runs Django's pages in fixed pools of threads behind an ASGI server (docs/adr/0009-thread-pool.md).

A thread answers a request from beginning to end, so that database connections persist. It gets the whole
body as a file, and an ordinary answer goes back to the event loop in one piece: one hop in, one hop out.
Only streamed answers (downloads, exports) cross piece by piece, at the pace of the client.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable, Coroutine, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Coroutine[Any, Any, None]]
Headers = list[tuple[bytes, bytes]]

UNPREFIXED = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
HANG_UP_SECONDS = 60.0
THREADS_FOR_PEOPLE = 6
THREADS_FOR_PROGRAMS = 4


class _Body(Protocol):
    """What Django's handler returns: an iterable of bytes that says whether it is a stream."""

    streaming: bool

    def __iter__(self) -> Any: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Answer:
    start: Message
    body: bytes


class ThreadedPages:
    """An ASGI application (HTTP only) around Django's WSGI handler.

    Programs have a lane of their own: however much a shop sends at once, people's pages find a free thread.
    It is narrow, because threads that take turns at one interpreter cost more than they bring.
    """

    def __init__(
        self, handler: Callable[[dict[str, Any], Any], Any], *, program_paths: tuple[str, ...]
    ) -> None:
        self._handler = handler
        self._program_paths = program_paths
        self._people = ThreadPoolExecutor(THREADS_FOR_PEOPLE, thread_name_prefix="people")
        self._programs = ThreadPoolExecutor(THREADS_FOR_PROGRAMS, thread_name_prefix="programs")

    async def __call__(self, scope: Scope, body: IO[bytes], send: Send) -> None:
        """Answer one request whose body has been taken in already."""
        loop = asyncio.get_running_loop()
        lane = self._programs if scope["path"].startswith(self._program_paths) else self._people
        work = contextvars.copy_context().run
        answer = await loop.run_in_executor(
            lane, work, self._answer, environ_of(scope, body), loop, send
        )
        if answer is not None:
            await send(answer.start)
            await send({"type": "http.response.body", "body": answer.body})

    def _answer(
        self, environ: dict[str, Any], loop: asyncio.AbstractEventLoop, send: Send
    ) -> _Answer | None:
        """Run the handler in this thread. None when the answer was a stream and has been sent."""
        start: Message = {"type": "http.response.start"}

        def start_response(
            status: str, headers: Iterable[tuple[str, str]], _error: Any = None
        ) -> None:
            start["status"] = int(status[:3])
            start["headers"] = [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
            ]

        body: _Body = self._handler(environ, start_response)
        try:
            if not body.streaming:
                return _Answer(start, b"".join(body))
            _stream(start, body, loop, send)
        finally:
            body.close()
        return None


def _stream(start: Message, body: _Body, loop: asyncio.AbstractEventLoop, send: Send) -> None:
    """Send piece by piece; a client who stopped reading for a minute is given up."""

    def wait_for(message: Message) -> None:
        future = asyncio.run_coroutine_threadsafe(send(message), loop)
        future.result(timeout=HANG_UP_SECONDS)

    with suppress(TimeoutError, ConnectionError):
        wait_for(start)
        for piece in body:
            wait_for({"type": "http.response.body", "body": piece, "more_body": True})
        wait_for({"type": "http.response.body", "body": b""})


def environ_of(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
    """The request as PEP 3333 wants it. Headers with an underscore in their name are dropped.

    (A client could otherwise send X_Forwarded_For beside the X-Forwarded-For of the proxy.)
    """
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": scope.get("root_path", "").encode().decode("latin-1"),
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key = UNPREFIXED.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if key in environ:
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    return environ
