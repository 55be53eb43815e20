"""What is done to every cluster, whatever its service: deferral, upgrade, a power cut in its middle, rolls, reboots.

Each sentence that is printed with a check mark was looked up on the hosts; the first that does not hold ends the story.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.tests.services.stage import UPGRADE, ServiceError
from ansible_collections.orderly.services.tests.services.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.orderly.services.tests.services.stage import Ran, Stage

COUNTED = ("sent", "again", "failed", "without")
AGREE_SECONDS = 20


@dataclass
class Story:
    """The story of one cluster."""

    stage: Stage
    say: Callable[[str], None] = print
    clock: Callable[[], float] = time.monotonic
    versions: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def tell(self, *, short: bool = False) -> Row:
        """Tell it, or the upgrade alone, and give its row; what does not hold is a :class:`ServiceError`."""
        self._chapter("a cluster of older packages, and a client", self.build)
        if not short:
            self._measured("packages under deferral", self.defer)
        self._measured("upgrade, power cut and resumed", self.upgrade)
        if not short:
            self._measured("rolling restart", self.restart)
            self._measured("rolling reboot", self.reboot)
            self._measured("refusals, and a second run", self.look_again)
        return self.end()

    # --- Chapters ---

    def build(self) -> None:
        """Make the cluster, as it was before."""
        self.stage.build()
        self.stage.start_client()
        self._note_version()

    def defer(self) -> None:
        """Upgrade all packages with restarts off, then restart what is pending."""
        stage = self.stage
        self._succeed("defer_restarts")
        if held := " ".join(stage.cluster.held):
            stage.hosts.everywhere(f"apt-mark -qq hold {held}", on=stage.cluster.hosts)
        stage.hosts.offer_updates(stage.cluster.hosts)
        if stage.candidates() == {*stage.versions().values()}:
            stage.offer_again()
        before = stage.invocations()
        stage.hosts.everywhere(f"{UPGRADE} > /dev/null 2>&1", on=stage.cluster.hosts)
        if held:
            stage.hosts.everywhere(f"apt-mark -qq unhold {held}", on=stage.cluster.hosts)
        self._claim("packages were upgraded by apt, and nothing was restarted", stage.invocations() == before)
        if stage.candidates() != {*stage.versions().values()}:
            self.say("  the package of the service is on hold, its own upgrade is to come")
            return
        self._note_version()
        self._succeed("rolling_restart")
        after = stage.invocations()
        self._claim(
            "each was restarted after that",
            all(after[host] != before[host] for host in after),
            (before, after),
        )

    def upgrade(self) -> None:
        """Upgrade by plan; a host loses its power in its step, and the same command resumes."""
        stage, options = self.stage, {"upgrade_plan_dir": str(self.stage.folder / "plan")}
        if stage.candidates() == {*stage.versions().values()}:
            stage.offer_again()
        self._succeed("plan")
        victim = stage.cluster.victim
        run = stage.play("upgrade", options, cut=True)
        self._claim(
            f"the power of {victim} was cut as it began: {stage.cluster.fault}", stage.was_cut, run.tail
        )
        self._claim(f"the upgrade stopped, with status {run.status}", run.status != 0, run.tail)
        script, old = self._version_script(), self.versions[-1]
        there = [host for host in stage.cluster.hosts if host != victim]
        untouched = [host for host in there if stage.hosts.run(host, script) == old]
        # Waves of one host each, in some clusters by rank; others are of services besides.
        begun = {*re.findall(rf"Wave \d+ of \d+: .*\b{stage.cluster.service} on (\w+)", run.said)}
        later = len(stage.cluster.hosts) - len(begun)
        self._claim(
            f"{later} hosts whose wave comes later were not touched", len(untouched) == later, run.tail
        )
        stage.hosts.up()
        self.faults.append(f"power of {victim} cut in its step")
        if confirm := self._confirmed:
            run = stage.play("upgrade", options)
            self._claim(
                "the upgrade stops before its point of no return",
                run.status != 0 and "point of no return" in run.said.lower(),
                run.tail,
            )
        self._succeed("upgrade", {**options, **confirm})
        self._note_version()
        self._claim(
            "all hosts have the newer version",
            stage.candidates() == {*stage.versions().values()},
            stage.versions(),
        )
        if stage.cluster.finalized:
            stage.script(stage.cluster.hosts[0], stage.cluster.finalized)
            self._claim("the finalizer has done its work", holds=True)

    def restart(self) -> None:
        """Restart the service on all hosts."""
        before = self.stage.invocations()
        self._succeed("restart_services", {"restart_only": [self.stage.cluster.service]})
        after = self.stage.invocations()
        self._claim("each was restarted", all(after[host] != before[host] for host in after), (before, after))

    def reboot(self) -> None:
        """Reboot all hosts."""
        before = self.stage.boots()
        self._succeed("reboot", {"reboot_all": True}, "--limit", self.stage.cluster.service)
        after = self.stage.boots()
        self._claim("each was rebooted", all(after[host] != before[host] for host in after), (before, after))

    def look_again(self) -> None:
        """Play what must be refused, and the upgrade once more, which has nothing to do."""
        stage = self.stage
        before = (stage.versions(), stage.invocations())
        for refusal in stage.cluster.refused:
            untouched = [host for host in stage.cluster.hosts if host not in refusal.before]
            rolled = refusal.rolled or untouched[0]
            for host, script in refusal.before.items():
                stage.script(host, script)
            run = stage.play(
                "restart_services",
                {"restart_only": [stage.cluster.service], **refusal.variables},
                "--limit",
                rolled,
            )
            for host, script in refusal.after.items():
                stage.script(host, script)
            words = " ".join(run.said.replace("\\n", " ").split())
            self._claim(
                f"{refusal.what} is refused by name", run.status != 0 and refusal.says in words, run.tail
            )
            now = stage.invocations()
            self._claim(
                "and nothing was restarted",
                all(now[host] == before[1][host] for host in {*untouched, rolled}),
                now,
            )
            self._succeed("recover", None, "--limit", rolled)
        before = (stage.versions(), stage.invocations())
        # A campaign of its own: else everything is done, and nobody looks whether there is something to do.
        options = {
            "upgrade_plan_dir": str(stage.folder / "plan"),
            "upgrade_campaign": "again",
            **self._confirmed,
        }
        run = self._succeed("upgrade", options)
        self._claim(
            "a second run of the upgrade restarts nothing",
            before == (stage.versions(), stage.invocations()),
            run.tail,
        )

    def end(self) -> Row:
        """Stop the client, let it look for its rows, and compare the nodes."""
        numbers = self.stage.stop_client()
        self._agree()
        lost = numbers["lost"]
        if lost is not None:
            self._claim(
                f"all {numbers['confirmed']} rows that were confirmed are there", not any(lost.values()), lost
            )
        self.say(f"  reasons why operations were sent again: {numbers['reasons'] or 'none'}")
        return Row(
            service=self.stage.cluster.name,
            versions=self.versions,
            hosts=len(self.stage.cluster.hosts),
            sent=numbers["sent"],
            again=numbers["again"],
            failed=numbers["failed"],
            without=numbers["without"],
            lost=max(lost.values()) if lost else None,
            faults=self.faults,
            date=time.strftime("%Y-%m-%d"),
        )

    # --- How ---

    @property
    def _confirmed(self) -> dict[str, str]:
        """Give what confirms the service's point of no return, if it has one."""
        return (
            {"upgrade_confirm": self.stage.cluster.service} if self.stage.cluster.point_of_no_return else {}
        )

    def _version_script(self) -> str:
        return f"dpkg-query -W -f '${{Version}}' {self.stage.cluster.version_of}"

    def _note_version(self) -> None:
        found = {*self.stage.versions().values()}
        self._claim(f"all hosts have {', '.join(found)}", len(found) == 1, self.stage.versions())
        self.versions += found - {*self.versions}

    def _agree(self) -> None:
        """Wait until all nodes tell the same, as the last rows may be on their way."""
        end = self.clock() + AGREE_SECONDS
        while True:
            states = self.stage.states()
            if len({*states.values()}) == 1 or self.clock() > end:
                break
            time.sleep(0.5)
        self._claim("all nodes tell the same of the cluster", len({*states.values()}) == 1, states)
        self.say("\n".join(f"    {line}" for line in next(iter(states.values())).splitlines()))

    def _chapter(self, title: str, act: Callable[[], None]) -> None:
        begin = self.clock()
        self.say(f"{self.stage.cluster.name}: {title}")
        act()
        self.say(f"  {self.clock() - begin:.0f} s")

    def _measured(self, title: str, act: Callable[[], None]) -> None:
        before = self.stage.numbers()
        self._chapter(title, act)
        after = self.stage.numbers()
        counted = {name: round(after[name] - before[name], 1) for name in COUNTED}
        self.say(
            f"  operations {counted['sent']}, sent again {counted['again']}, failed {counted['failed']}, "
            f"without service {counted['without']} s, slowest so far {after['slowest']} s"
        )

    def _succeed(self, playbook: str, variables: dict[str, Any] | None = None, *words: str) -> Ran:
        begin = self.clock()
        run = self.stage.play(playbook, variables, *words)
        self._claim(f"{playbook} ended well, in {self.clock() - begin:.0f} s", run.status == 0, run.tail)
        return run

    def _claim(self, sentence: str, holds: bool, because: object = "") -> None:
        self.say(f"  {'✓' if holds else '✗'} {sentence}")
        if not holds:
            raise ServiceError(f"{self.stage.cluster.name}: not so: {sentence}\n{because}")
