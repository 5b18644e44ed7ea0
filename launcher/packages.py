"""Python packages: uv from its own hashed lock, and virtual environments that match a lock exactly."""

import shutil
import sys
from pathlib import Path

from launcher import children
from launcher.console import Stopwatch
from launcher.dotenv import clean_environment
from launcher.errors import LauncherError
from launcher.state import CHECKOUT, State, fingerprint

_REQUIREMENTS = CHECKOUT / "requirements"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_SITE_PACKAGES = Path(f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages")


class Packages:
    """The virtual environments of one state directory."""

    def __init__(self, state: State, watch: Stopwatch) -> None:
        self._state = state
        self._watch = watch

    @property
    def python(self) -> Path:
        """The interpreter that has the product's packages."""
        return self._state.path("venv", "bin", "python")

    @property
    def site_packages(self) -> Path:
        """Where the product's packages are."""
        return self._state.path("venv") / _SITE_PACKAGES

    def tool(self, name: str) -> Path:
        """A program of the product's virtual environment."""
        return self._state.path("venv", "bin", name)

    def sync(self, *, dev: bool) -> None:
        """Bring the virtual environment to the run lock or the dev lock.

        The dev lock contains the run lock, so an environment that has it stays as it is for a run.
        """
        run_lock, dev_lock = _REQUIREMENTS / "run.txt", _REQUIREMENTS / "dev.txt"
        is_dev = dev or self._state.read("stamps.json").get("packages", "").startswith("dev ")
        locks = (run_lock, dev_lock) if is_dev else (run_lock,)
        mark = f"{'dev' if is_dev else 'run'} {fingerprint(*locks, text=[sys.version])}"
        if self._state.is_done("packages", mark) and self.python.exists():
            return
        self.install("venv", locks[-1], title="Python packages", step="packages", mark=mark)

    def install(self, folder: str, lock: Path, *, title: str, step: str, mark: str) -> None:
        """Make a virtual environment hold exactly what a lock says."""
        uv = self._uv()
        with self._watch.step(title):
            self._state.forget(step)
            venv = self._state.path(folder)
            if not (venv / _SITE_PACKAGES).is_dir():  # made by another version of Python
                shutil.rmtree(venv, ignore_errors=True)
            self._uv_run(
                uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, venv
            )
            self._uv_run(
                uv,
                "pip",
                "sync",
                "--quiet",
                "--require-hashes",
                "--python",
                venv / "bin/python",
                lock,
            )
            self._state.mark_done(step, mark)

    def compile_locks(self) -> None:
        """Write all locks again from their .in files (`make lock`)."""
        uv = self._uv()
        for name, constraint in (("uv", None), ("node", None), ("run", None), ("dev", "run.txt")):
            with self._watch.step(f"requirements/{name}.txt"):
                extra: list[str | Path] = (
                    ["--constraints", _REQUIREMENTS / constraint] if constraint else []
                )
                self._uv_run(
                    uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
                    "--generate-hashes", "--no-emit-index-url", "--no-header", "--upgrade", *extra,
                    f"requirements/{name}.in", "-o", f"requirements/{name}.txt",
                )  # fmt: skip

    def _uv(self) -> Path:
        lock = _REQUIREMENTS / "uv.txt"
        folder = self._state.path("tools", "uv")
        mark = fingerprint(lock, text=[sys.version])
        if not (self._state.is_done("uv", mark) and (folder / "bin/uv").exists()):
            with self._watch.step("uv, the package installer"):
                shutil.rmtree(folder, ignore_errors=True)
                try:
                    self._pip_install(sys.executable, lock, "--target", folder)
                except LauncherError:  # no pip in this Python, or one with settings of its own
                    shutil.rmtree(folder, ignore_errors=True)
                    self._make_plain_venv(folder)
                    self._pip_install(folder / "bin/python", lock)
                self._state.mark_done("uv", mark)
        return folder / "bin/uv"

    def _make_plain_venv(self, folder: Path) -> None:
        children.run(
            [sys.executable, "-m", "venv", folder],
            env=download_environment(),
            cwd=CHECKOUT,
            log=self._state.log("packages"),
            what="Making a virtual environment",
        )

    def _pip_install(self, python: str | Path, lock: Path, *options: str | Path) -> None:
        children.run(
            [python, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-compile",
             "--only-binary=:all:", *options, "-r", lock],
            env=download_environment(), cwd=CHECKOUT, log=self._state.log("packages"),
            what="Installing uv", attempts=2,
        )  # fmt: skip

    def _uv_run(self, uv: Path, *arguments: str | Path) -> None:
        children.run(
            [uv, *arguments],
            env={**download_environment(), "UV_NO_PROGRESS": "1"},
            cwd=CHECKOUT,
            log=self._state.log("packages"),
            what=f"uv {arguments[0]}",
            attempts=3,
        )


def require_venv_module() -> None:
    """Raise LauncherError when Python lacks what it needs to make virtual environments."""
    try:
        import ensurepip  # noqa: F401  (some distributions leave it out)
        import venv  # noqa: F401
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise LauncherError(
            f"This Python has no {error.name} module. On Debian and Ubuntu:\n"
            f"    sudo apt install python{version}-venv"
        ) from error


def download_environment() -> dict[str, str]:
    """The environment for everything that downloads: the system's certificates count too."""
    env = clean_environment()
    if _CERTIFICATES.exists():
        # Company proxies sign with certificates that only the system's store knows.
        env.setdefault("SSL_CERT_FILE", str(_CERTIFICATES))
        env.setdefault("NODE_EXTRA_CA_CERTS", str(_CERTIFICATES))
        env.setdefault("PIP_CERT", str(_CERTIFICATES))
    env.setdefault("UV_HTTP_TIMEOUT", "120")
    env.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return env
