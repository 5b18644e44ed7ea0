"""What it costs to fill a template of a mail for one recipient, once it is compiled."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.figures import Figure, figure, tell

MAILS = 1_000
SHOP = {
    "name": "Maison Alba",
    "sender_name": "Maison Alba",
    "accent_color": "#b4502d",
    "on_accent_color": "#ffffff",
    "logo_url": "https://shop.example/logo.png",
}
PARAGRAPH = "Des mots et encore des mots sur la collection de printemps. " * 10


def measure(*, runs: int) -> Iterator[Figure]:
    """Milliseconds of CPU for the subject, 21 KB of HTML and the text part of one mail.

    A figure is the median of its runs of a thousand mails.
    """
    from messaging.extensions import TemplateWording
    from messaging.templating.compiling import compiled

    program = compiled(
        TemplateWording(
            language="fr",
            format="markdown",
            subject="Bonjour {{ customer.first_name }}",
            preheader="Pour {{ customer.name }}",
            source="# Bonjour {{ customer.first_name }}\n\n"
            + "\n\n".join(f"## {n}\n\n{{{{ customer.name }}}}, {PARAGRAPH}" for n in range(16)),
        ),
        shop=SHOP,
        blocks={},
    )
    found = []
    for _run in range(runs):
        began = time.process_time()
        for number in range(MAILS):
            program.render(_data(number))
        found.append((time.process_time() - began) / MAILS * 1000)
    yield tell(figure("templates.fill", found, "ms CPU"))


def _data(number: int) -> dict[str, object]:
    link = f"https://mail.example/preferences/{number}/"
    return {
        "customer": {"first_name": f"Zoé {number}", "name": f"Zoé {number} Durand"},
        "links": {"preferences": link, "unsubscribe": f"{link}one-click/"},
    }
