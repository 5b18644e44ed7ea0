"""`make bench`: the benchmarks on private services that keep their promises (fsync on)."""

from launcher import children
from launcher.bed import make_bed
from launcher.installation import install_tools
from launcher.state import CHECKOUT
from launcher.toolbox import Toolbox


def main(tools: Toolbox, arguments: list[str]) -> int:
    """Run `python -m bench` with the arguments; prints and writes what that prints and writes."""
    build = install_tools(tools, dev=True)
    with make_bed(tools, "bench", careless=False) as bed:
        product = bed.product({})
        messages = product.compile_messages()
        build.wait()
        product.collect_static().wait()
        messages.wait()
        return children.run_in_foreground(
            [tools.packages.python, "-m", "bench", *arguments],
            env=bed.environment({}), cwd=CHECKOUT, meanwhile=bed.supervisor.revive,
        )  # fmt: skip
