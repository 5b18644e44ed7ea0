"""A bed for work that needs private services: tests, checks and benchmarks lie in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from launcher import guardian, postgres, services
from launcher.product import Product
from launcher.services import Addresses
from launcher.state import State, lock_state
from launcher.supervisor import Supervisor
from launcher.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class Bed:
    """Running private services and how to use them."""

    tools: Toolbox
    place: State
    supervisor: Supervisor
    addresses: Addresses

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The environment of whatever runs in this bed."""
        return services.product_environment(self.tools, self.place, self.addresses, extra)

    def product(self, extra: Mapping[str, str]) -> Product:
        """The product on these services."""
        env = self.environment(extra)
        return Product(self.tools, self.place, env, cluster=self.addresses.cluster)


@contextmanager
def make_bed(tools: Toolbox, name: str, *, careless: bool) -> Iterator[Bed]:
    """Private services in a corner of the state directory, made afresh and removed at the end.

    A careless bed is faster and forgets everything in a power cut; benchmarks want a careful one.
    """
    tools = tools.isolated()
    place = tools.state.below(name)
    lock = lock_state(place, doing=f"make {name}")
    guardian.appoint()
    supervisor = Supervisor()
    try:
        addresses = services.start_private(tools, place, supervisor, careless=careless)
        yield Bed(tools, place, supervisor, addresses)
    finally:
        supervisor.stop()
        postgres.discard(place)
        lock.release()
