from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    name = "profiles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from profiles import contributions as holdings
        from profiles.queries.criteria import built_in
        from profiles.web import (
            contributions,
            knowledge,
            segments_contributions,
            transfers_contributions,
        )

        contributions.register()
        holdings.register()
        knowledge.register()
        built_in.register()
        segments_contributions.register()
        transfers_contributions.register()
