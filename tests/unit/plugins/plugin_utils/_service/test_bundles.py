from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.bundles import find_bundles
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service
from hypothesis import given
from hypothesis import strategies as st


def service(name: str, **settings: Any) -> Service:
    return Service(name=name, role=name, path=Path("/roles", name), group=name, **settings)


API = service("api", packages=("nova-api", "python3-nova"))
SCHED = service("sched", packages=("python3-nova:all",))
BUNDLES = [
    ("a package", [API, SCHED], "h1 h2", "api and sched", "package python3-nova"),
    ("a name", [service("api", bundle="nova"), service("sched", bundle="nova")], "h1", "api and sched", "bundle: nova"),
    (
        "written for TripleO, in whichever dialect",
        [service("api", dialect="tags"), service("sched", dialect="when")],
        "h1",
        "api and sched",
        "written for TripleO",
    ),
    (
        "by way of another",
        [API, SCHED, service("db", bundle="x"), service("mq", bundle="x", packages=("nova-api",))],
        "h1",
        "api, db, mq and sched",
        "bundle: x; package nova-api; package python3-nova",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("services", "hosts", "together", "why"),
    [case[1:] for case in BUNDLES],
    ids=[case[0] for case in BUNDLES],
)
def test_services_of_a_host_are_a_bundle(
    services: list[Service], hosts: str, together: str, why: str
) -> None:
    (bundle,) = find_bundles(services, {each.name: hosts.split() for each in services})
    assert str(bundle) == f"{together} change together on the hosts that they share ({why})"


@pytest.mark.parametrize(
    ("services", "members"),
    [
        ([API, SCHED], {"api": ["h1"], "sched": ["h2"]}),
        ([API, service("web", packages=("nova",))], {"api": ["h1"], "web": ["h1"]}),
        ([service("a", bundle="x"), service("b", bundle="y")], {"a": ["h1"], "b": ["h1"]}),
        ([service("a"), service("b", dialect="tags")], {"a": ["h1"], "b": ["h1"]}),
    ],
)
def test_others_are_none(services: list[Service], members: dict[str, list[str]]) -> None:
    assert find_bundles(services, members) == ()


NAMES = tuple("abcdef")
DRAWN = st.fixed_dictionaries(
    {
        name: st.tuples(st.sets(st.sampled_from("xyz"), max_size=2), st.sets(st.integers(1, 4)))
        for name in NAMES
    }
)


@given(DRAWN, st.permutations(NAMES))
def test_every_pair_that_shares_a_package_and_a_host_is_in_one_bundle_however_they_are_listed(
    drawn: dict[str, tuple[set[str], set[int]]], order: list[str]
) -> None:
    services = {
        name: service(name, packages=tuple(sorted(f"p{each}" for each in drawn[name][0]))) for name in NAMES
    }
    members = {name: [f"h{number}" for number in drawn[name][1]] for name in NAMES}
    bundles = find_bundles(services.values(), members)
    assert find_bundles([services[name] for name in order], members) == bundles
    bundle_of = {name: bundle for bundle in bundles for name in bundle.services}
    assert len(bundle_of) == sum(len(bundle.services) for bundle in bundles)  # in one at most
    for one in NAMES:
        for other in NAMES:
            if one != other and drawn[one][0] & drawn[other][0] and drawn[one][1] & drawn[other][1]:
                assert bundle_of[one] is bundle_of[other]
