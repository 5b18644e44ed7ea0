"""How single mails leave the house: by a mail server (SMTP), or by the API of a provider."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings

from messaging.mime import writing
from messaging.transports import provider_api
from messaging.transports.provider_api import Provider, ProviderSession
from messaging.transports.smtp import Hooks, Patience, Result, SmtpServer, SmtpSession


def route() -> str:
    """The address mail is handed to: a provider's, else a mail server's, else "": everything waits."""
    return settings.ECRM_ESP_URL or settings.ECRM_SMTP_URL


class Carrier(Protocol):
    """Hands over one mail after the other. Not shared between threads."""

    @property
    def name(self) -> str:
        """As shown to people and written to attempts."""

    def is_ready(self) -> bool:
        """Whether the next mail can go as things are."""

    def open(self) -> None:
        """Make ready. Raises Unreachable."""

    def carry(self, draft: writing.Draft, *, envelope_sender: str, hooks: Hooks) -> Result:
        """Hand over one mail; how it fared. The caller has written down that this begins."""

    def close(self) -> None:
        """Let go of the connection; never raises."""


def carrier_to(url: str, *, patience: Patience | None = None) -> Carrier:
    """The carrier to this address. Raises InvalidSmtpUrl or InvalidProviderUrl."""
    if provider_api.is_provider(url):
        return ProviderCarrier(Provider.from_url(url))
    return SmtpCarrier(SmtpServer.from_url(url), patience=patience)


class SmtpCarrier:
    """By a mail server: the whole mail is ours, byte for byte."""

    def __init__(self, server: SmtpServer, *, patience: Patience | None = None) -> None:
        own_name = urlsplit(settings.ECRM_BASE_URL).hostname or "localhost"
        self._session = SmtpSession(server, own_name=own_name, patience=patience)

    @property
    def name(self) -> str:
        """Host and port."""
        return self._session.server.name

    def is_ready(self) -> bool:
        """Whether the connection stands."""
        return self._session.is_ready()

    def open(self) -> None:
        """Connect and sign in. Raises Unreachable."""
        self._session.open()

    def carry(self, draft: writing.Draft, *, envelope_sender: str, hooks: Hooks) -> Result:
        """Hand over one mail. Raises LineBreakInHeader."""
        return self._session.send(
            sender=envelope_sender,
            recipient=draft.recipient,
            message=writing.build(draft),
            hooks=hooks,
        )

    def close(self) -> None:
        """Say goodbye."""
        self._session.close()


class ProviderCarrier:
    """By a provider: it writes the mail from the parts, signs it and collects its bounces."""

    def __init__(self, provider: Provider) -> None:
        self._session = ProviderSession(provider)

    @property
    def name(self) -> str:
        """The provider's host."""
        return self._session.provider.host

    def is_ready(self) -> bool:
        """A call opens what it needs."""
        return True

    def open(self) -> None:
        """Nothing to do."""

    def carry(
        self,
        draft: writing.Draft,
        *,
        envelope_sender: str,  # noqa: ARG002 - a provider has its own
        hooks: Hooks,
    ) -> Result:
        """Hand over one mail. Raises LineBreakInHeader."""
        letter, person = provider_api.letter_of(draft, dialect=self._session.provider.dialect)
        result = self._session.send(letter, [person])[0]
        hooks.after_data()
        return result

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()
