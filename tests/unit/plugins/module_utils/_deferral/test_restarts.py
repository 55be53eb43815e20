from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.restarts import Wanted
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost


def wanted(*units: str, services: tuple[str, ...] = (), current: bool = False) -> Wanted:
    return Wanted(
        services=services,
        units=units,
        deferred_only=True,
        include_pending=False,
        include_stale=False,
        timeout=30,
        watch=2,
        restarting="",
        current=current,
    )


@pytest.fixture
def systemd() -> Systemd:
    host = FakeHost()
    host.add("alpha.service")
    host.add("beta.service")
    return Systemd(host.run)


def test_services_come_before_units(systemd: Systemd) -> None:
    assert wanted("beta.service", services=("alpha",)).named(systemd) == ["alpha.service", "beta.service"]


def test_a_unit_that_is_not_there_is_named_unless_the_names_may_be_of_other_releases(
    systemd: Systemd,
) -> None:
    assert wanted("gone.service", "beta.service").named(systemd) == ["gone.service", "beta.service"]
    assert wanted("gone.service", "beta.service", current=True).named(systemd) == ["beta.service"]


def test_one_of_the_names_must_be_there(systemd: Systemd) -> None:
    with pytest.raises(
        HostError, match=r"has none of the units gone\.service, lost\.service\. Name its units"
    ):
        wanted("gone.service", "lost.service", current=True).named(systemd)
