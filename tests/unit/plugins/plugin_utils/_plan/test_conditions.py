"""Order that depends on the versions that hosts were surveyed for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.conditions import settle
from ansible_collections.orderly.services.plugins.plugin_utils._plan.survey import Survey
from ansible_collections.orderly.services.plugins.plugin_utils._service.deb_version import Constraint
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import (
    CatalogueError,
    Condition,
    Dependency,
    Service,
)
from hypothesis import given
from hypothesis import strategies as st

MEMBERS = {"controller": ["c1", "c2"], "db": ["d1", "d2"]}


def service(name: str, after: str, installed: str = "", candidate: str = "", key: str = "after") -> Service:
    """Give a service that comes after another one when the package ovn is so."""
    constraints = [Constraint.parse(text) if text else None for text in (installed, candidate)]
    dependency = Dependency(after, when=Condition("ovn", *constraints))
    return Service(name, name, Path("/roles", name), name, **{key: (dependency,)})  # type: ignore[arg-type]


def survey(**versions: str) -> Survey:
    """Survey hosts: ``d1="1 2"`` has ovn 1, and apt would install 2."""
    answers: dict[str, Any] = {
        host: {"services": {name: {"ovn": dict(zip(("installed", "candidate"), said.split(), strict=True))}}}
        for host, said in versions.items()
        for name, hosts in MEMBERS.items()
        if host in hosts
    }
    return Survey.of(answers, MEMBERS)


NEW = survey(c1="22 22", c2="22 22", d1="20 22", d2="22 22")
CASES = [
    ("<< 21", "", True),  # the lowest counts: d1 has 20
    (">= 21", "", False),
    ("", ">= 22", True),
    ("", ">> 22", False),
    ("<< 21", ">= 22", True),
    ("<< 21", ">> 22", False),
]


@pytest.mark.parametrize(("installed", "candidate", "holds"), CASES)
def test_an_order_counts_when_all_that_it_says_of_versions_is_so(
    installed: str, candidate: str, *, holds: bool
) -> None:
    (settled,) = settle([service("controller", "db", installed, candidate)], MEMBERS, NEW)
    assert settled.befores == (("db",) if holds else ())
    said = settled.settings()["after"][0]
    assert (said["service"], said["holds"]) == ("db", holds)


VERSION = st.sampled_from(["20", "21~rc1", "21", "22", "1:1"])
FLEET = st.fixed_dictionaries(
    {host: st.builds("{} {}".format, VERSION, VERSION) for host in ("c1", "c2", "d1", "d2")}
)


@given(FLEET, VERSION)
def test_opposite_orders_for_older_and_newer_versions_never_both_count(
    fleet: dict[str, str], at: str
) -> None:
    older, newer = service("controller", "db", f"<< {at}"), service("db", "controller", f">= {at}")
    settled = settle([older, newer], MEMBERS, survey(**fleet))
    assert sum(len(each.befores) for each in settled) == 1


@given(FLEET, st.permutations(["c1", "c2", "d1", "d2"]))
def test_an_order_stays_while_a_fleet_is_half_upgraded(fleet: dict[str, str], order: list[str]) -> None:
    fleet = dict.fromkeys(fleet, "20 22")
    for host in order[:-1]:
        fleet[host] = "22 22"
        (settled,) = settle([service("controller", "db", "<< 22", ">= 22")], MEMBERS, survey(**fleet))
        assert settled.befores == ("db",)


def test_before_a_condition_is_settled_it_gives_no_order() -> None:
    assert service("controller", "db", "<< 22").befores == ()


REFUSED = [
    (None, "the versions of ovn are not known until the hosts are queried"),
    (survey(c1="20 22", c2="20 22", d1="20 22"), "the version of ovn on d2 is not known"),
    (Survey({"db": ()}), "ovn is a package of neither controller nor db"),
]


@pytest.mark.parametrize(("seen", "message"), REFUSED)
def test_versions_that_are_not_known_are_refused(seen: Survey | None, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        settle([service("controller", "db", "<< 22")], MEMBERS, seen)
    assert str(caught.value).startswith(
        "/roles/controller/meta/service.yml:1: after: db (when ovn installed << 22): "
    )
    assert message in str(caught.value)


def test_services_that_wait_for_each_other_by_their_conditions_are_refused() -> None:
    both = [service("controller", "db", ">= 1"), service("db", "controller", ">= 1")]
    with pytest.raises(CatalogueError, match="wait for each other: controller → db → controller"):
        settle(both, MEMBERS, NEW)


def test_what_is_not_deployed_needs_no_versions_unless_it_is_required() -> None:
    alone = {"controller": ["c1"]}
    (settled,) = settle([service("controller", "db", "<< 22")], alone, None)
    assert settled.befores == ()
    with pytest.raises(CatalogueError, match="are not known"):
        settle([service("controller", "db", "<< 22", key="requires")], alone, None)
