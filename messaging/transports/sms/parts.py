"""What an SMS provider is to us: it sends, it proves its calls, and its calls say something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from messaging.transports.smtp import Result

Happening = Literal["delivered", "failed", "unsubscribed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A shop's account: whom we say we are, and with which secrets. `url` "" is the provider's own.

    `hook_url` is where the provider calls us, `hook_keys` what it shows there, the newest first.
    """

    sender: str
    url: str = ""
    username: str = ""
    service: str = ""
    secret: str = ""
    consumer_key: str = ""
    hook_url: str = ""
    hook_keys: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """An SMS to one number. `reference` is our name for it, which reports bring back."""

    recipient: str
    text: str
    reference: str
    is_marketing: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """A call as it came: `url` as the provider called it, `headers` as Django's META names them."""

    url: str
    query: str
    body: bytes
    content_type: str
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of an SMS of ours; `is_permanent` says that the number itself is dead."""

    happening: Happening
    provider_id: str = ""
    reference: str = ""
    reason: str = ""
    detail: str = ""
    is_permanent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """What somebody wrote to us."""

    provider_id: str
    sender: str
    recipient: str
    text: str


class Adapter(Protocol):
    """The one interface. Reading raises NotUnderstood."""

    def send(self, account: Account, text: Text) -> Result:
        """Hand an SMS over and say how it fared. Never raises."""

    def is_genuine(self, account: Account, posted: Posted) -> bool:
        """Whether the account's provider makes this call; compares in constant time."""

    def read(self, query: str, body: bytes) -> Sequence[Report | Incoming]:
        """What a call says; steps on the way which settle nothing are left out."""
