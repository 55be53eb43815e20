"""Ten hosts that pull at once, beside a controller's playbook: one at a time, in the order of asking."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import locks_of
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.debian import ensure
from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd, free_ports
from ansible_collections.orderly.services.tests.faults import pull_kit
from ansible_collections.orderly.services.tests.faults.clocks import at
from ansible_collections.orderly.services.tests.faults.hosts import RECORD
from ansible_collections.orderly.services.tests.faults.local_site import PLAY_SECONDS
from ansible_collections.orderly.services.tests.faults.ssh_site import HANG, SshSite
from ansible_collections.orderly.services.tests.history.check import disruptions, read_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

HALF = timedelta(minutes=30)
CLOCKS = {"h2": "+1h", "h5": "-1h", "h9": "+1h"}  # the others are right
ROLE = "service: web\nmax_unavailable: 1\n"
PLAY = f"""
- name: Work
  hosts: web
  serial: 1
  gather_facts: false
  tasks:
    - name: Take the slot
      orderly.services.rolling_lock:
        services: web
      run_once: true
      register: grant

    # What is recorded is compared between hosts, so it is told by the kernel's own clock.
    - name: Be down, for as long as a file is there
      ansible.builtin.shell: |
        set -e
        env -u LD_PRELOAD python3 -SE {RECORD} start web {{{{ grant.tokens[inventory_hostname].web }}}}
        while [ -e {HANG} ]; do sleep 0.1; done
        env -u LD_PRELOAD python3 -SE {RECORD} end web {{{{ grant.tokens[inventory_hostname].web }}}}

    - name: Give the slot back
      orderly.services.rolling_lock:
        state: released
      run_once: true
"""


@pytest.fixture
def gateway(ten_hosts: Hosts) -> str:
    """Give the address at which hosts find the machine that runs the tests."""
    return ten_hosts.run("h1", "ip route show default").split()[2]


@pytest.fixture
def site(ten_hosts: Hosts, gateway: str, tmp_path: Path) -> Iterator[SshSite]:
    """Give a repository of the play, which everybody gets from a git server, and an etcd for all of them."""
    ensure(git="git")
    folder = tmp_path / "site"
    with Etcd(members=3, address=gateway) as etcd:
        site = SshSite(folder, ten_hosts, ten_hosts.names, store=etcd.url())
        (folder / "roles/web/meta/service.yml").write_text(ROLE)
        (folder / "play.yml").write_text(PLAY)
        git = ("git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@localhost")
        for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message=Site")):
            subprocess.run([*git, *command], check=True)
        site.clear()
        yield site


@pytest.fixture
def repository(site: SshSite, gateway: str) -> Iterator[str]:
    (port,) = free_ports(1, gateway)
    with ExitStack() as stack:
        command = ["git", "daemon", "--export-all", f"--base-path={site.folder.parent}", "--reuseaddr"]
        server = subprocess.Popen([*command, f"--listen={gateway}", f"--port={port}"], start_new_session=True)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        yield f"git://{gateway}:{port}/site"


@contextmanager
def hanging(hosts: Hosts, host: str) -> Iterator[Callable[[], object]]:
    """Let the operation of a host not end before the given function is called, or before something goes wrong."""

    def let_go() -> None:
        hosts.run(host, f"rm -f {HANG}")

    hosts.run(host, f"touch {HANG}")
    try:
        yield let_go
    except BaseException:
        let_go()  # what waits behind that host is waited for, however this ends
        raise


def queue(store: str) -> dict[str, datetime]:
    """Tell who waits, in order, and since when by the clock of each."""
    with closing(open_store(store)) as opened:
        lock = locks_of(opened)["web"]
        return {waiter.hosts[0]: datetime.fromisoformat(waiter.since) for waiter in lock.queue}


def pull(hosts: Hosts, host: str, repository: str) -> str:
    wrong = at(CLOCKS[host], "$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)") if host in CLOCKS else {}
    environ = " ".join(f"{name}={value}" for name, value in wrong.items())
    command = f"ansible-pull --url {repository} --directory /srv/site --inventory inventory.yml play.yml"
    return hosts.run(host, f"rm -rf /srv/site; export {pull_kit.ENVIRON} {environ}; exec {command} 2>&1")


def test_ten_hosts_that_pull_at_once_roll_one_at_a_time_in_the_order_of_asking(
    site: SshSite, ten_hosts: Hosts, repository: str, tmp_path: Path
) -> None:
    pull_kit.install(ten_hosts, tmp_path)
    with ThreadPoolExecutor(len(ten_hosts.names)) as pool, hanging(ten_hosts, "h1") as let_go:
        controller = site.start("--limit", "h1,h2")
        site.wait_until_down(1, controller)
        pulls = [pool.submit(pull, ten_hosts, host, repository) for host in ten_hosts.names]
        end = time.monotonic() + PLAY_SECONDS
        while len(queue(site.store)) < len(ten_hosts.names) and not any(one.done() for one in pulls):
            assert time.monotonic() < end
            time.sleep(0.5)
        asked = queue(site.store)
        assert sorted(asked) == sorted(ten_hosts.names), [one.result() for one in pulls if one.done()]
        now = datetime.now().astimezone()
        assert {host for host, since in asked.items() if abs(now - since) > HALF} == {*CLOCKS}
        let_go()
        assert all("failed=0" in one.result() for one in pulls)
    said, _nothing = controller.communicate(timeout=PLAY_SECONDS)
    assert controller.returncode == 0, said

    went = [each.host for each in disruptions(read_events(ten_hosts.history()))]
    assert went == ["h1", *asked, "h2"]
    assert site.judge({"web": 1}) == (["web: 12 disruptions of 10 hosts, 1 at once, budget 1"], [])
