"""The post office's rows: what goes out, what comes in, and the bytes of both."""

from messaging.models.choices import MailPace, Topic
from messaging.models.incoming import (
    Attachment,
    Content,
    FolderCursor,
    Mail,
    Mailbox,
    RawMail,
)
from messaging.models.outgoing import (
    DeliveryAttempt,
    Intervention,
    MailServer,
    OutgoingMessage,
)
from messaging.models.pace import DomainPace
from messaging.models.providers import ProviderCall
from messaging.models.sending_domains import SendingDomain
from messaging.models.sign_ins import MailboxSignIn
from messaging.models.sms import ReceivedSms, SmsAccount
from messaging.models.suppressions import Suppression
from messaging.models.templates import MessageTemplate, TemplateText, TemplateVersion
from messaging.models.tracking import Hit, Link, MailRules
from messaging.models.wordings import Wording

__all__ = [
    "Attachment",
    "Content",
    "DeliveryAttempt",
    "DomainPace",
    "FolderCursor",
    "Hit",
    "Intervention",
    "Link",
    "Mail",
    "MailPace",
    "MailRules",
    "MailServer",
    "Mailbox",
    "MailboxSignIn",
    "MessageTemplate",
    "OutgoingMessage",
    "ProviderCall",
    "RawMail",
    "ReceivedSms",
    "SendingDomain",
    "SmsAccount",
    "Suppression",
    "TemplateText",
    "TemplateVersion",
    "Topic",
    "Wording",
]
