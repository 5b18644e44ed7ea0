"""The command line: picks the command, and turns failures into sentences."""

from collections.abc import Callable

from launcher import guardian
from launcher.background import build_now
from launcher.commands import bench, check, fix, lock, run, screens, services, test
from launcher.console import complain
from launcher.errors import Interrupted, LauncherError, explain_os_error
from launcher.interruption import stop
from launcher.state import State, default_state_dir
from launcher.toolbox import Toolbox

INTERRUPTED = 130

Command = Callable[[Toolbox, list[str]], int]


def _frontend(tools: Toolbox, arguments: list[str]) -> int:
    del arguments
    build_now(tools.state)
    return 0


COMMANDS: dict[str, tuple[Command, str]] = {
    "run": (run.main, "the whole product in the browser (PORT, ECRM_STATE_DIR)"),
    "test": (test.main, "all tests; with arguments, one pytest run with them"),
    "faults": (test.faults, "the tests that kill processes; more arguments go to pytest"),
    "check": (check.main, "every check that needs no test: lint, types, contracts, audits"),
    "lint": (check.lint, "ruff and the template linters"),
    "types": (check.types, "mypy and tsc"),
    "fix": (fix.main, "repair what the linters can repair"),
    "bench": (bench.main, "the benchmarks (--scale small or full)"),
    "screens": (screens.main, "pictures of every main page in build/screens/"),
    "services": (services.main, "run a command beside private services: services -- COMMAND"),
    "lock": (lock.main, "write the lock files again"),
    "frontend": (_frontend, "build the browser code"),
}


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    name = arguments[0] if arguments else ""
    if name not in COMMANDS:
        width = max(map(len, COMMANDS))
        complain("Usage: python3 -m launcher COMMAND\n")
        complain("\n".join(f"  {known:<{width}}  {text}" for known, (_, text) in COMMANDS.items()))
        return 0 if name in {"-h", "--help", "help"} else 2
    command, _ = COMMANDS[name]
    try:
        stop.install()
        return command(Toolbox(State(default_state_dir()).prepare()), arguments[1:])
    except Interrupted:
        complain("\nInterrupted.")
        return INTERRUPTED
    except LauncherError as error:
        complain(f"\n{error}")
        return 1
    except OSError as error:
        complain(f"\n{explain_os_error(error)}")
        return 1
    finally:
        guardian.dismiss()
