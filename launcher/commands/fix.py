"""`make fix`: let the linters repair what they can."""

from pathlib import Path

from launcher import children
from launcher.commands.check import templates
from launcher.dotenv import clean_environment
from launcher.installation import install_tools
from launcher.state import CHECKOUT
from launcher.toolbox import Toolbox


def main(tools: Toolbox, arguments: list[str]) -> int:
    """Format Python and templates; returns non-zero when something is left for a human."""
    del arguments
    install_tools(tools, dev=True).wait()
    tool = tools.packages.tool
    commands: list[list[str | Path]] = [
        [tool("ruff"), "check", "--fix", "."],
        [tool("ruff"), "format", "."],
        [tool("djade"), "--target-version", "5.2", *templates()],
    ]
    statuses = [
        children.run_in_foreground(command, env=clean_environment(), cwd=CHECKOUT)
        for command in commands
    ]
    # djade answers 1 when it has changed something, which is what it was asked to do.
    return max(statuses[:2])
