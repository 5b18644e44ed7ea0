"""`make test` and `make faults`: the tests on private services, the real browser included."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from launcher import children
from launcher.bed import Bed, make_bed
from launcher.console import complain, say
from launcher.errors import Interrupted
from launcher.installation import install_tools
from launcher.interruption import stop
from launcher.state import CHECKOUT
from launcher.toolbox import Toolbox

# Asynchronous tests fail after a Playwright test in the same process, so browsers run apart.
FIRST_RUN = ("-n", "{cores}", "-m", "not browser and not faults")
SECOND_RUN = ("-m", "browser and not faults")
# They kill processes and measure times, so they run without neighbours, and take long.
FAULTS_RUN = ("-m", "faults")


def main(tools: Toolbox, arguments: list[str]) -> int:
    """Two pytest runs, or one with the given arguments. Ends with pytest's summary line."""
    with _ready(tools) as (bed, env):
        if arguments:
            return _pytest(bed, env, arguments)
        with tools.watch.step("Unit and integration tests"):
            say()
            first = _pytest(bed, env, [part.format(cores=_cores()) for part in FIRST_RUN])
        _report(tools, first)
        second = _pytest(bed, env, SECOND_RUN)
    return first or second


def faults(tools: Toolbox, arguments: list[str]) -> int:
    """The tests that kill processes and cut connections. Ends with pytest's summary line."""
    with _ready(tools) as (bed, env):
        return _pytest(bed, env, [*FAULTS_RUN, *arguments])


@contextmanager
def _ready(tools: Toolbox) -> Iterator[tuple[Bed, dict[str, str]]]:
    """Services, packages and built files stand; with the environment for pytest."""
    build = install_tools(tools, dev=True)
    extra = {"ECRM_CHROMIUM": str(tools.chromium)}
    with make_bed(tools, "test", careless=True) as bed:
        product = bed.product(extra)
        messages = product.compile_messages()
        build.wait()
        product.collect_static().wait()
        messages.wait()
        yield bed, bed.environment(extra)


def _pytest(bed: Bed, env: Mapping[str, str], arguments: list[str] | tuple[str, ...]) -> int:
    command = [bed.tools.packages.python, "-m", "pytest", *arguments]
    status = children.run_in_foreground(
        command, env=env, cwd=CHECKOUT, meanwhile=bed.supervisor.revive
    )
    if stop.requested:
        raise Interrupted
    if status < 0:
        complain(f"\npytest was killed by {signal.Signals(-status).name} before it had finished.")
    return status


def _report(tools: Toolbox, status: int) -> None:
    """The timings so far; printed before the last run, whose summary line shall be the last one."""
    say()
    for title, seconds in tools.watch.steps:
        say(f"  {title:<34}{seconds:6.1f} s")
    if status:
        say("\n  The first run FAILED (see above); the browser tests follow all the same.")
    say()


def _cores() -> int:
    """How many workers: one per core we may use, within what the test services take."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 2, 16)
