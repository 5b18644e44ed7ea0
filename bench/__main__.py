"""`python -m bench --scale small|full`: prints one JSON object per figure, writes build/bench.json."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import (
    ground,
    imports,
    letters,
    mails,
    moments,
    orders,
    outbox,
    pages,
    segments,
    templates,
    tracking,
)
from bench.figures import Figure, report

os.environ.setdefault("ECRM_LOG_FORMAT", "console")


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    orders: int
    events: int
    mails: int
    letters: int
    bulk: int
    runs: int
    activities: int
    segments: tuple[int, int, int]  # customers, orders, views
    imports: int


SCALES = {
    "small": Scale(
        orders=600,
        events=2000,
        mails=5_000,
        letters=40,
        bulk=20_000,
        runs=30,
        activities=15_000,
        segments=(20_000, 200_000, 500_000),
        imports=20_000,
    ),
    "full": Scale(
        orders=10_000,
        events=50_000,
        mails=50_000,
        letters=200,
        bulk=100_000,
        runs=200,
        activities=200_000,
        segments=(1_000_000, 10_000_000, 50_000_000),
        imports=1_000_000,
    ),
}
PARTS: dict[str, Callable[[ground.Ground, Scale], Iterator[Figure]]] = {
    "moments": lambda place, scale: moments.measure(place, runs=scale.runs),
    "orders": lambda place, scale: orders.measure(place, count=scale.orders),
    "pages": lambda place, scale: pages.measure(place, runs=scale.runs),
    "mails": lambda place, scale: mails.measure(place, count=scale.mails),
    "letters": lambda place, scale: letters.measure(place, letters=scale.letters, bulk=scale.bulk),
    "templates": lambda _place, _scale: templates.measure(runs=5),
    "outbox": lambda _place, scale: outbox.measure(count=scale.events),
    "tracking": lambda place, scale: tracking.measure(
        place, events=scale.activities, runs=scale.runs
    ),
    "imports": lambda place, scale: imports.measure(place, rows=scale.imports),
    "segments": lambda place, scale: _segments(place, scale.segments),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", choices=sorted(SCALES), default="small")
    parser.add_argument(
        "--segments",
        type=_numbers,
        metavar="CUSTOMERS,ORDERS,ACTIVITIES",
        help="measure segments alone, over so many rows",
    )
    parser.add_argument("--only", choices=PARTS, help="measure one part alone")
    chosen = parser.parse_args()
    with ground.database():
        place = ground.prepare()
        if chosen.segments:
            found = list(_segments(place, chosen.segments))
        else:
            parts = [chosen.only] if chosen.only else PARTS
            found = [one for part in parts for one in PARTS[part](place, SCALES[chosen.scale])]
    report(found)


def _segments(place: ground.Ground, sizes: tuple[int, int, int]) -> Iterator[Figure]:
    customers, orders_, activities = sizes
    return segments.measure(place, profiles=customers, orders=orders_, events=activities, runs=10)


def _numbers(text: str) -> tuple[int, int, int]:
    customers, orders_, activities = (int(word) for word in text.split(","))
    return customers, orders_, activities


if __name__ == "__main__":
    main()
