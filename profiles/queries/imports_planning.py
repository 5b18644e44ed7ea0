"""How the rows of an import are to be understood, and its rows as they were kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from company import queries as company
from profiles.models import Import, ImportBlock, ImportFault
from profiles.queries import attributes
from profiles.queries.policies import policies
from profiles.rules import identity
from profiles.rules import imports_packing as packing
from profiles.rules.imports import Blocked, Person, Plan

# Rows of a block, and of what is committed together.
BATCH = 2000


def plan_of(row: Import) -> Plan:
    """What the agent said of the columns, with the company's attributes and rules. Two queries."""
    shop = company.shop(row.shop_id)
    return Plan(
        columns=row.mapping,
        shop_id=row.shop_id,
        country=row.options.get("country") or shop.market,
        date_order=row.options["date_order"],
        custom={a.key: attributes.rule_of(a) for a in attributes.definitions()},
        blocks=Blocked(policies(), identity.normalise_email(shop.support_email)),
    )


def block_at(import_id: int, first_row: int) -> ImportBlock | None:
    """The rows from this number on; None when there are no more."""
    return ImportBlock.objects.filter(of_id=import_id, first_row=first_row).first()


def faulty_rows(row: Import) -> Iterator[tuple[Sequence[str], ImportFault]]:
    """Each row that can't be imported, as it came, and what is wrong. A block at a time."""
    blocks = ImportBlock.objects.filter(of=row).order_by("first_row")
    for first_row in list(blocks.values_list("first_row", flat=True)):
        until = first_row + BATCH
        faults = ImportFault.objects.filter(of=row, row__gte=first_row, row__lt=until)
        found = list(faults.order_by("row"))
        if found:
            cells = packing.unpacked(ImportBlock.objects.get(of=row, first_row=first_row).raw)
            yield from ((cells[fault.row - first_row], fault) for fault in found)


def people_in(block: ImportBlock) -> list[Person]:
    """What the rows of a block say, without the faulty ones."""
    return [] if block.understood is None else packing.people_of(block.understood)
