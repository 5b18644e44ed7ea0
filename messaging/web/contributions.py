"""What the post office adds to the frame and to customers' timelines."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from backoffice import extensions as frame
from company import extensions as company
from messaging import permissions
from messaging.web import timeline


def register() -> None:
    """Fill the registries of the modules below."""
    for code, label in (
        (permissions.VIEW, gettext_noop("Read mail, sent and received")),
        (permissions.MANAGE, gettext_noop("Set up mailboxes, stop and repeat mail")),
    ):
        company.permissions.register(company.Permission(code=code, label=label, module="messaging"))
    frame.live_topics.register(frame.LiveTopic(prefix="mail", may_follow=permissions.may_follow))
    _register_pages()
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
