"""One upgrade campaign by many processes: hosts that pull, and controllers with a part of the fleet each.

Every run is an ansible-playbook of its own that takes itself for a machine of its own, as hosts and controllers are.
They share a real etcd of three members. Some are killed: the run alone, or with all its machine, so that nobody writes
down that it is over. As a timer would, they are begun again until the campaign has ended. Hosts are toys: tasks do
no more than say that they ran, and what they said is judged. Run as
``tests/env python -m ansible_collections.orderly.services.tests.scale.campaigns --hosts 60 --runs 10 --seed 1``;
``--hosts 0`` leaves the controllers alone.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import ENDED, list_campaigns
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import held_slots
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd
from ansible_collections.orderly.services.tests.play.toys import UPGRADE, Site
from ansible_collections.orderly.services.tests.scale.judge import AGAIN, KILLED, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "campaign"
TOGETHER = 6  # processes: more of them do not get further on two processors
WAIT = 60  # seconds for which a gate waits for others
PATIENCE = 40  # how often a machine begins again
LOOK = 0.1
STEPS = "0 2 3 5 6"

# It is down for a moment: what is too many at once must be seen.
TOY = """\
#!/bin/sh
here=$(dirname "$0")
[ "$3" != start ] || sleep 0.2
echo "$*" >> "$here/log"
"""


@dataclass
class Machine:
    """What begins a run again and again: a host that pulls, or a controller with a part of the fleet."""

    name: str
    hosts: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    begun: int = 0
    codes: list[int] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """Give what all processes of its run have in their environment."""
        return f"{self.name}.{self.begun}"

    @property
    def is_content(self) -> bool:
        """Tell whether its last run came to its end."""
        return self.codes[-1:] == [0]


class Fleet:
    """A folder with toy services on toy hosts, and a store in etcd for all who upgrade them."""

    def __init__(
        self, folder: Path, store: str, pulling: Sequence[str], parts: Sequence[Sequence[str]]
    ) -> None:
        self.site = Site(folder)
        self.site.toy.write_text(TOY)
        self.store = store
        hosts = sorted([*pulling, *(host for part in parts for host in part)])
        databases = hosts[::10]
        self.members = {"db": databases, "web": [host for host in hosts if host not in databases]}
        self.budgets = {name: max(len(members) // 5, 1) for name, members in self.members.items()}
        self.site.groups(**{name: " ".join(members) for name, members in self.members.items()})
        for name, budget in self.budgets.items():
            after = [] if name == "db" else ["db"]
            self.site.service(name, STEPS, f"{AGAIN} finalize", after=after, max_unavailable=budget)
        self.machines = [Machine(host, [host]) for host in pulling]
        self.machines += [Machine(f"controller{number}", part) for number, part in enumerate(parts)]

    def begin(self, machine: Machine) -> None:
        """Begin a run of a machine; what it says is kept beside those before."""
        machine.begun += 1
        folder = self.site.folder
        path = self.site.write(f"said/{machine.mark}", "")
        extra = {"orderly_store": self.store, "upgrade_campaign": NAME, "upgrade_wait": WAIT}
        words = [word for key, value in extra.items() for word in ("-e", f"{key}={value}")]
        command = [self.site.program("ansible-playbook"), "-i", str(self.site.inventory)]
        own = {
            "TOY_HOST": machine.name,
            "TOY_RUN": machine.mark,
            "PYTHONPATH": f"{folder}/machine",
            "ANSIBLE_HOME": f"{folder}/homes/{machine.name}",
            "XDG_CACHE_HOME": f"{folder}/homes/{machine.name}/cache",
        }
        with path.open("wb") as said:
            machine.process = subprocess.Popen(
                [*command, "--limit", ",".join(machine.hosts), *words, UPGRADE],
                cwd=folder, env={**self.site.environ, **own}, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def kill(self, machine: Machine, *, whole: bool) -> None:
        """Kill the run of a machine at once, and if the whole machine dies, all that it has begun.

        What its workers still do then is its work: it is over when they are.
        """
        if machine.process is None:
            return
        machine.process.kill()
        machine.process.wait()
        while left := processes(machine.mark):
            for pid in left if whole else ():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(LOOK)
        with (self.site.folder / "log").open("a") as log:
            log.writelines(f"{KILLED} {host} {machine.name}\n" for host in machine.hosts)

    @property
    def working(self) -> list[Machine]:
        """Name the machines of which a run goes on."""
        return [machine for machine in self.machines if machine.process]

    @property
    def goes_on(self) -> bool:
        """Tell whether there is something left to do, and nobody has begun so often that it must be stuck."""
        return not self.has_ended and all(machine.begun < PATIENCE for machine in self.machines)

    @property
    def has_ended(self) -> bool:
        """Tell whether the campaign has."""
        with closing(open_store(self.store)) as store:
            return any(each.document["state"] == ENDED for each in list_campaigns(store))

    def broken(self) -> list[str]:
        """Name the rules that the campaign has broken."""
        with closing(open_store(self.store)) as store:
            slots = [f"{slot.holder.host} keeps its slot of {slot.service}" for slot in held_slots(store)]
        unended = [] if self.has_ended else ["the campaign has not ended"]
        return [*judge(self.site.log, self.members, self.budgets), *slots, *unended]


@dataclass(frozen=True)
class Verdict:
    """What came of a campaign."""

    number: int
    runs: int
    killed: int
    seconds: float
    broken: list[str]

    def __str__(self) -> str:
        """Say it in a line, with a further one for each broken rule."""
        head = f"campaign {self.number}: {self.runs} runs, {self.killed} killed, {self.seconds:.0f} s"
        return "\n".join(
            [f"{head}, {'broken' if self.broken else 'well'}", *(f"  {rule}" for rule in self.broken)]
        )


def play(fleet: Fleet, dice: random.Random, kills: int, number: int = 1) -> Verdict:
    """Let the machines of a fleet run until each has come to its end, and the campaign too; kill some meanwhile."""
    start = time.monotonic()
    waiting: list[Machine] = []
    killed = 0
    next_kill = time.monotonic() + dice.uniform(2, 8)
    while (working := fleet.working) or waiting or fleet.goes_on:
        # Finalizers are left to those who come when everything else is done.
        waiting = waiting or ([] if working else dice.sample(fleet.machines, len(fleet.machines)))
        if waiting and len(working) < TOGETHER:
            fleet.begin(waiting.pop(0))
        elif working and killed < kills and time.monotonic() > next_kill:
            fleet.kill(dice.choice(working), whole=dice.random() < 0.5)
            killed += 1
            next_kill = time.monotonic() + dice.uniform(1, 5)
        for machine in working:
            if machine.process and (code := machine.process.poll()) is not None:
                machine.codes.append(code)
                machine.process = None
                if not machine.is_content and machine.begun < PATIENCE:
                    waiting.append(machine)
        time.sleep(LOOK)
    runs = sum(machine.begun for machine in fleet.machines)
    seconds = time.monotonic() - start
    broken = [f"{machine.name} never came to its end" for machine in fleet.machines if not machine.is_content]
    return Verdict(number, runs, killed, seconds, [*broken, *fleet.broken()])


def idle(fleet: Fleet, machine: Machine) -> list[str]:
    """Begin a run when everything is done; gives what was done nevertheless."""
    before = len(fleet.site.log)
    fleet.begin(machine)
    code = machine.process.wait() if machine.process else None
    machine.process = None
    return [*fleet.site.log[before:], *([] if code == 0 else [f"it ended with {code}"])]


def make(folder: Path, store: str, pulling: int, led: int) -> Fleet:
    """Make a fleet of hosts that pull, and of others that two controllers share."""
    mine = [f"m{number:02}" for number in range(led)]
    return Fleet(folder, store, [f"h{number:02}" for number in range(pulling)], [mine[::2], mine[1::2]])


def processes(mark: str) -> list[int]:
    """Find the processes of a run, those that it does not know of any more, too."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"TOY_RUN={mark}" in (folder / "environ").read_text(errors="replace").split("\0"):
                found.append(int(folder.name))
    return found


def main(arguments: Sequence[str]) -> int:
    """Play campaigns; the exit status is 1 where a rule was broken."""
    parser = argparse.ArgumentParser(prog="campaigns", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=60, help="how many hosts pull")
    parser.add_argument("--led", type=int, default=20, help="how many hosts two controllers share")
    parser.add_argument("--kills", type=int, default=10, help="how many runs are killed in each campaign")
    parser.add_argument("--runs", type=int, default=10, help="how many campaigns")
    parser.add_argument("--seed", type=int, default=1)
    options: Any = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="campaigns-"))
    verdicts = []
    with Etcd(members=3) as etcd:
        for number in range(options.seed, options.seed + options.runs):
            own = folder / str(number)
            own.mkdir()
            fleet = make(own, etcd.url(f"campaign{number}"), options.hosts, options.led)
            dice = random.Random(number)  # noqa: S311 - no secret
            verdicts.append(play(fleet, dice, options.kills, number))
            print(verdicts[-1], flush=True)
    wrong = [verdict for verdict in verdicts if verdict.broken]
    print(f"{len(verdicts)} campaigns, {len(wrong)} of them broke a rule; what was said is in {folder}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
