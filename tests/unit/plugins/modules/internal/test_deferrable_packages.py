from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.scripts_of_packages import (
    Finding,
    Script,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.wants_hold import STOPS, Reason
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.modules.internal import deferrable_packages
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., dict[str, Any]]

SERVICES = [
    {"name": name, "units": [f"{name}.service"], "variable": f"{name}_deferral"} for name in ("db", "web")
]


class FakeScripts:
    """The packages of a host, of which that of db stops it."""

    def __init__(self, _run: object) -> None:
        pass

    def why_hold(self, units: list[str]) -> Finding | None:
        if units == ["gone.service"]:
            raise HostError("systemd reports nothing about gone.service", rc=1)
        found = Finding(Script("db-server", "2", "prerm", ""), Reason(STOPS, "pkill db", 7))
        return found if units == ["db.service"] else None


class FakeCautions:
    """Something to think about in each service that is not in strict mode."""

    def __init__(self, _run: object) -> None:
        pass

    def of(self, services: list[dict[str, Any]], strict: list[str]) -> list[str]:
        return [f"think about {each['name']}" for each in services if each["name"] not in strict]


def systemctl(command: list[str], **_options: object) -> tuple[int, str, str]:
    """Have all units but that of mail."""
    units = command[command.index("--") + 1 :] if "--" in command else []
    load = {unit: "not-found" if unit == "mail.service" else "loaded" for unit in units}
    return 0, "\n".join(f"Id={unit}\nLoadState={load[unit]}\n" for unit in units), ""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(deferrable_packages, "PackageScripts", FakeScripts)
    monkeypatch.setattr(deferrable_packages, "Cautions", FakeCautions)
    return partial(run_module, deferrable_packages, monkeypatch, systemctl)


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_package_that_stops_its_daemon_is_refused(run: Run, check_mode: bool) -> None:
    result = run(services=SERVICES, check_mode=check_mode)
    assert result["failed"]
    assert (
        'prerm of version 2 stops it without asking (line 7: "pkill db"). Set "db_deferral: hold"'
        in result["msg"]
    )
    assert "web" not in result["msg"]


def test_others_are_not(run: Run) -> None:
    assert run(services=SERVICES[1:])["checked"] == ["web"]
    assert not run(services=[]).get("failed")


def test_a_service_whose_unit_is_not_there_is_warned_of(run: Run) -> None:
    result = run(services=[{"name": "mail", "units": ["mail.service"], "variable": "mail_deferral"}])
    assert result["checked"] == ["mail"]
    assert "mail: there is no mail.service here, so no restart of it is deferred." in str(result["warnings"])


def test_what_the_inventory_has_decided_is_not_refused_and_looked_at_all_the_same(run: Run) -> None:
    decided = [
        {**each, "decided": True} for each in (SERVICES[0], {**SERVICES[1], "units": ["mail.service"]})
    ]
    result = run(services=decided)
    assert (result.get("failed"), result["checked"], result["absent"]) == (None, [], ["web"])


def test_what_is_to_be_thought_about_is_a_warning(run: Run) -> None:
    assert "think about web" in str(run(services=SERVICES[1:])["warnings"])
    assert "think" not in str(run(services=SERVICES[1:], strict=["web"]).get("warnings"))


def test_a_host_that_does_not_answer_is_an_error(run: Run) -> None:
    result = run(services=[{"name": "gone", "units": ["gone.service"], "variable": "x"}])
    assert (result["msg"], result["rc"]) == ("systemd reports nothing about gone.service", 1)


def test_a_service_is_named_whole(run: Run) -> None:
    assert run(services=[{"name": "db"}])["msg"] == "services: each needs a name, units and a variable."
