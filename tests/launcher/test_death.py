"""What happens to the children when the launcher gets no chance to stop them."""

import json
import os
import signal
import time

import pytest

from tests.launcher.conftest import is_alive, wait_for

pytestmark = pytest.mark.faults

# A child with a child of its own; both are deaf to polite requests.
FAMILY = """
import os, pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
options = {"start_new_session": True} if "apart" in sys.argv else {}
child = subprocess.Popen([sys.executable, "-c", deaf], **options)
pathlib.Path("family").write_text(f"{os.getpid()} {child.pid}")
time.sleep(120)
"""

LAUNCHER = """
import json, os, pathlib, signal, sys
from launcher import guardian
from launcher.interruption import stop
from launcher.state import State, lock_state
from launcher.supervisor import Process, Supervisor

state = State(pathlib.Path("state")).prepare()
stop.install()
lock = lock_state(state, doing="a test")
guardian.appoint()
supervisor = Supervisor()
command = [sys.executable, "-u", "-c", json.loads(os.environ["SOURCE"])]
try:
    supervisor.start(Process(
        name="family", command=command + sys.argv[1:], env=dict(os.environ), cwd=pathlib.Path(),
        log=state.log("family"), is_ready=pathlib.Path("family").exists, stop_patience=1,
    ))
    print("ready", flush=True)
    supervisor.watch()
finally:
    supervisor.stop()
    guardian.dismiss()
print("stopped in order", flush=True)
"""


@pytest.fixture
def family(launch, tmp_path):
    """A launcher that watches a child and, through it, a grandchild."""

    def start(source=FAMILY):
        launcher = launch(LAUNCHER, SOURCE=json.dumps(source))
        assert launcher.stdout.readline() == "ready\n"
        wait_for(lambda: len((tmp_path / "family").read_text().split()) == 2)
        return launcher, [int(pid) for pid in (tmp_path / "family").read_text().split()]

    return start


def test_nothing_survives_a_kill_of_the_launcher(family):
    launcher, pids = family()

    launcher.kill()

    wait_for(lambda: not any(map(is_alive, pids)))


def test_a_grandchild_in_a_session_of_its_own_does_not_survive_either(family):
    launcher, pids = family(FAMILY.replace('"apart" in sys.argv', "True"))

    launcher.kill()

    wait_for(lambda: not any(map(is_alive, pids)))


def test_the_lock_stays_taken_until_everything_is_cleared_away(family, tmp_path):
    from launcher.state import Lock

    launcher, pids = family()
    lock = Lock(tmp_path / "state" / "lock")

    launcher.kill()
    launcher.wait()

    assert not lock.try_acquire()
    wait_for(lock.try_acquire)
    assert not any(map(is_alive, pids))
    lock.release()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_polite_request_stops_everything_in_seconds(family, number):
    launcher, pids = family()

    begun = time.monotonic()
    launcher.send_signal(number)
    output, _ = launcher.communicate(timeout=20)

    assert "stopped in order" in output
    assert launcher.returncode == 0
    assert time.monotonic() - begun < 5
    assert not any(map(is_alive, pids))


def test_the_launcher_follows_the_make_that_started_it(launch, tmp_path):
    parent = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c",
    "import time; from launcher.interruption import stop; stop.install()\\n"
    "open('up', 'w').close()\\n"
    "while not stop.requested: time.sleep(.05)"])
print(child.pid, flush=True)
time.sleep(60)
"""
    make = launch(parent, MAKELEVEL="1")
    launcher = int(make.stdout.readline())
    wait_for((tmp_path / "up").exists)

    os.kill(make.pid, signal.SIGKILL)

    wait_for(lambda: not is_alive(launcher))
