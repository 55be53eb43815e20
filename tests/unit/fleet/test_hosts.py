"""Names, addresses and the files that carry them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from fleetlib.errors import FleetError
from fleetlib.hosts import (
    Host,
    Login,
    check_fleet_name,
    check_host_name,
    hosts_file,
    inventory,
    muster,
    select,
)

WEB1 = Host("lab", "web1", "10.0.0.11", "bookworm", "running")
WEB2 = Host("lab", "web2", "10.0.0.13", "trixie", "stopped")
LOGIN = Login(Path("/home/it's me/key"), Path("/home/it's me/known_hosts"))


def test_inventory_says_how_each_host_is_reached() -> None:
    content = yaml.safe_load(inventory([WEB2, WEB1], LOGIN))["all"]
    assert content["hosts"] == {"web1": {"ansible_host": "10.0.0.11"}, "web2": {"ansible_host": "10.0.0.13"}}
    assert content["vars"]["ansible_ssh_private_key_file"] == "/home/it's me/key"
    assert content["vars"]["ansible_python_interpreter"] == "/usr/bin/python3"
    assert content["vars"]["ansible_pipelining"] is True


def test_inventory_without_hosts_is_valid() -> None:
    assert yaml.safe_load(inventory([], LOGIN))["all"]["hosts"] == {}


def test_hosts_file_names_every_host_running_or_not() -> None:
    lines = hosts_file([WEB2, WEB1], gateway="10.0.0.1").splitlines()
    assert lines[-2:] == ["10.0.0.11 web1", "10.0.0.13 web2"]
    assert "10.0.0.1 host.containers.internal" in lines


def test_new_hosts_take_the_lowest_free_addresses_and_old_ones_keep_theirs() -> None:
    hosts = muster([WEB1, WEB2], ["db1", "web1", "db2"], fleet="lab", suite=None, subnet="10.0.0.0/24")
    assert [(host.name, host.address, host.state) for host in hosts] == [
        ("db1", "10.0.0.12", "new"),
        ("web1", "10.0.0.11", "running"),
        ("db2", "10.0.0.14", "new"),
    ]


def test_host_keeps_its_suite() -> None:
    with pytest.raises(FleetError, match="web2 in fleet lab is a trixie host; it cannot become bookworm"):
        muster([WEB1, WEB2], ["web2"], fleet="lab", suite="bookworm", subnet="10.0.0.0/24")


def test_full_subnet_is_named() -> None:
    with pytest.raises(FleetError, match="has no room for another host"):
        muster([], ["a", "b", "c", "d", "e"], fleet="lab", suite=None, subnet="10.0.0.0/28")


def test_hardware_address_follows_from_the_address() -> None:
    assert WEB1.mac == "02:00:0a:00:00:0b"


def test_unknown_host_is_answered_with_the_known_ones() -> None:
    with pytest.raises(FleetError, match="no host web9 in fleet lab; it has: web1, web2"):
        select([WEB1, WEB2], ["web9"], "lab")


@pytest.mark.parametrize("name", ["", "Web1", "-web", "web-", "web_1", "web.1", "web 1"])
def test_host_name_that_dns_refuses_is_refused(name: str) -> None:
    with pytest.raises(FleetError, match="cannot name a host"):
        check_host_name(name)


@pytest.mark.parametrize("name", ["", "1st", "two words", "a/b", "Lab"])
def test_fleet_name_that_no_container_can_have_is_refused(name: str) -> None:
    with pytest.raises(FleetError, match="cannot name a fleet"):
        check_fleet_name(name)
