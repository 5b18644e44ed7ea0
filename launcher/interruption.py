"""Stop requests: a signal only raises a flag, and every wait of the launcher looks at it.

Raising from a signal handler could lose a child between its start and its registration; a flag can't.
"""

import ctypes
import os
import select
import signal
import sys
import time
from types import FrameType

from launcher.errors import Interrupted

_PR_SET_PDEATHSIG = 1
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopFlag:
    """Counts the stop requests of this process."""

    def __init__(self) -> None:
        self.requests = 0
        self._wakeup_read, self._wakeup_write = os.pipe()
        os.set_blocking(self._wakeup_write, False)
        os.set_blocking(self._wakeup_read, False)

    def install(self) -> None:
        """Catch Ctrl-C, SIGTERM and a closed terminal; wake up when a child ends."""
        for number in _STOP_SIGNALS:
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, _ignore)
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        if os.environ.get("MAKELEVEL") and sys.platform == "linux":
            # Started by make: when make is killed, nobody is left to press Ctrl-C.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    @property
    def requested(self) -> bool:
        """Whether someone asked to stop."""
        return self.requests > 0

    def check(self) -> None:
        """Raise Interrupted once someone asked to stop."""
        if self.requested:
            raise Interrupted

    def nap(self, seconds: float) -> None:
        """Sleep until the time is over, a child ends or a signal arrives."""
        ready, _, _ = select.select([self._wakeup_read], [], [], seconds)
        if ready:
            try:
                os.read(self._wakeup_read, 512)
            except BlockingIOError:
                return

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.requests += 1


def _ignore(number: int, frame: FrameType | None) -> None:
    del number, frame


stop = StopFlag()


def wait_until(deadline: float) -> bool:
    """False when the deadline (monotonic) has passed; raises Interrupted on a stop request."""
    stop.check()
    return time.monotonic() < deadline
