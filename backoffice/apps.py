from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

# The company stands below and knows no registries: its pages are listed here.
COMPANY_PAGES = (
    ("account", _("My account"), _("Name, language, password, second factor, sessions"),
     "company:account", "user-circle", None, 5),
    ("shops", _("Shops"), _("Brands and markets, languages, colours, opening hours"),
     "company:shop-list", "building-store", "company.manage_settings", 10),
    ("agents", _("Agents"), _("Who works here, invitations, roles by shop"),
     "company:agent-list", "users", "company.manage_agents", 20),
    ("teams", _("Teams"), _("Agents who share work"),
     "company:team-list", "users-group", "company.manage_agents", 30),
    ("roles", _("Roles"), _("What each role allows"),
     "company:role-list", "shield-check", "company.manage_agents", 40),
    ("keys", _("API keys"), _("Access for shop servers and programs"),
     "company:key-list", "key", "company.manage_settings", 50),
    ("audit", _("Audit log"), _("Who changed what, and when"),
     "company:audit-list", "list", "company.view_audit", 90),
)  # fmt: skip


class BackofficeConfig(AppConfig):
    name = "backoffice"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from backoffice.extensions import (
            Command,
            LiveTopic,
            NavItem,
            SettingsPage,
            commands,
            live_topics,
            navigation,
            settings_pages,
        )
        from backoffice.queries import may_follow_agent, may_follow_outbox
        from backoffice.web import audit_words

        navigation.register(
            NavItem(key="home", label=_("Home"), url_name="backoffice:home", icon="home", order=0)
        )
        navigation.register(
            NavItem(
                key="settings",
                label=_("Settings"),
                url_name="backoffice:settings",
                icon="settings",
                order=900,
            )
        )
        commands.register(
            Command(
                key="notifications",
                label=_("Show notifications"),
                url_name="backoffice:notifications",
                icon="bell",
            )
        )
        commands.register(
            Command(
                key="shortcuts",
                label=_("Show keyboard shortcuts"),
                url_name="backoffice:shortcuts",
                icon="keyboard",
                keys="?",
            )
        )
        live_topics.register(LiveTopic(prefix="agent", may_follow=may_follow_agent))
        live_topics.register(LiveTopic(prefix="outbox", may_follow=may_follow_outbox))
        for key, title, description, url_name, icon, permission, order in COMPANY_PAGES:
            settings_pages.register(
                SettingsPage(
                    key=key,
                    title=title,
                    description=description,
                    url_name=url_name,
                    icon=icon,
                    permission=permission,
                    group=_("You") if key == "account" else _("Company"),
                    order=order,
                )
            )
        commands.register(
            Command(
                key="invite-agent",
                label=_("Invite an agent"),
                url_name="company:agent-invite",
                icon="user-plus",
                permission="company.manage_agents",
            )
        )
        settings_pages.register(
            SettingsPage(
                key="deliveries",
                title=_("Parked deliveries"),
                description=_(
                    "Follow-up work that failed again and again and waits for a decision."
                ),
                url_name="backoffice:deliveries",
                icon="alert-triangle",
                permission="company.operate",
                group=_("Operations"),
                order=900,
            )
        )
        audit_words.register()
