"""Which pages are photographed. A new page of a module is a new line here."""

from __future__ import annotations

from dataclasses import dataclass

# A first link of the page leads on to an object whose address only the demo data know.
FIRST_ROW = "[data-ecrm-list] [data-ecrm-row] a[href], [data-ecrm-list] a[data-ecrm-row][href]"
REQUESTED = "td a.ec-cell-main"
REQUESTER = "td .ec-cell-sub a"


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One page: where it is, what is pressed before the picture, whether one must sign in."""

    name: str
    path: str
    follow: str = ""
    keys: tuple[str, ...] = ()
    text: str = ""
    click: str = ""
    is_public: bool = False
    desktop_only: bool = False


SHOTS = (
    Shot(name="sign-in", path="/login/", is_public=True),
    Shot(name="home", path="/"),
    Shot(name="palette", path="/", keys=("Control+k",), text="ma"),
    Shot(name="shortcuts", path="/", keys=("?",), desktop_only=True),
    Shot(name="notifications", path="/notifications/"),
    Shot(name="inbox", path="/inbox/?view=unassigned"),
    Shot(name="ticket", path="/inbox/?view=unassigned", follow=FIRST_ROW),
    Shot(name="customers", path="/customers/"),
    Shot(name="customers-panel", path="/customers/", keys=("j", "Enter"), desktop_only=True),
    Shot(name="customer", path="/customers/", follow=FIRST_ROW),
    Shot(name="duplicates", path="/customers/duplicates/"),
    Shot(name="wall", path="/customers/wall/"),
    Shot(name="segments", path="/customers/segments/"),
    Shot(name="segment", path="/customers/segments/", follow=FIRST_ROW),
    Shot(name="segment-builder", path="/customers/segments/new/"),
    Shot(name="privacy", path="/customers/privacy/"),
    Shot(name="privacy-request", path="/customers/privacy/", follow=REQUESTED),
    Shot(name="privacy-customer", path="/customers/privacy/", follow=REQUESTER),
    Shot(name="retention", path="/customers/privacy/keeping/"),
    Shot(name="retention-rule", path="/customers/privacy/keeping/contacts.ticket/"),
    Shot(name="imports", path="/customers/imports/"),
    Shot(name="import-new", path="/customers/imports/new/"),
    Shot(name="exports", path="/customers/exports/new/"),
    Shot(name="orders", path="/orders/"),
    Shot(name="orders-panel", path="/orders/", keys=("j", "Enter"), desktop_only=True),
    Shot(name="order", path="/orders/", follow=FIRST_ROW),
    Shot(name="mail", path="/mail/"),
    Shot(name="mail-tracked", path="/mail/?purpose=marketing&channel=mail", follow=FIRST_ROW),
    Shot(name="mail-topics", path="/mail/topics/"),
    Shot(name="mail-rules", path="/mail/rules/"),
    Shot(name="preferences", path="/demo/preferences/", is_public=True),
    Shot(name="sms", path="/mail/sms/"),
    Shot(name="sms-account", path="/mail/sms/accounts/", follow=".ec-cell-main"),
    Shot(name="templates", path="/mail/templates/"),
    Shot(name="template", path="/mail/templates/", follow=".ec-cell-main"),
    Shot(name="mail-suppressions", path="/mail/spared/"),
    Shot(name="mail-health", path="/mail/health/"),
    Shot(name="mail-domains", path="/mail/domains/"),
    Shot(name="mail-domain", path="/mail/domains/", follow=".ec-cell-main"),
    Shot(name="mailboxes", path="/mail/mailboxes/"),
    Shot(name="mailbox-sign-in", path="/mail/mailboxes/", follow="a[href]:has-text('service@')"),
    Shot(name="mail-calls", path="/mail/provider-calls/"),
    Shot(name="settings", path="/settings/"),
    Shot(name="settings-shops", path="/settings/shops/"),
    Shot(name="settings-agents", path="/settings/agents/"),
    Shot(name="settings-roles", path="/settings/roles/"),
    Shot(name="settings-keys", path="/settings/keys/"),
    Shot(name="settings-audit", path="/settings/audit/"),
    Shot(name="settings-satisfaction", path="/inbox/ratings/"),
    Shot(name="settings-account", path="/settings/account/"),
    Shot(name="settings-deliveries", path="/settings/deliveries/"),
    Shot(name="demo-mailbox", path="/demo/mailbox/", is_public=True),
    Shot(name="demo-shop", path="/demo/shop/", is_public=True),
    Shot(name="components", path="/design/"),
    Shot(name="not-found", path="/there-is-nothing/", is_public=True),
)
