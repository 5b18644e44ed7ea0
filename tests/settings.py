"""The product's settings as tests need them; the environment still wins."""

from __future__ import annotations

import os

os.environ.setdefault("ECRM_SECRET_KEY", "test-key-" * 8)
os.environ.setdefault("ECRM_LOG_FORMAT", "console")
os.environ.setdefault("ECRM_REQUIRE_MFA", "0")  # the tests of the second factor switch it on
if worker := os.environ.get("PYTEST_XDIST_WORKER"):  # each worker has a Redis database of its own
    server = os.environ.get("ECRM_REDIS_URL", "redis://127.0.0.1:6379/0").rpartition("/")[0]
    os.environ["ECRM_REDIS_URL"] = f"{server}/{int(worker.removeprefix('gw')) + 1}"

from ecrm.settings import *  # noqa: F403
