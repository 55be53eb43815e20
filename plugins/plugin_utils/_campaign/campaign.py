"""Campaigns: each is one upgrade of the fleet, over as many runs and stages as it takes.

A campaign has the name it was given, or else that of its plan, and a number. It is open from its first run until all of
its plan is done, or until somebody abandons it, with a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._common.errors import ControllerError
from .._common.shell import extra, playbook
from .._inventory.selection import Selection
from .._plan.plan import short
from .._run.presence import how_to_end
from .._run.run import Run, RunState
from .._store.formats import broken, checked, written
from .journal import Journal
from .runs import RUNS, CampaignRun, document_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._plan.seats import Ranks, Seats
    from .._store.store import Document, Documents, Store

    StateOf = Callable[[Run], RunState]

ALL = Selection()
CAMPAIGNS = "campaign/"
KINDS = {"state": str, "plan": str, "opened": str, "run": dict}
OPEN, ENDED, ABANDONED = "open", "ended", "abandoned"
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")


class CampaignError(ControllerError):
    """The campaign cannot be begun, resumed or abandoned: which one, why, what to do."""


@dataclass(frozen=True)
class Campaign:
    """One campaign, as it stands in the store."""

    id: str
    document: Document

    @property
    def name(self) -> str:
        """Give its id without the number."""
        return self.id.rpartition("-")[0]

    @property
    def is_open(self) -> bool:
        """Tell whether it can be resumed; a state that is not known here is none of an end."""
        return self.document["state"] not in (ENDED, ABANDONED)

    @property
    def plan(self) -> str:
        """Give the id of its plan."""
        return str(self.document["plan"])

    def does(self, work: Mapping[str, str]) -> bool:
        """Tell whether it does this work, for all services that are named in it."""
        return bool(work) and work.items() <= self.document.get("work", {}).items()

    @property
    def slots(self) -> dict[str, int]:
        """Give the slots that its plan was made with, by service; none where they were not kept."""
        return dict(self.document.get("slots", {}))

    @property
    def seats(self) -> Seats:
        """Give the hosts that have the place of another one in the plan, with that one."""
        seats = dict(self.document.get("seats", {}))
        if seats.keys() != set(seats.values()):
            raise ValueError(f"places are taken that nobody leaves: {seats}")
        return seats

    @property
    def run(self) -> Run:
        """Give the run that worked on it last."""
        return Run.from_document(self.document["run"])

    @property
    def runs(self) -> tuple[CampaignRun, ...]:
        """Give the runs that were at work on it when one last came to a gate, each on its own part."""
        return tuple(map(CampaignRun.from_document, self.document.get(RUNS, {}).values()))

    def others(self, run: Run) -> tuple[CampaignRun, ...]:
        """Give the runs beside one."""
        return tuple(each for each in self.runs if each.run.id != run.id)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for a playbook."""
        texts = {
            key: self.document.get(key, "")
            for key in ("state", "plan", "opened", "ended", "reason", "folder")
        }
        left = {
            "plays_left": self.document.get("plays_left", 0),
            "finalizers": self.document.get("finalizers", []),
            "temporary": self.document.get("temporary", []),
        }
        return {"campaign": self.id, **texts, **left, "run": str(self.run)}

    def __str__(self) -> str:
        """Say what it is, since when, what was left of it when a run last looked, and how it ended."""
        known = self.as_dict()
        title = f"Campaign {self.id} of plan {short(self.plan)}: started {known['opened']}"
        if not self.is_open:
            reason = f" ({known['reason']})" if known["reason"] else ""
            return f"{title}, {known['state']} {known['ended']}{reason}"
        waits = f", finalizers of {', '.join(known['finalizers'])} wait" if known["finalizers"] else ""
        undo = (
            f", temporary changes of {', '.join(known['temporary'])} are to be undone"
            if known["temporary"]
            else ""
        )
        return f"{title}, open: {known['plays_left']} plays are left{waits}{undo}; last run {self.run}"


def list_campaigns(store: Store) -> tuple[Campaign, ...]:
    """List all campaigns, the open ones first, the youngest of each first."""
    return _campaigns(store.read(CAMPAIGNS))


def find_campaign(documents: Documents, campaign: str) -> Campaign | None:
    """Find a campaign by its id among documents of the store."""
    key = CAMPAIGNS + campaign
    return _campaign(key, documents[key]) if key in documents else None


def find_campaigns(campaigns: Iterable[Campaign], name: str) -> list[Campaign]:
    """Find the campaigns of a name, or the one of an id; raises :class:`CampaignError` where there is none."""
    campaigns = tuple(campaigns)
    found = [each for each in campaigns if name in (each.id, each.name)]
    if not found:
        listed = ", ".join(each.id for each in campaigns) or "none"
        raise CampaignError(f'There is no campaign "{name}"; there are: {listed}.')
    return found


def open_journal(  # noqa: PLR0913 - whose, of what, by whom, when
    store: Store,
    plan_id: str,
    run: Run,
    state_of: StateOf,
    now: str,
    name: str | None = None,
    *,
    begun: str | None = None,
    work: Mapping[str, str] | None = None,
    about: Selection = ALL,
    meets: Callable[[Selection], bool] = lambda _other: True,
) -> Journal:
    """Open the journal of the plan's campaign: the open one, or a new one where the last has ended.

    An open campaign of another plan is the plan's own where the same *work* is done on each host (``Plan.work``):
    what its hosts have done stays done when others leave the inventory or join it.

    *about* is the part of the plan that the run is about, *meets* tells whether another part has something of it.
    Raises :class:`CampaignError` where a run that meets this one is alive, or may be, and where the open campaign of
    that *name* has another plan. To run the plan again is to resume its campaign. A run that has *begun* one holds on
    to it: it is refused where somebody gave that up; where another run has done the last of it, nothing is left.
    """
    _check_name(name)

    def decide(documents: Documents) -> tuple[dict[str, Document | None], str]:
        campaigns = _campaigns(documents)
        if begun and begun in {each.id for each in campaigns if each.document["state"] == ENDED}:
            return {}, begun
        found = find_open(campaigns, plan_id, name, work or {})
        _check_begun(begun, found)
        if found is None:
            called = name or short(plan_id)
            numbers = (each.id.rpartition("-")[2] for each in campaigns if each.name == called)
            number = max((int(each) for each in numbers if each.isdigit()), default=0) + 1
            found = Campaign(f"{called}-{number}", {"plan": plan_id, "state": OPEN, "opened": now})
        for other in found.others(run):
            _check_beside(found, other, plan_id, state_of, meets)
        known = found.document.get(RUNS, {})
        kept = {
            each.run.id: known[each.run.id]
            for each in found.others(run)
            if state_of(each.run) is not RunState.OVER
        }
        own = {**known.get(run.id, {}), **document_of(run, about)}
        changes = {
            "plan": plan_id,
            "work": dict(work or {}),
            "run": run.as_document(),
            RUNS: {**kept, run.id: own},
        }
        return {CAMPAIGNS + found.id: written({**found.document, **changes})}, found.id

    return Journal(store, store.transact((CAMPAIGNS,), decide), run)


def read_journal(
    store: Store, plan_id: str, run: Run, name: str | None = None, work: Mapping[str, str] | None = None
) -> Journal:
    """Find the open campaign of a plan without writing anything; one that does not exist has an empty journal."""
    _check_name(name)
    found = find_open(list_campaigns(store), plan_id, name, work or {})
    return Journal(store, found.id if found else "none", run)


def note(store: Store, campaign: str, **entries: object) -> None:
    """Keep something more of a campaign for those who look at it, its ``folder`` or ``plays_left`` say."""
    _change(store, campaign, **entries)


def note_run(store: Store, campaign: str, run: Run, **entries: object) -> None:
    """Keep something more of a run of a campaign, for those who look at it."""
    _change_with(store, campaign, lambda document: _noted(document, run, entries))


def _noted(document: Mapping[str, Any], run: Run, entries: Mapping[str, object]) -> Document:
    runs = document.get(RUNS, {})
    return {RUNS: {**runs, run.id: {**runs[run.id], **entries}}} if run.id in runs else {}


def note_ranks(
    store: Store,
    campaign: str,
    run: Run,
    service: str,
    ranks: Mapping[str, int],
    seats_of: Callable[[Seats, Ranks], Seats],
) -> Seats:
    """Keep what a run has found out of a service, and the seats that follow; gives them.

    They follow from the seats before, and from all ranks that the same run has found out: those of earlier runs are
    old.
    """

    def decide(documents: Documents) -> tuple[dict[str, Document | None], Seats]:
        document = checked(key, documents[key], **KINDS)
        known = document.get(RUNS, {}).get(run.id, {}).get("ranks", {})
        every = {**known, service: dict(ranks)}
        seats = seats_of(document.get("seats", {}), every)
        return {key: written({**document, **_noted(document, run, {"ranks": every}), "seats": seats})}, seats

    key = CAMPAIGNS + campaign
    return store.transact((key,), decide)


def confirmed_in(store: Store, campaign: str) -> list[str]:
    """Name the services whose points of no return were confirmed for a campaign."""
    return list(campaign_document(store, campaign).get("confirmed", []))


def campaign_document(store: Store, campaign: str) -> Document:
    """Give all that is kept of a campaign; nothing where there is none of that id."""
    key = CAMPAIGNS + campaign
    document = store.read(key).get(key)
    return {} if document is None else dict(checked(key, document, **KINDS))


def end_campaign(store: Store, campaign: str, now: str) -> None:
    """End a campaign: everything in its plan is done."""
    _change(store, campaign, state=ENDED, ended=now, plays_left=0, finalizers=[], temporary=[])


def abandon(store: Store, campaign: str, reason: str, state_of: StateOf, now: str) -> Campaign:
    """Give up an open campaign; its hosts keep the slots they hold, for they may be half done.

    Raises :class:`CampaignError` where there is none of that name, where a run of it is alive, or without a reason.
    """
    if not reason.strip():
        raise CampaignError(
            "Say why the campaign is abandoned, for those who find it later: -e abandon_reason=…"
        )

    def decide(documents: Documents) -> tuple[dict[str, Document | None], Campaign]:
        opened = [each for each in _campaigns(documents) if each.is_open]
        found = next((each for each in opened if campaign in (each.id, each.name)), None)
        if found is None:
            listed = ", ".join(each.id for each in opened) or "none"
            raise CampaignError(
                f'There is no open campaign "{campaign}"; open: {listed}. The playbook campaigns lists those '
                "that have ended, too."
            )
        for each in found.runs:
            if state_of(each.run) is RunState.LIVE:
                raise CampaignError(f"A run is working on campaign {found.id}: {each}. Stop it first.")
        given_up = {**found.document, "state": ABANDONED, "ended": now, "reason": reason.strip()}
        return {CAMPAIGNS + found.id: written(given_up)}, Campaign(found.id, given_up)

    return store.transact((CAMPAIGNS,), decide)


def others_open(campaigns: Iterable[Campaign], plan_id: str) -> tuple[Campaign, ...]:
    """List the open campaigns of other plans: what they have done, the campaign of this plan does not know."""
    return tuple(each for each in campaigns if each.is_open and each.plan != plan_id)


def how_to_abandon(campaign: Campaign) -> str:
    """Tell how to give up a campaign."""
    return playbook("abandon_campaign", extra("abandon_campaign", campaign.id), "-e abandon_reason=…")


def _campaigns(documents: Documents) -> tuple[Campaign, ...]:
    found = [_campaign(key, document) for key, document in documents.items() if key.startswith(CAMPAIGNS)]
    youngest = sorted(found, key=lambda each: str(each.document["opened"]), reverse=True)
    return tuple(sorted(youngest, key=lambda each: not each.is_open))


def _campaign(key: str, document: Document) -> Campaign:
    campaign = Campaign(key.removeprefix(CAMPAIGNS), dict(checked(key, document, **KINDS)))
    try:
        campaign.run, campaign.runs, campaign.seats  # noqa: B018 (reads them)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise broken(
            f'The document "{key}" in the store',
            f"its runs, or the places of its hosts, cannot be read: {exc!r}",
            document,
        ) from exc
    return campaign


def _change(store: Store, campaign: str, **changes: object) -> None:
    _change_with(store, campaign, lambda _document: changes)


def _change_with(
    store: Store, campaign: str, changes_of: Callable[[Mapping[str, Any]], Mapping[str, object]]
) -> None:
    key = CAMPAIGNS + campaign

    def decide(documents: Documents) -> tuple[dict[str, Document | None], None]:
        document = checked(key, documents[key], **KINDS)
        return {key: written({**document, **changes_of(document)})}, None

    store.transact((key,), decide)


def _check_name(name: str | None) -> None:
    if name is not None and not NAME.fullmatch(name):
        raise CampaignError(
            f'upgrade_campaign: "{name}" is not a name for a campaign; expected letters, digits, "_", "." and "-", at '
            "most 64."
        )


def find_open(
    campaigns: Iterable[Campaign], plan_id: str, name: str | None, work: Mapping[str, str]
) -> Campaign | None:
    """Find the open campaign of a plan; with a *name*, the one that was named so.

    Raises :class:`CampaignError` where that is another plan's, or the plan has one of another name.
    """
    opened = [each for each in campaigns if each.is_open]
    alike = [each for each in opened if each.plan == plan_id or each.does(work)]
    ours = next((each for each in alike if each.plan == plan_id), next(iter(alike), None))
    if name is None:
        return ours
    found = next((each for each in opened if name in (each.id, each.name)), None)
    if found and found not in alike:
        raise CampaignError(
            f"Campaign {found.id} belongs to plan {short(found.plan)}, but inventory and roles give {short(plan_id)} "
            f"now. Run its plan from the folder that was kept, or abandon it: {how_to_abandon(found)}"
        )
    if ours and not found:
        raise CampaignError(
            f'This plan has the open campaign {ours.id}, so "{name}" would repeat what it has done. Continue with '
            f"{extra('upgrade_campaign', ours.id)}, or abandon it: {how_to_abandon(ours)}"
        )
    return found


def _check_begun(begun: str | None, found: Campaign | None) -> None:
    if begun and (found is None or found.id != begun):
        raise CampaignError(
            f"This run works on the campaign {begun}, which is not open any more: somebody has ended it, or given it "
            "up. Nothing more is touched. Run the same command again for a new one."
        )


def _check_beside(
    campaign: Campaign,
    other: CampaignRun,
    plan_id: str,
    state_of: StateOf,
    meets: Callable[[Selection], bool],
) -> None:
    """Refuse to work beside a run that is, or may be, at work on the same, or by another plan."""
    state = state_of(other.run)
    if state is RunState.OVER or (campaign.plan == plan_id and not meets(other.about)):
        return
    if state is RunState.LIVE:
        what = (
            "the same services and hosts"
            if campaign.plan == plan_id
            else "another plan, of another inventory"
        )
        raise CampaignError(
            f"Another run is working on campaign {campaign.id}, on {what}: {other}. Wait until it ends, or take other "
            "hosts (--limit) or services (-e upgrade_only=SERVICE) of the same plan: runs that share nothing may work "
            "side by side."
        )
    raise CampaignError(
        f"Nobody here can tell whether a run of the campaign {campaign.id} still works: {other}. Look there. If it is "
        f"over, say so, and run this again: {how_to_end(other.run)}"
    )
