"""Takes a request's body in whole before a thread of the pool is spent on it.

Without this, a dozen slow uploads hold all threads of the WSGI pool and every page waits.
"""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import IO, Any

from ecrm.kernel.web.threads import Scope, Send

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
App = Callable[[Scope, IO[bytes], Send], Awaitable[None]]

IN_MEMORY_BYTES = 256 * 1024


class BodyTooLarge(Exception):
    """The body is longer than the limit."""


class ClientGone(Exception):
    """The client hung up before the body ended."""


class BufferedBodies:
    """An ASGI application that hands whole bodies, as files, to the application of the thread pool.

    413 beyond `limit` bytes, 408 when the body takes longer than `seconds`. The paths in `larger` take
    as many bytes as stand there, in ten times the time.
    """

    def __init__(
        self,
        app: App,
        *,
        limit: int,
        seconds: float = 60.0,
        larger: Mapping[str, int] | None = None,
    ) -> None:
        self._app = app
        self._limit = limit
        self._seconds = seconds
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._has_no_body(scope):
            await self._app(scope, io.BytesIO(), send)
            return
        is_larger = scope["path"] in self._larger
        with self._room_for(scope) as body:
            try:
                async with asyncio.timeout(self._seconds * (10 if is_larger else 1)):
                    await self._take_in(scope, receive, body)
            except BodyTooLarge:
                await _refuse(send, 413, b"The request is too large.")
            except TimeoutError:
                await _refuse(send, 408, b"The request took too long to arrive.")
            except ClientGone:
                return
            else:
                body.seek(0)
                await self._app(scope, body, send)

    def _room_for(self, scope: Scope) -> IO[bytes]:
        """Memory for a body that says it is small, else a file once it has become large."""
        declared = _declared_size(scope)
        if declared is not None and declared <= IN_MEMORY_BYTES:
            return io.BytesIO()
        return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)

    def _has_no_body(self, scope: Scope) -> bool:
        headers = dict(scope["headers"])
        return headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers

    async def _take_in(self, scope: Scope, receive: Receive, body: IO[bytes]) -> None:
        limit = self._larger.get(scope["path"], self._limit)
        if (_declared_size(scope) or 0) > limit:
            raise BodyTooLarge
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            block = message.get("body", b"")
            size += len(block)
            if size > limit:
                raise BodyTooLarge
            body.write(block)
            if not message.get("more_body"):
                return


def _declared_size(scope: Scope) -> int | None:
    """The length that the client announces, None when it does not."""
    declared = dict(scope["headers"]).get(b"content-length", b"")
    return int(declared) if declared.isdigit() else None


async def _refuse(send: Send, status: int, text: bytes) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
