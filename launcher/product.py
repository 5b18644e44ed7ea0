"""The product itself: its preparation through manage.py and the processes it consists of."""

import http.client
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher import children, frontend
from launcher.background import Nothing, Task
from launcher.state import CHECKOUT, State, fingerprint
from launcher.supervisor import Process, Supervisor
from launcher.toolbox import Toolbox

LOOPS = ("clock", "relay", "sender", "mass", "inbound", "segments", "transfers", "privacy")
DEMO_LOOPS = ("mailbox",)
_WEB = (
    *("-m", "uvicorn", "ecrm.asgi:application", "--host", "127.0.0.1"),
    # The product reads proxy headers itself (ECRM_PROXIES), and it logs requests in its own way.
    *("--no-proxy-headers", "--no-access-log", "--no-server-header"),
    *("--timeout-graceful-shutdown", "3", "--ws-ping-interval", "20"),
)
# What `manage.py compile_messages` does, without the seconds that Django takes to start.
_COMPILE_MESSAGES = (
    "import pathlib, polib, sys\n"
    "for source in map(pathlib.Path, sys.argv[1:]):\n"
    "    polib.pofile(str(source)).save_as_mofile(str(source.with_suffix('.mo')))"
)


class Product:
    """One installation of eCRM: a state directory, an environment and a port."""

    def __init__(
        self, tools: Toolbox, place: State, env: Mapping[str, str], *, cluster: str
    ) -> None:
        self._tools = tools
        self._place = place
        self._env = env
        self._cluster = cluster

    def migrate(self) -> None:
        """Bring the database to the code's state."""
        with self._tools.watch.step("Migrations"):
            children.run(
                self._command("migrate", "--noinput"),
                env=self._env, cwd=CHECKOUT, log=self._place.log("migrate"),
                what="Migrating the database",
            )  # fmt: skip

    def load_demo(self) -> Task:
        """Fill the database with the demo shop, once per database."""
        mark = fingerprint(text=[self._cluster])
        return self._task("demo", mark, "Demo data", "Loading the demo data", self._command("demo"))

    def compile_messages(self) -> Task:
        """Compile the translations when one has changed."""
        catalogues = sorted(CHECKOUT.glob("locale/*/LC_MESSAGES/*.po"))
        mark = fingerprint(*catalogues)
        if not all(path.with_suffix(".mo").exists() for path in catalogues):
            self._place.forget("messages")
        python = self._tools.packages.python
        command: list[str | Path] = [python, "-c", _COMPILE_MESSAGES, *catalogues]
        return self._task("messages", mark, "Translations", "Compiling the translations", command)

    def collect_static(self) -> Task:
        """Gather the static files when one can have changed; the front end must be built."""
        folders = [path for path in CHECKOUT.glob("[a-z]*/static") if path.is_dir()]
        inputs = (*folders, CHECKOUT / "requirements/run.txt", CHECKOUT / "ecrm/settings.py")
        mark = fingerprint(*inputs, text=[frontend.sources()])
        if not self._place.path("static").is_dir():
            self._place.forget("static")
        # Post-processing is compression, which would take longer than everything else together and
        # gain nothing on this machine; the image for production compresses.
        command = self._command("collectstatic", "--noinput", "--clear", "--no-post-process")
        return self._task("static", mark, "Static files", "Collecting the static files", command)

    def _task(
        self, step: str, mark: str, title: str, what: str, command: Sequence[str | Path]
    ) -> Task:
        if self._place.is_done(step, mark):
            return Nothing(self._tools.watch)
        return Task(
            self._tools.watch,
            title,
            what,
            command,
            self._env,
            self._place.log(step),
            on_success=lambda: self._place.mark_done(step, mark),
        ).start()

    def _command(self, *arguments: str) -> list[str | Path]:
        return [self._tools.packages.python, "manage.py", *arguments]

    def demo_logins(self) -> str:
        """The lines `email / password / role` of the demo agents."""
        known = self._place.read("demo-logins.json")
        if known.get("cluster") == self._cluster:
            return str(known["logins"])
        logins = children.capture(
            [self._tools.packages.python, CHECKOUT / "manage.py", "demo", "--logins"],
            env=self._env,
            patience=60,
        )
        if logins:
            document = {"cluster": self._cluster, "logins": logins}
            self._place.write("demo-logins.json", document, mode=0o600)
        return logins

    def start(self, supervisor: Supervisor, *, port: int, demo: bool) -> None:
        """Start web and loops together and wait until the sign-in page answers."""
        loops = (*LOOPS, *(DEMO_LOOPS if demo else ()))
        processes = (
            self._process("web", [*_WEB, "--port", str(port)], port=port),
            self._process("work", ["manage.py", "work", *loops]),
        )
        with self._tools.watch.step("Web and loops"):
            supervisor.start(*processes, patience=120)

    def _process(self, name: str, command: list[str | Path], *, port: int | None = None) -> Process:
        return Process(
            name=name,
            command=[self._tools.packages.python, *command],
            env=self._env,
            cwd=CHECKOUT,
            log=self._place.log(name),
            is_ready=(lambda: _pages_answer(port)) if port else (lambda: True),
        )


def _pages_answer(port: int) -> bool:
    return all(_status(port, path) == http.client.OK for path in ("/readyz", "/login/"))


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
