"""One run of an upgrade plan: its gates, in front of the journal and the rolling locks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .._common.names import pattern
from .._common.shell import extra
from .._common.text import natural, now_text
from .._lock import manager
from .._lock.request import Claim, Request
from .._plan.cache import prune
from .._plan.durations import estimate, step_seconds
from .._plan.names import RANK_PLAY, VERIFY_PLAY, WAVE
from .._plan.plan import short
from .._plan.seats import arrange, fitting, free_to_move, is_ranked, seat_lines
from .._run.presence import announce, seen_by
from .._service.steps import CHANGE, DISRUPTIVE, FINALIZE
from .._store.store import PREFIX as RUNS
from .._store.store import Rehearsal, stamp_of
from . import left_behind, reverify
from .anew import find_done
from .campaign import (
    confirmed_in,
    end_campaign,
    find_open,
    how_to_abandon,
    list_campaigns,
    note,
    note_ranks,
    note_run,
    open_journal,
    others_open,
    read_journal,
)
from .finalizers import hosts_not_asked
from .forget import Keep, forget
from .gate import (
    GateError,
    Grant,
    Missing,
    check_confirmed,
    check_places,
    check_prerequisites,
    hosts_left,
    name_some,
    pass_gate,
    patterns,
    plays_left,
    points_of_no_return,
    services_left,
    to_finalize,
    to_undo,
)
from .journal import DONE, STARTED, Journal, Progress, Took, read_seconds
from .now import At, outlook
from .others import Others
from .ranking import changed_on, half_done, hosts_to_ask, read_ranks
from .runs import hosts_about, overlap
from .versions import AFTER, VersionRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from .._inventory.placement import Placement
    from .._inventory.selection import Selection
    from .._lock.request import Waiting
    from .._plan.plan import Plan, Play
    from .._plan.seats import Ranks, Seats
    from .._run.run import Run
    from .._store.store import Store
    from .campaign import Campaign
    from .journal import Entry


@dataclass(frozen=True)
class UpgradeRun:
    """A run of a plan; in a rehearsal (check mode) it reads, and neither takes nor records."""

    plan: Plan
    store: Store
    run: Run
    selection: Selection
    rehearsal: bool
    say: Callable[[str], None]
    campaign: str | None = None  # the name that was asked for
    folder: str = ""  # of the plan
    begun: str | None = None  # the campaign that this run has opened, as far as is known
    confirmed: frozenset[str] = frozenset()  # services whose points of no return may be passed
    domains: Mapping[str, str] = field(default_factory=dict)  # the failure domain of hosts of the batch
    ask: Callable[[str], str | None] = lambda _question: None  # gives None where nobody can answer
    clock: Callable[[], float] = time.monotonic
    keep: Keep = field(default_factory=Keep)  # which campaigns are not forgotten when this one ends
    moved: frozenset[str] = frozenset()  # the hosts of the plan that are in the places of others

    def tidy_plans(self, cache: Path) -> None:
        """Remove plans from a cache that nobody has used for long, but those that open campaigns go on with."""
        if not self.rehearsal:
            in_use = {str(each.document.get("folder")) for each in list_campaigns(self.store) if each.is_open}
            prune(cache, {self.folder, *in_use})

    def seated(self) -> UpgradeRun:
        """Give the run with the hosts of its plan in the places that they have found in its campaign, if there is one.

        Raises ``CampaignError`` where the campaign that was asked for is another plan's.
        """
        if not any(map(is_ranked, self.plan.services.values())):
            return self
        seats = fitting(self.plan, self._seats())
        return replace(self, plan=self.plan.seated(seats), moved=frozenset(seats))

    def _seats(self) -> Seats:
        campaigns = list_campaigns(self.store)
        if self.begun:  # by another run it may have ended since, and in a rehearsal it may be none
            found = next((each for each in campaigns if each.id == self.begun), None)
        else:
            found = find_open(campaigns, self.plan.id, self.campaign, self.plan.work)
        return found.seats if found else {}

    def open(self) -> dict[str, Any]:
        """Open the campaign, and give the hosts that are left of each play where they are not all of its hosts.

        Where everything is done already, none are left. Raises ``CampaignError`` where another run works on the
        campaign, and where somebody has to say that a campaign that has ended begins anew.
        """
        about = self.about()
        self._check_about(about)
        campaigns = list_campaigns(self.store)
        done = find_done(campaigns, self.plan, self.campaign)
        if done and not done.begins_anew(self.say, self.ask, rehearsal=self.rehearsal):
            nothing = patterns(self.plan, {play.id: () for play in self.plan.plays})
            return {"campaign": done.campaign.id, "left": nothing, "done": True}
        known = {each.id: each for each in campaigns}
        journal = self._journal(anew=True)
        progress = journal.progress()
        self._check_prerequisites(journal, progress)
        left = hosts_left(self.plan, progress, about)
        todo = [play for play in self.plan.plays if left[play.id]]
        self._name_others(other for other in known.values() if other.id != journal.campaign)
        state = "is resumed" if progress.entries else "begins"
        if journal.campaign in known and known[journal.campaign].plan != self.plan.id:
            state += ", with the hosts that the inventory has now"
        how_long = estimate(todo, read_seconds(self.store))
        self.say(
            f"Campaign {journal.campaign} {state}: {len(todo)} of {len(self.plan.plays)} plays to do"
            + (f", {how_long}" if how_long else "")
            + "."
        )
        confirmed = self._confirmed(journal)
        if not self.rehearsal:
            slots = {name: service.slots for name, service in self.plan.services.items()}
            settings = {"confirmed": sorted(confirmed), "slots": slots, "surveyed": self.plan.surveyed}
            note(self.store, journal.campaign, **settings)
            at = At(since=now_text()).as_document()
            note_run(self.store, journal.campaign, self.run, at=at, **outlook(how_long))
        self._announce_points(todo, confirmed)
        self._look_forward(journal, progress)
        again = {} if self.rehearsal else self._to_verify(progress)
        if not self.rehearsal and self._verifies_again:
            beside = [each.run.id for each in self._others(journal).runs()]
            reverify.begin(self.store, journal.campaign, self.run, again, beside)
        verify = {VERIFY_PLAY + name: pattern(hosts) for name, hosts in again.items()}
        ask = hosts_to_ask(self.plan, progress, about)
        rank = {RANK_PLAY + name: pattern(hosts) for name, hosts in ask.items()}
        away = {name: dict(hosts) for name, hosts in about.away.items()}
        return {
            "campaign": journal.campaign,
            "left": {**patterns(self.plan, left, self.moved), **verify, **rank},
            "waves": _waves(self.plan, left, self.moved),
            "away": away,
        }

    def _name_others(self, campaigns: Iterable[Campaign]) -> None:
        for other in others_open(campaigns, self.plan.id):
            self.say(
                f"{other}. This run has another plan and does not know what that campaign has done. Continue it with "
                f"its own playbook ({other.document.get('folder', '?')}), or abandon it: {how_to_abandon(other)}"
            )

    def _announce_points(self, todo: Iterable[Play], confirmed: frozenset[str]) -> None:
        for play in todo:
            if names := points_of_no_return(self.plan, play, play.services, confirmed):
                self.say(
                    f"{play.title} passes the point of no return of {', '.join(names)}; the run asks before it, "
                    f"or ends if nobody can answer, unless you pass {extra('upgrade_confirm', ','.join(names))}."
                )

    def about(self) -> Selection:
        """Give what the run is about, without what is out of service by now."""
        store = Rehearsal(self.store) if self.rehearsal else self.store
        return replace(self.selection, away=manager.out_of_service(store))

    def _check_about(self, about: Selection) -> None:
        """Raise :class:`GateError` where nothing in the plan is what the run is about, whatever is done of it."""
        everything = hosts_left(self.plan, Progress({}), replace(about, away={}))
        if self.plan.plays and not any(everything.values()):
            raise GateError(
                "Nothing was done: no service of the plan is on the hosts, in the stage and among the services that "
                "this run is limited to (--limit, upgrade_stage, upgrade_only). The playbook list_services shows "
                "what is deployed where.",
                (),
            )

    def _check_prerequisites(self, journal: Journal, progress: Progress) -> None:
        """Raise ``GateError`` where the run would be refused half way, for what nobody does."""
        check_prerequisites(self.plan, progress, self.about(), self._others(journal).do)

    def _others(self, journal: Journal) -> Others:
        return Others(self.plan, self.store, self.run, journal.campaign, self.say)

    @property
    def _verifies_again(self) -> bool:
        return any(service.is_verified_again for service in self.plan.services.values())

    def _to_verify(self, progress: Progress) -> dict[str, list[str]]:
        about = self.about()
        return reverify.hosts_to_verify(self.plan, progress, about, about.away)

    def verified(self, play_id: str, alive: Iterable[str]) -> dict[str, Any]:
        """Record the hosts that came through a play which verifies what earlier runs have done."""
        if not self.rehearsal:
            service = play_id.removeprefix(VERIFY_PLAY)
            reverify.record(self.store, self._journal().campaign, self.run, service, alive)
        return {}

    def ranked(
        self, play_id: str, found: Mapping[str, Any], placement: Placement, lost: Collection[str] = ()
    ) -> dict[str, Any]:
        """Let hosts change places by what the role of a service *found* out about who goes last.

        Gives the hosts that are left of the plays then. Raises ``GateError`` where a host has no rank or was *lost*.
        """
        name = play_id.removeprefix(RANK_PLAY)
        ranks = read_ranks(self.plan, name, found, lost)
        journal = self._journal()
        progress = journal.progress()
        # What another run works on stays where that run has begun with it.
        taken = half_done(self.plan, progress).union(
            *(hosts_about(self.plan, other.about) for other in self._others(journal).runs())
        )
        free = free_to_move(self.plan, ranks, taken)

        def seats_of(seats: Seats, every: Ranks) -> Seats:
            return arrange(self.plan, seats, every, free, placement, changed_on(self.plan, progress))

        if self.rehearsal:
            seats = seats_of(self._seats(), {name: ranks})
        else:
            seats = note_ranks(self.store, journal.campaign, self.run, name, ranks, seats_of)
        plan = self.plan.seated(seats)
        for line in seat_lines(plan, name, ranks):
            self.say(line)
        if self.rehearsal:  # nothing is kept, so all that follows goes by the places of the plan
            return {"left": {}}
        left = hosts_left(plan, progress, self.about())
        moved = frozenset(free.union(seats))
        return {"left": patterns(plan, left, moved), "waves": _waves(plan, left, moved)}

    def enter(
        self,
        play_id: str,
        batch: Collection[str],
        *,
        wait: float,
        unhealthy: Mapping[str, Iterable[str]] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """Pass the gate of a play; take the slots it needs, and record that its work starts.

        *unhealthy* names hosts outside of the play that were seen down, with their services.
        Raises ``GateError`` where something before it is not done, and ``LockError`` where the slots are not given.
        """
        play = self.plan.play(play_id)
        journal = self._journal()
        about = self.about()
        grant, progress = self._pass(play, batch, journal, wait)
        to_the_end = self._to_the_end(play, progress, about)
        if not self.rehearsal:
            if grant.services and play.kind in DISRUPTIVE and self._verifies_again:
                reverify.check(
                    play.title,
                    self.store,
                    journal.campaign,
                    self.run,
                    lambda: self._to_verify(progress),
                )
            if grant.services:
                self._come_to(play, journal, **(outlook(to_the_end) if to_the_end else {}))
            self._ask_to_confirm(play, grant, journal)
            check_confirmed(self.plan, play, grant.services, self._confirmed(journal))
        away: Mapping[str, str] = _away(play, about)
        tokens: Mapping[str, Mapping[str, int]] = {}
        if grant.services and play.kind in DISRUPTIVE:
            refused, tokens = self._acquire(play, grant, journal.campaign, wait, unhealthy)
            if refused:
                here = [host for host in batch if host not in refused]
                grant = pass_gate(self.plan, play_id, progress, about, here, rehearsal=self.rehearsal)
                away = {**away, **refused}
        self.say(self._words(play, grant, away) + (f" (to the end: {to_the_end})" if to_the_end else ""))
        if grant.services and not self.rehearsal:
            journal.record(STARTED, play_id, _parts(play, grant.services), now_text(), self.clock())
            self._foresee_undo(grant.services, journal)
        granted = {name: list(hosts) for name, hosts in grant.services.items()}
        store = Rehearsal(self.store) if self.rehearsal else self.store
        return {
            "campaign": journal.campaign,
            "granted": granted,
            "out_of_service": dict(away),
            "store": stamp_of(store),
            "tokens": {host: dict(slots) for host, slots in tokens.items()},
        }

    def finish(
        self,
        play_id: str,
        alive: Iterable[str],
        noted: Callable[[str], Mapping[str, Mapping[str, float]]] = lambda _host: {},
    ) -> dict[str, Any]:
        """Record the hosts that came through a play, and give their slots back.

        *noted* gives what a host noted of the time that its steps took, by service.
        """
        if self.rehearsal:
            return {"done": {}}
        play = self.plan.play(play_id)
        journal = self._journal()
        started = self._came_through(play, journal, set(alive))
        done = {name: tuple(hosts) for name, hosts in started.items()}
        hosts = {host for members in done.values() for host in members}
        if play.kind in DISRUPTIVE:
            manager.release(self.store, journal.campaign, self.run, hosts, play.services)
        if done:
            now = self.clock()
            begun = min(entry.clock for entries in started.values() for entry in entries.values())
            steps = _steps(done, noted) if play.kind == CHANGE else {}
            took = {play.part(name): Took(now - begun, steps.get(name, {})) for name in done}
            journal.record(DONE, play_id, _parts(play, done), now_text(), now, took)
        self._look_forward(journal, journal.progress())
        return {"done": {name: list(hosts) for name, hosts in done.items()}}

    def refused(self, host: str) -> dict[str, Any]:
        """Give back the slots of a host that refuses them, before anything was done there."""
        if not self.rehearsal:
            manager.release(self.store, self._journal().campaign, self.run, {host})
        return {}

    def _pass(
        self, play: Play, batch: Collection[str], journal: Journal, wait: float
    ) -> tuple[Grant, Progress]:
        """Pass the gate, once other runs of the campaign have done what they do before; gives the journal then, too."""

        def attempt() -> tuple[Grant, Progress]:
            progress = journal.progress()
            check_places(self.plan, play, progress, self.about(), batch)
            grant = pass_gate(self.plan, play.id, progress, self.about(), batch, rehearsal=self.rehearsal)
            return self._agreed(play, grant, journal.campaign), progress

        def missing(passed: tuple[Grant, Progress]) -> tuple[Missing, ...]:
            return passed[0].waits_for

        if self.rehearsal:
            return attempt()
        return self._others(journal).wait_for(attempt, missing, f"{play.title} waits", wait)

    def _agreed(self, play: Play, grant: Grant, campaign: str) -> Grant:
        """Leave finalizers open that this run cannot look after, for the versions of some hosts."""
        is_finalizer = grant.services and play.kind == FINALIZE
        if self.rehearsal or not is_finalizer or not VersionRecord(self.store, campaign).read(AFTER):
            return grant
        hosts = hosts_not_asked(self.store, campaign, self.run)
        if hosts is None:
            raise GateError(
                f"{play.title} is refused; nothing in it was touched: this run has not checked that the hosts "
                "still have the versions that the upgrade installed. Run the same command again without "
                "--start-at-task, so that no task is skipped.",
                (),
            )
        reason = "its versions were not checked, it is outside --limit"
        unknown = tuple(Missing("versions", host, f"{host}: {reason}", is_ours=False) for host in hosts)
        return Grant({}, unknown) if unknown else grant

    def _ask_to_confirm(self, play: Play, grant: Grant, journal: Journal) -> None:
        """Ask before a point of no return, while no slot is held for it; what is confirmed is so for the campaign."""
        confirmed = self._confirmed(journal)
        if names := points_of_no_return(self.plan, play, grant.services, confirmed):
            listed = ",".join(names)
            self._come_to(play, journal, f"somebody who confirms the point of no return of {listed} there")
            answer = self.ask(
                f"{self._words(play, grant, {})} passes the point of no return of {listed}: only a backup can take "
                f"you back. Type {listed} to continue; anything else ends the run here, to be resumed later:"
            )
            self._come_to(play, journal)
            if answer == listed:
                note(self.store, journal.campaign, confirmed=sorted(confirmed.union(names)))

    def _come_to(self, play: Play, journal: Journal, waits: str = "", **more: str) -> None:
        """Note in which play the run is, and the person it waits for, for those who look from elsewhere."""
        at = At(play.id, self._title(play), now_text(), waits)
        note_run(self.store, journal.campaign, self.run, at=at.as_document(), **more)

    def _confirmed(self, journal: Journal) -> frozenset[str]:
        """Name the services whose points of no return were confirmed, in this run or an earlier one of the campaign."""
        return self.confirmed.union(confirmed_in(self.store, journal.campaign))

    def _foresee_undo(self, services: Iterable[str], journal: Journal) -> None:
        """Tell the store, before they do so, which services may change something for a while."""
        if any("undo" in self.plan.services[name].parts for name in services):
            note(self.store, journal.campaign, temporary=to_undo(self.plan, journal.progress()))

    def _look_forward(self, journal: Journal, progress: Progress) -> None:
        """End the campaign when all is done, else tell the store what is left for those who look at it there."""
        left = plays_left(self.plan, progress)
        if not self.rehearsal and left:
            note(
                self.store,
                journal.campaign,
                folder=self.folder,
                plays_left=len(left),
                finalizers=to_finalize(left),
                temporary=to_undo(self.plan, progress),
            )
        elif not self.rehearsal:
            end_campaign(self.store, journal.campaign, now_text())
            forget(self.store, self.keep, now_text())
        if not left:
            self.say(f"The upgrade is complete: everything in plan {short(self.plan.id)} is done.")

    def _journal(self, *, anew: bool = False) -> Journal:
        if self.rehearsal:
            return read_journal(self.store, self.plan.id, self.run, self.campaign, self.plan.work)
        if not anew and not self.begun:  # --start-at-task has left the opening out
            self._check_not_done()
        announce(self.store, self.run)
        state_of = seen_by(self.store.read(RUNS), self.run)
        return open_journal(
            self.store,
            self.plan.id,
            self.run,
            state_of,
            now_text(),
            self.campaign,
            begun=self.begun,
            work=self.plan.work,
            about=self.selection,
            meets=partial(overlap, self.plan, self.selection),
        )

    def _check_not_done(self) -> None:
        if done := find_done(list_campaigns(self.store), self.plan, self.campaign):
            raise done.refusal

    def _came_through(self, play: Play, journal: Journal, alive: set[str]) -> dict[str, dict[str, Entry]]:
        """Give what this run started in the play and did not lose on the way, by service and host."""
        progress = journal.progress(*map(play.part, play.services))
        started = {
            name: {
                host: entry
                for host in hosts
                if host in alive
                and (entry := progress.entry(play.part(name), host))
                and (entry.state, entry.play, entry.run) == (STARTED, play.id, self.run.id)
            }
            for name, hosts in play.services.items()
        }
        return {name: hosts for name, hosts in started.items() if hosts}

    def _acquire(
        self,
        play: Play,
        grant: Grant,
        campaign: str,
        wait: float,
        unhealthy: Mapping[str, Iterable[str]],
    ) -> tuple[Mapping[str, str], Mapping[str, Mapping[str, int]]]:
        """Take the slots of a play; give the hosts that are out of service with the reasons, and the slots' tokens."""
        down = {
            name: frozenset(self.plan.services[name].hosts).intersection(
                host for host, names in unhealthy.items() if name in names
            )
            for name in grant.services
        }
        claims = tuple(
            replace(self._claim(name, hosts), unhealthy=down[name]) for name, hosts in grant.services.items()
        )
        request = Request(campaign, self.run, f"upgrade {play.id}", claims, side_by_side=True)
        if self.rehearsal:
            decision = manager.preview(self.store, request)
            busy = getattr(decision, "message", None)
            if busy:
                self.say(f"{play.title} would have to wait, or be refused: {busy}")
            return getattr(decision, "out_of_service", {}), {}
        try:
            granted = manager.acquire(self.store, request, wait=wait, progress=self._tell).granted
        except manager.RefusedError as refused:
            words = left_behind.refusal(self.plan, play, self._journal().progress(), refused)
            if words is None:
                raise
            raise GateError(words, ()) from refused
        return granted.out_of_service, granted.tokens

    def _claim(self, name: str, hosts: Iterable[str]) -> Claim:
        service = self.plan.services[name]
        # A service that must stop everywhere takes its whole group: that outage is what its author declared.
        if service.full_stop:
            return Claim(name, frozenset(hosts), frozenset(service.hosts), "100%")
        domains = {host: self.domains[host] for host in hosts if host in self.domains}
        members, budget = frozenset(service.hosts), service.max_unavailable
        return Claim(name, frozenset(hosts), members, budget, domains=domains)

    def _tell(self, waiting: Waiting, waited: float) -> None:
        self.say(f"Waiting for {waited:.0f} s: {waiting.message}")

    def _to_the_end(self, play: Play, progress: Progress, about: Selection) -> str:
        """Say before a wave how long what is left of this run takes, as far as is known."""
        if play.kind != CHANGE:
            return ""
        later = self.plan.plays[self.plan.plays.index(play) :]
        todo = [each for each in later if services_left(self.plan, each, progress, about)]
        return estimate(todo, read_seconds(self.store))

    def _title(self, play: Play) -> str:
        waves = sum(each.kind == CHANGE for each in self.plan.plays)
        return f"{play.title} of {waves}" if play.kind == CHANGE else play.title

    def _words(self, play: Play, grant: Grant, away: Mapping[str, str]) -> str:
        title = self._title(play)
        what = "; ".join(f"{name} on {' '.join(hosts)}" for name, hosts in grant.services.items())
        if grant.waits_for:
            return f"{title} stays open until this is done: {name_some(grant.waits_for)}."
        left_out = [f"{host} is out of service ({reason})" for host, reason in sorted(away.items())]
        return f"{title}: " + "; ".join([what or "nothing left to do", *left_out])


def _waves(plan: Plan, left: Mapping[str, Iterable[str]], moved: frozenset[str]) -> dict[str, list[str]]:
    """Give the hosts that are left of the waves in which some may have *moved* to the places of others, by number."""
    return {
        play.title.removeprefix(WAVE): list(left[play.id])
        for play in plan.plays
        if play.kind == CHANGE and not moved.isdisjoint(play.hosts)
    }


def _away(play: Play, about: Selection) -> dict[str, str]:
    """Give the hosts of a play that are out of service, with the reasons."""
    hosts = {(name, host) for name, members in play.services.items() for host in members}
    return {
        host: why
        for name, host in sorted(hosts)
        if about.has_host(host) and (why := about.why_away(name, host))
    }


def _parts(play: Play, services: Mapping[str, Iterable[str]]) -> dict[str, Iterable[str]]:
    return {play.part(name): sorted(hosts, key=natural) for name, hosts in services.items()}


def _steps(
    done: Mapping[str, Iterable[str]], noted: Callable[[str], Mapping[str, Mapping[str, float]]]
) -> dict[str, dict[str, float]]:
    """Give the seconds of each step of some services, by what their hosts noted."""
    times = {host: noted(host) for hosts in done.values() for host in hosts}
    return {name: step_seconds(times[host].get(name, {}) for host in hosts) for name, hosts in done.items()}
