"""Mails through the sender, an attempt row committed before each, beside plain smtplib."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP

from bench.figures import Figure, figure, tell
from bench.ground import Ground, child, free_port

TEXT = "Bonjour, votre commande est confirmée.\n" * 40


def measure(ground: Ground, *, count: int, rounds: int = 3) -> Iterator[Figure]:
    """Mails per second to a sink in another process, and the raw limit over one connection."""
    from django.db import transaction

    from messaging import services as messaging
    from messaging.services.sending import Sender

    port = free_port()
    with child("-m", "bench.sink", str(port), port=port):
        raw = tell(
            figure("mails.raw_smtp", [_raw(port, count) for _round in range(rounds)], "mails/s")
        )
        yield raw
        rates = []
        for round_ in range(rounds):
            with transaction.atomic():
                for number in range(count):
                    messaging.queue_mail(
                        shop_id=ground.shop_id, to=f"customer{number}@bench.example",
                        profile_id=None, purpose="transactional", language="fr",
                        subject="Votre commande", text=TEXT,
                        dedupe_key=f"bench:{round_}:{number}",
                    )  # fmt: skip
            sender = Sender(f"smtp://127.0.0.1:{port}")
            begun = time.perf_counter()
            while sender.send_due():
                pass
            rates.append(count / (time.perf_counter() - begun))
    yield tell(figure("mails.sender", rates, "mails/s", beside=raw))


def _raw(port: int, count: int) -> float:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "a@bench.example",
        "b@bench.example",
        "Votre commande",
    )
    mail.set_content(TEXT)
    raw = mail.as_bytes(policy=SMTP)
    begun = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for number in range(count):
            connection.sendmail("a@bench.example", [f"customer{number}@bench.example"], raw)
    return count / (time.perf_counter() - begun)
