"""Servers and senders for the tests of the post office."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils.timezone import now

from messaging.services.mass import MassSender
from messaging.services.mass_by_provider import ProviderMassSender
from messaging.services.sending import Sender
from messaging.services.sms_sending import SmsSender
from messaging.transports.smtp import Patience
from tests.messaging import mail_provider as mail_provider_server
from tests.messaging import sms_gateway as sms_gateway_server
from tests.messaging.smtp_sink import Server

QUICK = Patience(connect=2, command=2, data=2, final_reply=2)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def __call__(self) -> datetime:
        return now() + self.shift

    def forward(self, **span: float) -> None:
        self.shift += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def smtp() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_sender(clock: Clock) -> Iterator[Callable[..., Sender]]:
    made: list[Sender] = []

    def make(url: str, **options: Any) -> Sender:
        made.append(Sender(url, patience=options.pop("patience", QUICK), clock=clock, **options))
        return made[-1]

    yield make
    for sender in made:
        sender.close()


@pytest.fixture
def make_mass_sender(clock: Clock, tmp_path: Path) -> Iterator[Callable[..., MassSender]]:
    made: list[MassSender] = []

    def make(url: str, **options: Any) -> MassSender:
        patience = options.pop("patience", QUICK)
        options.setdefault("journals", tmp_path / "journals")
        made.append(MassSender(url, patience=patience, clock=clock, **options))
        return made[-1]

    yield make
    for sender in made:
        sender.close()


@pytest.fixture
def mass_sender(smtp: Server, make_mass_sender: Callable[..., MassSender]) -> MassSender:
    return make_mass_sender(smtp.url)


@pytest.fixture
def sender(smtp: Server, make_sender: Callable[..., Sender]) -> Sender:
    return make_sender(smtp.url)


@pytest.fixture
def mail_provider() -> Iterator[mail_provider_server.Server]:
    server = mail_provider_server.Server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_provider_sender(
    clock: Clock, tmp_path: Path
) -> Iterator[Callable[..., ProviderMassSender]]:
    made: list[ProviderMassSender] = []

    def make(url: str, **options: Any) -> ProviderMassSender:
        options.setdefault("journals", tmp_path / "journals")
        made.append(ProviderMassSender(url, clock=clock, **options))
        return made[-1]

    yield make
    for sender in made:
        sender.close()


@pytest.fixture
def sms_gateway(settings: Any) -> Iterator[sms_gateway_server.Server]:
    server = sms_gateway_server.Server()
    server.start()
    settings.ECRM_PRIVATE_HOSTS = [f"127.0.0.1:{server.port}"]
    yield server
    server.stop()


@pytest.fixture
def sms_sender(clock: Clock) -> SmsSender:
    return SmsSender(clock=clock)
