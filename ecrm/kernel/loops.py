"""Long-running work of `manage.py work NAME…`: loops that step, services that serve."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

from ecrm.kernel import doorbell

log = logging.getLogger(__name__)

Step = Callable[[], bool]
Service = Callable[[threading.Event], None]
ERROR_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Loop:
    """A step repeated while it finds work, then woken by its topic or every so many seconds."""

    name: str
    topic: str | None
    every: float
    step: Step


_loops: dict[str, list[Loop]] = {}
_services: dict[str, list[Service]] = {}


def loop(
    name: str, *, topic: str | None = None, every: float = 1.0, threads: int = 1
) -> Callable[[Step], Step]:
    """Make the decorated step part of `manage.py work <name>`.

    The step returns True when it did work and wants to be called again at once. Several steps may share
    a name; each gets a thread, or as many as it asks for.
    """

    def register(step: Step) -> Step:
        item = Loop(name=name, topic=topic, every=every, step=step)
        _loops.setdefault(name, []).extend([item] * threads)
        return step

    return register


def service(name: str) -> Callable[[Service], Service]:
    """Make the decorated function part of `manage.py work <name>`; it returns when the event is set."""

    def register(run: Service) -> Service:
        _services.setdefault(name, []).append(run)
        return run

    return register


def names() -> list[str]:
    """What `manage.py work` can run."""
    return sorted({*_loops, *_services})


def run_until_idle(*wanted: str, rounds: int = 1000) -> None:
    """Call the steps of these loops in this thread until none finds work. Raises what a step raises."""
    steps = [item.step for name in wanted for item in _loops[name]]
    for _ in range(rounds):
        found = [step() for step in steps]
        if not any(found):
            return
    raise RuntimeError(f"{', '.join(wanted)} still found work after {rounds} rounds.")


def threads(wanted: list[str], stop: threading.Event) -> list[threading.Thread]:
    """One unstarted thread per loop and service of these names. Raises KeyError for an unknown name."""
    found: list[threading.Thread] = []
    for name in wanted:
        if name not in _loops and name not in _services:
            raise KeyError(name)
        found += [
            threading.Thread(target=_turn, args=(item, stop), name=f"{name}:{item.step.__name__}")
            for item in _loops.get(name, [])
        ]
        found += [
            threading.Thread(target=_serve, args=(run, stop), name=f"{name}:{run.__name__}")
            for run in _services.get(name, [])
        ]
    return found


def _turn(item: Loop, stop: threading.Event) -> None:
    listener = doorbell.Listener(item.topic) if item.topic else None
    while not stop.is_set():
        try:
            if item.step():
                continue
        except Exception:
            # A loop outlives every failure: the database may be away for a minute.
            log.exception("loop_failed", extra={"loop": item.name})
            connection.close()
            stop.wait(ERROR_PAUSE_SECONDS)
            continue
        if listener:
            listener.wait(item.every)
        else:
            stop.wait(item.every)
    connection.close()


def _serve(run: Service, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            run(stop)
        except Exception:
            log.exception("service_failed", extra={"loop": run.__name__})
            connection.close()
            stop.wait(ERROR_PAUSE_SECONDS)
    connection.close()
