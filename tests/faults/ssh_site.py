"""A folder with an inventory, a service and plays, as in :mod:`local_site`, whose hosts are reached over ssh."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.tests.faults.hosts import HISTORY, RECORD, Hosts
from ansible_collections.orderly.services.tests.faults.local_site import PLAY_SECONDS, THIS_CORE, Site
from ansible_collections.orderly.services.tests.history.check import judge, read_events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

INVENTORY = """
all:
  children:
    web:
      hosts: {{HOSTS}}
  vars:
    orderly_store: "{STORE}"
"""
HANG = "/run/hang"
# Said when hosts have included it. A task's title comes with its first result only, where hosts go on by themselves.
BEGUN = "operation.yml for"
# The token is told to the host, so that its log can be compared with the grants.
OPERATION = f"""
- name: Be down, for as long as a file is there
  ansible.builtin.shell:
    cmd: |
      set -e
      python3 -SE {RECORD} start web {{{{ token }}}}
      while [ -e {HANG} ]; do sleep 0.1; done
      python3 -SE {RECORD} end web {{{{ token }}}}
  vars:
    token: "{{{{ __rolling_op_grant.tokens[inventory_hostname].web }}}}"
"""


class SshSite(Site):
    """Hosts of one service, web, whose budget is two."""

    def __init__(
        self, folder: Path, hosts: Hosts, names: Sequence[str], program: Path = THIS_CORE, store: str = ""
    ) -> None:
        super().__init__(folder, program)
        self.hosts = hosts
        self.names = tuple(names)
        self.log = ""
        self.inventories = [str(hosts.inventory), "inventory.yml"]
        self.store = store or self.store
        listed = ", ".join(f"{name}: " for name in names)
        text = INVENTORY.replace("{HOSTS}", listed).replace("{STORE}", self.store)
        (folder / "inventory.yml").write_text(text)
        (folder / "operation.yml").write_text(OPERATION)

    def environ(self) -> dict[str, str]:
        # Connections are kept for the plays that follow; the path of a socket must be short.
        sockets = f"/tmp/orderly-ssh-{os.getpid()}"
        return {**super().environ(), "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets, "ANSIBLE_PIPELINING": "1"}

    # --- Rolls of the operation ---

    def begin(self, *arguments: str, log: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start a roll whose controller may be killed: nothing that outlives it holds on to us."""
        self.log = log
        variables = [f"rolling_op_{name}" for name in ("name=work", "services=web", "tasks=operation.yml")]
        with (self.folder / log).open("wb") as out:
            return subprocess.Popen(
                [
                    self.program, *(f"--inventory={each}" for each in self.inventories),
                    "orderly.services.rolling_op", *(f"--extra-vars={each}" for each in variables), *arguments,
                ],
                cwd=self.folder, env={**self.environ(), **environ}, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def roll(self, *arguments: str, **environ: str) -> str:
        """Roll the operation over the hosts, and give what was said."""
        status = self.begin(*arguments, log="roll.log", **environ).wait(PLAY_SECONDS)
        return f"{self.said('roll.log')} status={status}"

    def said(self, log: str) -> str:
        """Give what a roll has said so far, as one line."""
        return " ".join((self.folder / log).read_text(errors="replace").split())

    def wait_until_gone(self) -> None:
        """Wait until every process of ansible-playbook has ended: workers live on when it is killed."""
        end = time.monotonic() + PLAY_SECONDS
        while self.processes():
            assert time.monotonic() < end, self.processes()
            time.sleep(0.5)

    def processes(self) -> list[str]:
        """Name the processes of rolls; a connection is kept for the next play."""
        return [name for name in processes_below(self.folder).values() if name != "ssh"]

    # --- What the hosts know ---

    def hang(self) -> None:
        """Let operations not end."""
        self.hosts.everywhere(f"touch {HANG}", on=self.names)

    def let_go(self) -> None:
        """Let them end."""
        self.hosts.everywhere(f"rm -f {HANG}", on=self.names)

    def clear(self) -> None:
        """Forget what earlier tests did to the hosts, and end what they may have left there."""
        pattern = f"{HANG[:-1]}[{HANG[-1]}]"  # which does not match this very script
        script = f"pkill -KILL -f '{pattern}' || :; rm -rf {pattern} {HISTORY} /var/lib/orderly"
        self.hosts.everywhere(script, on=self.names)

    def down(self) -> list[str]:
        """Name the hosts that have begun an operation."""
        return sorted({event.host for event in read_events(self.hosts.history())})

    def wait_until_down(self, count: int, run: subprocess.Popen[Any]) -> list[str]:
        """Wait until so many hosts have begun; they are asked only when the roll has come so far."""
        if self.log:
            self._wait(lambda: BEGUN in self.said(self.log), run)
        self._wait(lambda: len(self.down()) >= count, run)
        return self.down()

    def wait_until_said(self, words: str, run: subprocess.Popen[Any], *, log: str) -> None:
        """Wait until a roll says something."""
        self._wait(lambda: words in self.said(log), run)

    @staticmethod
    def _wait(done: Callable[[], bool], run: subprocess.Popen[Any]) -> None:
        end = time.monotonic() + PLAY_SECONDS
        while not done():
            assert run.poll() is None, f"the roll has ended with {run.returncode}"
            assert time.monotonic() < end
            time.sleep(0.5)

    def judge(self, budgets: Mapping[str, int]) -> tuple[list[str], list[str]]:
        """Let the checker say what the hosts' own logs tell, when everything has come to its end."""
        return judge(read_events(self.hosts.history()), budgets, settled=True)


def processes_below(folder: Path) -> dict[int, str]:
    """Name the processes of Ansible whose home, which is in the environment of each, is below a folder."""
    mark = f"ANSIBLE_HOME={folder}/".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(word.startswith(mark) for word in (process / "environ").read_bytes().split(b"\0")):
                found[int(process.name)] = (process / "comm").read_text().strip()
    return found


def end(run: subprocess.Popen[Any], number: signal.Signals) -> None:
    """End a controller: as Ctrl-C does, all that the terminal runs; else ansible-playbook itself."""
    (os.killpg if number is signal.SIGINT else os.kill)(run.pid, number)
    run.wait(PLAY_SECONDS)
