"""From a state directory to an installation of eCRM that answers in the browser."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from launcher import services
from launcher.background import Task, build_frontend
from launcher.console import say
from launcher.errors import LauncherError
from launcher.packages import require_venv_module
from launcher.ports import choose_port, require_free
from launcher.product import Product
from launcher.state import State
from launcher.supervisor import Supervisor
from launcher.toolbox import Toolbox

_DEMO_SMTP_PORT = 21025
_FIRST_START_BYTES = 1_500_000_000
_LATER_START_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation."""

    url: str
    is_demo: bool
    logins: str


def install_tools(tools: Toolbox, *, dev: bool) -> Task:
    """Install what the product needs; the front end's build goes on behind our back."""
    require_venv_module()
    require_space(tools.state.root, is_first=not tools.packages.python.exists())
    lock = tools.lock()
    try:
        build = build_frontend(tools)
        tools.packages.sync(dev=dev)
    finally:
        lock.release()
    return build


def start_installation(
    tools: Toolbox, place: State, supervisor: Supervisor, *, port: int
) -> Installation:
    """Prepare everything in order and start the product; every part is done only when needed."""
    build = install_tools(tools, dev=False)
    addresses = services.start_own_or_users(tools, place, supervisor)
    smtp_port = choose_port(place.read("demo-mailbox.json").get("port") or _DEMO_SMTP_PORT)
    place.write("demo-mailbox.json", {"port": smtp_port})
    url = f"http://localhost:{port}"
    is_demo = wants_demo(tools)
    env = services.product_environment(
        tools,
        place,
        addresses,
        {
            "ECRM_BASE_URL": url,
            "ECRM_DEMO": "1" if is_demo else "0",
            "ECRM_DEMO_SMTP_PORT": str(smtp_port),
        },
    )
    product = Product(tools, place, env, cluster=addresses.cluster)
    messages = product.compile_messages()
    product.migrate()
    messages.wait()
    demo = product.load_demo() if is_demo else None
    build.wait()
    product.collect_static().wait()
    if demo:
        demo.wait()
    require_free(port)
    product.start(supervisor, port=port, demo=is_demo)
    logins = product.demo_logins() if is_demo else ""
    return Installation(tools.settings.get("ECRM_BASE_URL") or url, is_demo, logins)


def wants_demo(tools: Toolbox) -> bool:
    """Demo mode is the default of `make run`, unless told otherwise or real mail is set up."""
    told = tools.settings.get("ECRM_DEMO").strip().lower()
    if told:
        return told in {"1", "true", "yes", "on"}
    return not any(map(tools.settings.is_set, ("ECRM_SMTP_URL", "ECRM_ESP_URL")))


def require_space(folder: Path, *, is_first: bool) -> None:
    """Raise LauncherError when the disk has too little room for a start."""
    needed = _FIRST_START_BYTES if is_first else _LATER_START_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LauncherError(
            f"The disk of {folder} has {free // 1_000_000} MB left; this start needs about "
            f"{needed // 1_000_000} MB. Free some space, or set ECRM_STATE_DIR to another disk."
        )
    if is_first:
        say("  The first start installs everything it needs; later ones take seconds.")
