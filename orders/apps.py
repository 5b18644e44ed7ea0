from django.apps import AppConfig
from django.utils.translation import gettext_noop


class OrdersConfig(AppConfig):
    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from company.extensions import ApiScope, Permission, api_scopes, permissions

        permissions.register(
            Permission(code="orders.view_order", label=gettext_noop("See orders"), module="orders")
        )
        permissions.register(
            Permission(
                code="orders.change_order",
                label=gettext_noop("Change orders"),
                module="orders",
                roles=("manager", "support"),
            )
        )
        api_scopes.register(ApiScope(code="orders:read", label=gettext_noop("Read orders")))
        api_scopes.register(ApiScope(code="orders:write", label=gettext_noop("Send orders")))
