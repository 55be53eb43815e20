"""What becomes of a run whose plan is done already: nothing, or all of it anew, where somebody says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._common.shell import extra
from .._plan.plan import short
from .campaign import ENDED, CampaignError, find_open

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._plan.plan import Plan
    from .campaign import Campaign

ANSWER = "anew"
HOW = f"To begin anew, name a new campaign: {extra('upgrade_campaign', 'NAME')}"


@dataclass(frozen=True)
class Done:
    """A campaign in which everything in a plan was done, and what a run of that plan may say about it.

    ``is_enough`` tells that nothing more can be meant: the campaign was asked for by its name, or the plan names
    versions, and they are what was installed. Otherwise there may be newer packages, or other variables.
    """

    campaign: Campaign
    is_enough: bool

    def begins_anew(
        self, say: Callable[[str], None], ask: Callable[[str], str | None], *, rehearsal: bool
    ) -> bool:
        """Tell whether the run does it all again.

        Raises :class:`CampaignError` where that may be meant, and nobody says so.
        """
        if self.is_enough:
            say(f"{self}; nothing is repeated. {HOW}")
        elif rehearsal:
            say(f"{self}; this check goes through it as a new campaign would. {HOW}")
        elif ask(f"{self}. Type {ANSWER} to do all of it again, for newer packages say:") != ANSWER:
            raise self.refusal
        return not self.is_enough

    @property
    def refusal(self) -> CampaignError:
        """Give what to raise where nothing is to be repeated."""
        return CampaignError(
            f"{self}. Nothing was touched, and nobody looked whether there are newer packages by now. {HOW}"
        )

    def __str__(self) -> str:
        """Say what is done, and since when."""
        plan, ended = short(self.campaign.plan), self.campaign.document.get("ended", "?")
        return f"Everything in plan {plan} is done since {ended} (campaign {self.campaign.id})"


def find_done(campaigns: Sequence[Campaign], plan: Plan, name: str | None) -> Done | None:
    """Find the campaign in which all of a plan was done; None where one goes on, or a new *name* begins it anew.

    *campaigns* has the youngest first. With versions that were surveyed at another time it is another plan, and what
    was abandoned is not done. Raises :class:`CampaignError` where *name* is that of another plan's open campaign.
    """
    if not plan.plays or find_open(campaigns, plan.id, name, plan.work):
        return None
    ours = [
        each for each in campaigns if (each.plan, each.document.get("surveyed")) == (plan.id, plan.surveyed)
    ]
    found = next((each for each in ours if name in (None, each.id, each.name)), None)
    if found is None or ours[0].document["state"] != ENDED:
        return None
    return Done(found, is_enough=name is not None or plan.surveyed is not None)
