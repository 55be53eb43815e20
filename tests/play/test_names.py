"""Names of hosts and groups come from whoever names machines: each is a name, or is refused by name."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from .toys import one_service

if TYPE_CHECKING:
    from .toys import Outcome, Site

LOOKS = (["--list-tasks"], ["--list-hosts"], ["--check"], [])

# What is odd and yet a name: in a pattern, in YAML, in Jinja and in a shell.
ODD = [
    "::1",
    "2001:db8::1",
    "fe80::1%eth0",
    "localhost",
    "127.0.0.1",
    "web 1",
    "wéb-漢",
    "o'brien",
    'a"b',
    "a\\zb",
    "a#b",
]
ODD += ["yes", "1.5", "$(id)", "x; id", "-x", "a|b", "<b>", "a}}b", "a%b", "a!b", "a~b", "a@b", "a/../b"]


def from_script(site: Site, **groups: list[str]) -> None:
    """Write an inventory that is a program: its names are what it says, unlike those of a file."""
    told = {group: {"hosts": hosts} for group, hosts in groups.items()}
    told |= {"all": {"vars": site.variables}, "_meta": {"hostvars": {}}}
    data = site.write("told.json", json.dumps(told))
    site.inventory = site.write("inventory.sh", f"#!/bin/sh\ncat {data}\n")
    site.inventory.chmod(0o755)


def say_quoted(site: Site, *stems: str) -> None:
    """Let a shell see the name of the host as one word."""
    for stem in stems:
        tasks = site.folder / f"roles/web/tasks/{stem}.yml"
        tasks.write_text(
            tasks.read_text().replace("{{ inventory_hostname }}", "{{ inventory_hostname | quote }}")
        )


def test_a_name_with_a_template_runs_nothing_and_is_refused_by_name(site: Site) -> None:
    canary = site.folder / "canary"
    one_service(site)
    name = f"a{{{{ lookup('pipe', 'touch {canary}') }}}}"
    from_script(site, web=["w1", name])
    for options in LOOKS:
        refused = site.upgrade(*options)
        assert not canary.exists(), options
        assert refused.code != 0, options
        assert "Nothing was written: the inventory has a host that cannot be planned with" in refused.text
        assert '"{" in it' in refused.text
        assert "ansible_host" in refused.text
    assert site.log == []
    assert site.plan_folders == []


@pytest.mark.parametrize(
    "name", ["a*", "?1", "w[12]", "~w.", "!w1", "&w1", "w1,w2", "w1:w2", "@w1", " w1", "w\x1b[2Jx"]
)
def test_a_name_that_is_a_pattern_is_refused_before_anything_is_written(site: Site, name: str) -> None:
    one_service(site)
    from_script(site, web=["w1", "w2", name])
    refused = site.upgrade("--list-hosts")
    assert refused.code != 0
    assert "Rename it in the inventory" in refused.text
    assert "\x1b" not in refused.raw
    assert site.plan_folders == []


def test_a_name_that_is_odd_is_upgraded_like_any_other(site: Site) -> None:
    one_service(site, steps="0 3 4 5", parts="verify finalize", max_unavailable=2)
    say_quoted(site, "upgrade_tasks", "verify", "finalize")
    from_script(site, web=ODD)
    site.breaks("web web 1 install")
    stopped = site.upgrade()
    assert stopped.code != 0
    site.is_mended()
    resumed = site.upgrade()
    assert resumed.code == 0, resumed.raw
    steps = ("look", "install", "migrate", "start", "verify", "finalize")
    assert {*stopped.log, *resumed.log} == {f"web {host} {step}" for host in ODD for step in steps}
    assert not [said for said in resumed.log if said.endswith("look")]


def test_a_service_that_migrates_once_may_do_so_on_a_host_of_any_name(site: Site) -> None:
    hosts = ["o'brien", 'x" or "y']
    role = site.service("web", "3 4 5", max_unavailable=2)
    tasks = role / "tasks/upgrade_tasks.yml"
    tasks.write_text(
        tasks.read_text().replace(
            "  tags: step4\n", "  when: inventory_hostname == orderly_run_once_host\n  tags: step4\n"
        )
    )
    say_quoted(site, "upgrade_tasks")
    from_script(site, web=hosts)
    done = site.upgrade()
    assert done.code == 0, done.raw
    assert [said for said in done.log if said.endswith("migrate")] == [f"web {min(hosts)} migrate"]


def test_a_host_with_the_name_of_a_group_of_others_is_refused(site: Site) -> None:
    one_service(site)
    from_script(site, web=["w1", "db"], db=["d1"])
    refused = site.upgrade("--list-hosts")
    assert refused.code != 0
    assert '"db" is also the name of a group' in refused.text


def limits(said: Outcome) -> list[str]:
    """Give what a message says to give to --limit, as a shell understands it."""
    advice = said.text.partition("exclude it from this run with ")[2].partition(": its services")[0]
    return shlex.split(advice.replace('\\"', '"'))[
        1:
    ]  # up to ansible-core 2.18 it is in the JSON of the result alone


@pytest.mark.parametrize(
    ("name", "limit"),
    [("o'brien", ["!o'brien,"]), ("web 1", ["!web 1,"]), ("$(id)", ["!$(id),"]), ("w*", [])],
)
def test_what_a_message_says_to_type_means_the_host(site: Site, name: str, limit: list[str]) -> None:
    one_service(site)
    from_script(site, web=["w1", name])
    site.goes_away(name)
    assert limits(site.upgrade(playbook="orderly.services.rolling_restart")) == limit
