"""What the launcher prints: one line per step and, at the end, how long each took."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


def say(text: str = "", *, end: str = "\n") -> None:
    """Print one message at once; a closed terminal must never stop the stopping."""
    with suppress(OSError, ValueError):
        print(text, end=end, flush=True)


def complain(text: str) -> None:
    """Print one message to standard error."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Stopwatch:
    """The steps of one launch and their seconds."""

    started: float = field(default_factory=time.monotonic)
    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Time a step and print it: the title at its start, the seconds at its end."""
        live = sys.stdout.isatty()
        if live:
            say(f"  {title} …", end="")
        begun = time.monotonic()
        try:
            yield
        except BaseException:
            say(" failed" if live else f"  {title} failed")
            raise
        self.note(title, time.monotonic() - begun)

    def note(self, title: str, seconds: float) -> None:
        """Remember and print what a step took."""
        self.steps.append((title, seconds))
        start_of_line = "\r" if sys.stdout.isatty() else ""
        say(f"{start_of_line}  {title:<34}{seconds:6.1f} s")

    def elapsed(self) -> float:
        """Seconds since the launcher began."""
        return time.monotonic() - self.started

    def save(self, path: Path) -> None:
        """Write the timings as JSON for benchmarks and curious people."""
        document = {
            "total_seconds": round(self.elapsed(), 2),
            "steps": [{"step": title, "seconds": round(s, 2)} for title, s in self.steps],
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
