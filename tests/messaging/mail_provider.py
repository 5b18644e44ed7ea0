"""A real HTTP server on loopback that takes mail as Mailgun's and Brevo's batch APIs do."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

KEY = "key-Of-The-Provider"


@dataclass(kw_only=True)
class Taken:
    """A mail as its recipient would get it."""

    recipient: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    metadata: dict[str, str]
    provider_id: str


@dataclass
class Desk:
    """What happened at the provider, and what trouble there is at the moment."""

    taken: list[Taken] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    answer: tuple[int, dict[str, Any]] | None = None
    bad: str = ""
    drop_after: int = 0
    on_call: Callable[[], None] | None = None


class Server:
    """Both providers on one port; can be stopped and started again."""

    def __init__(self) -> None:
        self.desk = Desk()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def url(self, provider: str, *, key: str = KEY) -> str:
        """The setting that leads here."""
        return f"{provider}://{key}@127.0.0.1:{self.port}/v3/?tls=0"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"desk": self.desk})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Handler(BaseHTTPRequestHandler):
    desk: Desk
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        """Tests speak for themselves."""

    def do_POST(self) -> None:
        desk = self.desk
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if desk.on_call:
            desk.on_call()
        is_brevo = self.path == "/v3/smtp/email"
        shown = self.headers["api-key"] if is_brevo else self.headers["Authorization"]
        if shown != (
            KEY if is_brevo else "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()
        ):
            return self._say(401, {"message": "Key not found"})
        said = json.loads(body) if is_brevo else _form(self.headers["Content-Type"], body)
        mails = _of_brevo(said) if is_brevo else _of_mailgun(said)
        desk.bodies.append(said)
        desk.calls.append([mail.recipient for mail in mails])
        if desk.answer is not None:
            return self._say(*desk.answer)
        if any(mail.recipient == desk.bad for mail in mails):
            return self._say(400, {"message": "to parameter is not a valid address"})
        call = len(desk.calls)
        for number, mail in enumerate(mails):
            mail.provider_id = f"{call}.{number if is_brevo else 0}@provider.example"
        desk.taken += mails
        if desk.drop_after:
            desk.drop_after -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        ids = [f"<{mail.provider_id}>" for mail in mails]
        if not is_brevo:
            return self._say(200, {"id": ids[0], "message": "Queued. Thank you."})
        return self._say(201, {"messageIds": ids})

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def _form(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qs(body.decode(), keep_blank_values=True))
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parts = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    fields: dict[str, list[str]] = {}
    for part in parts.iter_parts():  # type: ignore[attr-defined] # a multipart message has them
        name = str(part.get_param("name", header="content-disposition"))
        fields.setdefault(name, []).append(part.get_payload(decode=True).decode())
    return fields


def _of_mailgun(said: dict[str, list[str]]) -> list[Taken]:
    variables = json.loads(said["recipient-variables"][0])
    mails = []
    for recipient in said["to"]:
        own = variables.get(recipient, {})

        def filled(name: str, own: dict[str, str] = own) -> str:
            def said_by(match: re.Match[str]) -> str:
                return own.get(match[1], "") if match[1] else "https://provider.example/"

            mark = r"(?i)%(?:recipient\.([^%]+)|unsubscribe_url)%"
            return re.sub(mark, said_by, said.get(name, [""])[0])

        mails.append(
            Taken(
                recipient=recipient,
                subject=filled("subject"),
                text=filled("text"),
                html=filled("html"),
                headers={name[2:]: filled(name) for name in said if name.startswith("h:")},
                metadata={name[2:]: filled(name) for name in said if name.startswith("v:")},
                provider_id="",
            )
        )
    return mails


def _of_brevo(said: dict[str, Any]) -> list[Taken]:
    mails = []
    for version in said["messageVersions"]:
        params = version.get("params", {})

        def filled(name: str, params: dict[str, str] = params) -> str:
            return re.sub(
                r"\{\{\s*(?:params\.)?(\w*)\s*\}\}",
                lambda match: params.get(match[1], ""),
                said.get(name, ""),
            )

        headers = {**said.get("headers", {}), **version.get("headers", {})}
        mails.append(
            Taken(
                recipient=version["to"][0]["email"],
                subject=filled("subject"),
                text=filled("textContent"),
                html=filled("htmlContent"),
                headers=headers,
                metadata=json.loads(headers.pop("X-Mailin-custom", "{}")),
                provider_id="",
            )
        )
    return mails
