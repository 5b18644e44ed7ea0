"""A real HTTP server on loopback that behaves like each SMS provider, and misbehaves on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

OVH = {"key": "ovh-app", "secret": "ovh-secret", "consumer": "ovh-consumer", "service": "sms-ab1-1"}
TWILIO = {"sid": "AC0123456789", "token": "twilio-token"}
BREVO_KEY = "xkeysib-1"
GENERIC_KEY = "gateway-secret"
AHEAD = 90
"""Seconds by which the clock of the OVH-shaped server is ahead of ours."""


@dataclass
class Taken:
    """An SMS for which the provider said yes."""

    number: str
    recipient: str
    text: str
    said: dict[str, Any]


@dataclass
class Gateway:
    """What happened at the providers, and what trouble there is at the moment."""

    taken: list[Taken] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    answer: tuple[int, dict[str, Any]] | None = None
    drop_before: int = 0
    drop_after: int = 0
    on_call: Callable[[], None] | None = None

    def take(self, recipient: str, text: str, said: dict[str, Any]) -> str:
        number = f"id-{len(self.taken) + 1}"
        self.taken.append(Taken(number, recipient, text, said))
        return number


class Server:
    """The providers on one port; can be stopped and started again."""

    def __init__(self) -> None:
        self.gateway = Gateway()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"gateway": self.gateway, "origin": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Handler(BaseHTTPRequestHandler):
    gateway: Gateway
    origin: Server

    def log_message(self, *args: Any) -> None:
        """Tests speak for themselves."""

    def do_GET(self) -> None:
        if self.path == "/1.0/auth/time":
            self._raw(200, str(int(time.time()) + AHEAD).encode())
        else:
            self._say(404, {})

    def do_POST(self) -> None:
        gateway = self.gateway
        gateway.calls.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if gateway.on_call:
            gateway.on_call()
        if gateway.drop_before:
            gateway.drop_before -= 1
            return self._hang_up()
        if gateway.answer is not None:
            return self._say(*gateway.answer)
        status, answer = self._provider()(body)
        if gateway.drop_after:
            gateway.drop_after -= 1
            return self._hang_up()
        return self._say(status, answer)

    def _provider(self) -> Callable[[bytes], tuple[int, dict[str, Any]]]:
        if self.path.startswith("/2010-04-01/"):
            return self._twilio
        if self.path.startswith("/1.0/sms/"):
            return self._ovh
        return self._brevo if self.path.startswith("/v3/") else self._generic

    def _twilio(self, body: bytes) -> tuple[int, dict[str, Any]]:
        proof = base64.b64encode(f"{TWILIO['sid']}:{TWILIO['token']}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {proof}":
            return 401, {"code": 20003, "message": "Authenticate"}
        if self.path != f"/2010-04-01/Accounts/{TWILIO['sid']}/Messages.json":
            return 404, {"code": 20404, "message": "Not found"}
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form["To"].startswith("+33999"):
            return 400, {"code": 21211, "message": "Invalid 'To' Phone Number"}
        if form["To"].startswith("+33888"):
            return 400, {"code": 21610, "message": "Attempt to send to unsubscribed recipient"}
        return 201, {"sid": self.gateway.take(form["To"], form["Body"], form), "status": "queued"}

    def _ovh(self, body: bytes) -> tuple[int, dict[str, Any]]:
        stamp = self.headers["X-Ovh-Timestamp"]
        url = f"{self.origin.url}{self.path}"
        parts = [OVH["secret"], OVH["consumer"], "POST", url, body.decode(), stamp]
        wanted = "$1$" + hashlib.sha1("+".join(parts).encode()).hexdigest()
        known = (self.headers["X-Ovh-Application"], self.headers["X-Ovh-Consumer"])
        if self.headers["X-Ovh-Signature"] != wanted or known != (OVH["key"], OVH["consumer"]):
            return 403, {"errorCode": "INVALID_SIGNATURE", "message": "Invalid signature"}
        if abs(int(stamp) - time.time() - AHEAD) > 30:
            return 403, {"errorCode": "QUERY_TIME_OUT", "message": "Query out of time"}
        order = json.loads(body)
        recipient = order["receivers"][0]
        if recipient.startswith("+33999"):
            return 200, {"ids": [], "invalidReceivers": [recipient], "validReceivers": []}
        number = self.gateway.take(recipient, order["message"], order)
        return 200, {"ids": [number], "invalidReceivers": [], "validReceivers": [recipient]}

    def _brevo(self, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.headers["api-key"] != BREVO_KEY:
            return 401, {"code": "unauthorized", "message": "Key not found"}
        order = json.loads(body)
        if order["recipient"].startswith("33999"):
            return 400, {"code": "invalid_parameter", "message": "Invalid recipient"}
        number = self.gateway.take(f"+{order['recipient']}", order["content"], order)
        return 201, {"messageId": number, "reference": "ab1cde2fgh3", "smsCount": 1}

    def _generic(self, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.headers["Authorization"] != f"Bearer {GENERIC_KEY}":
            return 401, {}
        order = json.loads(body)
        if order["to"].startswith("+33999"):
            return 422, {"reason": "invalid_recipient", "message": "no such number"}
        return 202, {"id": self.gateway.take(order["to"], order["text"], order)}

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        self._raw(status, json.dumps(answer).encode())

    def _raw(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
