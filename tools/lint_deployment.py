"""Checks Dockerfile, docker-compose.yml and deploy/ without a Docker engine.

It parses them and compares them with each other and with the product: services, images, volumes,
copied paths, loops, upstreams and settings that are named must exist.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parent.parent
OWN_IMAGE = "ecrm:"
NEEDED = {
    "web",
    "sockets",
    "clock-1",
    "clock-2",
    "sender",
    "relay",
    "inbound",
    "segments",
    "transfers",
    "privacy",
    "migrate",
}
NEEDED |= {"postgres", "redis", "proxy", "backup"}
PUBLIC = {"proxy"}

Service = dict[str, Any]


def main() -> int:
    """Print what is wrong; returns the exit status."""
    compose = yaml.safe_load(_read("docker-compose.yml"))
    faults = [
        *services_are_sound(compose),
        *names_are_known(compose),
        *commands_exist(compose),
        *settings_exist(),
        *dockerfile_is_sound(_read("Dockerfile")),
        *scripts_parse(),
    ]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def services_are_sound(compose: dict[str, Any]) -> Iterator[str]:
    """Every needed service is there, and only the proxy is open to the world."""
    services: dict[str, Service] = compose["services"]
    for name in sorted(NEEDED - services.keys()):
        yield f"docker-compose.yml: there is no service {name}"
    for name, service in services.items():
        image = service.get("image", "")
        if not image or image.endswith(":latest"):
            yield f"{name}: the image needs a version"
        if "restart" not in service:
            yield f"{name}: says nothing about restarts"
        if "ports" in service and name not in PUBLIC:
            yield f"{name}: is open to the world"
        if image.startswith(OWN_IMAGE) and not (
            service.get("read_only") and service.get("cap_drop") == ["ALL"]
        ):
            yield f"{name}: has more rights than it needs"


def names_are_known(compose: dict[str, Any]) -> Iterator[str]:
    """Dependencies, volumes and mounted files that are named exist."""
    services, volumes = compose["services"], compose["volumes"]
    for name, service in services.items():
        for other in service.get("depends_on", ()):
            if other not in services:
                yield f"{name}: depends on {other}, which is no service"
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith("."):
                if not (CHECKOUT / source).exists():
                    yield f"{name}: mounts {source}, which does not exist"
            elif source not in volumes:
                yield f"{name}: mounts {source}, which is no volume"
    for upstream, port in re.findall(r"dynamic a (\S+) (\d+)", _read("deploy/Caddyfile")):
        if upstream not in services or port != "8000":
            yield f"Caddyfile: {upstream}:{port} is no service of ours"


def commands_exist(compose: dict[str, Any]) -> Iterator[str]:
    """Every `manage.py` command and every loop that a service runs exists in the code."""
    tasks = "\n".join(path.read_text("utf-8") for path in CHECKOUT.glob("*/tasks.py"))
    tasks += "\n".join(path.read_text("utf-8") for path in CHECKOUT.glob("ecrm/*/tasks.py"))
    loops = set(re.findall(r"(?:loop|service)\(\s*\"([a-z]+)\"", tasks))
    own = {path.stem for path in CHECKOUT.glob("**/management/commands/*.py")}
    for name, service in compose["services"].items():
        command = service.get("command") or []
        if command[:2] != ["python", "manage.py"]:
            continue
        if command[2] not in own | {"migrate"}:
            yield f"{name}: there is no manage.py {command[2]}"
        if command[2] == "work":
            for loop in set(command[3:]) - loops:
                yield f"{name}: there is no loop {loop}"


def settings_exist() -> Iterator[str]:
    """Every ECRM_* variable of the deployment is a setting of the product or of the files themselves."""
    known = set(re.findall(r"`(ECRM_\w+)`", _read("docs/settings.md")))
    known |= {"ECRM_DOMAIN", "ECRM_VERSION", "ECRM_MAX_BODY", "ECRM_LARGER_BODIES"}
    for file in ("docker-compose.yml", "Dockerfile", "deploy/env.example", "deploy/Caddyfile"):
        for name in sorted(set(re.findall(r"\bECRM_[A-Z_]*[A-Z]", _read(file))) - known):
            yield f"{file}: {name} is no setting"
    asked = set(re.findall(r"\$\{(\w+):\?", _read("docker-compose.yml")))
    offered = set(re.findall(r"^(\w+)=", _read("deploy/env.example"), re.MULTILINE))
    for name in sorted(asked - offered):
        yield f"deploy/env.example: {name} is missing"


def dockerfile_is_sound(text: str) -> Iterator[str]:
    """Base images have versions, copied paths exist, and the product does not run as root."""
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE))
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        if ":" not in image or image.endswith(":latest"):
            yield f"Dockerfile: {image} needs a version"
    for line in re.findall(r"^COPY (.+)", text, re.MULTILINE):
        *sources, _ = line.split()
        if sources[0].startswith("--from="):
            if sources[0].removeprefix("--from=") not in stages:
                yield f"Dockerfile: {sources[0]} is no stage"
            continue
        for source in sources:
            if not (CHECKOUT / source).exists():
                yield f"Dockerfile: copies {source}, which does not exist"
    last_stage = text.rpartition("\nFROM ")[2]
    if not re.search(r"^USER (?!root)\w+", last_stage, re.MULTILINE):
        yield "Dockerfile: the product would run as root"
    packages = {path.parent.name for path in CHECKOUT.glob("*/apps.py")}
    allowed = set(re.findall(r"^!(\w+)", _read(".dockerignore"), re.MULTILINE))
    for name in sorted(packages - allowed):
        yield f".dockerignore: the module {name} would be missing in the image"


def scripts_parse() -> Iterator[str]:
    """The shell scripts have no syntax errors."""
    for path in sorted(CHECKOUT.glob("deploy/**/*.sh")):
        done = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
        if done.returncode:
            yield done.stderr.strip()


def _read(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
