from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.answers import misfit
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.sightings import (
    RUNNING,
    Seen,
    Sighting,
    read_sighting,
)

UNIT = {
    "unit": "memcached.service",
    "names": ["memcached.service"],
    "umbrellas": [],
    "owner": "memcached",
    "packages": ["memcached"],
    "program": "/usr/bin/memcached",
    "tcp": [11211],
    "local": [11211],
    "udp": [],
    "page": False,
    "hold": "",
    "refusal": "",
}


def answer(**changed: Any) -> dict[str, Any]:
    empty = {"units": [], "ignored": [], "stopped": {}, "on_demand": [], "sees_all": True}
    return {**empty, **changed}


def test_what_a_host_says_is_read() -> None:
    told = answer(units=[UNIT], ignored=["ssh.service"], stopped={"x.service": "failed (failed)"})
    assert misfit(told, RUNNING) == ""
    assert read_sighting(told) == Sighting(
        units=(
            Seen(
                "memcached.service",
                ("memcached.service",),
                owner="memcached",
                packages=("memcached",),
                local=(11211,),
                listens=True,
            ),
        ),
        ignored=("ssh.service",),
        stopped=(("x.service", "failed (failed)"),),
    )


HOSTILE = ["{{ lookup('pipe', 'id') }}", "a.service\n  b: c", "a service", "x: y", ""]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_are_none_are_kept_apart(name: str) -> None:
    told = answer(units=[{**UNIT, "unit": name}], ignored=[name], stopped={name: "x"}, on_demand=[name])
    read = read_sighting(told)
    assert (read.units, read.ignored, read.stopped, read.on_demand) == ((), (), (), ())
    assert len(read.odd) == 1
    assert "\n" not in read.odd[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_packages_and_umbrellas_of_such_names_are_left_out(name: str) -> None:
    unit = {**UNIT, "packages": [name], "owner": name, "umbrellas": [name], "tcp": [-1], "local": [-1, 70000]}
    (read,) = read_sighting(answer(units=[unit])).units
    assert (read.packages, read.owner, read.umbrellas, read.local) == ((), "", (), ())
