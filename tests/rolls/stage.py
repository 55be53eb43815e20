"""Put a world on real hosts, and read from their journals what happened to its units."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import yaml
from ansible_collections.orderly.services.tests.rolls import judge, world
from ansible_collections.orderly.services.tests.rolls.judge import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts
    from ansible_collections.orderly.services.tests.rolls.world import Place, World

FOLDER = "/usr/lib/systemd/system"
MESSAGES = {
    "7d4958e842da4a758f6c1cdc7b36dcc5": judge.STARTING,
    "39f53479d3a045ac8e11786248231fbf": judge.STARTED,
    "de5b426a63be47a7b6ac3eaac82e2f6f": judge.STOPPING,
    "98e322203f7a4ed290d09fe03c09fe15": judge.GONE,  # a process of it has ended badly
    "d9b373ed55a64feb8242e02dbe79a49c": judge.GONE,  # it failed
}
"""What systemd says of units (systemd.journal-fields(7), its sd-messages.h); a process that ends well says nothing."""
LOOKER = "ansible-orderly.services.internal.member_units"
"""As what a module logs that it was started (AnsibleModule.log)."""
UNIT = """\
# rolls
[Unit]
Description=%n
StartLimitIntervalSec=0
{lines}
[Service]
{kind}
[Install]
WantedBy=multi-user.target
"""
CLEAR = f"""
units=$(cd {FOLDER}; grep -ls '^# rolls$' *.service || :)
if [ "$units" ]; then
    systemctl unmask --quiet $units
    (cd {FOLDER}; sed -i '/^RefuseManualStop/d' $units); systemctl daemon-reload
    systemctl kill -s KILL $units 2> /dev/null || :
    systemctl stop $units
    systemctl disable --quiet $units
    (cd {FOLDER}; rm $units)
fi
rm -rf {world.BAD} /var/lib/orderly/* /var/lib/policy-rc.d/*.deferred /etc/policy-rc.d/*.policy /run/orderly*
mkdir -p {world.BAD}
systemctl daemon-reload; systemctl reset-failed
"""
CONNECTION = (
    "-o", "ControlMaster=auto", "-o", f"ControlPath=/tmp/rolls-{os.getpid()}-%C", "-o", "ControlPersist=60",
    "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR",
)  # fmt: skip
"""One connection to each host, which is kept."""
POLICY = "/etc/policy-rc.d/admin-rolls.policy"


def now() -> float:
    """Tell the time as the hosts' journals do; they share this machine's clock."""
    return time.time()


def unit_file(place: Place) -> str:
    """Write the file of a unit."""
    refuses = ["RefuseManualStop=yes"] if place.condition == world.REFUSES else []
    lines = "\n".join([*place.lines, *refuses])
    return UNIT.format(lines=lines, kind=world.KINDS[place.kind])


def policy(units: list[str]) -> str:
    """Write what packages may not restart."""
    listed = "".join(f"  {unit}: [stop, restart, try-restart]\n" for unit in units)
    return f"policy_requestor_type: admin\npolicy_requestor_name: rolls\nblocked_actions:\n{listed}"


CONDITIONS = {
    world.MASKED: "systemctl mask --quiet {}",
    world.OFF: "systemctl disable --quiet --now {}",
    world.STOPPED: "systemctl stop {}",
    world.FAILED: "systemctl kill -s KILL {}",
}


def preparation(given: World, host: str) -> str:
    """Write the script that makes a host what it is in a world; it prints which unit was asked to restart when."""
    places = given.units_on(host)
    of_services = [unit for unit in places if given.service_of(unit)]
    script = [CLEAR]
    for unit, place in places.items():
        script.append(f"cat > {FOLDER}/{unit} <<'END'\n{unit_file(place)}END")
    if places:
        names = " ".join(places)
        script += ["systemctl daemon-reload", f"systemctl enable --quiet {names}", f"systemctl start {names}"]
        script.append(f"cat > {POLICY} <<'END'\n{policy(of_services)}END")
    for unit, place in places.items():
        if place.is_asked:
            script.append(f"echo $(date +%s.%N) {unit}; deb-systemd-invoke restart {unit} >&2")
    for unit, place in places.items():
        if place.is_flagged:
            script.append(f"touch {world.BAD}/{unit}")
        if place.condition in CONDITIONS:
            script.append(CONDITIONS[place.condition].format(unit))
    return "\n".join(script)


def healing(given: World, host: str, pending: Container[judge.Where], *, booted: bool) -> str:
    """Write what an operator does when something went wrong: put right what is wrong, start what does not run.

    What waits for its restart, as its status says, is left to the next roll; a boot was one. A role that stops a unit
    which refuses that, or starts one that is masked, is corrected, as its upgrade would never end well.
    """
    script = [f"rm -f {world.BAD}/*"]
    if given.playbook == world.UPGRADE:
        script.append(
            f"cd {FOLDER}; grep -ls '^# rolls$' *.service | xargs -r sed -i '/^RefuseManualStop/d'; cd /"
        )
        script.append("systemctl daemon-reload")
    for unit, place in given.units_on(host).items():
        waits = (host, unit) in pending and not booted and given.playbook == world.RESTART
        if place.condition == world.MASKED and given.playbook == world.UPGRADE:
            script.append(f"systemctl unmask --quiet {unit}; systemctl start {unit}")
        elif place.condition in (
            world.MASKED,
            world.OFF,
        ):  # one that had to be killed failed as it was switched off
            script.append(f"systemctl reset-failed {unit} || :")
        elif not waits:
            script.append(f"systemctl is-active --quiet {unit} || systemctl start {unit}")
    return "\n".join(script)


def scene(given: World) -> judge.Scene:
    """Tell the judge what there is."""
    down = {
        where
        for where, place in given.places.items()
        if place.condition in (world.OFF, world.STOPPED, world.FAILED)
    }
    uncounted = {
        where for where, place in given.places.items() if place.condition in (world.OFF, world.MASKED)
    }
    members = tuple(
        judge.Member(service.name, host, service.units)
        for service in given.services
        for host in service.hosts
    )
    budgets = {service.name: service.slots for service in given.services}
    return judge.Scene(members, budgets, frozenset(down), frozenset(uncounted))


class Stage:
    """Six hosts, and what was done to them from outside."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts
        self.noted: list[Event] = []
        self.off: set[str] = set()
        self.variables = yaml.safe_load(hosts.inventory.read_text())["all"]

    def run(self, host: str, script: str) -> str:
        """Run a script of the shell on a host, over ssh, and give what it printed."""
        given = self.variables["vars"]
        done = subprocess.run(
            [
                "ssh", *shlex.split(given["ansible_ssh_common_args"]), "-i", given["ansible_ssh_private_key_file"],
                *CONNECTION, f"root@{self.variables['hosts'][host]['ansible_host']}", 'sh -euc "$(cat)"',
            ],
            check=False, input=script, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{host} ended a script with {done.returncode}: {done.stderr[-300:]}"
        return done.stdout

    def prepare(self, given: World) -> None:
        """Make the hosts what they are in a world."""
        self.noted = []
        for host, said in self._each(lambda host: self.run(host, preparation(given, host))).items():
            for line in said.splitlines():
                at, unit = line.split()
                self.noted.append(Event(float(at), host, judge.ASKED, unit))

    def hurt(self, fault: world.Fault) -> None:
        """Let something go wrong."""
        if fault.what in (world.KILL_HOST, world.POWEROFF):
            self.noted.append(Event(now(), fault.host, judge.POWER_OFF))
            self.off.add(fault.host)
            if fault.what == world.KILL_HOST:
                self.hosts.kill(fault.host)
            else:
                self.run(fault.host, "systemctl poweroff --no-block")
        elif fault.what == world.KILL_UNIT:
            self.run(fault.host, f"systemctl kill -s KILL {shlex.quote(fault.unit)} || :")

    def heal(self, given: World) -> None:
        """Do what an operator would do."""
        for host in sorted(self.off):
            with suppress(AssertionError):  # it is off already
                self.hosts.kill(host)
            self.noted.append(Event(now(), host, judge.BOOTED))
            self.hosts.up()
        booted = {*self.off}
        self.off.clear()
        pending = self.pending()
        self._each(lambda host: self.run(host, healing(given, host, pending, booted=host in booted)))

    def events(self, since: float) -> list[Event]:
        """Give what happened on all hosts, as their journals tell and as it was noted here."""
        command = (
            f"journalctl --output=json --since=@{since - 1:.6f} _PID=1 + SYSLOG_IDENTIFIER={LOOKER} "
            "--output-fields=MESSAGE_ID,UNIT,_SOURCE_REALTIME_TIMESTAMP,SYSLOG_IDENTIFIER || :"
        )
        told = self._each(lambda host: self.run(host, command))
        return [
            *self.noted,
            *(event for host in told for event in read_journal(host, told[host]) if event.at > since),
        ]

    def pending(self) -> set[judge.Where]:
        """Name the units that still wait for a restart, as each host's status tells."""
        told = self._each(lambda host: self.run(host, "/usr/lib/orderly/status fact"))
        return {(host, each["unit"]) for host, said in told.items() for each in json.loads(said)["pending"]}

    def _each(self, act: Callable[[str], str]) -> dict[str, str]:
        names = [name for name in self.hosts.names if name not in self.off]
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(act, names), strict=True))


def read_journal(host: str, text: str) -> Iterator[Event]:
    """Read what systemd said of units, each at the moment at which it said it."""
    for line in text.splitlines():
        entry = json.loads(line)
        at = int(entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry["__REALTIME_TIMESTAMP"]) / 1e6
        what = MESSAGES.get(entry.get("MESSAGE_ID", ""))
        if what and "UNIT" in entry:
            yield Event(at, host, what, entry["UNIT"])
        elif entry.get("SYSLOG_IDENTIFIER") == LOOKER:
            yield Event(at, host, judge.LOOKED_AT)
