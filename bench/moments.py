"""How long after an order its customer has the confirmation."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aiosmtpd.controller import Controller

from bench.figures import Figure, figure, tell
from bench.ground import Ground, child, free_port
from bench.orders import document

FIRST = 900_000
PATIENCE_SECONDS = 30


class _Letterbox:
    """Notes when the mail for each customer arrived."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self._news = threading.Condition()

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 - the signature is aiosmtpd's
        with self._news:
            self.arrived[envelope.rcpt_tos[0]] = time.monotonic()  # type: ignore[attr-defined]
            self._news.notify_all()
        return "250 OK"

    def wait_for(self, address: str) -> float:
        """When the mail arrived. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: address in self.arrived, PATIENCE_SECONDS):
                raise TimeoutError(f"No confirmation reached {address}.")
            return self.arrived[address]


def measure(ground: Ground, *, runs: int) -> Iterator[Figure]:
    """Milliseconds from the answer to the order until the SMTP server has the whole confirmation."""
    letterbox = _Letterbox()
    smtp = Controller(letterbox, hostname="127.0.0.1", port=free_port(), ready_timeout=30)
    smtp.start()
    try:
        with _processes(smtp.port) as port:
            times = [_moment(port, ground.key, FIRST + run, letterbox) for run in range(runs + 3)]
    finally:
        smtp.stop()
    yield tell(figure("orders.to_confirmation", times[3:], "ms"))


@contextmanager
def _processes(smtp_port: int) -> Iterator[int]:
    os.environ["ECRM_SMTP_URL"] = f"smtp://127.0.0.1:{smtp_port}"
    port = free_port()
    web = ("-m", "uvicorn", "ecrm.asgi:application", "--host", "127.0.0.1", "--port", str(port))
    quiet = ("--log-level", "error", "--no-access-log", "--no-proxy-headers")
    try:
        with child("manage.py", "work", "relay", "sender"), child(*web, *quiet, port=port):
            yield port
    finally:
        del os.environ["ECRM_SMTP_URL"]


def _moment(port: int, key: str, number: int, letterbox: _Letterbox) -> float:
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    order = document(number)
    server.request("PUT", f"/api/v1/orders/{number}", body=json.dumps(order), headers=headers)
    answer = server.getresponse()
    answered = time.monotonic()
    if answer.status != HTTPStatus.CREATED:
        raise RuntimeError(f"{answer.status}: {answer.read().decode()}")
    server.close()
    return (letterbox.wait_for(order["customer"]["email"]) - answered) * 1000
