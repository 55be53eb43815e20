"""A folder with an inventory, a service and a play under the rolling lock; running it tells who was touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import held_slots
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.faults.cells import (
    SERVICE,
    Cell,
    Commands,
    play,
    task,
    whole_play,
)

ROOT = Path(__file__).parents[2]
PLAY_SECONDS = 600  # far more than any play takes; only one that hangs is given up
THIS_CORE = Path(sys.executable).with_name("ansible-playbook")

INVENTORY = """
all:
  children:
    web:
      hosts: {h1: , h2: , h3: , h4: }
  vars:
    ansible_connection: here
    orderly_store: "sqlite://{{ inventory_dir }}/store.db"
"""

# A connection that costs nothing, and that a host loses as soon as its task says so.
CONNECTION = """
import subprocess
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = "name: here\\nshort_description: here\\ndescription: here\\noptions: {}"


class Connection(ConnectionBase):
    transport = "here"
    has_pipelining = False

    def _connect(self):
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        if "vanish" in cmd:
            raise AnsibleConnectionFailure("the host is gone")
        done = subprocess.run(["/bin/sh", "-c", cmd], capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        raise AnsibleConnectionFailure("only raw commands")

    fetch_file = put_file

    def close(self):
        pass
"""

COMMANDS = Commands(
    touch="echo {{ inventory_hostname }} >> {{ playbook_dir }}/touched", fail='"false"', vanish="vanish"
)
ALL_HOSTS = {
    "none": "",
    "all failed": task('"false"'),
    "hangs": task("echo {{ inventory_hostname }} >> {{ playbook_dir }}/hanging; sleep 60"),
    "waits for a sign": task("while [ ! -e {{ playbook_dir }}/sign ]; do sleep 0.1; done"),
}


class Site:
    """Four hosts of one service whose budget is two."""

    def __init__(self, folder: Path, program: Path = THIS_CORE) -> None:
        self.folder = folder
        self.program = program
        self.inventories = ["inventory.yml"]
        self.store = f"sqlite://{folder}/store.db"
        (folder / "roles/web/meta").mkdir(parents=True)
        (folder / "connection_plugins").mkdir()
        (folder / "roles/web/meta/service.yml").write_text(SERVICE)
        (folder / "connection_plugins/here.py").write_text(CONNECTION)
        (folder / "inventory.yml").write_text(INVENTORY)
        for log in ("touched", "hanging"):
            (folder / log).touch()

    def write(self, fault: str, serial: str, keyword: str = "no keyword", *, lock: bool = True) -> None:
        if fault in ALL_HOSTS:
            text = whole_play(task(COMMANDS.touch) + ALL_HOSTS[fault], serial, keyword, lock=lock)
        else:
            text = play(Cell(fault, serial, keyword), COMMANDS, lock=lock)
        (self.folder / "play.yml").write_text(text)

    def edit(self, old: str, new: str) -> None:
        text = (self.folder / "play.yml").read_text()
        assert old in text
        (self.folder / "play.yml").write_text(text.replace(old, new, 1))

    def go_free(self) -> None:
        """Let the hosts of a batch not wait for each other: one asks for all, and each gives back its own."""
        self.edit("  serial:", "  strategy: free\n  serial:")
        self.edit("{services: web}\n      run_once: true", "{services: web, shared: true}")
        own = "{state: released, hosts: ['{{ inventory_hostname }}']}"
        self.edit("{state: released}\n      run_once: true", own)

    def force(self, service: str, reason: str) -> None:
        (self.folder / "play.yml").write_text(
            f"- hosts: web\n  gather_facts: false\n  tasks:\n"
            f"    - orderly.services.rolling_lock: {{state: force_released, services: [{service}],"
            f" hosts: [h1, h2], reason: '{reason}'}}\n      run_once: true\n"
        )

    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONUNBUFFERED": "1",  # what a run says is read while it runs
        }

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.program, *(f"--inventory={each}" for each in self.inventories), "play.yml", *arguments],
            cwd=self.folder,
            env={**self.environ(), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, *arguments: str, **environ: str) -> str:
        output, _nothing = self.start(*arguments, **environ).communicate(timeout=PLAY_SECONDS)
        return " ".join(output.split())

    def slots(self) -> list[str]:
        with closing(open_store(self.store)) as store:
            return [slot.holder.host for slot in held_slots(store)]

    def wait_until_touched(self, hosts: int) -> None:
        self._wait_for(hosts, "touched")

    def wait_until_hanging(self, hosts: int) -> None:
        self._wait_for(hosts, "hanging")

    def _wait_for(self, hosts: int, log: str) -> None:
        deadline = time.monotonic() + PLAY_SECONDS
        while len(self._logged(log)) < hosts:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _logged(self, log: str) -> list[str]:
        return sorted((self.folder / log).read_text().split())

    @property
    def touched(self) -> list[str]:
        return self._logged("touched")
