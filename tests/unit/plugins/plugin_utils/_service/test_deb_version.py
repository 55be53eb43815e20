from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.deb_version import (
    RELATIONS,
    Constraint,
    version_key,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

ALPHABET = "0019aZ.+~"
UPSTREAM = st.builds(
    lambda first, rest: first + rest, st.sampled_from("019"), st.text(ALPHABET + "-", max_size=8)
)
VERSIONS = st.builds(
    lambda epoch, upstream, revision: f"{epoch}{upstream}{revision}",
    st.sampled_from(["", "0:", "1:"]),
    UPSTREAM,
    st.one_of(st.just(""), st.text(ALPHABET, min_size=1, max_size=4).map("-{}".format)),
).filter(lambda version: not version.endswith("-"))

ORDERED = [
    "",
    "1.0~~",
    "1.0~rc1",
    "1.0",
    "1.0-0.1",
    "1.0-1~bpo12+1",
    "1.0-1",
    "1.0-1+deb12u1",
    "1.0a",
    "1.0.1",
    "1.10",
    "1:0.1",
]


def test_versions_sort_as_debian_means_them() -> None:
    assert sorted([*ORDERED[6:], *ORDERED[:6]], key=version_key) == ORDERED


@pytest.mark.skipif(not shutil.which("dpkg"), reason="needs the real dpkg to compare with")
@settings(max_examples=120, deadline=None)
@given(VERSIONS, VERSIONS, st.sampled_from(sorted(RELATIONS)))
@example("1.0", "1.0-0", "=")
@example("1.00", "1.0", "=")
@example("0:1", "1", "=")
@example("1", "1~", ">>")
@example("0", "0~", "<<")
def test_every_relation_is_as_the_real_dpkg_says(one: str, other: str, relation: str) -> None:
    asked = subprocess.run(
        ["dpkg", "--compare-versions", one, relation, other], check=False, capture_output=True
    )
    assert Constraint(relation, other).holds(one) is (asked.returncode == 0), asked.stderr


@pytest.mark.parametrize("text", ["22.03", "< 22.03", "> 22.03", "== 1", "<< next", "<<", "=> 1", "= 1-"])
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text or None):
        Constraint.parse(text)


def test_no_constraint_holds_of_a_package_that_is_not_installed() -> None:
    assert not any(Constraint(relation, "1").holds("") for relation in RELATIONS)
    assert str(Constraint.parse(">=22.03-1")) == ">= 22.03-1"
