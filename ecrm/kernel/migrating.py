"""How a module's first migration makes its tables."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class FirstTables(Operation):
    """All that `makemigrations` writes for a new module, done at once.

    Django builds every model anew after each operation, which takes a new database half a minute.
    Here the models are built once, when all operations are known, and each table is made as it is
    at the end. Only for tables that do not exist yet.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.clear_delayed_apps_cache()
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,
    ) -> None:
        for model in self._models(app_label, to_state):
            schema_editor.create_model(model)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        for model in reversed(self._models(app_label, from_state)):
            schema_editor.delete_model(model)

    def describe(self) -> str:
        return "Make the first tables of the module"

    def _models(self, app_label: str, state: ProjectState) -> list[Any]:
        created = [part.name for part in self.operations if isinstance(part, CreateModel)]
        return [state.apps.get_model(app_label, name) for name in created]
