"""What imports and exports add to the frame."""

from __future__ import annotations

from django.utils.translation import gettext_lazy, gettext_noop

from backoffice import extensions as frame
from company import extensions as company
from profiles import permissions


def register() -> None:
    """Fill the registries of the modules below."""
    company.permissions.register(
        company.Permission(
            code=permissions.IMPORT,
            label=gettext_noop("Import customers"),
            module="profiles",
            roles=("manager",),
        )
    )
    _register_audit()
    for key, label, url_name, permission in (
        ("imports", gettext_lazy("Import customers"), "import-list", permissions.IMPORT),
        (
            "exports",
            gettext_lazy("Tables of customers to take along"),
            "export-list",
            permissions.EXPORT,
        ),
    ):
        frame.commands.register(
            frame.Command(
                key=key,
                label=label,
                url_name=f"profiles:{url_name}",
                icon="upload" if key == "imports" else "download",
                permission=permission,
            )
        )


def _register_audit() -> None:
    rows = company.AuditField(label=gettext_noop("Rows"))
    company.audit_actions.register(
        company.AuditAction(
            code="profiles.customers-imported",
            sentence=gettext_noop("{who} started the import of {rows} customers {place}."),
            group="customers",
            fields={
                "rows": rows,
                "known": company.AuditField(label=gettext_noop("Customers we know already")),
            },
        ),
        company.AuditAction(
            code="profiles.import-cancelled",
            sentence=gettext_noop("{who} gave an import up {place} after {rows} rows."),
            group="customers",
            fields={"rows": rows},
        ),
        company.AuditAction(
            code="profiles.customers-exported",
            sentence=gettext_noop("{who} had a table of customers written."),
            group="customers",
            fields={
                "format": company.AuditField(label=gettext_noop("Format")),
                "segment": company.AuditField(label=gettext_noop("Segment")),
            },
        ),
    )
