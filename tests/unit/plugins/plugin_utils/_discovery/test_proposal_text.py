"""A proposal is YAML that our own reader takes as it stands, whatever names are in it."""

from __future__ import annotations

import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.proposal import (
    Fleet,
    Proposal,
    propose,
)
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.proposal_text import as_yaml
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.sightings import Seen, Sighting
from ansible_collections.orderly.services.plugins.plugin_utils._service.data import read_data
from ansible_collections.orderly.services.plugins.plugin_utils._service.settings import PACKAGE, UNIT
from hypothesis import given
from hypothesis import strategies as st

POSTFIX = Seen(
    "postfix@-.service", umbrellas=("postfix.service",), owner="postfix", packages=("postfix",), local=(25,),
)  # fmt: skip
TEXT = """\
all:
  vars:
    orderly_services:
      postfix: # runs on 4 of 5 hosts
        units: [postfix.service, postfix@-.service]
        packages: [postfix]
        max_unavailable: 25%
        verify: {port: 25}
  children:
    postfix:
      hosts:
        h1:
        h2:
        h3:
        h4:
"""


def test_it_is_an_inventory_file() -> None:
    fleet = Fleet({**{f"h{each}": Sighting((POSTFIX,)) for each in range(1, 5)}, "h5": Sighting()})
    text = as_yaml(propose(fleet), 5, ["Not known: h6 did not answer."])
    assert text.endswith(TEXT)
    assert "# Not known: h6 did not answer.\n" in text


def test_without_anything_it_is_one_too() -> None:
    assert yaml.safe_load(as_yaml(Proposal((), {}, ()), 1)) == {"all": {"children": {}}}


def test_no_remark_ends_its_comment() -> None:
    text = as_yaml(Proposal((), {}, ("a\nb: c\r\x85\u2028d: e",)), 1)
    assert yaml.safe_load(text) == {"all": {"children": {}}}


SEEN = st.builds(
    Seen,
    unit=st.from_regex(UNIT, fullmatch=True),
    owner=st.one_of(st.just(""), st.from_regex(PACKAGE, fullmatch=True)),
    packages=st.lists(st.from_regex(PACKAGE, fullmatch=True), max_size=3).map(tuple),
    umbrellas=st.lists(st.from_regex(UNIT, fullmatch=True), max_size=2).map(tuple),
    local=st.lists(st.integers(1, 65535), max_size=3).map(tuple),
    hold=st.sampled_from(["", "its preinst stops it"]),
    page=st.booleans(),
)
HOSTS = st.sampled_from(["h1", "10.0.0.1", "fe80::1", "web-1.example.org", "on", "7", "é"])


@given(st.dictionaries(HOSTS, st.lists(SEEN, max_size=4, unique_by=lambda seen: seen.unit).map(tuple)))
def test_our_reader_reads_what_was_proposed(seen: dict[str, tuple[Seen, ...]]) -> None:
    proposal = propose(Fleet({host: Sighting(units) for host, units in seen.items()}))
    read = yaml.safe_load(as_yaml(proposal, len(seen)))["all"]
    services = read.get("vars", {}).get("orderly_services")
    assert [each.name for each in read_data(services)] == [each.name for each in proposal.services]
    assert (services or {}) == {each.name: each.settings for each in proposal.services}
    groups = {group: tuple(each["hosts"]) for group, each in read["children"].items()}
    assert groups == proposal.groups
    assert {host for hosts in groups.values() for host in hosts} == {
        host for host, units in seen.items() if units
    }
