"""What other runs of the campaign do meanwhile: a gate waits for it, as long as they work."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .._common.text import listed
from .._lock.waiting import LOOK_SECONDS, REPORT_SECONDS
from .._run.presence import seen_by
from .._run.run import RunState
from .._store.store import PREFIX
from .campaign import CAMPAIGNS, find_campaign
from .gate import GateError, name_some
from .runs import who_does

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .._plan.plan import Plan
    from .._run.run import Run
    from .._store.store import Store
    from .gate import Missing
    from .runs import CampaignRun

Passed = TypeVar("Passed")
WAIT = "upgrade_wait"
"""The variable: how many seconds a gate waits for slots, and for what other runs of the campaign do."""
DEFAULT_WAIT = 3600


def seconds_to_wait(given: Any) -> Any:
    """Give the default where the variable is not set."""
    return DEFAULT_WAIT if given in (None, "") else given


@dataclass(frozen=True)
class Others:
    """The other runs of a campaign, as one of its runs sees them in the store."""

    plan: Plan
    store: Store
    run: Run
    campaign: str
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    def do(self, missing: Iterable[Missing]) -> list[CampaignRun]:
        """Name those that do what is missing; none where some of it is nobody's who is alive."""
        missing = tuple(missing)
        return who_does(self.plan, missing, self.runs()) if missing else []

    def runs(self) -> list[CampaignRun]:
        """Give those that are alive."""
        documents = self.store.read(CAMPAIGNS + self.campaign, PREFIX)
        campaign = find_campaign(documents, self.campaign)
        state_of = seen_by(documents, self.run)
        others = campaign.others(self.run) if campaign else ()
        return [each for each in others if state_of(each.run) is RunState.LIVE]

    def wait_for(
        self,
        attempt: Callable[[], Passed],
        left: Callable[[Passed], Sequence[Missing]],
        title: str,
        seconds: float,
    ) -> Passed:
        """Make an attempt until nothing is *left* of it that others do, or the time is over.

        Raises what the last attempt raises: :class:`GateError` where something is missing that nobody does.
        """
        begin = self.clock()
        said = -REPORT_SECONDS
        while True:
            refused: GateError | None = None
            try:
                passed = attempt()
                missing: Sequence[Missing] = left(passed)
            except GateError as exc:
                refused, missing = exc, exc.missing
            waited = self.clock() - begin
            runs = self.do(missing)
            if not runs or waited >= seconds:
                if refused:
                    raise refused
                return passed
            if waited >= said + REPORT_SECONDS:
                said = waited
                self.say(
                    f"{title} for what {listed(list(map(str, runs)))} does: {name_some(missing)} ({waited:.0f} s)"
                )
            self.store.wait_for_change(LOOK_SECONDS)
