from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "contacts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Contact centre"

    def ready(self) -> None:
        from contacts import contributions as holdings
        from contacts.queries import promises  # noqa: F401 - registers its invariants
        from contacts.web import contributions

        contributions.register()
        holdings.register()
