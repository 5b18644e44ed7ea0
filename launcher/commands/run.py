"""`make run`: the whole product in the browser, in the foreground, until Ctrl-C."""

import os

from launcher import guardian
from launcher.console import say
from launcher.errors import Interrupted, LauncherError
from launcher.installation import Installation, start_installation
from launcher.ports import require_free
from launcher.state import lock_state
from launcher.supervisor import Supervisor
from launcher.toolbox import Toolbox

DEFAULT_PORT = 8000


def main(tools: Toolbox, arguments: list[str]) -> int:
    """Start everything, say where it is, keep it running, stop it on request."""
    del arguments
    port = web_port()
    lock = lock_state(tools.state, doing=f"make run on http://localhost:{port}")
    guardian.appoint()
    require_free(port)
    say(f"Starting eCRM in {tools.state.root}")
    supervisor = Supervisor()
    try:
        installation = start_installation(tools, tools.state, supervisor, port=port)
        tools.watch.save(tools.state.path("logs", "timings.json"))
        tools.state.write("running.json", {"pid": os.getpid(), "url": installation.url})
        say(_welcome(tools, installation))
        supervisor.watch()
    except Interrupted:
        pass
    finally:
        say("\nStopping …")
        tools.state.path("running.json").unlink(missing_ok=True)
        supervisor.stop()
        lock.release()
    say("Stopped.")
    return 0


def web_port() -> int:
    """The port of the web server: PORT, or 8000."""
    told = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not told.isdigit() or not 0 < int(told) < 65536:
        raise LauncherError(f"PORT is '{told}'; it must be a number from 1 to 65535.")
    return int(told)


def _welcome(tools: Toolbox, installation: Installation) -> str:
    lines = ["", f"eCRM is ready after {tools.watch.elapsed():.1f} s:  {installation.url}/", ""]
    if installation.is_demo:
        lines += [
            f"  Customers' mailbox   {installation.url}/demo/mailbox/",
            f"  API documentation    {installation.url}/api/docs/",
            "",
            "  Sign in with one of these (e-mail / password / role):",
            *(f"    {line}" for line in installation.logins.splitlines()),
            "",
        ]
    lines.append(f"Logs: {tools.state.logs}    Stop: Ctrl-C")
    return "\n".join(lines)
