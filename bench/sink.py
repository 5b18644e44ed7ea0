"""An SMTP server which takes everything and keeps nothing: `python -m bench.sink PORT`."""

from __future__ import annotations

import sys
import threading

from aiosmtpd.controller import Controller


class _Sink:
    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 - the signature is aiosmtpd's
        return "250 OK"


if __name__ == "__main__":
    Controller(_Sink(), hostname="127.0.0.1", port=int(sys.argv[1]), ready_timeout=30).start()
    threading.Event().wait()
