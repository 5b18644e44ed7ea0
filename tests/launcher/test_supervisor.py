import itertools
import os
import signal
import time

import pytest

from launcher.errors import LauncherError
from launcher.interruption import stop
from launcher.supervisor import Supervisor
from tests.launcher.conftest import is_alive, wait_for

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def supervisor():
    supervisor = Supervisor(backoff=(0.05, 0.1, 0.2), healthy_after=30)
    yield supervisor
    supervisor.stop()


def test_a_stage_is_up_before_the_next_one_starts(supervisor, script, state):
    flag = state.path("ready")
    first = script(
        "first",
        f"import time, pathlib; time.sleep(.3); pathlib.Path({str(flag)!r}).touch(); time.sleep(60)",
        is_ready=flag.exists,
    )

    supervisor.start(first)

    assert flag.exists()


def test_a_process_that_dies_is_started_again(supervisor, script):
    supervisor.start(script("worker", SLEEP))
    first = supervisor.pids()["worker"]

    os.kill(first, signal.SIGKILL)
    wait_for(lambda: _after_revival(supervisor)["worker"] != first)

    assert is_alive(supervisor.pids()["worker"])


def test_the_pauses_between_restarts_grow(script, state):
    supervisor = Supervisor(backoff=(0.1, 0.4, 0.8), healthy_after=30)
    deaths = state.path("deaths")
    dying = f"import time; open({str(deaths)!r}, 'a').write(f'{{time.time()}}\\n')"
    supervisor.start(script("dying", dying))

    with pytest.raises(LauncherError, match="cannot be kept running"):
        supervisor.watch()

    times = [float(line) for line in deaths.read_text().split()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) == 4
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.4
    assert pauses[2] >= 0.8


def test_giving_up_shows_the_exit_status_and_the_end_of_the_log(supervisor, script):
    supervisor.start(script("broken", "print('no module named lunch'); raise SystemExit(3)"))

    with pytest.raises(LauncherError) as caught:
        supervisor.watch()

    assert "broken cannot be kept running" in str(caught.value)
    assert "exit status 3" in str(caught.value)
    assert "no module named lunch" in str(caught.value)


def test_a_process_that_others_kill_is_never_given_up(supervisor, script):
    supervisor.start(script("victim", SLEEP))

    for _ in range(6):
        before = supervisor.pids()["victim"]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda pid=before: _after_revival(supervisor)["victim"] != pid)

    assert is_alive(supervisor.pids()["victim"])


def test_a_death_after_a_healthy_time_counts_as_the_first(script, state):
    supervisor = Supervisor(backoff=(0.01, 0.01), healthy_after=0.0)
    lives = state.path("lives")
    supervisor.start(script("mortal", f"open({str(lives)!r}, 'a').write('x')"))

    wait_for(lambda: supervisor.revive() and lives.exists() and len(lives.read_text()) > 5)

    supervisor.stop()


def test_a_process_that_ends_while_starting_is_an_error_with_its_log(supervisor, script):
    with pytest.raises(LauncherError, match="port is taken already"):
        supervisor.start(
            script("web", "print('the port is taken already'); raise SystemExit(1)",
                   is_ready=lambda: False)
        )  # fmt: skip


def test_a_process_that_is_never_ready_is_an_error(supervisor, script):
    with pytest.raises(LauncherError, match="was not ready within"):
        supervisor.start(script("slow", SLEEP, is_ready=lambda: False), patience=0.3)


def test_stopping_ends_everything_the_last_started_first(script, state):
    supervisor = Supervisor()
    diary = state.path("diary")
    source = (
        "import signal, sys, time, pathlib\n"
        "def bye(*_):\n"
        f"    open({str(diary)!r}, 'a').write(sys.argv[1] + ' '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, bye)\n"
        "pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    )
    for name in ("database", "web"):
        process = script(name, source, is_ready=state.path(name).exists)
        process.command.append(name)
        supervisor.start(process)

    supervisor.stop()

    assert diary.read_text().split() == ["web", "database"]


def test_a_process_that_ignores_the_request_is_killed(script, state):
    supervisor = Supervisor()
    deaf = (
        "import signal, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "pathlib.Path('deaf-ready').touch(); time.sleep(60)"
    )
    supervisor.start(
        script("deaf", deaf, stop_patience=0.3, is_ready=state.path("deaf-ready").exists)
    )
    pid = supervisor.pids()["deaf"]

    begun = time.monotonic()
    supervisor.stop()

    assert not is_alive(pid)
    assert time.monotonic() - begun < 5


def test_children_of_a_dead_process_are_cleared_away_before_its_restart(supervisor, script, state):
    note = state.path("grandchild")
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    supervisor.start(script("parent", parent, is_ready=note.exists))
    grandchild = int(note.read_text())

    os.kill(supervisor.pids()["parent"], signal.SIGKILL)

    wait_for(lambda: _after_revival(supervisor) and not is_alive(grandchild))


def test_a_stop_request_ends_the_watch(supervisor, script, monkeypatch):
    monkeypatch.setattr(stop, "requests", 1)

    supervisor.watch()

    assert stop.requested


def _after_revival(supervisor):
    supervisor.revive()
    return supervisor.pids()
