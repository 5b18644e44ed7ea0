from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    name = "profiles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from profiles import contributions as holdings
        from profiles.web import contributions

        contributions.register()
        holdings.register()
