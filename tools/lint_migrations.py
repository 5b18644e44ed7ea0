"""Refuses migrations that would break a running installation during an upgrade.

The linter's own app is not installed in the product, so it is called here instead of by manage.py.
"""

import os
import sys
from pathlib import Path

import django
from django.apps import apps
from django_migration_linter import MigrationLinter

CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Lint the migrations of our own modules; returns the exit status."""
    sys.path.insert(0, str(CHECKOUT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecrm.settings")
    django.setup()
    own = [app.label for app in apps.get_app_configs() if _is_ours(Path(app.path))]
    linter = MigrationLinter(
        str(CHECKOUT),
        include_apps=own,
        no_cache=True,
        analyser_string="postgresql",  # our backend is PostgreSQL under a name of its own
        # The first migration of a module makes its tables: nothing is running on them yet.
        ignore_name_contains="0001_initial",
        # A unique constraint that replaces a stricter one: no row can break it.
        ignore_name=("0003_suppression_in_force_once",),
    )
    linter.lint_all_migrations()
    linter.print_summary()
    return 1 if linter.has_errors else 0


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(CHECKOUT) and "site-packages" not in path.parts


if __name__ == "__main__":
    sys.exit(main())
