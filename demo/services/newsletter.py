"""A newsletter of the past to who agreed; who opened it and followed links, persons and programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from company import queries as company
from demo.services.texts import read
from messaging.queries import screens
from messaging.services import history, hits, mailings, preferences, topics, tracking
from messaging.services.mailings import MassRecipient
from profiles import queries as profiles
from profiles.services import consents
from profiles.services.consents import Evidence

DAYS_AGO: Final = 3
MOST: Final = 60
OPEN_TRACKING: Final = "open_tracking"
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
PERSON: Final = {"user-agent": FIREFOX, "accept-language": "fr", "sec-fetch-mode": "navigate"}
APPLE: Final = {"user-agent": "Mozilla/5.0"}
GMAIL: Final = {"user-agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}
SCANNER: Final = {"user-agent": "Mozilla/5.0 (compatible; Barracuda Sentinel)"}
PICTURE: Final = 0
# Who came how long after sending: to the picture or to which link. The first of them reads everything.
VISITS: Final[tuple[tuple[tuple[float, int, Mapping[str, str]], ...], ...]] = (
    ((0.01, 1, SCANNER), (2.0, PICTURE, PERSON), (2.1, 1, PERSON), (26.0, 3, PERSON)),
    ((0.2, PICTURE, APPLE),),
    ((0.02, 1, PERSON), (0.0205, 2, PERSON), (0.021, 3, PERSON)),
    ((5.0, PICTURE, GMAIL), (5.1, 2, PERSON)),
    ((9.0, PICTURE, PERSON),),
    (),
    ((30.0, 1, PERSON),),
    (),
)


def write_newsletter(profile_ids: Sequence[int], *, today: datetime, seed: int) -> None:
    """Topics in every shop, and one mailing in each language somebody agreed to receive."""
    words = read("newsletter")
    for shop in company.all_shops():
        for names in words["topics"]:
            topics.add_topic(shop.id, names=names, by=None, at=today - timedelta(days=200))
        agreed = _agreed(profile_ids, shop.id)[:MOST]
        if agreed:
            _allow_openings(agreed[::2], shop.id, at=today - timedelta(days=40))
            _send(
                agreed, shop_id=shop.id, words=words[shop.default_language], today=today, seed=seed
            )
    while hits.settle_hits(at=today):
        pass


def preferences_page() -> str:
    """Where the latest recipient of a newsletter chooses what he receives; empty without one."""
    shop_ids = frozenset(shop.id for shop in company.all_shops())
    sent = screens.outgoing_log(
        shop_ids, with_installation=False, state="sent", purpose="marketing"
    ).first()
    return preferences.links(sent).preferences if sent else ""


def _agreed(profile_ids: Sequence[int], shop_id: int) -> list[int]:
    said = profiles.consents.answers([(pk, shop_id) for pk in profile_ids], purposes=["marketing"])
    return [pk for pk in profile_ids if said.get((pk, shop_id, "email", "marketing")) == "granted"]


def _allow_openings(profile_ids: Sequence[int], shop_id: int, *, at: datetime) -> None:
    for profile_id in profile_ids:
        consents.record(
            profile_id,
            shop_id=shop_id,
            channel="email",
            purpose=OPEN_TRACKING,
            answer="granted",
            evidence=Evidence(source="preferences"),
            at=at,
        )


def _send(
    profile_ids: Sequence[int],
    *,
    shop_id: int,
    words: Mapping[str, str],
    today: datetime,
    seed: int,
) -> None:
    shop, sent_at = company.shop(shop_id), today - timedelta(days=DAYS_AGO)
    wording = mailings.keep_wording(
        shop_id=shop_id,
        language=shop.default_language,
        subject=words["subject"],
        html_source=_html(words, domain=shop.domains[0], colour=shop.accent_color),
        at=sent_at,
    )
    message_ids = history.record_mailing(
        wording,
        recipients=list(_recipients(profile_ids, shop_id)),
        topic="nouveautes" if shop.default_language == "fr" else "neuheiten",
        sent_at=sent_at,
    )
    chance = Random(f"{seed}:newsletter:{shop_id}")
    for place, token in enumerate(tracking.tokens_of(message_ids).values()):
        for hours, number, headers in VISITS[place % len(VISITS)]:
            late = timedelta(hours=hours, seconds=chance.uniform(4, 900) if hours > 1 else 4)
            _visit(token, number, headers, at=sent_at + late)


def _visit(token: str, number: int, headers: Mapping[str, str], *, at: datetime) -> None:
    if number == PICTURE:
        hits.note_opening(token, method="GET", headers=headers, at=at)
    else:
        hits.follow(token, number=number, method="GET", headers=headers, at=at)


def _recipients(profile_ids: Sequence[int], shop_id: int) -> Iterator[MassRecipient]:
    for card in profiles.cards(profile_ids).values():
        if card.email:
            data: dict[str, Any] = {"first_name": card.name.split()[0], "customer": str(card.id)}
            key = f"demo:newsletter:{shop_id}:{card.id}"
            yield MassRecipient(to=card.email, profile_id=card.id, data=data, dedupe_key=key)


def _html(words: Mapping[str, str], *, domain: str, colour: str) -> str:
    link = f'<a style="color:{colour}" href="https://{domain}'
    return (
        '<!doctype html><html><body style="margin:0;font:16px/1.5 Georgia,serif;color:#2a2622">'
        '<table role="presentation" style="max-width:560px;margin:0 auto"><tr><td style="padding:32px">'
        f"<h1>{words['title']}</h1><p>{words['greeting']}</p><p>{words['text']}</p>"
        f'<p><a style="display:inline-block;padding:12px 20px;color:#fff;background:{colour};'
        f'text-decoration:none" href="https://{domain}/nouveautes?source=newsletter">{words["button"]}</a></p>'
        f'<p>{link}/selection?c={{{{ customer }}}}">{words["personal"]}</a> · '
        f'{link}/journal">{words["journal"]}</a></p>'
        f'<p style="color:#8a8178;font-size:13px">{words["foot"]}</p></td></tr></table></body></html>'
    )
