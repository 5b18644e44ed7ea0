from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from orders import contributions as holdings
        from orders.web import contributions

        contributions.register()
        holdings.register()
