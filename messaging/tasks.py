"""Entry points of `manage.py work sender mass inbound`."""

from __future__ import annotations

import threading
from datetime import timedelta

from django.conf import settings

from ecrm.kernel import doorbell, loops
from ecrm.kernel.jobs import periodic
from messaging.services import carriers, doors, hits, provider_calls, reading, sending_domains
from messaging.services.fetching import LOOK_AROUND_SECONDS, Watchtower
from messaging.services.mass import MassSender
from messaging.services.mass_by_provider import ProviderMassSender
from messaging.services.sending import Sender
from messaging.services.sms_sending import SmsSender
from messaging.transports import provider_api, reader

_senders = threading.local()


@loops.loop("sender", topic="mail", every=1.0)
def send_mail() -> bool:
    """Send what is due over this thread's connection; without a mail server everything waits."""
    if not carriers.route():
        return False
    return _sender().send_due()


@loops.loop("sender", topic="mail", every=1.0)
def send_mail_too() -> bool:
    """A second connection, so that one slow answer does not keep every mail waiting."""
    return send_mail()


@loops.loop("sender", topic="sms", every=1.0)
def send_sms() -> bool:
    """Send what is due by SMS, each shop's by its own provider."""
    return SmsSender().send_due()


@loops.service("mass")
def send_mass_mail(stop: threading.Event) -> None:
    """Send mass mail by courier or by a provider; what is under way is settled before this ends."""
    if not carriers.route():
        stop.wait()
        return
    sender = _mass_sender(carriers.route())
    listener = doorbell.Listener("mass-mail")
    try:
        while not stop.is_set():
            if not sender.send_due():
                listener.wait(1.0)
    finally:
        sender.close()


@loops.loop("inbound", topic="inbound", every=2.0)
def read_mail() -> bool:
    """Read and file the raw mail that waits longest."""
    return reading.read_next(reader.of_thread())


@loops.loop("inbound", topic="inbound", every=2.0)
def settle_provider_calls() -> bool:
    """Apply the call of a mail provider that waits longest."""
    return provider_calls.settle_next()


@loops.loop("inbound", topic="hits", every=10.0)
def settle_hits() -> bool:
    """Judge who opened mails and followed links, and tell the profiles."""
    return hits.settle_hits() >= hits.BATCH


@periodic("messaging.forget-provider-calls", every=timedelta(hours=1))
def forget_provider_calls() -> None:
    """What providers told us and nobody could read goes after two weeks."""
    provider_calls.forget_parked()


@periodic("messaging.check-sending-domains", every=sending_domains.EVERY)
def check_sending_domains() -> None:
    """Ask the DNS whether mail from our domains will be believed."""
    sending_domains.check_all()


@loops.service("inbound")
def fetch_mail(stop: threading.Event) -> None:
    """Follow the mailboxes."""
    tower = Watchtower()
    try:
        while not stop.is_set():
            tower.look()
            stop.wait(LOOK_AROUND_SECONDS)
    finally:
        tower.close()


@loops.service("inbound")
def take_deliveries(stop: threading.Event) -> None:
    """Take what mail servers deliver directly, where `ECRM_MAIL_LISTEN` says."""
    if settings.ECRM_MAIL_LISTEN:
        doors.serve(settings.ECRM_MAIL_LISTEN, stop=stop)
    else:
        stop.wait()


def _sender() -> Sender:
    sender: Sender | None = getattr(_senders, "sender", None)
    if sender is None or sender.url != carriers.route():
        sender = _senders.sender = Sender(carriers.route())
    return sender


def _mass_sender(url: str) -> MassSender | ProviderMassSender:
    return ProviderMassSender(url) if provider_api.is_provider(url) else MassSender(url)
