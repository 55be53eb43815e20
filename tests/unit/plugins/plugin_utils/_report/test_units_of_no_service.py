"""What settles the restart of a unit that no service has is said with the command."""

from __future__ import annotations

from ansible_collections.orderly.services.plugins.plugin_utils._report.units_of_no_service import (
    of_no_service,
)


def test_it_says_where_and_what_to_type() -> None:
    assert of_no_service("lonely.service", ["web1", "web2"]) == (
        "lonely.service on web1, web2: no service has this unit, so no roll restarts it. Write it into the units of "
        "one, or restart it host by host: ansible web1,web2 -b -f 1 -m orderly.services.restart_services -a "
        "units=lonely.service"
    )


def test_hosts_that_are_many_or_no_pattern_are_left_to_the_reader() -> None:
    for hosts in ([f"web{number}" for number in range(9)], ["a*b"]):
        assert "ansible HOSTS -b -f 1 -m orderly.services.restart_services" in of_no_service(
            "x.service", hosts
        )
