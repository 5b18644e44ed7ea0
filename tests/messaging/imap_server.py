"""A real IMAP server on loopback, and a wire in front of it that can be cut."""

from __future__ import annotations

import asyncio
import imaplib
import socket
import threading
import time
from argparse import Namespace
from contextlib import closing, suppress
from typing import Any

from pymap.backend.dict import Config, DictBackend, Login
from pymap.exceptions import InvalidAuth
from pymap.imap import IMAPServer
from pysasl import SASLAuth
from pysasl.creds.external import ExternalCredentials, ExternalVerificationRequired
from pysasl.mechanism.oauth import OAuth2Mechanism
from pysasl.mechanism.plain import PlainMechanism

from tests.messaging.smtp_sink import free_port

USER, PASSWORD = "bonjour", "s3cret-imap"


class _TokenConfig(Config):
    """Offers XOAUTH2 beside passwords."""

    @property
    def tls_auth(self) -> SASLAuth:
        return SASLAuth([PlainMechanism(), OAuth2Mechanism()])


class _TokenLogin(Login):
    """Also lets in who shows one of these access tokens."""

    def __init__(self, config: Config, tokens: set[str]) -> None:
        super().__init__(config)
        self._access_tokens = tokens

    async def authenticate(self, credentials: Any) -> Any:
        if not isinstance(credentials, ExternalCredentials):
            return await super().authenticate(credentials)
        try:
            credentials.verify(None)
        except ExternalVerificationRequired as shown:
            if credentials.authzid == USER and shown.token in self._access_tokens:
                return self.demo_user_identity
        raise InvalidAuth


class _TokenBackend(DictBackend):
    @classmethod
    async def opened(cls, args: Namespace, tokens: set[str]) -> tuple[Login, Config]:
        config = _TokenConfig.from_args(args)
        login = _TokenLogin(config, tokens)
        await cls._add_demo_user(config, login)
        return login, config


class ImapServer:
    """The server with one user and an empty INBOX; `tokens` open it as the password does."""

    def __init__(self) -> None:
        self.port = free_port()
        self.tokens: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda *_: None)
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self) -> None:
        args = Namespace(
            host="127.0.0.1",
            port=self.port,
            debug=False,
            cert=None,
            key=None,
            tls=False,
            passlib_cfg=None,
            proxy_protocol=None,
            demo_data=False,
            demo_user=USER,
            demo_password=PASSWORD,
        )
        login, config = await _TokenBackend.opened(args, self.tokens)
        config.apply_context()
        server = IMAPServer(login, config)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            from proxyprotocol.sock import SocketInfoLocal

            await server(reader, writer, SocketInfoLocal(writer))

        self._server = await asyncio.start_server(serve, host="127.0.0.1", port=self.port)

    def client(self) -> imaplib.IMAP4:
        """A signed-in client of the mail program that owns the mailbox."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=5)
        client.login(USER, PASSWORD)
        return client

    def append(self, *mails: bytes, folder: str = "INBOX") -> None:
        with closing_client(self.client()) as client:
            for mail in mails:
                status, _ = client.append(folder, "", "", mail)
                assert status == "OK"


class closing_client:  # noqa: N801 - reads like contextlib's
    def __init__(self, client: imaplib.IMAP4) -> None:
        self._client = client

    def __enter__(self) -> imaplib.IMAP4:
        return self._client

    def __exit__(self, *_: Any) -> None:
        self._client.logout()


class CuttableWire:
    """Forwards bytes from a port of its own to the server; `budget` bytes later the wire is cut.

    While it `drips`, what the server says arrives byte by byte.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.budget: int | None = None
        self.drips = False
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_counted: bool) -> None:
        with suppress(OSError), closing(source), closing(sink):
            while data := source.recv(4096):
                if is_counted and self.budget is not None:
                    data = data[: self.budget]
                    self.budget -= len(data)
                if is_counted and self.drips:
                    for byte in data:
                        sink.sendall(bytes([byte]))
                        time.sleep(0.002)
                else:
                    sink.sendall(data)
                if is_counted and self.budget == 0:
                    sink.shutdown(socket.SHUT_RDWR)
                    return
