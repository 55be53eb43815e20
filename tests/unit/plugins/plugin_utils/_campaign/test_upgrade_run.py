"""An upgrade in two stages over two runs, with a fault at every boundary of its journal in turn.

The gates, the journal and the locks are the real ones; Ansible, its hosts and the store are played here.
"""

from __future__ import annotations

import json
import re
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import list_campaigns
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.gate import GateError
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.now import At
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.upgrade_run import UpgradeRun
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import PAUSE, LockError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import acquire, held_slots
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Claim, Request
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import is_in, open_store

from ..lock_world import process
from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Part

PLAN = plan_of(
    deployment("db", "d1 d2", "0 1 3 6", "finalize", stage="control"),
    deployment("queue", "d1 d2 w1", "0 3", stage="control"),
    deployment("web", "w1 w2 w3", "0 3 6", stage="data", after=("db",), max_unavailable=2),
    deployment("cache", "w1 w2", "3", "finalize", stage="data", after=("queue",)),
)
COMMANDS = (Selection(stage="control"), Selection())
FAULTS = ("away", "failed", "killed")


class Killed(BaseException):
    """The controller is gone."""


class MortalStore:
    """A store in memory whose controller is killed just before, or just after, its *at*-th change."""

    url, name, shared = "memory", "memory", False

    def __init__(self, at: int = 0, *, after: bool = False) -> None:
        self.at, self.after, self.changes = at, after, 0
        self.dead = False
        self.documents: dict[str, str] = {}

    def store_id(self) -> str:
        return "id"

    def read(self, *parts: Part) -> Any:
        if self.dead:
            raise Killed
        return {key: json.loads(text) for key, text in self.documents.items() if is_in(key, parts)}

    def transact(self, parts: tuple[Part, ...], decide: Any, *, upon: Any = None) -> Any:  # noqa: ARG002 - one writes
        self.changes += 1
        self.dead = self.dead or (self.changes == self.at and not self.after)
        written, result = decide(self.read(*parts))
        for key, document in written.items():
            self.documents[key] = json.dumps(document)
            if document is None:
                del self.documents[key]
        self.dead = self.changes == self.at
        if self.dead:
            raise Killed
        return result


@dataclass
class Fleet:
    """Hosts that are upgraded, and what happens to one of them in one play."""

    fault: str = ""
    at: int = 0  # the piece of work, a service on a host in a play, that the fault happens in
    pieces: int = 0
    down: set[tuple[str, str]] = field(default_factory=set)
    done: list[tuple[str, str, str]] = field(default_factory=list)

    def work(self, play: dict[str, Any], service: str, host: str) -> bool:
        """Do a play's work for a service on a host; tell whether it came to its end."""
        self.pieces += 1
        fault = self.fault if self.pieces == self.at else ""
        if fault == "away":
            return False
        if play.kind == "change":
            self.down.add((service, host))
            self.check(service)
        if fault == "killed":
            raise Killed
        if fault == "failed":
            return False
        self.down.discard((service, host))
        self.done.append((service, play.kind, host))
        return True

    def check(self, service: str) -> None:
        """Nobody exceeds a budget, or overtakes what it comes after."""
        about = PLAN.services[service]
        assert len([host for name, host in self.down if name == service]) <= about.slots
        for before in about.after:
            assert {host for name, kind, host in self.done if (name, kind) == (before, "change")} == set(
                PLAN.services[before].hosts
            )


def upgrade(store: Any, fleet: Fleet, selection: Selection) -> bool:
    """Play one run as Ansible would; tell whether nothing went wrong."""
    lost: set[str] = set()
    with suppress(Killed), process() as pid:
        upgrade_run = UpgradeRun(
            PLAN, store, this_run(pid), selection, rehearsal=False, say=lambda _line: None
        )
        left = upgrade_run.open()["left"]
        for play in PLAN.plays:
            pattern = left.get(play.id, ",".join(play.hosts))
            hosts = [host for host in play.hosts if host in pattern.split(",") and host not in lost]
            if hosts:
                lost |= _play(upgrade_run, fleet, play, hosts)
        return not lost
    return False


def _play(upgrade_run: UpgradeRun, fleet: Fleet, play: dict[str, Any], hosts: list[str]) -> set[str]:
    """Play a play; give the hosts that are lost in it."""
    try:
        granted = upgrade_run.enter(play.id, hosts, wait=0)["granted"]
    except (GateError, LockError):
        return set(hosts)
    lost: set[str] = set()
    for service, members in granted.items():
        lost |= {host for host in members if host not in lost and not fleet.work(play, service, host)}
    if set(hosts) - lost:
        upgrade_run.finish(play.id, set(hosts) - lost)
    return lost


def upgrade_all(fleet: Fleet, at: int = 0, *, after: bool = False) -> int:
    """Upgrade everything, a command again where it went wrong; give the number of changes before that."""
    store: Any = MortalStore(at, after=after)
    changes = 0
    for selection in COMMANDS:
        if not upgrade(store, fleet, selection):
            changes, store.dead = store.changes, False
            assert upgrade(store, fleet, selection)
    assert [each.document["state"] for each in list_campaigns(store)] == ["ended"]
    assert not held_slots(store)
    assert not fleet.down
    return changes or store.changes


EVERYTHING = {
    (service, play.kind, host)
    for play in PLAN.plays
    for service, hosts in play.services.items()
    for host in hosts
}


@pytest.fixture(scope="module")
def undisturbed() -> tuple[int, int]:
    """Count the changes of the store, and the pieces of work, where nothing goes wrong."""
    fleet = Fleet()
    changes = upgrade_all(fleet)
    assert len(fleet.done) == len(EVERYTHING)
    assert set(fleet.done) == EVERYTHING
    return changes, fleet.pieces


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_controller_may_be_killed_at_any_change_of_journal_and_locks(
    undisturbed: tuple[int, int], *, after: bool
) -> None:
    last = undisturbed[0] - 1 if after else undisturbed[0]  # after the last one, the campaign has ended
    for change in range(1, last + 1):
        fleet = Fleet()
        upgrade_all(fleet, change, after=after)
        assert set(fleet.done) == EVERYTHING
        # What came to its end unrecorded is the work of one play, and is all that is repeated.
        repeated = {each for each in fleet.done if fleet.done.count(each) > 1}
        assert any(repeated <= _work_of(play) for play in PLAN.plays)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_piece_of_work_ends_as_if_it_had_never_been(
    undisturbed: tuple[int, int], fault: str
) -> None:
    for piece in range(1, undisturbed[1] + 1):
        fleet = Fleet(fault, piece)
        upgrade_all(fleet)
        assert set(fleet.done) == EVERYTHING
        finalized = [each for each in fleet.done if each[1] == "finalize"]
        assert fault == "killed" or len(finalized) == len(set(finalized))


ONE_WAY = plan_of(deployment("db", "d1", "0 3", no_return=frozenset({"change"})))


def test_a_run_ends_before_a_point_of_no_return_until_somebody_confirms_it_once_for_the_campaign() -> None:
    store: Any = MortalStore()
    said: list[str] = []
    with process() as pid:
        run = UpgradeRun(ONE_WAY, store, this_run(pid), Selection(), rehearsal=False, say=said.append)
        run.open()
        assert said[-1].endswith("unless you pass -e upgrade_confirm=db.")
        run.enter("validate-db", ["d1"], wait=0)
        run.finish("validate-db", ["d1"])
        with pytest.raises(
            GateError,
            match="passes the point of no return of db, after which only a backup can take you back",
        ):
            run.enter("wave-1", ["d1"], wait=0)
        assert not held_slots(store)
        replace(run, confirmed=frozenset({"db"})).open()
        assert run.enter("wave-1", ["d1"], wait=0)["granted"] == {"db": ["d1"]}


@pytest.mark.parametrize("answer", ["db", "yes", "", None])
def test_somebody_at_a_terminal_is_asked_before_a_point_of_no_return_and_has_to_name_it(
    answer: str | None, tmp_path: Path
) -> None:
    store = open_store(f"sqlite://{tmp_path}/store.db")
    asked: list[str] = []
    waited_for: list[str] = []

    def ask(question: str) -> str | None:
        asked.append(question)
        assert not held_slots(store)
        waited_for.append(At.of(list_campaigns(store)[0].runs[0]).waits)
        return answer

    with closing(store), process() as pid:
        run = UpgradeRun(
            ONE_WAY, store, this_run(pid), Selection(), rehearsal=False, say=lambda _line: None, ask=ask
        )
        run.open()
        run.enter("validate-db", ["d1"], wait=0)
        run.finish("validate-db", ["d1"])
        replace(run, rehearsal=True).enter("wave-1", ["d1"], wait=0)
        assert asked == []
        if answer == "db":
            for _again in range(2):  # once for the campaign
                assert run.enter("wave-1", ["d1"], wait=0)["granted"] == {"db": ["d1"]}
        else:
            with pytest.raises(GateError, match="nothing in it was touched"):
                run.enter("wave-1", ["d1"], wait=0)
        at = At.of(list_campaigns(store)[0].runs[0])
        assert (at.play, at.title, at.waits) == ("wave-1", "Wave 1 of 1", "")
    assert waited_for == ["somebody who confirms the point of no return of db there"]
    (question,) = asked
    assert question.startswith("Wave 1 of 1: db on d1 passes the point of no return of db: ")
    assert "Type db to continue" in question


def _work_of(play: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(service, play.kind, host) for service, hosts in play.services.items() for host in hosts}


TWO_ON_EACH = plan_of(
    deployment("alpha", "h1 h2 h3", "0 1 3"), deployment("beta", "h1 h2 h3", "0 1 3", max_unavailable=2)
)


def play_run(store: Any, selection: Selection, *fail: str) -> tuple[list[str], str]:
    """Play one run of the plan; give the services on hosts that it changed, and why it was refused first."""
    changed: list[str] = []
    refusals: list[str] = []
    lost: set[str] = set()
    with process() as pid:
        run = UpgradeRun(
            TWO_ON_EACH, store, this_run(pid), selection, rehearsal=False, say=lambda _line: None
        )
        left = run.open()["left"]
        for play in TWO_ON_EACH.plays:
            pattern = left.get(play.id, ",".join(play.hosts)).split(",")
            hosts = [host for host in play.hosts if host in pattern and host not in lost]
            try:
                granted = run.enter(play.id, hosts, wait=0)["granted"] if hosts else {}
            except (GateError, LockError) as refused:
                refusals.append(str(refused))
                break
            work = [f"{name}@{host}" for name, members in granted.items() for host in members]
            if play.kind == "change":
                changed += [each for each in work if each not in fail]
                lost |= {each.partition("@")[2] for each in work if each in fail}
            run.finish(play.id, set(hosts) - lost)
    return changed, "".join(refusals)


def advised(refusal: str) -> Selection:
    """Read what a refusal tells to add to the command."""
    found = re.search(r"--limit (\S+) -e upgrade_only=(\S+) added", refusal)
    assert found, refusal
    hosts, services = (frozenset(each.split(",")) for each in found.groups())
    return Selection(hosts=hosts, only=services)


def test_a_host_that_failed_later_in_the_plan_than_a_run_begins_is_taken_first_as_the_refusal_says() -> None:
    store: Any = MortalStore()
    assert play_run(store, Selection(only=frozenset({"alpha"})), "alpha@h2")[0] == ["alpha@h1"]
    changed, refusal = play_run(store, Selection())
    assert changed == []
    assert refusal.startswith(
        "Wave 1 is refused; nothing in it was touched: an earlier run did not finish alpha on h2, and until that is "
        "done no other host is disrupted. In the plan that comes after this, so it has to be asked for: run the same "
        "command with --limit h2 -e upgrade_only=alpha added, then again without."
    )
    assert play_run(store, advised(refusal)) == (["alpha@h2"], "")
    assert play_run(store, Selection()) == (["beta@h1", "beta@h2", "alpha@h3", "beta@h3"], "")
    assert [each.document["state"] for each in list_campaigns(store)] == ["ended"]
    assert not held_slots(store)


def hold(store: Any, service: str, host: str, **settings: Any) -> None:
    """Let a roll that is over hold a slot."""
    claim = Claim(service, frozenset({host}), frozenset(TWO_ON_EACH.services[service].hosts))
    with process() as pid:
        run = this_run(pid)
        acquire(
            store, Request(**{"roll": run.id, "operation": "restart", **settings}, run=run, claims=(claim,))
        )


def test_a_host_that_another_roll_left_behind_is_taken_first_too() -> None:
    store: Any = MortalStore()
    hold(store, "alpha", "h3")
    changed, refusal = play_run(store, Selection())
    assert (changed, advised(refusal)) == ([], Selection(hosts=frozenset({"h3"}), only=frozenset({"alpha"})))
    assert play_run(store, advised(refusal)) == (["alpha@h3"], "")
    changed, refusal = play_run(store, Selection())
    assert (len(changed), refusal) == (5, "")


def test_nobody_is_told_to_upgrade_what_is_paused() -> None:
    store: Any = MortalStore()
    hold(store, "alpha", "h3", operation=PAUSE)
    assert "are paused" in play_run(store, Selection())[1]


def test_a_host_that_comes_next_is_not_asked_for() -> None:
    store: Any = MortalStore()
    play_run(store, Selection(), "alpha@h1")
    assert play_run(store, Selection(hosts=frozenset({"h2"})))[1].startswith("Roll ")
    assert play_run(store, Selection())[1] == ""


def reads_of_a_gate(hosts: int) -> int:
    """Count how often the middle wave of a service reads the store, one host in each."""
    names = [f"w{number}" for number in range(hosts)]
    plan = plan_of(deployment("web", " ".join(names)))
    store = CountingStore()
    run = UpgradeRun(plan, store, this_run(), Selection(), rehearsal=False, say=lambda _line: None)
    run.open()
    waves = [play for play in plan.plays if play.kind == "change"]
    for play in waves[: hosts // 2]:
        run.enter(play.id, play.hosts, wait=0)
        run.finish(play.id, play.hosts)
    before = store.reads
    run.enter(waves[hosts // 2].id, waves[hosts // 2].hosts, wait=0)
    return store.reads - before


class CountingStore(MortalStore):
    """A store in memory that counts how often it is read."""

    reads = 0

    def read(self, *parts: Part) -> Any:
        self.reads += 1
        return super().read(*parts)


def test_a_gate_reads_the_store_as_often_however_many_waves_follow() -> None:
    assert reads_of_a_gate(4) == reads_of_a_gate(12)
