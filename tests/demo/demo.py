"""Tell on five real hosts what orderly.services is for: restarts deferred, shown, done wave by wave, and an upgrade.

Every sentence with a check mark was looked up on the hosts, and the story ends with status 0 only if all of it is so.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.tests.demo.stage import (
    FOLDER,
    OUTPUT,
    ROOT,
    Fleet,
    Narrator,
    Playbooks,
    PollingClient,
    Process,
    Run,
    StoryError,
    alone,
    lock_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

UNITS = {
    "lb1": "haproxy.service",
    "lb2": "haproxy.service",
    "web1": "nginx.service",
    "web2": "nginx.service",
    "cache1": "redis-server.service",
}
BALANCERS = ("lb1", "lb2")
BEHIND = ("web1", "web2", "cache1")
WEB_SERVERS = ("web1", "web2")
ACTS = 6

# One result per wave: these tasks run once for all of its hosts.
WAVE_GRANTED = re.compile(r"wave \| Take the slots|^wave-\d+ \| Pass the gate")

# apt-get alone, as unattended-upgrades or a colleague would run it: it knows nothing of this collection.
APT_UPGRADE = "DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes upgrade 2>&1"


class Demo:
    """The story, act by act."""

    def __init__(self) -> None:
        shutil.rmtree(OUTPUT, ignore_errors=True)
        OUTPUT.mkdir(parents=True)
        self.client = PollingClient()
        self.narrator = Narrator(self.client.live)
        self.fleet = Fleet(self.narrator)
        self.waves: dict[str, int] = {}

    def tell(self, acts: int) -> None:
        """Tell the story, or its first acts."""
        try:
            for act, _told in enumerate(self.acts(), start=1):
                if act == acts:
                    break
        finally:
            numbers = self.client.stop()
        if act < ACTS:
            self.narrator.say(
                f"\n  Stopped after act {act}, as asked; the hosts are still up. Clean up: make clean-demo"
            )
        else:
            self.sum_up(numbers)

    def acts(self) -> Iterator[None]:
        """Play an act at each step."""
        self.set_the_stage()
        yield
        before = self.defer_restarts()
        yield
        self.show_what_is_pending()
        yield
        killed = self.restart_until_a_host_dies(before)
        yield
        self.resume_the_restart(before, killed)
        yield
        self.upgrade()
        yield

    # --- Acts ---

    def set_the_stage(self) -> None:
        self.narrator.act("Five hosts, real services of last season, and a client that polls all the time")
        self.fleet.run("down")
        self.fleet.run("up", *UNITS)
        self.playbooks = Playbooks(self.narrator, self.fleet.inventory())
        self.playbooks.succeed(str(FOLDER / "deploy.yml"), quiet=True)
        for host, package in (("lb1", "haproxy"), ("web1", "nginx"), ("cache1", "redis-server")):
            self.narrator.say(f"  {package} {self.fleet.version(host, package)}")
        addresses = self.fleet.addresses()
        self.client.start([f"{host}={addresses[host]}" for host in BALANCERS])
        self.narrator.say(
            f"  The client sends {self.client.RATE} requests per second through both balancers."
        )

    def defer_restarts(self) -> dict[str, Process]:
        self.narrator.act("From now on nothing restarts by surprise: apt upgrades, the processes stay")
        self.playbooks.succeed("orderly.services.defer_restarts", quiet=True)
        self.fleet.run("offer-updates")
        before = self.processes()
        self.narrator.say(f"  $ apt-get upgrade   (on {', '.join(BEHIND)})")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: self.fleet.shell(host, APT_UPGRADE), BEHIND))
        after = self.processes()
        for host in BEHIND:
            self.narrator.claim(
                f"{host}: {UNITS[host]} still runs as process {after[host].pid}, its program is gone from disk",
                holds=after[host].is_old and after[host].invocation == before[host].invocation,
                because=str(after[host]),
            )
        return after

    def show_what_is_pending(self) -> None:
        self.narrator.act("What is pending, since when, and why")
        self.playbooks.succeed("orderly.services.show_deferred_restarts")
        for host in BEHIND:
            self.narrator.claim(f"{host}: the restart is on record", holds=self.fleet.pending(host) > 0)

    def restart_until_a_host_dies(self, before: dict[str, Process]) -> str:
        self.narrator.act("The rolling restart, and a host that dies in the middle of its wave")
        killed: list[str] = []

        def cut_the_power(victim: str) -> None:
            killed.append(victim)
            self.narrator.say(f"      ⚡ {victim} is drained and about to restart nginx: its power is cut.")
            with self.client.told_of_kill(victim):
                self.fleet.run("kill", victim)

        def at_the_first_drained(task: str, line: str) -> Callable[[], None] | None:
            drained = re.match(rf"changed: \[(web\d) -> {BALANCERS[-1]}\b", line)
            if killed or not drained or "drain | Take this web server out" not in task:
                return None
            return partial(cut_the_power, drained[1])

        run = self.playbooks.run("orderly.services.rolling_restart", disturb=at_the_first_drained)
        self.count_waves("rolling restart", run)
        if not killed:
            raise StoryError("the rolling restart never came to a web server")
        victim = killed[0]
        other = next(host for host in WEB_SERVERS if host != victim)
        self.narrator.claim(f"The roll stopped, with status {run.returncode}", holds=run.returncode != 0)
        refusal = failure_of(other, run)
        self.narrator.claim(
            f"{other} was refused its slot, because of {victim}", holds=victim in refusal, because=refusal
        )
        process = self.fleet.process(other, UNITS[other])
        self.narrator.claim(
            f"{other} was left alone: process {process.pid} serves on",
            holds=process == before[other],
            because=str(process),
        )
        self.see_it_serve_alone(other)
        return victim

    def resume_the_restart(self, before: dict[str, Process], killed: str) -> None:
        self.narrator.act(f"{killed} comes back, and the next run goes on with it")
        self.fleet.run("up", killed)
        run = self.playbooks.succeed("orderly.services.rolling_restart")
        self.count_waves("rolling restart", run)
        for host, process in self.processes(BEHIND).items():
            self.narrator.claim(
                f"{host}: {UNITS[host]} runs the new program, as process {process.pid}",
                holds=not process.is_old and process.invocation != before[host].invocation,
                because=str(process),
            )
        for host in BEHIND:
            self.narrator.claim(f"{host}: nothing is pending", holds=self.fleet.pending(host) == 0)
        greeting = self.fleet.shell("cache1", "redis-cli get greeting")
        self.narrator.claim(
            "cache1: the key is still there", holds=greeting == "still here", because=greeting
        )

    def upgrade(self) -> None:
        self.narrator.act("The upgrade: first its plan, then its run")
        options = ["--extra-vars", f"upgrade_plan_dir={OUTPUT / 'plan'}"]
        plan = self.playbooks.succeed("orderly.services.upgrade", *options, "--list-tasks", quiet=True)
        for line in plan.output.splitlines():
            if line.lstrip().startswith("play #"):
                self.narrator.say(f"    {line.strip().partition('TAGS')[0].strip()}")
        self.narrator.say(f"  To be read before it runs: {OUTPUT / 'plan' / 'plan.html'}")
        before = {host: self.fleet.version(host, "haproxy") for host in BALANCERS}
        run = self.playbooks.succeed("orderly.services.upgrade", *options)
        self.count_waves("upgrade", run)
        for host in BALANCERS:
            version, process = self.fleet.version(host, "haproxy"), self.fleet.process(host, UNITS[host])
            self.narrator.claim(
                f"{host}: haproxy went from {before[host]} to {version}, and runs it as process {process.pid}",
                holds=version != before[host] and not process.is_old,
                because=str(process),
            )
        pending = {host: self.fleet.pending(host) for host in UNITS}
        self.narrator.claim(
            "Nothing is pending on any host", holds=not any(pending.values()), because=str(pending)
        )

    def sum_up(self, numbers: dict[str, Any]) -> None:
        self.narrator.act("The numbers")
        in_flight = sum(numbers["in_flight"].values())
        slowest = numbers["slowest"]
        for name, text in {
            "requests": f"{numbers['sent']} sent, {numbers['ok']} answered",
            "failed": f"{numbers['failed']}, and {in_flight} in flight to the host that was killed",
            "slowest": f"{slowest['seconds']:.2f} s, through {slowest['balancer']}",
            "waves": ", ".join(f"{count} of the {what}" for what, count in self.waves.items()),
            "time": f"{self.narrator.seconds:.0f} s",
        }.items():
            self.narrator.say(f"  {name:10}{text}")
        self.narrator.claim(
            "Every request is accounted for",
            holds=numbers["sent"] == numbers["ok"] + numbers["failed"] + in_flight,
        )
        self.narrator.claim(
            "No request failed, but for those in flight",
            holds=numbers["failed"] == 0,
            because=str(numbers["failures"][:3]),
        )
        self.narrator.say(FAREWELL)

    # --- What the acts look at ---

    def processes(self, hosts: Iterable[str] = tuple(UNITS)) -> dict[str, Process]:
        return {host: self.fleet.process(host, UNITS[host]) for host in hosts}

    def count_waves(self, what: str, run: Run) -> None:
        """Count the waves whose hosts were granted their slots."""
        granted = sum(WAVE_GRANTED.search(task) is not None for task in run.done)
        self.waves[what] = self.waves.get(what, 0) + granted

    def see_it_serve_alone(self, host: str) -> None:
        """Count what a host answers for a while; the others must not answer anything, and nothing may fail."""
        before = self.client.numbers()
        time.sleep(3)
        after = self.client.numbers()
        answered = {
            name: count - before["served_by"].get(name, 0) for name, count in after["served_by"].items()
        }
        self.narrator.claim(
            f"{host} answered all {answered.get(host, 0)} requests of the last three seconds",
            holds=sum(answered.values()) == answered.get(host, 0) > 0 and after["failed"] == before["failed"],
            because=str(answered),
        )


def failure_of(host: str, run: Run) -> str:
    return "\n".join(line for line in run.output.splitlines() if line.startswith(f"fatal: [{host}]"))


BIN = Path(shutil.which("ansible-playbook") or "ansible-playbook").parent
FAREWELL = f"""
What to try next
  the plan of your own inventory: versions are read, nothing is changed
    export PATH={BIN}:$PATH ANSIBLE_COLLECTIONS_PATH={ROOT / ".build"}
    ansible-playbook orderly.services.plan -i YOUR_INVENTORY
  the hosts of this demo: they are still up
    tests/fleet/fleet --fleet demo ls
    tests/fleet/fleet --fleet demo exec web1 -- systemctl status nginx
  clean up
    make clean-demo
"""


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="demo", description="Tell on real hosts what orderly.services is for."
    )
    parser.add_argument(
        "acts", nargs="?", type=int, choices=range(1, ACTS + 1), default=ACTS, help="only the first acts"
    )
    acts = parser.parse_args(argv).acts
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no client polls on after us
    try:
        with alone(lock_file(os.environ)):
            demo = Demo()
            try:
                demo.tell(acts)
            except StoryError as exc:
                print(f"\n✗ The story ends here: {exc}\n  All output is in {OUTPUT}.")
                if demo.fleet.has_hosts():
                    print("  The hosts are still up. Clean up: make clean-demo")
                return 1
    except StoryError as exc:
        print(f"✗ The demo cannot begin: {exc}")
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run it again, or clean up: make clean-demo")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
