"""What the frame does when something happened."""

from __future__ import annotations

from backoffice.events import AgentNotified
from ecrm.kernel import live
from ecrm.kernel.events import subscribe


@subscribe(AgentNotified, io=True)
def hint_notification(event: AgentNotified) -> None:
    live.hint(f"agent:{event.agent_id}")
