"""The hosts of a cluster, its client, and the playbooks that are run on them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.orderly.services.tests.faults.hosts import PROGRAM, ROOT, Hosts
from ansible_collections.orderly.services.tests.faults.local_site import THIS_CORE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.orderly.services.tests.services.cluster import Cluster

HERE = Path(__file__).parent
NUMBERS = "/run/load.json"
CLIENT_SECONDS = 120
PLAY_SECONDS = 1200
APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=60"
INSTALL = f"apt-get -qq update && {APT} --no-install-recommends install"
UPGRADE = f"{APT} -o Dpkg::Options::=--force-confold upgrade"


class ServiceError(Exception):
    """Something of a service went otherwise than it must."""


@dataclass(frozen=True)
class Ran:
    """How a run of a playbook ended, and what it said."""

    status: int
    said: str

    @property
    def tail(self) -> str:
        """The end of what it said, for whoever has to find out why."""
        return self.said[-6000:]


@dataclass(frozen=True)
class PowerCut:
    """A host loses its power as soon as a task begins there."""

    task: str
    host: str


class Nodes:
    """The hosts of a cluster, asked and changed without Ansible."""

    def __init__(self, cluster: Cluster, hosts: Hosts) -> None:
        self.cluster = cluster
        self.hosts = hosts

    def build(self) -> None:
        """Install the packages as the suite has them, and make a cluster of them."""
        packages = " ".join(self.cluster.packages)
        # Images of containers have no manuals, and without their folder Java's packages cannot be configured.
        manuals = "mkdir -p /usr/share/man/man1"
        self.hosts.everywhere(f"{manuals}; {INSTALL} {packages} > /dev/null 2>&1", on=self.cluster.hosts)
        for host in self.cluster.hosts:
            self.script(host, self.cluster.each)
        first, *others = self.cluster.hosts
        self.script(first, self.cluster.first)
        for host in others:
            self.script(host, self.cluster.others)
        for balancer in self.cluster.in_front:
            set_up = (HERE / "in_front.sh").read_text(encoding="utf-8")
            self.script(balancer, f"{INSTALL} haproxy > /dev/null 2>&1\n{set_up}")

    def script(self, host: str, script: str) -> str:
        """Run a script of the cluster on a host, and give what it said."""
        known = {"HOST": host, "FIRST": self.cluster.hosts[0], "HOSTS": " ".join(self.cluster.hosts)}
        given = "".join(f"{name}={shlex.quote(value)}\n" for name, value in known.items())
        return self.hosts.run(host, given + script).strip() if script else ""

    def offer_again(self) -> None:
        """Offer the service's packages with a higher version than is installed."""
        for name in ("packages/repack.py", "services/archive.py"):
            content = (ROOT / "tests" / name).read_bytes()
            self.hosts.everywhere(
                f"mkdir -p /opt/again; cat > /opt/again/{Path(name).name}", content, on=self.cluster.hosts
            )
        wanted = " ".join([self.cluster.version_of, *self.cluster.again])
        self.hosts.everywhere(f"python3 /opt/again/archive.py {wanted}", on=self.cluster.hosts)

    def versions(self) -> dict[str, str]:
        """Give the version of the service's package on each host."""
        script = f"dpkg-query -W -f '${{Version}}' {self.cluster.version_of}"
        return {host: self.hosts.run(host, script) for host in self.cluster.hosts}

    def candidates(self) -> set[str]:
        """Give the versions that apt would install, over all hosts."""
        script = f"LC_ALL=C apt-cache policy {self.cluster.version_of} | sed -n 's/^  Candidate: //p'"
        return {self.hosts.run(host, script).strip() for host in self.cluster.hosts}

    def invocations(self) -> dict[str, str]:
        """Give what changes on each host whenever the unit is started anew."""
        script = f"systemctl show -p InvocationID --value {self.cluster.unit}"
        return {host: self.hosts.run(host, script).strip() for host in self.cluster.hosts}

    def boots(self) -> dict[str, str]:
        """Give what changes on each host whenever it boots."""
        return {host: self.hosts.run(host, "cat /run/boot-id").strip() for host in self.cluster.hosts}

    def states(self) -> dict[str, str]:
        """Give what each node tells of the cluster."""
        return {host: self.script(host, self.cluster.state) for host in self.cluster.hosts}


class Playbooks:
    """Runs playbooks of the collection; the inventory and what runs said are in a folder."""

    def __init__(self, hosts: Hosts, folder: Path, inventory: Mapping[str, Any]) -> None:
        self.hosts = hosts
        self.folder = folder
        self._runs = 0
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")

    def play(
        self,
        playbook: str,
        variables: Mapping[str, Any] | None = None,
        *words: str,
        cut: PowerCut | None = None,
    ) -> Ran:
        """Run a playbook of the collection; with *cut* a host loses its power."""
        self._runs += 1
        log = self.folder / f"{self._runs:02}-{playbook}.log"
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "power_cut",
            "FLEET": self.hosts.fleet,
            "POWER_CUT_FLEET": str(PROGRAM),
            "POWER_CUT_DONE": str(self.folder / "cut"),
            "POWER_CUT_TASK": cut.task if cut else "",
            "POWER_CUT_HOST": cut.host if cut else "",
        }
        given = ["--extra-vars", json.dumps(variables)] if variables else []
        with log.open("wb") as out:
            status = subprocess.run(
                [
                    THIS_CORE, f"--inventory={self.hosts.inventory}", "--inventory=inventory.yml", *given, *words,
                    f"orderly.services.{playbook}",
                ],
                check=False, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, timeout=PLAY_SECONDS,
            ).returncode  # fmt: skip
        return Ran(status, log.read_text(errors="replace"))

    @property
    def was_cut(self) -> bool:
        """Whether the power of a host was cut."""
        return (self.folder / "cut").exists()


class Stage(Nodes):
    """A cluster with its client and its playbooks."""

    def __init__(self, cluster: Cluster, hosts: Hosts, folder: Path) -> None:
        super().__init__(cluster, hosts)
        self.folder = folder
        self._playbooks = Playbooks(hosts, folder, cluster.inventory(f"sqlite://{folder}/store.db"))

    # --- The client ---

    def start_client(self) -> None:
        """Let it use the cluster from now on."""
        if packages := " ".join(self.cluster.client.get("packages", [])):
            self.hosts.run("client", f"{INSTALL} {packages} > /dev/null 2>&1")
        self.script("client", self.cluster.client.get("setup", ""))
        self.hosts.run("client", "cat > /opt/client.py", (HERE / "client.py").read_bytes())
        words = [self.cluster.client["protocol"], *self.cluster.nodes, "--numbers", NUMBERS]
        self.hosts.run(
            "client",
            f"systemd-run --quiet --unit load -p TimeoutStopSec={CLIENT_SECONDS} -p Restart=no "
            f"python3 /opt/client.py {' '.join(words)}",
        )
        self._wait_for_numbers(lambda numbers: numbers["confirmed"] > 10)

    def numbers(self) -> dict[str, Any]:
        """Give what the client has counted so far."""
        found: dict[str, Any] = json.loads(self.hosts.run("client", f"cat {NUMBERS}"))
        return found

    def stop_client(self) -> dict[str, Any]:
        """Let it look for all of its rows, and give its numbers."""
        self.hosts.run("client", "systemctl stop load.service")
        numbers = self.numbers()
        if "ended" not in numbers:
            said = self.hosts.run("client", "journalctl -u load.service | tail -n 20")
            raise ServiceError(f"the client did not come to its end: {said}")
        return numbers

    def _wait_for_numbers(self, enough: Any) -> None:
        end = time.monotonic() + CLIENT_SECONDS
        while time.monotonic() < end:
            said = self.hosts.run("client", f"cat {NUMBERS} 2> /dev/null || :")
            if said and enough(json.loads(said)):
                return
            time.sleep(0.5)
        log = self.hosts.run("client", "journalctl -u load.service | tail -n 20")
        raise ServiceError(f"the client does not get on: {said or 'it says nothing'}\n{log}")

    # --- Playbooks ---

    def play(
        self, playbook: str, variables: Mapping[str, Any] | None = None, *words: str, cut: bool = False
    ) -> Ran:
        """Run a playbook of the collection; with *cut* a host loses its power as the cluster's fault says."""
        power_cut = PowerCut(self.cluster.fault, self.cluster.victim) if cut else None
        return self._playbooks.play(playbook, variables, *words, cut=power_cut)

    @property
    def was_cut(self) -> bool:
        """Whether the power of a host was cut."""
        return self._playbooks.was_cut
