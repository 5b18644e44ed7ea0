from django.apps import AppConfig
from django.utils.translation import gettext_noop


class CompanyConfig(AppConfig):
    name = "company"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from company.extensions import Permission, permissions
        from company.web import audit_words

        manage_settings = gettext_noop("Change shops, opening hours and API keys")
        manage_agents = gettext_noop("Invite, change and disable agents, edit teams and roles")
        view_audit = gettext_noop("Read the audit log")
        manage_roles = gettext_noop("Change what roles allow and name owners")
        operate = gettext_noop("Look after parked deliveries")
        for code, label, roles in (
            ("company.manage_settings", manage_settings, ("manager",)),
            ("company.manage_agents", manage_agents, ("manager",)),
            ("company.manage_roles", manage_roles, ()),
            ("company.view_audit", view_audit, ("manager",)),
            ("company.operate", operate, ("manager",)),
        ):
            permissions.register(Permission(code=code, label=label, module="company", roles=roles))
        audit_words.register()
