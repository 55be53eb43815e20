"""A small world for tests of waves: which hosts have which services, and the rules that waves obey."""

from __future__ import annotations

from ansible_collections.orderly.services.plugins.plugin_utils._waves.rules import Rules
from hypothesis import strategies as st

Visits = dict[str, list[str]]


SERVICES = ("web", "db", "cache", "lb")


ONE_EACH = dict.fromkeys(SERVICES, 1)


ORDER = {"web": ("db",), "db": (), "cache": (), "lb": ()}


HOSTS = st.integers(1, 40).map("h{}".format)


ANY_VISITS = st.dictionaries(HOSTS, st.lists(st.sampled_from(SERVICES), min_size=1, unique=True), max_size=30)


SLOTS = st.fixed_dictionaries({service: st.integers(1, 6) for service in SERVICES})


RULES = st.builds(
    Rules,
    SLOTS,
    st.sampled_from([{}, ORDER]),
    st.dictionaries(HOSTS, st.sampled_from("abc")),
    st.sets(HOSTS, max_size=3),
)
