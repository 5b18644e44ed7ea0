"""The pages of the post office, mounted at /mail/."""

from __future__ import annotations

from django.urls import path

from messaging.web import (
    frames,
    mail_rules,
    mailboxes,
    outgoing,
    provider_calls,
    received,
    sending_domains,
    sms,
    suppressions,
    templates,
    topics,
)

app_name = "messaging"
urlpatterns = [
    path("", outgoing.outgoing_list, name="outgoing-list"),
    path("sent/<int:message_id>/", outgoing.outgoing_page, name="outgoing-page"),
    path("sent/<int:message_id>/frame/", frames.outgoing_frame, name="outgoing-frame"),
    path("sent/<int:message_id>/cancel/", outgoing.outgoing_cancel, name="outgoing-cancel"),
    path("sent/<int:message_id>/retry/", outgoing.outgoing_retry, name="outgoing-retry"),
    path("received/", received.received_list, name="received-list"),
    path("received/<int:raw_id>/", received.received_page, name="received-page"),
    path("received/<int:raw_id>/raw/", received.raw_download, name="raw-download"),
    path("received/<int:raw_id>/retry/", received.raw_retry, name="raw-retry"),
    path("mails/<int:mail_id>/frame/", frames.received_frame, name="received-frame"),
    path("attachments/<int:attachment_id>/", frames.attachment, name="attachment"),
    path("sms/", sms.sms_list, name="sms-list"),
    path("sms/<int:sms_id>/", sms.sms_page, name="sms-page"),
    path("sms/accounts/", sms.account_list, name="sms-account-list"),
    path("sms/accounts/new/", sms.account_create, name="sms-account-create"),
    path("sms/accounts/<int:account_id>/", sms.account_edit, name="sms-account-edit"),
    path("sms/accounts/<int:account_id>/test/", sms.account_test, name="sms-account-test"),
    path("mailboxes/", mailboxes.mailbox_list, name="mailbox-list"),
    path("mailboxes/new/", mailboxes.mailbox_create, name="mailbox-create"),
    path("mailboxes/sign-in/", mailboxes.mailbox_sign_in, name="mailbox-sign-in"),
    path("mailboxes/<int:mailbox_id>/", mailboxes.mailbox_edit, name="mailbox-edit"),
    path("templates/", templates.template_list, name="template-list"),
    path("templates/new/", templates.template_create, name="template-create"),
    path("templates/<int:shop_id>/<str:key>/", templates.template_edit, name="template-edit"),
    path(
        "templates/<int:shop_id>/<str:key>/preview/",
        templates.template_preview,
        name="template-preview",
    ),
    path(
        "templates/<int:shop_id>/<str:key>/check/", templates.template_check, name="template-check"
    ),
    path("templates/<int:shop_id>/<str:key>/test/", templates.template_test, name="template-test"),
    path(
        "templates/<int:shop_id>/<str:key>/version/",
        templates.template_version,
        name="template-version",
    ),
    path(
        "templates/<int:shop_id>/<str:key>/archive/",
        templates.template_archive,
        name="template-archive",
    ),
    path("spared/", suppressions.suppression_list, name="suppression-list"),
    path("spared/new/", suppressions.suppression_create, name="suppression-create"),
    path(
        "spared/<int:suppression_id>/lift/", suppressions.suppression_lift, name="suppression-lift"
    ),
    path("topics/", topics.topic_list, name="topic-list"),
    path("topics/<int:topic_id>/", topics.topic_edit, name="topic-edit"),
    path("topics/<int:topic_id>/archive/", topics.topic_archive, name="topic-archive"),
    path("topics/new/<int:shop_id>/", topics.topic_create, name="topic-create"),
    path("rules/", mail_rules.rules_list, name="rules-list"),
    path("rules/<int:shop_id>/", mail_rules.rules_edit, name="rules-edit"),
    path("domains/", sending_domains.domain_list, name="domain-list"),
    path("domains/<str:domain>/", sending_domains.domain_page, name="domain-page"),
    path("domains/<str:domain>/check/", sending_domains.domain_check, name="domain-check"),
    path("provider-calls/", provider_calls.call_list, name="provider-call-list"),
    path("provider-calls/<int:call_id>/body/", provider_calls.call_body, name="provider-call-body"),
    path(
        "provider-calls/<int:call_id>/retry/",
        provider_calls.call_retry,
        name="provider-call-retry",
    ),
    path("health/", suppressions.sending_health, name="sending-health"),
]
