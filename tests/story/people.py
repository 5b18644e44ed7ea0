"""Who acts in the stories without a browser: an agent at his desk, and a customer with his mail."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from tests.story.documents import order
from tests.story.outside import letter, wait_for

if TYPE_CHECKING:
    from tests.story.conftest import Story

FIRST_QUESTION = "Bonjour, puis-je encore changer la taille de {number} ?"
ANSWER = "Bonjour, c'est changé pour {number}, le L part ce soir."
THANKS = "Merci pour {number}, à bientôt !"
PATIENCE = 150.0


class Desk:
    """An agent's browser without a picture: signs in, reads, answers; presses again after errors."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._client = httpx.Client(
            base_url=story.product.url, timeout=10, trust_env=False, follow_redirects=True
        )

    def sign_in(self) -> None:
        """Sign in through the form."""

        def attempt() -> bool:
            page = self._client.get("/login/")
            form = {
                "csrfmiddlewaretoken": _token(page.text),
                "login": self._story.agent,
                "password": self._story.password,
            }
            answer = self._client.post("/login/", data=form, headers=self._origin())
            return answer.is_success and "/login/" not in str(answer.url)

        _until("the agent is signed in", attempt)

    def answer(self, number: int, text: str) -> None:
        """Answer a ticket; pressing send twice is one answer, by its client id."""
        client_id = str(uuid.uuid4())

        def attempt() -> bool:
            page = self._client.get(f"/inbox/{number}/")
            if not page.is_success:
                return False
            form = {
                "csrfmiddlewaretoken": _token(page.text),
                "kind": "reply",
                "text": text,
                "client_id": client_id,
                "seen_seq": "1000",
            }
            answer = self._client.post(
                f"/inbox/{number}/messages/", data=form, headers=self._origin()
            )
            return answer.is_success

        _until(f"ticket {number} is answered", attempt)

    def _origin(self) -> dict[str, str]:
        return {"Origin": self._story.product.url, "Referer": f"{self._story.product.url}/"}


@dataclass
class Conversation:
    """One customer's story: he orders, asks, is answered, and thanks."""

    story: Story
    desk: Desk
    name: str

    @property
    def customer(self) -> str:
        return f"{self.name}@customer.example"

    @property
    def number(self) -> str:
        return f"FR-{self.name}"

    def play(self) -> None:
        """Everything, from the order to the thanks."""
        postman = self.story.postman
        document = order(self.number, email=self.customer, first_name=self.name.capitalize())
        self.story.shop_server.put(self.name, document, seconds=PATIENCE)
        confirmation = postman.wait_for_mail(self.customer, seconds=PATIENCE)
        self._write(FIRST_QUESTION, "Re: Votre commande", confirmation)
        ticket = wait_for(f"a ticket of {self.name}", self._ticket, seconds=PATIENCE)
        self.desk.answer(ticket, ANSWER.format(number=self.number))
        answer = postman.wait_for_mail(self.customer, count=2, seconds=PATIENCE)
        self._write(THANKS, str(answer.mail["Subject"]), answer)
        wait_for(f"the thanks of {self.name}", self._has_thanked, seconds=PATIENCE)

    def _write(self, text: str, subject: str, answering: object) -> None:
        self.story.shop_mail.append(
            letter(
                sender=f"{self.name.capitalize()} Moreau <{self.customer}>",
                to=self.story.mailbox,
                subject=subject,
                text=text.format(number=self.number),
                answering=answering,  # type: ignore[arg-type]
            )
        )

    def _ticket(self) -> int:
        rows = self.story.product.rows(
            "SELECT number FROM contacts_ticket WHERE reply_to = %s", self.customer
        )
        return rows[0][0] if rows else 0

    def _has_thanked(self) -> bool:
        rows = self.story.product.rows(
            "SELECT count(*) FROM contacts_ticketmessage m JOIN contacts_ticket t"
            " ON t.id = m.ticket_id WHERE t.reply_to = %s AND m.kind = 'customer'",
            self.customer,
        )
        return rows[0][0] >= 2


def _token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    return found[1] if found else ""


def _until(what: str, attempt: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if attempt():
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, f"Not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.3)
