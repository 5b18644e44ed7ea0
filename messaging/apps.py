from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from messaging import contributions as holdings
        from messaging.web import contributions

        contributions.register()
        holdings.register()
