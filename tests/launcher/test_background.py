import sys
import time

import pytest

from launcher.background import Nothing, Task
from launcher.console import Stopwatch
from launcher.errors import LauncherError


@pytest.fixture
def task(state):
    def make(source, **options):
        return Task(
            Stopwatch(),
            "Demo data",
            "Loading the demo data",
            [sys.executable, "-c", source],
            {},
            state.log("demo"),
            **options,
        )

    return make


def test_a_task_counts_as_done_only_when_it_succeeded(task, state):
    def stamp():
        state.mark_done("demo", "1")

    with pytest.raises(LauncherError, match="Loading the demo data failed"):
        task("raise SystemExit(1)", on_success=stamp).start().wait()
    assert not state.is_done("demo", "1")

    task("pass", on_success=stamp).start().wait()
    assert state.is_done("demo", "1")


def test_a_failed_task_shows_the_end_of_its_output(task):
    with pytest.raises(LauncherError, match="no such table"):
        task("print('no such table'); raise SystemExit(1)").start().wait()


def test_tasks_run_beside_each_other_and_are_timed_from_their_start(task):
    begun = time.monotonic()
    tasks = [task("import time; time.sleep(.5)").start() for _ in range(4)]
    for each in tasks:
        each.wait()

    assert time.monotonic() - begun < 1.9
    assert tasks[-1].watch.steps[0][1] >= 0.5


def test_a_task_that_is_not_needed_takes_no_time_and_no_line(capsys):
    Nothing(Stopwatch()).wait()

    assert capsys.readouterr().out == ""
