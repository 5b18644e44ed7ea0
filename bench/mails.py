"""Mails through the senders beside what the same SMTP server takes when nothing else is done."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.figures import Figure, figure, tell
from bench.ground import Ground, child, free_port, peak_megabytes

PARAGRAPH = (
    '<tr><td style="padding:12px 24px;font:15px/1.5 Arial,sans-serif;color:#1c2024">Bonjour '
    '{{ first_name }}, votre sélection de la saison est arrivée : <a href="{{ link }}">découvrez-la</a>. '
    "Livraison offerte dès 60 €.</td></tr>\n"
)
HTML = (
    '<!doctype html><html lang="fr"><body><table role="presentation">'
    + "".join(PARAGRAPH.replace("link", f"link{number}") for number in range(10))
    + '<tr><td style="padding:24px">Une jolie robe en lin, légère et fluide.</td></tr>\n' * 240
    + "</table></body></html>"
)
TEXT = "Bonjour {{ first_name }},\n\n" + "Votre sélection de la saison est arrivée.\n" * 40
SENDERS = 2


def measure(ground: Ground, *, count: int, rounds: int = 3) -> Iterator[Figure]:
    """Mass mails and single mails per second to a sink in a process of its own, and its raw rate."""
    from messaging.services.sending import Sender

    port = free_port()
    url = f"smtp://127.0.0.1:{port}"
    with child("-m", "bench.sink", str(port), port=port), TemporaryDirectory() as journals:
        raw = tell(
            figure("mails.raw_smtp", [_raw(port, count) for _round in range(rounds)], "mails/s")
        )
        yield raw
        rates = []
        peaks: list[tuple[float, float]] = []
        ids = customers(ground, count)
        for round_ in range(rounds):
            queue_many(ground, count, round_, ids)
            rate, peaks_of_round = _together(url, Path(journals), count)
            rates.append(rate)
            peaks += peaks_of_round
        yield tell(figure("mails.mass", rates, "mails/s", beside=raw))
        couriers, owners = zip(*peaks, strict=True)
        yield tell(figure("mails.courier_memory", [max(couriers)], "MB"))
        yield tell(figure("mails.owner_memory", [max(owners)], "MB"))
        rates = []
        singles = max(count // 20, 50)
        for round_ in range(rounds):
            _queue_singles(ground, singles, round_)
            sender = Sender(url)
            begun = time.perf_counter()
            while sender.send_due():
                pass
            rates.append(singles / (time.perf_counter() - begun))
            sender.close()
        yield tell(figure("mails.single", rates, "mails/s", beside=raw))


def _together(url: str, journals: Path, count: int) -> tuple[float, list[tuple[float, float]]]:
    """The rate of two senders which begin at the same moment, measured until the last mail is settled.

    Beside it the peak memory of each one's courier and owner.
    """
    from django.db import connection

    connection.close()
    context = get_context("spawn")
    start, ready, peaks = context.Event(), context.Semaphore(0), context.Queue()
    senders = [
        context.Process(target=_send, args=(url, str(journals), start, ready, peaks))
        for _ in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    for _ in senders:
        ready.acquire()
    begun = time.perf_counter()
    start.set()
    found = [peaks.get() for _ in senders]
    seconds = time.perf_counter() - begun
    for sender in senders:
        sender.join()
    from messaging.models import OutgoingMessage

    assert not OutgoingMessage.objects.filter(lane=2).exclude(state="sent").exists()
    return count / seconds, found


def _send(url: str, journals: str, start: Any, ready: Any, peaks: Any) -> None:
    import django

    django.setup()
    from messaging.services.mass import MassSender

    sender = MassSender(url, journals=Path(journals))
    sender.send_due()  # the courier is up before the clock runs
    ready.release()
    start.wait()
    while sender.send_due():
        pass
    peaks.put((peak_megabytes(sender.courier_pid or 0), peak_megabytes(os.getpid())))
    sender.close()


def customers(ground: Ground, count: int) -> list[int]:
    """So many customers who agreed to marketing, half of them to open tracking too."""
    from django.db import connection
    from django.utils.timezone import now

    from profiles.models import ConsentState, Profile

    at = now()
    people = Profile.objects.bulk_create(
        [
            Profile(source="bench", created_at=at, first_seen_at=at, last_seen_at=at)
            for _number in range(count)
        ]
    )
    ids = [person.pk for person in people]
    for purpose, agreed in (("marketing", ids), ("open_tracking", ids[::2])):
        ConsentState.objects.bulk_create(
            ConsentState(
                profile_id=pk, shop_id=ground.shop_id, channel="email", purpose=purpose, stand=1
            )
            for pk in agreed
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE profiles_consentstate")
    return ids


def queue_many(ground: Ground, count: int, round_: int, ids: list[int]) -> None:
    """Queue one marketing mail of 22 KB for each of these customers."""
    from messaging.services import mailings

    wording = mailings.keep_wording(
        shop_id=ground.shop_id, language="fr", subject="{{ first_name }}, la belle saison est là",
        text=TEXT, html_source=HTML,
    )  # fmt: skip
    mailings.queue_many(
        wording,
        recipients=(
            mailings.MassRecipient(
                to=f"customer{number}@bench.example",
                profile_id=ids[number],
                data={
                    "first_name": "Amélie" if number % 2 else "Claire",
                    **{
                        f"link{link}": f"https://bench.example/r/{number}/{link}"
                        for link in range(10)
                    },
                },
                dedupe_key=f"bench:mass:{round_}:{number}",
            )
            for number in range(count)
        ),
        topic="news",
        about="campaign:1",
    )


def _queue_singles(ground: Ground, count: int, round_: int) -> None:
    from django.db import transaction

    from messaging import services as messaging

    with transaction.atomic():
        for number in range(count):
            messaging.queue_mail(
                shop_id=ground.shop_id, to=f"customer{number}@bench.example",
                profile_id=None, purpose="transactional", language="fr",
                subject="Votre commande", text=TEXT,
                dedupe_key=f"bench:{round_}:{number}",
            )  # fmt: skip


def _raw(port: int, count: int) -> float:
    """The same bytes again and again, over as many connections as a courier has."""
    from messaging.mime import mass
    from messaging.transports.pipeline import Parcel, Pipeline, Reporter
    from messaging.transports.smtp import SmtpServer

    words = mass.Words(
        from_name="Bench", from_address="a@bench.example", subject="Été", text=TEXT, html=HTML
    )
    data = {"first_name": "Claire"} | {f"link{n}": "https://bench.example/r/1/1" for n in range(10)}
    mail = mass.Compiled(words).fill(
        mass.Recipient(address="b@bench.example", message_id="<1@b>", date="", data=data)
    )
    taken = []
    silent = Reporter(
        started=lambda _number: None,
        ended=lambda number, _result: taken.append(number),
        waiting=lambda: None,
        after_recipient=lambda: None,
        after_data=lambda: None,
    )
    server = SmtpServer.from_url(f"smtp://127.0.0.1:{port}")
    lines = [Pipeline(server, own_name="bench", reporter=silent) for _ in range(4)]
    begun = time.perf_counter()
    for number in range(count):
        line = lines[number % len(lines)]
        if not line.is_usable():
            while not line.is_empty():
                line.push(None)
            line.open()
        line.push(Parcel(number, "a@bench.example", f"customer{number}@bench.example", mail.raw))
    for line in lines:
        while not line.is_empty():
            line.push(None)
        line.close()
    assert len(taken) == count
    return count / (time.perf_counter() - begun)
