"""The providers we know, by the name that stands in accounts and in the address of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messaging.transports.sms.brevo import Brevo
from messaging.transports.sms.generic import Generic
from messaging.transports.sms.ovh import Ovh
from messaging.transports.sms.parts import Adapter
from messaging.transports.sms.twilio import Twilio

ADAPTERS: Final[Mapping[str, Adapter]] = {
    "brevo": Brevo(),
    "generic": Generic(),
    "ovh": Ovh(),
    "twilio": Twilio(),
}
