"""One measured number, and where numbers go."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

FILE = Path("build/bench.json")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number beside its raw limit: `ratio_to` names the limit, `ratio` is the number over it."""

    name: str
    value: float | None
    unit: str
    ratio_to: str = ""
    ratio: float | None = None
    runs: list[float] = field(default_factory=list)


def figure(name: str, runs: list[float], unit: str, *, beside: Figure | None = None) -> Figure:
    """The median of the runs, compared with another figure."""
    value = round(median(runs), 3) if runs else None
    limit = beside.value if beside else None
    return Figure(
        name=name,
        value=value,
        unit=unit,
        ratio_to=beside.name if beside else "",
        ratio=round(value / limit, 3) if value is not None and limit else None,
        runs=[round(run, 3) for run in runs],
    )


def report(figures: list[Figure]) -> None:
    """Write all figures to build/bench.json."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps([asdict(item) for item in figures], indent=1) + "\n")


def tell(found: Figure) -> Figure:
    """Print a figure as one line of JSON."""
    print(json.dumps(asdict(found)), flush=True)
    return found
