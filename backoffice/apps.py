from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


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
