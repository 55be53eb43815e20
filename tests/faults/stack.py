"""A stack of four services in two stages, two of them daemons of Debian that have a newer package; and its faults."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import list_campaigns
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.faults.hosts import HISTORY, RECORD
from ansible_collections.orderly.services.tests.faults.local_site import PLAY_SECONDS
from ansible_collections.orderly.services.tests.faults.ssh_site import SshSite
from ansible_collections.orderly.services.tests.history.check import judge, read_events

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

HOSTS = ("h1", "h2", "h3")
SERVICES = {"queue": ("h1", "h2"), "cache": ("h2", "h3"), "api": ("h1", "h3"), "agent": ("h1", "h2", "h3")}
BUDGETS = {"queue": 1, "cache": 1, "api": 1, "agent": 2}
PACKAGES = "redis-server redis-tools memcached"
UNITS = {"queue": "redis-server", "cache": "memcached", "api": "api", "agent": "agent"}
COMMANDS = (("-e", "upgrade_stage=control"), ())
EVENT = "/usr/local/lib/event"

INVENTORY = """
all:
  children: {GROUPS}
  vars:
    orderly_store: "{STORE}"
"""
META = {
    "queue": "stage: control\n",
    "cache": "stage: control\n",
    "api": "stage: data\nafter: [queue]\n",
    "agent": "stage: data\nafter: [cache]\nmax_unavailable: 2\n",
}

# A part of a service says on the host when it begins and ends; it fails there when it is told to.
EVENT_PROGRAM = f"""#!/bin/sh
fails=/run/fails/$1-$2-$3
if [ -e "$fails" ]; then rm "$fails"; echo "told to fail"; exit 1; fi
exec python3 -SE {RECORD} "$3" "$1/$2" 0
"""

# What a host has before: packages of both releases to install quickly, and units and files of the services.
PREPARE = f"""
export DEBIAN_FRONTEND=noninteractive
mkdir -p /srv/old /srv/new
if [ ! -e /srv/old/.ready ]; then
    apt-get update -q
    apt-get install -y -q --no-install-recommends {PACKAGES}
    cd /srv/old; apt-get download -q {PACKAGES}; touch .ready
fi
"""
FETCH = f"cd /srv/new; [ -e .ready ] || {{ apt-get download -q {PACKAGES}; touch .ready; }}"
UNIT = "[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"
RESET = f"""
export DEBIAN_FRONTEND=noninteractive
rm -rf {HISTORY} /var/lib/orderly /run/fails; mkdir -p /etc/stack /run/fails
dpkg -l redis-server redis-tools memcached | awk '$1 == "ii" {{ print $3 }}' > /run/now
if [ ! -s /srv/versions ] || ! cmp -s /run/now /srv/versions; then
    apt-get -o DPkg::Lock::Timeout=300 install -y -q --allow-downgrades --no-download /srv/old/*.deb > /dev/null
fi
dpkg -l redis-server redis-tools memcached | awk '$1 == "ii" {{ print $3 }}' > /srv/versions
for service in {" ".join(SERVICES)}; do
    printf 'version=old\\nlevel=auto\\nmode=open\\n' > /etc/stack/$service
done
for unit in api agent; do printf '{UNIT}' > /etc/systemd/system/$unit.service; done
systemctl daemon-reload; systemctl enable --now -q {" ".join(UNITS.values())}
"""
STATE = f"""
dpkg-query -W {PACKAGES}
for unit in {" ".join(UNITS.values())}; do echo $unit $(systemctl is-active $unit) $(systemctl is-enabled $unit); done
for pid in $(pidof redis-server memcached); do readlink /proc/$pid/exe; done | sort
grep . /etc/stack/* /dev/null
find /var/lib/orderly -type f ! -name store-stamp.json ! -name finalized.json | sort
"""

# The callback that hurts: at the first of some boundaries that is met, and never twice in a run.
BOUNDARY = """
import os, signal, subprocess
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = "name: boundary\\ntype: notification\\nshort_description: hurts\\ndescription: hurts"
GATE = "orderly.services.internal.upgrade_gate"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "boundary"

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.pending = set(os.environ["BOUNDARIES"].split())
        self.fault, self.granted = os.environ["FAULT"], {}

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.action == GATE and task.args.get("state") == "done" and self.fault != "task":
            self.meet(task.args["play"], "worked")

    def v2_runner_on_ok(self, result):
        task, told = result._task, result._result
        if task.action != GATE or "play" not in told:
            return
        if "granted" in told:
            self.granted[told["play"]] = told["granted"]
            self.meet(told["play"], "entered")
            if self.fault == "task":
                self.meet(told["play"], "worked")
        else:
            self.meet(told["play"], "done")

    def meet(self, play, moment):
        boundary = play + ":" + moment
        if boundary not in self.pending or not self.granted.get(play):
            return
        self.pending = set()
        service, (host, *_others) = next(iter(self.granted[play].items()))
        fleet = [os.environ["FLEET_PROGRAM"], "--fleet", os.environ["FLEET"]]
        if self.fault == "host":
            self.run([*fleet, "kill", host])
        elif self.fault == "task":
            part = "change" if play.startswith("wave") else play.removesuffix("-" + service)
            part = "finalize" if part.startswith("finalize") else part
            where = {"entered": "start", "worked": "end"}[moment]
            command = f"mkdir -p /run/fails; touch /run/fails/{service}-{part}-{where}"
            self.run([*fleet, "exec", host, "--", "sh", "-c", command])
        with open(os.environ["HIT"], "w") as file:  # not before: a fault that did not come about is none
            file.write(boundary + " " + host)
        if self.fault == "controller":
            os.kill(os.getpid(), signal.SIGKILL)

    def run(self, command):
        home = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
        done = subprocess.run(command, capture_output=True, text=True, env=home, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(done.stderr)
"""


def said(service: str, part: str, what: str, *more: str) -> str:
    """Give the task that says on the host that a part begins or ends."""
    lines = [f"- name: {part} {what}", f'  ansible.builtin.raw: "{EVENT} {service} {part} {what}"', *more]
    return "\n".join(lines) + "\n"


def raw(name: str, command: str, *more: str) -> str:
    """Give a task that runs a command."""
    return "\n".join([f"- name: {name}", f'  ansible.builtin.raw: "{command}"', *more]) + "\n"


def setting(service: str, key: str, value: str, *more: str) -> str:
    """Give the task that writes a setting of a service."""
    return raw(f"Set {key}", f"sed -i 's/^{key}=.*/{key}={value}/' /etc/stack/{service}", *more)


def changed(service: str, name: str, until: str, *more: str) -> str:
    """Give the tasks that put a setting on record, with what it was before."""
    found = f"{service}_{name}"
    return (
        raw(f"See {name}", f"sed -n 's/^{name}=//p' /etc/stack/{service}", f"  register: {found}", *more)
        + (
            "- name: Put it on record\n"
            "  orderly.services.temporary_changes:\n"
            f"    service: {service}\n    name: {name}\n    until: {until}\n"
            f'    previous: "{{{{ {found}.stdout | trim }}}}"\n'
        )
        + "".join(f"{line}\n" for line in more)
    )


def at(step: int) -> str:
    """Give the line of a task that tells its step."""
    return f"  tags: step{step}"


def whole(service: str, part: str, step: int) -> str:
    """Give the tasks of a step that does no more than say so."""
    return said(service, part, "start", at(step)) + said(service, part, "end", at(step))


def install(pattern: str) -> str:
    """Give the task that installs newer packages."""
    return raw("Install", f"DEBIAN_FRONTEND=noninteractive dpkg --install {pattern}", at(3))


def answers(command: str) -> str:
    """Give the task that waits until a service answers."""
    return raw("It answers", f"timeout 60 sh -c 'until {command}; do sleep 0.2; done'")


def role_files() -> dict[str, str]:
    """Give the task files of the roles."""
    files = {}
    for service, unit in UNITS.items():
        upgraded = setting(service, "version", "new", at(3))
        files[f"{service}/drain"] = said(service, "change", "start")
        files[f"{service}/verify"] = answers(f"systemctl is-active -q {unit}")
        files[f"{service}/undrain"] = said(service, "change", "end")
        stop = raw("Stop", f"systemctl stop {unit}", at(2))
        start = raw("Start", f"systemctl start {unit}", at(5))
        files[f"{service}/upgrade_tasks"] = stop + upgraded + start
    for service in ("queue", "api"):
        files[f"{service}/upgrade_tasks"] += whole(service, "validate", 0)
    files["api/upgrade_tasks"] += whole("api", "post-upgrade", 6)
    files["cache/upgrade_tasks"] += install("/srv/new/memcached_*.deb")
    prepare = changed("queue", "level", "upgraded", at(1)) + setting("queue", "level", "pinned", at(1))
    files["queue/upgrade_tasks"] += (
        said("queue", "prepare", "start", at(1)) + prepare + said("queue", "prepare", "end", at(1))
    ) + install("/srv/new/redis-*.deb")
    files["queue/drain"] += changed("queue", "mode", "verified") + setting("queue", "mode", "maintenance")
    files["queue/verify"] += answers("redis-cli ping | grep -q PONG")
    undo = setting(
        "queue", "{{ item.key }}", "{{ item.value }}", '  loop: "{{ temporary_changes | dict2items }}"'
    )
    files["queue/undo"] = undo
    files["queue/finalize"] = (
        said("queue", "finalize", "start")
        + said("queue", "once", "start", "  run_once: true")
        + said("queue", "once", "end", "  run_once: true")
        + said("queue", "finalize", "end")
    )
    return files


class Stack(SshSite):
    """The stack on three hosts, as it was before its upgrade."""

    def __init__(self, folder: Path, hosts: Hosts) -> None:
        super().__init__(folder, hosts, HOSTS)
        groups = ", ".join(
            f"{name}: {{hosts: {{{', '.join(f'{host}: ' for host in members)}}}}}"
            for name, members in SERVICES.items()
        )
        text = INVENTORY.replace("{GROUPS}", f"{{{groups}}}").replace("{STORE}", self.store)
        (folder / "inventory.yml").write_text(text)
        shutil.rmtree(folder / "roles/web")
        for service, meta in META.items():
            (folder / f"roles/{service}/meta").mkdir(parents=True)
            (folder / f"roles/{service}/tasks").mkdir()
            unit = f"units: [{UNITS[service]}.service]\n"
            (folder / f"roles/{service}/meta/service.yml").write_text(f"---\n{unit}{meta}")
        for name, tasks in role_files().items():
            service, _slash, file = name.partition("/")
            (folder / f"roles/{service}/tasks/{file}.yml").write_text(f"---\n{tasks}")
        (folder / "callbacks").mkdir()
        (folder / "callbacks/boundary.py").write_text(BOUNDARY)
        self.hit = folder / "hit"
        self.reset()

    def reset(self) -> None:
        """Make the hosts and the store what they were before any upgrade."""
        (self.folder / "store.db").unlink(missing_ok=True)
        self.hosts.everywhere(RESET, on=HOSTS)

    def environ(self) -> dict[str, str]:
        return {
            **super().environ(),
            "ANSIBLE_CALLBACK_PLUGINS": str(self.folder / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "boundary",
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",  # facts are gathered once for all runs
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(self.folder / "facts"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "FLEET_PROGRAM": str(Path(__file__).parents[1] / "fleet/fleet"),
            "FLEET": self.hosts.fleet,
            "HIT": str(self.hit),
        }

    def upgrade(self, fault: str = "", pending: Iterable[str] = (), *arguments: str) -> tuple[int, str]:
        """Run the upgrade; give its exit status and the boundary at which it was hurt."""
        self.hit.unlink(missing_ok=True)
        chosen = {"FAULT": fault, "BOUNDARIES": " ".join(pending)}
        with (self.folder / "run.log").open("ab") as out:
            run = subprocess.Popen(
                [
                    self.program, *(f"--inventory={each}" for each in self.inventories),
                    *arguments, "orderly.services.upgrade",
                ],
                cwd=self.folder, env={**self.environ(), **chosen}, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
            status = run.wait(PLAY_SECONDS)
        met, _space, _host = self.hit.read_text().partition(" ") if self.hit.exists() else ("", "", "")
        if fault == "controller" and met:
            self.wait_until_gone()
        if fault == "host" and met:
            self.hosts.up()
        return status, met

    def upgrade_all(self, fault: str = "", boundaries: Collection[str] = ()) -> list[str]:
        """Upgrade in two runs, hurt at each of the boundaries, resumed after each; give those that were met.

        A host that dies when it is not needed any more stops nothing: then boundaries that were to come were not met.
        """
        met: list[str] = []
        for arguments in COMMANDS:
            status = -1
            while status:
                status, at_boundary = self.upgrade(fault, set(boundaries) - {*met}, *arguments)
                if at_boundary:
                    print(f"{fault} at {at_boundary}: {status}", flush=True)
                    met.append(at_boundary)
                assert fault == "host" or bool(status) == bool(at_boundary), self.said("run.log")[-4000:]
                assert at_boundary or not status, self.said("run.log")[-4000:]
        return met

    # --- What is left ---

    def state(self) -> dict[str, list[str]]:
        """Tell what the hosts are now: packages, units, programs, files and records."""
        with ThreadPoolExecutor(len(HOSTS)) as pool:
            told = pool.map(lambda host: self.hosts.run(host, STATE).splitlines(), HOSTS)
        return dict(zip(HOSTS, told, strict=True))

    def campaigns(self) -> list[str]:
        with closing(open_store(self.store)) as store:
            return [str(each.document["state"]) for each in list_campaigns(store)]

    def ran(self, part: str) -> list[str]:
        """Name the hosts on which a part of a service came to its end, each time it did."""
        events = read_events(self.hosts.history())
        return [event.host for event in events if (event.what, event.service) == ("end", part)]

    def broken(self) -> list[str]:
        """Name the budgets that were exceeded, by what the hosts logged themselves."""
        events = read_events(self.hosts.history())
        parts = {event.service for event in events}
        budgets = {part: BUDGETS[part.partition("/")[0]] if part.endswith("/change") else 9 for part in parts}
        _words, broken = judge(events, budgets)
        return broken


def prepare(hosts: Hosts) -> None:
    """Give the hosts both releases of the packages, and what tells of events."""
    hosts.everywhere(PREPARE, on=HOSTS)
    hosts.offer_updates(HOSTS)
    hosts.everywhere(FETCH, on=HOSTS)
    hosts.everywhere(f"cat > {EVENT}; chmod 755 {EVENT}", EVENT_PROGRAM.encode(), on=HOSTS)


def boundaries_of(plays: Iterable[str], moments: Iterable[str]) -> list[str]:
    """List the boundaries of some plays: a part is recorded as started, its work is done, it is recorded as done."""
    return list(chain.from_iterable([f"{play}:{moment}" for moment in moments] for play in plays))
