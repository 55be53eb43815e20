"""What is done to the shop while its clients order: deferral, rolls, an upgrade whose host loses its power, reboots.

Each sentence that is printed with a check mark was looked up on the hosts; the first that does not hold ends the story.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.orderly.services.tests.services import cluster
from ansible_collections.orderly.services.tests.services.stage import (
    UPGRADE,
    Nodes,
    Playbooks,
    PowerCut,
    ServiceError,
)
from ansible_collections.orderly.services.tests.showcase.report import Chapter, Counted, Report, since

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts
    from ansible_collections.orderly.services.tests.services.stage import Ran

HERE = Path(__file__).parent
OURS = HERE / "clusters"
PARTS = {"redis": None, "mariadb_galera": None, "rabbitmq": None, "nginx": OURS, "keepalived": OURS}
"""The clusters that the shop is made of, and where they are described if not where services are proven."""
DAMAGED = "mariadb_galera"
"""The service of which a host loses its power in the middle of its upgrade."""
NUMBERS = "/run/orders.json"
CLIENT_FOLDER = "/opt/client"
PACKAGE = "ansible_collections/orderly/services/tests"
TABLES = "CREATE TABLE orders (number BIGINT PRIMARY KEY); CREATE TABLE shipments LIKE orders"
END_SECONDS = 180
CLIENT_SECONDS = 60
AGREE_SECONDS = 30
OF_ROLLS = re.compile(r"^Wave 1 of (\d+):", re.MULTILINE)
OF_UPGRADES = re.compile(r"^PLAY \[Wave \d+ .*\| work\]", re.MULTILINE)


def parts() -> list[cluster.Cluster]:
    """Read all clusters of the shop."""
    return [cluster.read(name, folder) for name, folder in PARTS.items()]


def hosts_of(clusters: Sequence[cluster.Cluster]) -> list[str]:
    """Name all hosts but the client's."""
    return [host for each in clusters for host in each.hosts]


def waves_of(playbook: str, said: str) -> int:
    """Count the waves of a run: a roll says how many there are, in an upgrade each has a play in which it works."""
    if playbook == "plan":  # it tells of waves that are to come
        return 0
    if playbook == "upgrade":
        return len(OF_UPGRADES.findall(said))
    return sum(map(int, OF_ROLLS.findall(said)))


@dataclass
class Story:
    """The story of the shop."""

    hosts: Hosts
    folder: Path
    say: Callable[[str], None] = print
    clock: Callable[[], float] = time.monotonic
    chapters: list[Chapter] = field(default_factory=list)
    waves: int = 0

    def __post_init__(self) -> None:
        self.nodes = [Nodes(each, self.hosts) for each in parts()]
        self.servers = hosts_of([each.cluster for each in self.nodes])
        inventory = yaml.safe_load((HERE / "inventory.yml").read_text(encoding="utf-8"))
        inventory["all"]["vars"]["orderly_store"] = f"sqlite://{self.folder}/store.db"
        self.playbooks = Playbooks(self.hosts, self.folder, inventory)
        self.cut_at = next(each.cluster for each in self.nodes if each.cluster.service == DAMAGED)

    def tell(self) -> Report:
        """Tell it, and give what was measured; what does not hold is a :class:`ServiceError`."""
        self.say("The shop, and a client that orders all the time")
        self.build()
        self.versions = [self.versions_now()]
        self._chapter("Packages under deferral", self.defer)
        self._chapter("Rolling restart of what is pending", self.restart_pending)
        self._chapter("Rolling restart of everything", self.restart_all)
        self._chapter("Upgrade of everything, one host killed in the middle", self.upgrade_and_kill)
        self._chapter("Upgrade resumed", self.resume)
        self._chapter("Rolling reboot of every host", self.reboot)
        return self.end()

    # --- Chapters ---

    def build(self) -> None:
        """Make the shop of packages as the suite has them, and start the client."""
        shop = (HERE / "shop.py").read_bytes()
        web = next(each.cluster for each in self.nodes if each.cluster.service == "nginx")
        self.hosts.everywhere("cat > /opt/shop.py", shop, on=web.hosts)
        begin = self.clock()
        self._for_all(Nodes.build)
        self.hosts.run("db1", f'mariadb shop -e "{TABLES}"')
        self.start_client()
        self._claim(f"the shop takes orders, built in {self.clock() - begin:.0f} s", holds=True)

    def defer(self) -> None:
        """Upgrade all packages with restarts off: no unit is started anew."""
        self._succeed("defer_restarts")
        self._mark("hold")
        self.hosts.offer_updates(self.servers)
        self._offer_newer()
        before = self.invocations()
        self.hosts.everywhere(f"{UPGRADE} > /dev/null 2>&1", on=self.servers)
        self._mark("unhold")
        self._claim("apt has upgraded all hosts, and restarted nothing", self.invocations() == before)
        self.versions.append(self.versions_now())

    def restart_pending(self) -> None:
        """Restart what was deferred."""
        self._succeed("rolling_restart")
        run = self._succeed("status")
        self._claim("nothing is pending any more", "No restart is pending;" in run.said, run.tail)

    def restart_all(self) -> None:
        """Restart every service on every host."""
        before = self.invocations()
        services = sorted({*yaml.safe_load((HERE / "inventory.yml").read_text())["all"]["children"]})
        self._succeed("restart_services", {"restart_only": services})
        after = self.invocations()
        same = [f"{host} {unit}" for host, unit in after if after[host, unit] == before[host, unit]]
        self._claim(f"all {len(after)} units were restarted", not same, same)

    def upgrade_and_kill(self) -> None:
        """Upgrade by plan, until a host has lost its power."""
        self._offer_newer()
        self._succeed("plan", self._plan)
        victim, fault = self.cut_at.victim, self.cut_at.fault
        run = self._play("upgrade", self._plan, cut=PowerCut(fault, victim))
        self._claim(f"the power of {victim} was cut as it began: {fault}", self.playbooks.was_cut, run.tail)
        self._claim(f"the upgrade stopped, with status {run.status}", run.status != 0, run.tail)

    def resume(self) -> None:
        """Start the host again, and give the same command."""
        self.hosts.up()
        self._succeed("upgrade", {**self._plan, "upgrade_confirm": self._points_of_no_return})
        old = [
            each.cluster.service for each in self.nodes if each.candidates() != {*each.versions().values()}
        ]
        self._claim("all hosts have the newest versions", not old, old)
        self.versions.append(self.versions_now())

    def reboot(self) -> None:
        """Reboot all hosts."""
        before = self.boots()
        self._succeed("reboot", {"reboot_all": True})
        after = self.boots()
        same = [host for host in after if after[host] == before[host]]
        self._claim(f"all {len(after)} hosts were rebooted", not same, same)

    def end(self) -> Report:
        """Stop the client, let it look for its orders, and compare the nodes of each cluster."""
        self.hosts.run("client", "systemctl stop orders.service")
        numbers = self.numbers()
        if "end" not in numbers:
            said = self.hosts.run("client", "journalctl -u orders.service | tail -n 20")
            raise ServiceError(f"the client did not come to its end: {said}")
        for each in self.nodes:
            self._agree(each)
        end = numbers.pop("end")
        for name, of_all in end.items():
            confirmed = of_all["found"] + of_all["lost"]
            self._claim(f"all {confirmed} {name} that were confirmed are there", not of_all["lost"], of_all)
        return Report(
            chapters=self.chapters,
            total={name: Counted.of(counted) for name, counted in numbers.items()},
            found={name: of_all["found"] for name, of_all in end.items()},
            lost={name: of_all["lost"] for name, of_all in end.items()},
            reasons={name: counted["reasons"] for name, counted in numbers.items()},
            failures=numbers["requests"]["failures"],
            versions=self.versions,
            hosts={each.cluster.service: each.cluster.hosts for each in self.nodes},
            date=time.strftime("%Y-%m-%d"),
        )

    # --- The client ---

    def start_client(self) -> None:
        """Let it order from now on, through the virtual address."""
        for name in ("services", "showcase"):
            content = (HERE.parent / name / "client.py").read_bytes()
            folder = f"{CLIENT_FOLDER}/{PACKAGE}/{name}"
            self.hosts.run("client", f"mkdir -p {folder}; cat > {folder}/client.py", content)
        address = self.hosts.run("client", "hostname -I").split()[0].rpartition(".")[0] + ".10"
        program = f"python3 {CLIENT_FOLDER}/{PACKAGE}/showcase/client.py {address} --numbers {NUMBERS}"
        self.hosts.run(
            "client",
            f"systemd-run --quiet --unit orders -p TimeoutStopSec={END_SECONDS} -p Restart=no "
            f"-E PYTHONPATH={CLIENT_FOLDER} {program}",
        )
        end = self.clock() + CLIENT_SECONDS
        while True:
            said = self.hosts.run("client", f"cat {NUMBERS} 2> /dev/null || :")
            if said and json.loads(said)["rows"]["confirmed"] > 10:
                return
            if self.clock() > end:
                log = self.hosts.run("client", "journalctl -u orders.service | tail -n 20")
                raise ServiceError(f"the client cannot order: {said}\n{log}")
            time.sleep(0.5)

    def numbers(self) -> dict[str, Any]:
        """Give what the client has counted so far."""
        found: dict[str, Any] = json.loads(self.hosts.run("client", f"cat {NUMBERS}"))
        return found

    # --- How ---

    @property
    def _plan(self) -> dict[str, str]:
        return {"upgrade_plan_dir": str(self.folder / "plan")}

    @property
    def _points_of_no_return(self) -> list[str]:
        return [each.cluster.service for each in self.nodes if each.cluster.point_of_no_return]

    def _offer_newer(self) -> None:
        """Offer every service a newer version: the archive's, or the same under a higher one."""

        def offer(nodes: Nodes) -> None:
            if nodes.candidates() == {*nodes.versions().values()}:
                nodes.offer_again()

        self._for_all(offer)

    def _mark(self, what: str) -> None:
        """Hold what operators have to hold while restarts are off, or unhold it."""
        for each in self.nodes:
            if held := " ".join(each.cluster.held):
                self.hosts.everywhere(f"apt-mark -qq {what} {held}", on=each.cluster.hosts)

    def _for_all(self, act: Callable[[Nodes], Any]) -> list[Any]:
        """Do something with all clusters at once."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            return list(pool.map(act, self.nodes))

    def invocations(self) -> dict[tuple[str, str], str]:
        """Give by host and unit what changes whenever the unit is started anew."""
        return {
            (host, unit): invocation
            for each, of_hosts in zip(self.nodes, self._for_all(Nodes.invocations), strict=True)
            for host, said in of_hosts.items()
            for unit, invocation in zip(each.cluster.unit.split(), said.split(), strict=True)
        }

    def versions_now(self) -> dict[str, str]:
        """Give the version of each service's package, which all of its hosts have."""
        versions = {}
        for each, of_hosts in zip(self.nodes, self._for_all(Nodes.versions), strict=True):
            found = {*of_hosts.values()}
            self._claim(f"{each.cluster.version_of} is {', '.join(found)}", len(found) == 1, of_hosts)
            versions[each.cluster.version_of] = found.pop()
        return versions

    def boots(self) -> dict[str, str]:
        """Give by host what changes whenever it boots."""
        return {host: boot for of_hosts in self._for_all(Nodes.boots) for host, boot in of_hosts.items()}

    def _agree(self, nodes: Nodes) -> None:
        """Wait until all nodes of a cluster tell the same."""
        end = self.clock() + AGREE_SECONDS
        while len({*(states := nodes.states()).values()}) > 1 and self.clock() < end:
            time.sleep(0.5)
        name = nodes.cluster.service
        self._claim(
            f"all nodes of {name} tell the same of their cluster", len({*states.values()}) == 1, states
        )

    def _chapter(self, title: str, act: Callable[[], None]) -> None:
        before, begin, waves = self.numbers(), self.clock(), self.waves
        self.say(title)
        act()
        counted = {name: since(before[name], now) for name, now in self.numbers().items()}
        chapter = Chapter(title, round(self.clock() - begin), self.waves - waves, counted)
        self.chapters.append(chapter)
        self.say(f"  {chapter}")

    def _play(
        self, playbook: str, variables: Mapping[str, Any] | None = None, cut: PowerCut | None = None
    ) -> Ran:
        run = self.playbooks.play(playbook, variables, "--limit", ",".join(self.servers), cut=cut)
        self.waves += waves_of(playbook, run.said)
        return run

    def _succeed(self, playbook: str, variables: Mapping[str, Any] | None = None) -> Ran:
        begin = self.clock()
        run = self._play(playbook, variables)
        self._claim(f"{playbook} ended well, in {self.clock() - begin:.0f} s", run.status == 0, run.tail)
        return run

    def _claim(self, sentence: str, holds: bool, because: object = "") -> None:
        self.say(f"  {'✓' if holds else '✗'} {sentence}")
        if not holds:
            raise ServiceError(f"not so: {sentence}\n{because}")
