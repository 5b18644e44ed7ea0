from django.apps import AppConfig
from django.utils.translation import gettext_noop


class ProfilesConfig(AppConfig):
    name = "profiles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from company.extensions import ApiScope, Permission, api_scopes, permissions

        permissions.register(
            Permission(
                code="profiles.view_profile", label=gettext_noop("See customers"), module="profiles"
            )
        )
        permissions.register(
            Permission(
                code="profiles.change_profile",
                label=gettext_noop("Change customers"),
                module="profiles",
                roles=("manager", "support"),
            )
        )
        api_scopes.register(
            ApiScope(code="profiles:read", label=gettext_noop("Read customers and their timeline"))
        )
        api_scopes.register(
            ApiScope(code="profiles:write", label=gettext_noop("Create and complete customers"))
        )
