"""`python -m bench --scale small|full`: prints one JSON object per figure, writes build/bench.json."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass

from bench import ground, imports, mails, moments, orders, outbox, pages, segments, tracking
from bench.figures import Figure, report

os.environ.setdefault("ECRM_LOG_FORMAT", "console")


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    orders: int
    events: int
    mails: int
    runs: int
    activities: int
    segments: tuple[int, int, int]  # customers, orders, views
    imports: int


SCALES = {
    "small": Scale(
        orders=600,
        events=2000,
        mails=300,
        runs=30,
        activities=15_000,
        segments=(20_000, 200_000, 500_000),
        imports=20_000,
    ),
    "full": Scale(
        orders=10_000,
        events=50_000,
        mails=5_000,
        runs=200,
        activities=200_000,
        segments=(1_000_000, 10_000_000, 50_000_000),
        imports=1_000_000,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", choices=sorted(SCALES), default="small")
    scale = SCALES[parser.parse_args().scale]
    found: list[Figure] = []
    with ground.database():
        place = ground.prepare()
        found += moments.measure(place, runs=scale.runs)
        found += orders.measure(place, count=scale.orders)
        found += pages.measure(place, runs=scale.runs)
        found += mails.measure(place, count=scale.mails)
        found += outbox.measure(count=scale.events)
        found += tracking.measure(place, events=scale.activities, runs=scale.runs)
        found += imports.measure(place, rows=scale.imports)
        customers, orders_, views = scale.segments
        found += segments.measure(place, profiles=customers, orders=orders_, events=views, runs=10)
    report(found)


if __name__ == "__main__":
    main()
