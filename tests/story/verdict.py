"""What must be true after everything: nothing lost, nothing doubled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.story.outside import wait_for

if TYPE_CHECKING:
    from tests.story.outside import Delivered, Postman
    from tests.story.product import Product


def assert_told_once(product: Product, postman: Postman, names: Iterable[str]) -> None:
    """Each customer has his order, one confirmation, one conversation and one answer; no more, no less."""
    wait_for("everything to come to rest", lambda: _is_at_rest(product), seconds=120)
    names = sorted(names)
    assert _column(product, "SELECT external_id FROM orders_order ORDER BY 1") == names
    assert (
        _column(product, "SELECT split_part(reply_to, '@', 1) FROM contacts_ticket ORDER BY 1")
        == names
    )
    for name in names:
        _assert_mail_once(postman.to(f"{name}@customer.example"), number=f"FR-{name}")
        kinds = _column(
            product,
            "SELECT m.kind FROM contacts_ticketmessage m JOIN contacts_ticket t ON t.id = m.ticket_id"
            " WHERE t.reply_to = %s AND m.kind <> 'system' ORDER BY m.seq",
            f"{name}@customer.example",
        )
        assert kinds == ["customer", "agent", "customer"], (name, kinds)
    profiles = _column(
        product,
        "SELECT count(*) FROM profiles_profile WHERE merged_into_id IS NULL AND erased_at IS NULL",
    )
    assert profiles == [len(names)]
    product.manage("verify")


def _assert_mail_once(mails: list[Delivered], *, number: str) -> None:
    """A confirmation and an answer; a copy is only allowed when it is the very same mail."""
    copies = defaultdict(list)
    for mail in mails:
        copies[mail.message_id].append(mail)
    assert len(copies) == 2, (number, [str(mail.mail["Subject"]) for mail in mails])
    for same in copies.values():
        assert len(same) <= 2, number
        assert len({(mail.text, str(mail.mail["Subject"])) for mail in same}) == 1, number
        assert number in same[0].text


def _is_at_rest(product: Product) -> bool:
    waiting = (
        "SELECT (SELECT count(*) FROM kernel_delivery WHERE state = 'pending')"
        " + (SELECT count(*) FROM messaging_outgoingmessage"
        "    WHERE state IN ('pending', 'claimed', 'deferred'))"
        " + (SELECT count(*) FROM messaging_rawmail WHERE outcome = '')"
    )
    return product.rows(waiting)[0][0] == 0


def _column(product: Product, statement: str, *values: object) -> list[object]:
    return [row[0] for row in product.rows(statement, *values)]
