"""Real plays, real faults: after the first fault of a roll no further host is touched, whatever the keywords."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._rolling import held_slots
from ansible_collections.orderly.services.plugins.plugin_utils._store import open_store

ROOT = Path(__file__).parents[4]
HOSTS = ("h1", "h2", "h3", "h4")

INVENTORY = """
all:
  children:
    web:
      hosts: {h1: , h2: , h3: , h4: }
  vars:
    ansible_connection: here
    orderly_store: "sqlite://{{ inventory_dir }}/store.db"
"""

SERVICE = "service: web\nmax_unavailable: 2\n"

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

ACQUIRE = """
    - orderly.services.rolling_lock: {services: web}
      run_once: true
"""
RELEASE = """
    - orderly.services.rolling_lock: {state: released}
      run_once: true
"""
TOUCH = """
    - ansible.builtin.raw: echo {{ inventory_hostname }} >> {{ playbook_dir }}/touched
"""
FAULTS = {
    "none": "",
    "failed": """
    - ansible.builtin.raw: "false"
      when: inventory_hostname == 'h1'
""",
    "failed in block with always": """
    - block:
        - ansible.builtin.raw: "false"
          when: inventory_hostname == 'h1'
      always:
        - orderly.services.rolling_lock: {state: released}
          run_once: true
""",
    "unreachable": """
    - ansible.builtin.raw: vanish
      when: inventory_hostname == 'h1'
""",
    "all failed": """
    - ansible.builtin.raw: "false"
""",
    "hangs": """
    - ansible.builtin.raw: sleep 60
""",
    "waits for a sign": """
    - ansible.builtin.raw: while [ ! -e {{ playbook_dir }}/sign ]; do sleep 0.1; done
""",
}
KEYWORDS = {
    "no keyword": "",
    "any_errors_fatal": "  any_errors_fatal: true\n",
    "max_fail_percentage": "  max_fail_percentage: 0\n",
}
Cell = tuple[str, str, str]
CELLS: list[Cell] = list(
    product(("failed", "failed in block with always", "unreachable"), ("1", "2"), KEYWORDS)
)


class Site:
    """A folder with an inventory, a service and a play; running it tells who was touched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "roles/web/meta").mkdir(parents=True)
        (folder / "connection_plugins").mkdir()
        (folder / "roles/web/meta/service.yml").write_text(SERVICE)
        (folder / "connection_plugins/here.py").write_text(CONNECTION)
        (folder / "inventory.yml").write_text(INVENTORY)
        (folder / "touched").touch()

    def write(self, fault: str, serial: str, keyword: str = "no keyword", *, lock: bool = True) -> None:
        tasks = (ACQUIRE if lock else "") + TOUCH + FAULTS[fault] + (RELEASE if lock else "")
        head = f"- hosts: web\n  gather_facts: false\n  serial: {serial}\n"
        (self.folder / "play.yml").write_text(head + KEYWORDS[keyword] + "  tasks:" + tasks)

    def edit(self, old: str, new: str) -> None:
        text = (self.folder / "play.yml").read_text()
        assert old in text
        (self.folder / "play.yml").write_text(text.replace(old, new, 1))

    def force(self, service: str, reason: str) -> None:
        (self.folder / "play.yml").write_text(
            f"- hosts: web\n  gather_facts: false\n  tasks:\n"
            f"    - orderly.services.rolling_lock: {{state: force_released, services: [{service}],"
            f" hosts: [h1, h2], reason: '{reason}'}}\n      run_once: true\n"
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.yml", "play.yml"]
        return subprocess.Popen(
            [*command, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
                "ANSIBLE_HOME": str(self.folder / "home"),
                "ANSIBLE_NOCOLOR": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, *arguments: str) -> str:
        output, _nothing = self.start(*arguments).communicate(timeout=60)
        return " ".join(output.split())

    def slots(self) -> list[str]:
        store = open_store(f"sqlite://{self.folder}/store.db")
        return [slot.holder.host for slot in held_slots(store)]

    def wait_until_touched(self, hosts: int) -> None:
        deadline = time.monotonic() + 30
        while len(self.touched) < hosts:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    @property
    def touched(self) -> list[str]:
        return sorted((self.folder / "touched").read_text().split())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def play_all(folders: pytest.TempPathFactory, *, lock: bool) -> dict[Cell, tuple[str, list[str]]]:
    """Play every cell; one takes most of a second, so they go side by side."""

    sites = [
        Site(folders.mktemp("site")) for _cell in CELLS
    ]  # not in the pool: mktemp is not made for threads

    def play(cell: Cell, site: Site) -> tuple[str, list[str]]:
        site.write(*cell, lock=lock)
        return site.play(), site.touched

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(CELLS, pool.map(play, CELLS, sites), strict=True))


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> dict[Cell, tuple[str, list[str]]]:
    return play_all(tmp_path_factory, lock=True)


@pytest.mark.parametrize("cell", CELLS, ids=" / ".join)
def test_no_host_is_touched_after_the_first_fault(
    cell: Cell, locked: dict[Cell, tuple[str, list[str]]]
) -> None:
    output, touched = locked[cell]
    assert touched == list(HOSTS[: int(cell[1])])
    if output.count("PLAY [web]") > 1:  # where Ansible did not stop by itself
        assert "h1 holds a slot of web" in output


def test_ansible_alone_goes_on_in_some_cells_so_the_matrix_can_tell(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stock = play_all(tmp_path_factory, lock=False)
    gone_on = [cell for cell, (_output, touched) in stock.items() if len(touched) > int(cell[1])]
    assert ("unreachable", "2", "no keyword") in gone_on
    assert len(gone_on) >= 5


def test_a_sound_roll_visits_every_host_and_leaves_no_slot(site: Site) -> None:
    site.write("none", "2")
    output = site.play()
    assert "failed=0" in output
    assert site.touched == list(HOSTS)
    assert site.slots() == []


def test_the_next_run_takes_over_the_host_that_failed(site: Site) -> None:
    site.write("unreachable", "1")
    site.play()
    assert site.slots() == ["h1"]
    site.write("none", "1")
    assert "unreachable=0 failed=0" in site.play()
    assert site.touched == ["h1", *HOSTS]
    assert site.slots() == []


def test_the_next_run_without_the_hosts_that_failed_is_refused_where_they_spend_the_budget(
    site: Site,
) -> None:
    site.write("all failed", "2")
    site.play()
    site.write("none", "2")
    output = site.play("--limit", "h3,h4")
    assert "The disruption budget of web is spent by hosts that did not finish: h1 holds a slot" in output
    assert site.touched == ["h1", "h2"]


def test_a_killed_controller_leaves_its_host_named_until_it_is_forced_with_a_reason(site: Site) -> None:
    site.write("hangs", "2")
    running = site.start()
    site.wait_until_touched(2)
    running.kill()
    running.wait()
    site.write("none", "2")
    assert "did not finish: h1 holds a slot of web" in site.play("--limit", "h3,h4")
    site.force("web", reason="")
    assert "A forced release needs a reason" in site.play()
    site.force("web", reason="looked at it, it is fine")
    site.play()
    assert site.slots() == []
    site.write("none", "2")
    assert "failed=0" in site.play("--limit", "h3,h4")


def test_two_playbooks_share_one_budget_and_the_second_tells_whom_it_waits_for(site: Site) -> None:
    site.write("waits for a sign", "2")
    first = site.start("--limit", "h1,h2")
    site.wait_until_touched(2)
    site.write("none", "2")
    second = site.start("--limit", "h3,h4")
    told = next(line for line in second.stdout or () if "rolling_lock: waiting" in line)
    assert "waiting for 0 s of 3600 s: h1 holds a slot of web since" in told
    (site.folder / "sign").touch()
    output, _nothing = second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert output.count("failed=0") == 2
    assert site.touched == list(HOSTS)


def test_check_mode_takes_nothing_and_reports_a_busy_lock_without_failing(site: Site) -> None:
    site.write("none", "2")
    assert "failed=0" in site.play("--check")
    assert not (site.folder / "store.db").exists()
    site.write("all failed", "2")
    site.play()
    before = (site.folder / "store.db").read_bytes()
    site.write("none", "2")
    output = site.play("--check", "--limit", "h3,h4")
    assert "The slots would not be granted now: The disruption budget of web is spent" in output
    assert "failed=0" in output
    assert (site.folder / "store.db").read_bytes() == before


MISTAKES = [
    ("run_once: true", "run_once: false", "add run_once: true"),
    ("serial: 2", "serial: 2\n  strategy: free", "which strategy free cannot do"),
    ("serial: 2", "serial: 3", "A wave of 3 hosts of web (h1, h2, h3) is more than its budget"),
    ("services: web", "services: web, hosts: [h9]", "The inventory has no host h9"),
    ("services: web", "services: 5", "services is a list of names"),
    ("services: web", "services: {h1: [wbe]}", 'unknown service "wbe"'),
    ("services: web", "services: wbe", 'unknown service "wbe"; the inventory deploys: web'),
    ("services: web", "services: web, store: 'nfs://x'", '"nfs://x" names no store'),
    (
        "services: web",
        "services: web, store: 'sqlite:///proc/x/store.db'",
        "The store /proc/x/store.db cannot be used",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_is_named_before_any_host_is_touched(
    site: Site, right: str, wrong: str, message: str
) -> None:
    site.write("none", "2")
    site.edit(right, wrong)
    assert message in site.play()
    assert site.touched == []
