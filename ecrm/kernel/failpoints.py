"""Named crash points. Fault tests arm one and the process dies there as by kill -9."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Failpoint:
    """A place where dying would be most awkward."""

    name: str

    def hit(self) -> None:
        """Die here when `ECRM_FAILPOINT` names this point; otherwise nothing."""
        if self.name == settings.ECRM_FAILPOINT:
            os.kill(os.getpid(), signal.SIGKILL)


_declared: dict[str, Failpoint] = {}


def declare(name: str) -> Failpoint:
    """A crash point of this name; names are unique."""
    if name in _declared:
        raise RuntimeError(f"The failpoint {name} is declared twice.")
    return _declared.setdefault(name, Failpoint(name))


def names() -> list[str]:
    """All declared crash points."""
    return sorted(_declared)
