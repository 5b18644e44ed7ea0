"""`make screens`: pictures of every main page, from the running demo or from one started for it."""

import os

from launcher import children, guardian
from launcher.console import say
from launcher.dotenv import clean_environment
from launcher.installation import install_tools, start_installation
from launcher.ports import choose_port
from launcher.state import CHECKOUT, State, lock_state
from launcher.supervisor import Supervisor
from launcher.toolbox import Toolbox


def main(tools: Toolbox, arguments: list[str]) -> int:
    """Run `python -m screens` against a demo; returns its exit status."""
    install_tools(tools, dev=True).wait()
    if url := _running_demo(tools.state):
        say(f"Taking pictures of the running demo, {url}")
        return _take_pictures(tools, tools.state, url, arguments)
    place = tools.state.below("screens")
    lock = lock_state(place, doing="make screens")
    guardian.appoint()
    supervisor = Supervisor()
    try:
        port = choose_port(place.read("web.json").get("port"))
        place.write("web.json", {"port": port})
        installation = start_installation(tools.isolated(), place, supervisor, port=port)
        return _take_pictures(tools, place, installation.url, arguments)
    finally:
        supervisor.stop()
        lock.release()


def _take_pictures(tools: Toolbox, place: State, url: str, arguments: list[str]) -> int:
    """As the first agent of the demo, who may see everything."""
    first = str(place.read("demo-logins.json")["logins"]).splitlines()[0]
    email, password, _role = first.split(" / ")
    env = {
        **clean_environment(),
        "ECRM_BASE_URL": url,
        "ECRM_CHROMIUM": str(tools.chromium),
        "ECRM_SCREENS_EMAIL": email,
        "ECRM_SCREENS_PASSWORD": password,
    }
    return children.run_in_foreground(
        [tools.packages.python, "-m", "screens", *arguments], env=env, cwd=CHECKOUT
    )


def _running_demo(state: State) -> str:
    """The address of the product that `make run` keeps running here; empty when there is none."""
    running = state.read("running.json")
    try:
        os.kill(int(running.get("pid", 0)), 0) if running else None
    except OSError:
        return ""
    return str(running.get("url", ""))
