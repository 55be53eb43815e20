"""What the options of ``rolling_lock`` come to; :mod:`tests.play.test_rolling_lock` plays the whole action."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.errors import ControllerError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.task import (
    STATES,
    Call,
    as_heard_by_others,
    in_turn,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.turns import Marks, Patience
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run

from ..lock_world import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = {"all": ["web1", "web2", "web3"], "nginx": ["web1", "web2", "web3"], "haproxy": ["web1"]}
USUAL = {
    "state": "acquired", "services": None, "hosts": None, "roll": "", "operation": "", "callback": None,
    "arguments": {}, "retries": None, "last": False, "unhealthy": [], "wait": 0, "forget_members": [],
    "reason": "why not", "recovers": False,
}  # fmt: skip


def call(*, check_mode: bool = False, store: MemoryStore | None = None, **options: Any) -> Call:
    play = {
        "groups": GROUPS,
        "hostvars": {host: {} for host in GROUPS["all"]},
        "inventory_hostname": "web1",
        "ansible_play_name": "Friday",
        **{f"ansible_play_{name}": ["web1"] for name in ("batch", "hosts", "hosts_all")},
    }
    return Call(
        {**USUAL, **options}, play, this_run(), store or MemoryStore(), lambda _words: None, check_mode
    )


def claimed(**options: Any) -> dict[str, tuple[set[str], set[str]]]:
    """Give the hosts that are asked for, and those found down, by service."""
    claims = call(**options).request().claims
    return {claim.service: (set(claim.hosts), set(claim.unhealthy)) for claim in claims}


ALL = {"nginx": ({"web1"}, set()), "haproxy": ({"web1"}, set())}
WANTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, ALL),
    ({"services": "haproxy, nginx"}, ALL),
    ({"services": ["nginx"], "hosts": ["web1", "web2"]}, {"nginx": ({"web1", "web2"}, set())}),
    ({"services": {"web1": ["nginx"], "web9": ["nginx"]}}, {"nginx": ({"web1"}, set())}),
    ({"services": {"web1": "haproxy"}}, {"haproxy": ({"web1"}, set())}),
    ({"services": "nginx", "unhealthy": "web2, web3"}, {"nginx": ({"web1"}, {"web2", "web3"})}),
    ({"services": "nginx", "unhealthy": {"web2": ["nginx"]}}, {"nginx": ({"web1"}, {"web2"})}),
    ({"services": "nginx", "unhealthy": {"web2": "nginx"}}, {"nginx": ({"web1"}, {"web2"})}),
]


@pytest.mark.parametrize(("options", "claims"), WANTED)
def test_a_wave_is_asked_for_however_its_services_are_written(
    options: dict[str, Any], claims: dict[str, Any]
) -> None:
    assert claimed(**options) == claims


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"hosts": ["web1", "wbe2"]}, "The inventory has no host wbe2."),
    ({"services": 3}, "services must be a list of names, or a dictionary of such lists by host, not 3."),
    (
        {"services": {"web1": ["ngnix"]}},
        'rolling_lock: unknown service "ngnix"; this inventory has: haproxy',
    ),
    ({"unhealthy": 3}, "unhealthy must be a list of hosts, or a dictionary of services by host, not 3."),
    ({"unhealthy": ["wbe2"]}, "The inventory has no host wbe2."),
    ({"unhealthy": {"wbe2": ["nginx"]}}, "The inventory has no host wbe2."),
    (
        {"unhealthy": {"web2": ["ngnix"]}},
        'rolling_lock: unknown service "ngnix"; this inventory has: haproxy',
    ),
    (
        {"state": "thawed", "services": {"web1": []}},
        "services must be a list of names for state=thawed, not {'web1'",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_name_that_means_nothing_is_refused_and_never_passed_over(
    options: dict[str, Any], message: str
) -> None:
    asked = call(**options)
    with pytest.raises(ControllerError) as caught:
        STATES[asked.options["state"]](asked)
    assert str(caught.value).startswith(message)
    assert asked.real_store.read("") == {}


def test_check_mode_says_whether_slots_would_be_granted_and_takes_none() -> None:
    store = MemoryStore()
    assert STATES["acquired"](call(check_mode=True, store=store))["granted"]
    assert store.documents == {}
    STATES["frozen"](call(state="frozen", store=store))
    busy = STATES["acquired"](call(check_mode=True, store=store))
    assert (busy["changed"], busy["granted"]) == (False, False)
    assert busy["warnings"][0].startswith("The slots would not be granted now: nginx is frozen since")


def test_the_other_hosts_hear_of_their_own_slots_or_whom_to_ask() -> None:
    own = {"web1": ["nginx"], "web2": ["nginx"]}
    answer = {"changed": True, "slots": own, "tokens": {"web1": {"nginx": 1}}, "warnings": ["x"]}
    assert as_heard_by_others(answer, "web1", "web2") == {
        "changed": False, "slots": {"web2": ["nginx"]}, "tokens": {}, "warnings": [], "asked_by": "web1",
    }  # fmt: skip
    refused = as_heard_by_others({"failed": True, "msg": "busy"}, "web1", "web2")
    assert refused["msg"] == "web2 gets no slots either: see the message of web1."


# --- Hosts that ask each for itself ---


class OneAfterAnother(MemoryStore):
    def wait_for_change(self, timeout: float, keys: Any = ()) -> bool:  # noqa: ARG002 - it says at once that there is one
        return True


def turn(host: str, store: MemoryStore, folder: Path, *, check_mode: bool = False, **options: Any) -> Any:
    asked = call(store=store, check_mode=check_mode, hosts=[host], services="nginx", **options)
    variables = {
        **asked.task_vars,
        "inventory_hostname": host,
        "ansible_play_batch": ["web1", "web2", "web3"],
    }
    return in_turn(replace(asked, task_vars=variables), Marks(folder), Patience())


def test_a_host_gets_its_slots_or_hears_that_it_is_to_ask_again(tmp_path: Path) -> None:
    store = OneAfterAnother()
    first = turn("web1", store, tmp_path)
    assert (first["granted"], first["slots"], first["in_turn"]) == (True, {"web1": ["nginx"]}, True)
    second = turn("web2", store, tmp_path)
    assert (second["granted"], second["waits"], second["slots"], second["waited"]) == (False, True, {}, 0.0)
    STATES["released"](call(state="released", store=store, hosts=["web1"]))
    assert turn("web2", store, tmp_path)["granted"]


def test_once_one_was_refused_the_others_do_not_ask_and_leave_the_queue(tmp_path: Path) -> None:
    store = OneAfterAnother()
    turn("web1", store, tmp_path)
    turn("web2", store, tmp_path)
    Marks(tmp_path).was_refused("web3")
    heard = turn("web2", store, tmp_path)
    assert (heard["failed"], heard["msg"]) == (True, "web2 gets no slots either: see the message of web3.")
    assert store.read("lock/nginx/queue/") == {}


def test_in_check_mode_nobody_waits_for_a_turn_and_nothing_is_taken(tmp_path: Path) -> None:
    store = OneAfterAnother()
    for host in ("web1", "web2"):
        assert turn(host, store, tmp_path, check_mode=True)["granted"]
    assert store.documents == {}
