"""What our own tables, and those of the modules below us, hold about people."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from profiles.extensions.privacy import Processing, personal, processings
from profiles.services import (
    privacy_behaviour,
    privacy_people,
    privacy_traces,
    privacy_transfers,
    retention_declared,
)


def register() -> None:
    """Fill the registries."""
    for processing in _processings():
        processings.register(processing)
    for declared in (
        *privacy_people.person(),
        *privacy_people.knowledge(),
        *privacy_behaviour.derived(),
        *privacy_behaviour.behaviour(),
        *privacy_traces.merging(),
        *privacy_traces.traces(),
        *privacy_transfers.transfers(),
    ):
        personal.register(declared)
    retention_declared.register()


def _processings() -> tuple[Processing, ...]:
    return (
        Processing(
            key="identity",
            label=_("Identity"),
            purpose=_("To know you again when you order, write or visit us."),
            basis=_(
                "Contract (art. 6(1)(b) GDPR) and our legitimate interest (art. 6(1)(f) GDPR)."
            ),
            period=_("3 years after our last contact, unless you ask for erasure earlier."),
            recipients=_("The agents of the shops that know you; our hosting provider."),
            order=10,
        ),
        Processing(
            key="consents",
            label=_("Consents"),
            purpose=_("To respect what you allowed and to be able to prove it."),
            basis=_("Legal obligation (art. 7(1) GDPR)."),
            period=_(
                "As long as the consent stands; after an erasure only the objection, as a hash."
            ),
            recipients=_("The agents of the shops that know you."),
            order=15,
        ),
        Processing(
            key="profiling",
            label=_("Marks, segments and predictions"),
            purpose=_(
                "To know which customers have something in common and what they may need next."
            ),
            basis=_("Our legitimate interest (art. 6(1)(f) GDPR). You may object at any time."),
            period=_("Made anew every night; falls away with the data it is made from."),
            recipients=_("The agents of the shops that know you."),
            order=50,
        ),
        Processing(
            key="behaviour",
            label=_("Activities on our sites"),
            purpose=_("To measure how our sites are used and to help you on them."),
            basis=_("Your consent (art. 6(1)(a) GDPR)."),
            period=_("25 months at most, as the CNIL recommends."),
            recipients=_("The agents of the shops that know you."),
            order=45,
        ),
        Processing(
            key="operations",
            label=_("Operation and security"),
            purpose=_("To run the product safely and to be able to say who did what."),
            basis=_("Our legitimate interest in security (art. 6(1)(f) GDPR)."),
            period=_(
                "Days to months; the audit log, which names customers by number only, longer."
            ),
            recipients=_("Our administrators."),
            order=60,
        ),
    )
