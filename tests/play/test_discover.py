"""The playbook discover: what hosts run becomes an inventory file; systemd and dpkg are words in files here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from .toys import Outcome, Site

DISCOVER, LIST = "orderly.services.discover", "orderly.services.list_services"
SYSTEMCTL = """\
#!/bin/sh
# The units that run stand in running/HOST; each comes from the package of its name.
here=$(dirname "$0")/..
case $1 in
    list-units)
        while read -r unit; do echo "$unit loaded active running What it is"; done < "$here/running/$TOY_HOST" ;;
    show)
        while [ "$1" != -- ]; do shift; done
        shift
        for unit; do
            printf 'Id=%s\\nNames=%s\\nLoadState=loaded\\nActiveState=active\\nSubState=running\\n' "$unit" "$unit"
            printf 'Type=notify\\nMainPID=0\\nFragmentPath=/lib/systemd/system/%s\\n\\n' "$unit"
        done ;;
esac
"""
DPKG = """\
#!/bin/sh
[ "$1" = --search ] || exit 0
for path; do
    case $path in
        /lib/*) unit=${path##*/}; echo "${unit%.service}: $path" ;;
    esac
done
"""


@pytest.fixture
def fleet(site: Site) -> Site:
    site.groups(fleet="h1 h2 h3 h4 h5")
    site.write("bin/systemctl", SYSTEMCTL).chmod(0o755)
    site.write("bin/dpkg-query", DPKG).chmod(0o755)
    for host in ("h1", "h2", "h3", "h4", "h5"):
        runs = ["lighttpd", "ssh"] if host < "h4" else ["mosquitto", "redis-server"]
        site.write(f"running/{host}", "".join(f"{unit}.service\n" for unit in runs))
    return site


def discover(site: Site, *arguments: str) -> Outcome:
    return site.upgrade(*arguments, playbook=DISCOVER)


def last_line(outcome: Outcome) -> str:
    return next(line for line in reversed(outcome.raw.splitlines()) if line.startswith("discover: "))


def test_what_is_proposed_is_an_inventory_file_that_can_be_used(fleet: Site) -> None:
    file = fleet.folder / "services.yml"
    found = discover(fleet, "-e", f"discover_to={file}")
    assert found.code == 0, found.raw
    assert last_line(found) == "discover: 2 services and 3 groups proposed, from 5 of 5 hosts."
    assert file.read_text() in found.raw
    assert yaml.safe_load(file.read_text())["all"]["vars"]["orderly_services"] == {
        "lighttpd": {"units": ["lighttpd.service"], "packages": ["lighttpd"], "max_unavailable": 1},
        "mosquitto": {"units": ["mosquitto.service"], "packages": ["mosquitto"], "max_unavailable": 1},
    }
    for said in (
        "lighttpd: # runs on 3 of 5 hosts",
        "# redis-server.service is covered by redis (the role orderly.services.redis), on h4, h5.",
        "# Left out (a restart of it interrupts nobody): ssh.",
    ):
        assert said in found.raw
    both = ("-i", str(fleet.inventory), "-i", str(file))
    listed = fleet.upgrade(*both, playbook=LIST)
    assert (
        "lighttpd orderly_services lighttpd 3 default - 1 block lighttpd verify upgrade_tasks" in listed.text
        or (
            "lighttpd orderly_services lighttpd 3 default - 1 block lighttpd upgrade_tasks verify"
            in listed.text
        )
    )
    assert "redis orderly.services.redis redis 2" in listed.text
    again = fleet.upgrade(*both, playbook=DISCOVER)
    assert last_line(again).startswith("discover: nothing to propose, the inventory has all that was seen")


def test_a_check_writes_nothing_and_a_second_run_neither(fleet: Site) -> None:
    file = fleet.folder / "new/services.yml"
    to = ("-e", f"discover_to={file}")
    check = discover(fleet, *to, "--check", "--diff")
    assert check.code == 0, check.raw
    assert "+      lighttpd: # runs on 3 of 5 hosts" in check.raw
    assert "changed=1" in check.raw
    assert not file.exists()
    assert "changed=1" in discover(fleet, *to).raw
    second = discover(fleet, *to)
    assert (second.code, "changed=1" in second.raw) == (0, False)


def test_a_file_of_somebody_else_stays(fleet: Site) -> None:
    file = fleet.write("services.yml", "mine\n")
    for check in ([], ["--check"]):
        refused = discover(fleet, "-e", f"discover_to={file}", *check)
        assert refused.code != 0
        assert (
            f"discover_to: {file} is there already, with other content than would be written" in refused.text
        )
        assert last_line(refused)
    assert file.read_text() == "mine\n"


def test_services_that_the_inventory_has_are_not_hidden_by_a_second_definition(fleet: Site) -> None:
    fleet.write("group_vars/all.yml", "orderly_services: {lighttpd: {units: [lighttpd.service]}}\n")
    refused = discover(fleet, "-e", "discover_to=services.yml")
    assert refused.code != 0
    assert "as the inventory has orderly_services already" in refused.text
    assert "# lighttpd.service is covered by lighttpd (orderly_services.lighttpd), on h[1-3]." in refused.raw
    assert not (fleet.folder / "services.yml").exists()


def test_hosts_that_told_nothing_are_named_at_the_end(fleet: Site) -> None:
    fleet.goes_away("h5")
    found = discover(fleet, "--limit", "!h4")
    assert found.code == 0, found.raw
    assert last_line(found) == (
        "discover: 1 service and 1 group proposed, from 3 of 4 hosts. Not known: h5 did not answer. "
        "Not asked, as the run was limited: h4."
    )
    assert "# Not known: h5 did not answer." in found.raw


def test_a_fleet_that_tells_nothing_is_no_fleet_without_services(fleet: Site) -> None:
    for host in ("h1", "h2", "h3", "h4", "h5"):
        fleet.goes_away(host)
    found = discover(fleet)
    assert found.code != 0
    assert "Nothing is known of any host: h1 did not answer; h2 did not answer" in found.text


def test_what_a_host_calls_a_unit_is_no_template_and_no_yaml(fleet: Site) -> None:
    fleet.write("running/h1", "{{lookup('pipe','touch${IFS}pwned')}}.service\nx:{y}.service\n")
    found = discover(fleet)
    assert found.code == 0, found.raw
    assert "Not known: h1 could not be queried (" in last_line(found)
    assert "is not a unit name" in last_line(found)
    assert not Path(fleet.folder / "pwned").exists()
