"""Two controllers in two containers that roll the same service at once, and cannot see each other's processes.

One is killed, its whole container is, or the process that speaks for it in the store is stopped for a minute, which is
longer than a run is taken to be alive unheard. What the hosts logged themselves tells that never more than one of them
was down, and that no run did anything twice. Who cannot know whether the other has ended takes nothing over: it says
how to go on, and that is what is tried then.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import LIVE_SECONDS
from ansible_collections.orderly.services.tests.faults.containers import Container, ContainersSite, children
from ansible_collections.orderly.services.tests.faults.hosts import RECORD
from ansible_collections.orderly.services.tests.faults.ssh_site import HANG
from ansible_collections.orderly.services.tests.history.check import read_events

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd
    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

HOSTS = ("h1", "h2", "h3")
WAIT_SECONDS = 3.0  # enough for a recovery that does not wait to have given the slot back
STOPPED_SECONDS = 2 * LIVE_SECONDS
ROLL = (
    "rolling_op",
    "--extra-vars=rolling_op_name=work", "--extra-vars=rolling_op_services=web",
    "--extra-vars=rolling_op_tasks=operation.yml",
)  # fmt: skip
UNKNOWN = "It is unknown here whether the holder is still working: h1 has held a slot of web since"
ADVICE = re.compile(
    r"say so(?:, and run this again)?: ansible-playbook [^(]*?orderly\.services\.(recover [^(]*)\("
)
UPGRADE = f"""
- name: Be down, for as long as a file is there
  ansible.builtin.shell:
    cmd: |
      set -e
      python3 -SE {RECORD} start web 0
      while [ -e {HANG} ]; do sleep 0.1; done
      python3 -SE {RECORD} end web 0
  tags: step3
"""


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[list[Container]]:
    """Give two containers of one image and one name: only their namespaces tell them apart."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(Container(tmp_path / name, "runner", "1" * 32)) for name in ("one", "other")
        ]


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[Container]]:
    """Give two that have nothing in common, as on two machines."""
    with ExitStack() as stack:
        names = {"one": "1" * 32, "other": "2" * 32}
        yield [stack.enter_context(Container(tmp_path / name, name, names[name])) for name in names]


def site_of(tmp_path: Path, hosts: Hosts, store: str = "") -> ContainersSite:
    site = ContainersSite(tmp_path, hosts, HOSTS, store)
    site.clear()
    return site


def advice(said: str) -> tuple[str, ...]:
    """Give the command that somebody is told to run, with a reason for what nobody gives one for."""
    found = ADVICE.search(said)
    assert found, said
    return tuple(shlex.split(found[1].replace("…", "looked")))


def kill_controller(run: subprocess.Popen[bytes]) -> None:
    """Kill ansible-playbook itself, whose parent is only the way into its container."""
    (controller,) = children(run.pid)
    os.kill(controller, signal.SIGKILL)
    run.wait()


def worked(site: ContainersSite) -> Counter[str]:
    """Count for each host how often its work came to its end."""
    return Counter(event.host for event in read_events(site.hosts.history()) if event.what == "end")


def times(count: int) -> Counter[str]:
    return Counter(dict.fromkeys(HOSTS, count))


def check(site: ContainersSite, disruptions: int) -> None:
    """Look at what the hosts logged: never more than one was down."""
    words = f"web: {disruptions} disruptions of 3 hosts, 1 at once, budget 1"
    assert site.judge({"web": 1}) == ([words], [])
    assert site.slots() == []


def test_runs_that_share_a_file_take_over_nothing_from_each_other_before_somebody_says_so(
    hosts: Hosts, tmp_path: Path, twins: list[Container]
) -> None:
    site = site_of(tmp_path, hosts)
    one, other = twins
    site.hang()
    run = site.start_in(one, *ROLL, log="one.log")
    site.wait_until_down(1, run)
    assert UNKNOWN in site.run_in(other, *ROLL)  # while the first one works

    kill_controller(run)
    refused = site.run_in(other, *ROLL)
    assert UNKNOWN in refused
    assert "status=0" not in refused
    left = site.run_in(other, "recover")
    assert "h1 is left as it is: it is unknown here whether its holder is still working" in left
    assert "Run this there; or, if that run is over, say so" in left
    assert site.slots() == site.down() == ["h1"]

    # What the killed run had begun on the host outlives it, and is waited for.
    recovery = site.start_in(other, *advice(left), log="recovery.log")
    site.wait_until_said("Wait for what an earlier run has left at work here", recovery, log="recovery.log")
    time.sleep(WAIT_SECONDS)
    assert site.slots() == ["h1"]
    site.let_go()
    assert "status=0" in site.ended(recovery, "recovery.log")
    assert site.slots() == []
    assert worked(site) == Counter(h1=1)

    # Both at once: one may be refused wherever it meets the other, but goes on when it is run again.
    site.clear()
    runs = {box: site.start_in(box, *ROLL, log=f"{box.folder.name}-at-once.log") for box in (one, other)}
    said = {box: site.ended(run, f"{box.folder.name}-at-once.log") for box, run in runs.items()}
    stopped = [box for box, words in said.items() if "status=0" not in words]
    assert len(stopped) < 2, said
    assert all("It is unknown here whether the holder is still working" in said[box] for box in stopped)
    before = worked(site)
    assert times(1) <= before <= times(2)
    for box in stopped:
        assert "status=0" in site.run_in(box, *ROLL)
    assert worked(site) == before + times(len(stopped))
    check(site, worked(site).total())


def test_runs_that_share_an_etcd_take_turns_also_when_the_keeper_of_one_is_stopped_for_a_minute(
    hosts: Hosts, tmp_path: Path, machines: list[Container], etcd: Etcd
) -> None:
    site = site_of(tmp_path, hosts, etcd.url())
    one, other = machines
    site.hang()
    # With barriers: a host that waits for its slot would ask again, and make its run heard.
    first = site.start_in(one, *ROLL, "-e", "rolling_op_serial=1", log="first.log")
    site.wait_until_down(1, first)
    waits = site.start_in(other, *ROLL, log="waits.log")
    site.wait_until_said("waiting for", waits, log="waits.log")

    keeper = one.keeper()
    os.kill(keeper, signal.SIGSTOP)
    until = time.monotonic() + STOPPED_SECONDS
    assert UNKNOWN in (
        refused := site.ended(waits, "waits.log")
    )  # it hears nothing of the first run any more
    assert "status=0" not in refused
    left = site.run_in(other, "recover")
    assert "h1 is left as it is: it is unknown here whether its holder is still working" in left
    assert site.slots() == site.down() == ["h1"]
    time.sleep(max(0.0, until - time.monotonic()))

    # Before the first run takes its next host it makes itself heard again, so that the other one may wait.
    hosts.run("h1", f"rm {HANG}")
    site.wait_until_down(2, first)
    second = site.start_in(other, *ROLL, log="second.log")
    site.wait_until_said("waiting for", second, log="second.log")
    site.let_go()
    assert "status=0" in site.ended(first, "first.log")
    os.kill(keeper, signal.SIGCONT)
    assert "status=0" in site.ended(second, "second.log")
    assert worked(site) == times(2)
    check(site, 6)

    # A keeper that outlives its run says that it is over: then the other container knows, and takes over.
    site.hang()
    killed = site.start_in(one, *ROLL, log="killed.log")
    site.wait_until_said("operation.yml for", killed, log="killed.log")
    kill_controller(killed)
    site.let_go()
    assert "status=0" in site.run_in(other, *ROLL)
    assert worked(site) <= times(3) + Counter(h1=1)
    check(site, worked(site).total())


def test_a_campaign_goes_on_in_another_container_when_somebody_says_that_the_first_is_gone(
    hosts: Hosts, tmp_path: Path, machines: list[Container], etcd: Etcd
) -> None:
    site = site_of(tmp_path, hosts, etcd.url())
    (site.folder / "roles/web/tasks").mkdir()
    (site.folder / "roles/web/tasks/upgrade_tasks.yml").write_text(UPGRADE)
    one, other = machines
    hosts.run("h2", f"touch {HANG}")
    first = site.start_in(one, "upgrade", log="first.log")
    site.wait_until_down(2, first)
    working = site.run_in(other, "upgrade")
    assert "Another run is working on campaign" in working
    one.kill()  # with its keeper, so that nobody is left who says that the run is over
    first.wait()

    end = time.monotonic() + 2 * LIVE_SECONDS
    while "Another run is working on campaign" in (refused := site.run_in(other, "upgrade")):
        assert time.monotonic() < end, refused
    assert "Nobody here can tell whether a run of the campaign" in refused
    assert "status=0" not in refused
    assert worked(site) == Counter(h1=1)
    assert site.slots() == ["h2"]

    site.let_go()
    assert "status=0" in site.run_in(other, *advice(refused))
    assert "status=0" in site.run_in(other, "upgrade")
    # What was cut on h2 came to its end by itself, and was done again.
    assert worked(site) == times(1) + Counter(h2=1)
    check(site, 4)
