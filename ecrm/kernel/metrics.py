"""Figures for Prometheus, read from the database at the moment of the scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ecrm.kernel import outbox

Gauge = Callable[[], float]

_gauges: dict[str, tuple[str, Gauge]] = {}


def gauge(name: str, description: str) -> Callable[[Gauge], Gauge]:
    """Make the decorated function a gauge of this name (`ecrm_…`); it runs at each scrape."""

    def register(read: Gauge) -> Gauge:
        _gauges[name] = (description, read)
        return read

    return register


class _Gauges(Collector):
    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, (description, read) in sorted(_gauges.items()):
            yield GaugeMetricFamily(name, description, value=read())


registry = CollectorRegistry()
registry.register(_Gauges())


@gauge("ecrm_outbox_oldest_pending_seconds", "Age of the oldest due delivery.")
def _oldest_pending() -> float:
    return outbox.pending_age_seconds()


@gauge("ecrm_outbox_parked", "Deliveries that wait for an operator.")
def _parked() -> float:
    return float(outbox.parked().count())
