from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import LockError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import (
    Claim,
    Request,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState

from ..lock_world import WEB, World, request, run


def test_claims_of_hosts_that_do_not_have_the_service_are_refused() -> None:
    with pytest.raises(LockError, match="web9: not among the hosts of nginx"):
        Claim("nginx", frozenset({"web9"}), WEB)


def test_a_request_claims_a_service_once() -> None:
    claim = Claim("nginx", frozenset({"web1"}), WEB)
    with pytest.raises(LockError, match="once"):
        Request("roll", run(1), "operation", (claim, claim))


def test_a_number_of_retries_is_not_negative() -> None:
    with pytest.raises(LockError, match="retries must be a number of retries, 0 for none, not -1"):
        request(1, "web1", retries=-1)


def test_a_slot_passes_on_only_from_a_run_that_is_over(world: World) -> None:
    world.asks(1, "web1", roll="friday")
    holder = world.lock().holders["web1"]
    assert request(1, "web1", roll="friday").owns(holder)
    for state in RunState:
        for roll in ("friday", "monday"):
            assert request(2, "web1", roll=roll).inherits(holder, state) == (state is RunState.OVER)
        assert not request(1, "web1", roll="monday").inherits(holder, state), "its own is no inheritance"


def test_a_slot_or_a_place_is_beside_a_host_where_its_own_run_has_it_for_another(world: World) -> None:
    others = WEB - {"web2"}
    world.asks(1, "web1", roll="friday", beside=WEB - {"web1"})
    world.asks(1, "web3", roll="friday", beside=WEB - {"web3"})
    holder, (waiter,) = world.lock().holders["web1"], world.lock().queue
    asking = request(1, "web2", roll="friday", beside=others)
    assert asking.is_beside(holder)
    assert asking.is_beside(waiter)
    for stranger in (
        request(2, "web2", roll="friday", beside=others),
        request(1, "web2", roll="monday", beside=others),
        request(1, "web2", roll="friday", beside=frozenset({"web4"})),
        request(1, "web2", roll="friday"),
    ):
        assert not stranger.is_beside(holder)
        assert not stranger.is_beside(waiter)
