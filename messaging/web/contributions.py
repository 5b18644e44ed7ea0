"""What the post office adds to the frame and to customers' timelines."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext, gettext_noop, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from backoffice import extensions as frame
from company import extensions as company
from company import queries as company_queries
from messaging import permissions
from messaging.models import MessageTemplate, RawMail, SendingDomain, Suppression, Topic
from messaging.queries import screens, sms
from messaging.services import sending_domains
from messaging.web import timeline

if TYPE_CHECKING:
    from company.types import Agent


def register() -> None:
    """Fill the registries of the modules below."""
    for code, label in (
        (permissions.VIEW, gettext_noop("Read mail, sent and received")),
        (permissions.MANAGE, gettext_noop("Set up mailboxes, stop and repeat mail")),
    ):
        company.permissions.register(company.Permission(code=code, label=label, module="messaging"))
    company.permissions.register(
        company.Permission(
            code=permissions.TEMPLATES,
            label=gettext_noop("Write templates of messages"),
            module="messaging",
            roles=("manager", "marketing"),
        )
    )
    frame.navigation.register(
        frame.NavItem(
            key="mail",
            label=_("Mail"),
            url_name="messaging:outgoing-list",
            icon="mail",
            permission=permissions.VIEW,
            order=50,
        )
    )
    frame.live_topics.register(frame.LiveTopic(prefix="mail", may_follow=permissions.may_follow))
    _register_pages()
    _register_audit()
    timeline.register()


def _register_pages() -> None:
    for order, (key, title, description, url_name, icon, permission) in enumerate(
        (
            (
                "mail-sent",
                _("Outgoing mail"),
                _("What was sent to whom, and why something was not."),
                "messaging:outgoing-list",
                "send",
                permissions.VIEW,
            ),
            (
                "mail-received",
                _("Received mail"),
                _("What came in, what became of it, and what could not be read."),
                "messaging:received-list",
                "mail",
                permissions.VIEW,
            ),
            (
                "sms",
                _("SMS"),
                _("What customers write by SMS, and the accounts by which shops send."),
                "messaging:sms-list",
                "device-mobile",
                permissions.VIEW,
            ),
            (
                "templates",
                pgettext_lazy("mails", "Templates"),
                _("What your mails say and how they look, in each language."),
                "messaging:template-list",
                "pencil",
                permissions.TEMPLATES,
            ),
            (
                "mail-suppressions",
                _("Suppressions"),
                _("Addresses that are not written to, and why."),
                "messaging:suppression-list",
                "ban",
                permissions.VIEW,
            ),
            (
                "mail-health",
                _("Sending health"),
                _("How mail fares, domain by domain."),
                "messaging:sending-health",
                "activity",
                permissions.VIEW,
            ),
            (
                "mail-topics",
                _("Topics"),
                _("What customers may choose among in your news and offers."),
                "messaging:topic-list",
                "tags",
                permissions.TEMPLATES,
            ),
            (
                "mail-rules",
                _("Consent and tracking"),
                _("To whom each shop sends marketing, and what it notes about its mails."),
                "messaging:rules-list",
                "shield-check",
                permissions.MANAGE,
            ),
            (
                "mail-domains",
                _("Sending domains"),
                _("Whether receivers believe that your mail comes from you."),
                "messaging:domain-list",
                "shield-check",
                permissions.VIEW,
            ),
            (
                "mailboxes",
                _("Mailboxes"),
                _("The addresses customers write to, and where we fetch them."),
                "messaging:mailbox-list",
                "at",
                permissions.MANAGE,
            ),
        )
    ):
        frame.settings_pages.register(
            frame.SettingsPage(
                key=key,
                title=title,
                description=description,
                url_name=url_name,
                icon=icon,
                permission=permission,
                group=_("Mail"),
                order=50 + order,
            )
        )
        frame.commands.register(
            frame.Command(key=key, label=title, url_name=url_name, icon=icon, permission=permission)
        )


def _register_audit() -> None:
    company.audit_groups.register(company.AuditGroup(code="mail", label=gettext_noop("Mail")))
    company.audit_actions.register(
        company.AuditAction(
            code="messaging.mailbox-created",
            sentence=gettext_noop("{who} set up the mailbox {what} {place}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.mailbox-changed",
            sentence=gettext_noop("{who} changed the mailbox {what} {place}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.mailbox-signed-in",
            sentence=gettext_noop("{who} signed in to the mailbox {what} {place}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.selectors-changed",
            sentence=gettext_noop("{who} changed the DKIM selectors of {what}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.call-retried",
            sentence=gettext_noop("{who} had {what} read again."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.call-downloaded",
            sentence=gettext_noop("{who} saved the content of {what}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.sms-account-created",
            sentence=gettext_noop("{who} set up the SMS account {what} {place}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.sms-account-changed",
            sentence=gettext_noop("{who} changed the SMS account {what} {place}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.mail-retried",
            sentence=gettext_noop("{who} had {what} read again."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.address-suppressed",
            sentence=gettext_noop("{who} had {what} spared {place}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.suppression-lifted",
            sentence=gettext_noop("{who} allowed to write to {what} again {place}."),
            group="mail",
        ),
        company.AuditAction(
            code="messaging.mail-rules-changed",
            sentence=gettext_noop("{who} changed consent and tracking of mails {place}."),
            group="mail",
        ),
    )
    for code, sentence in (
        ("messaging.template-created", gettext_noop("{who} began the template {what} {place}.")),
        (
            "messaging.template-published",
            gettext_noop("{who} published the template {what} {place}."),
        ),
        (
            "messaging.template-reverted",
            gettext_noop("{who} went back to another version of the template {what} {place}."),
        ),
        (
            "messaging.template-draft-discarded",
            gettext_noop("{who} discarded the draft of the template {what} {place}."),
        ),
        ("messaging.topic-added", gettext_noop("{who} added the topic {what} {place}.")),
        ("messaging.topic-renamed", gettext_noop("{who} renamed the topic {what} {place}.")),
        ("messaging.topic-archived", gettext_noop("{who} put the topic {what} away {place}.")),
        ("messaging.topic-restored", gettext_noop("{who} offered the topic {what} again {place}.")),
        (
            "messaging.template-archived",
            gettext_noop("{who} put the template {what} away {place}."),
        ),
        (
            "messaging.template-restored",
            gettext_noop("{who} took the template {what} out again {place}."),
        ),
    ):
        company.audit_actions.register(
            company.AuditAction(code=code, sentence=sentence, group="mail")
        )
    received = gettext_noop("received mail no. {id}")
    company.audit_nouns.register(
        company.AuditNoun(code="mailbox", label=gettext_noop("no. {id}"), find=_mailboxes),
        company.AuditNoun(code="mail-topic", label=gettext_noop("no. {id}"), find=_topics),
        company.AuditNoun(code="sms-account", label=gettext_noop("no. {id}"), find=_sms_accounts),
        company.AuditNoun(code="template", label=gettext_noop("no. {id}"), find=_templates),
        company.AuditNoun(
            code="sending-domain", label=gettext_noop("domain no. {id}"), find=_domains
        ),
        company.AuditNoun(
            code="provider-call",
            label=gettext_noop("call of a mail provider no. {id}"),
            find=_calls,
        ),
        company.AuditNoun(code="raw-mail", label=received, find=_received),
        company.AuditNoun(
            code="suppression", label=gettext_noop("address no. {id}"), find=_suppressed
        ),
    )


def _mailboxes(agent: Agent, ids: Collection[str]) -> dict[str, company.AuditSubject]:
    """Mailboxes of an audit entry, as far as the agent may set them up."""
    shop_ids = company_queries.shop_ids(agent, permissions.MANAGE)
    return {
        str(box.pk): company.AuditSubject(
            name=box.address, url=reverse("messaging:mailbox-edit", args=[box.pk])
        )
        for box in screens.mailboxes(shop_ids)
        if str(box.pk) in ids
    }


def _sms_accounts(agent: Agent, ids: Collection[str]) -> dict[str, company.AuditSubject]:
    """SMS accounts of an audit entry, as far as the agent may set them up."""
    shop_ids = company_queries.shop_ids(agent, permissions.MANAGE)
    return {
        str(row.pk): company.AuditSubject(
            name=str(row), url=reverse("messaging:sms-account-edit", args=[row.pk])
        )
        for row in sms.accounts(shop_ids)
        if str(row.pk) in ids
    }


def _templates(agent: Agent, ids: Collection[str]) -> dict[str, company.AuditSubject]:
    """Templates of an audit entry, as far as the agent may write them."""
    shop_ids = company_queries.shop_ids(agent, permissions.TEMPLATES)
    return {
        str(row.pk): company.AuditSubject(
            name=row.name, url=reverse("messaging:template-edit", args=[row.shop_id, row.key])
        )
        for row in MessageTemplate.objects.visible_in(shop_ids).filter(pk__in=ids)
    }


def _topics(agent: Agent, ids: Collection[str]) -> dict[str, company.AuditSubject]:
    """Topics of an audit entry, as far as the agent may change them."""
    shop_ids = company_queries.shop_ids(agent, permissions.TEMPLATES)
    return {
        str(row.pk): company.AuditSubject(
            name=row.name_in(agent.language), url=reverse("messaging:topic-edit", args=[row.pk])
        )
        for row in Topic.objects.filter(pk__in=ids, shop_id__in=shop_ids)
    }


def _received(agent: Agent, ids: Collection[str]) -> dict[str, company.AuditSubject]:
    """Received mails of an audit entry, by number: what customers wrote is not for this page."""
    shop_ids = company_queries.shop_ids(agent, permissions.VIEW)
    found = RawMail.objects.filter(pk__in=ids, mailbox__shop_id__in=shop_ids)
    return {
        str(pk): company.AuditSubject(
            name=gettext("received mail no. {id}").format(id=pk),
            url=reverse("messaging:received-page", args=[pk]),
        )
        for pk in found.values_list("pk", flat=True)
    }


def _domains(agent: Agent, ids: Collection[str]) -> dict[str, company.AuditSubject]:
    """Sending domains of an audit entry from which his shops write."""
    mine = sending_domains.domains_in(company_queries.shop_ids(agent, permissions.VIEW))
    found = SendingDomain.objects.filter(pk__in=ids, domain__in=mine)
    return {
        str(row.pk): company.AuditSubject(
            name=row.domain, url=reverse("messaging:domain-page", args=[row.domain])
        )
        for row in found
    }


def _calls(agent: Agent, ids: Collection[str]) -> dict[str, company.AuditSubject]:
    """Calls of providers in an audit entry, by number, for who may see them."""
    if not company_queries.may(agent, permissions.MANAGE, shop_id=None):
        return {}
    return {
        pk: company.AuditSubject(
            name=gettext("call of a mail provider no. {id}").format(id=pk),
            url=reverse("messaging:provider-call-list"),
        )
        for pk in ids
    }


def _suppressed(agent: Agent, ids: Collection[str]) -> dict[str, company.AuditSubject]:
    """Addresses of an audit entry which his shops spare."""
    shop_ids = company_queries.shop_ids(agent, permissions.VIEW)
    found = Suppression.objects.filter(pk__in=ids, shop_id__in=shop_ids)
    return {
        str(pk): company.AuditSubject(name=address, url="")
        for pk, address in found.values_list("pk", "address")
    }
