"""Who gets slots of rolling locks: decided without a clock, a file or a network.

:func:`decide` answers a request for slots of several locks at once: all of it is granted, or nothing. What
keeps that safe:

* A host that failed still holds its slot, so nobody has to report a failure. Waves of one roll come one after
  the other, so slots that earlier waves of the roll still hold stop the roll, once they are more than its
  failure budget.
* Only runs that are provably alive are worth waiting for. Slots of a run that is over, or that cannot be
  asked, stop the request at once where they spend the budget; so do hosts that the request has found down.
* Nobody waits while holding: all slots come in one request, or the request is refused. And every queue has the
  same order. So no two runs can wait for each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .assessment import Case, View, assess
from .changes import withdraw
from .lock import Holder, Lock, Waiter, changed, next_number
from .refusals import FOR_LATER, first_refusal
from .request import Decision, Granted, Refused, Request, Requested, StateOf, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .lock import Locks


def decide(locks: Locks, request: Request, state_of: StateOf, at: str) -> Decision:
    """Judge *request* against all *locks* of the store; *at* is the time that people will read.

    The answer carries the locks that it changes. Whoever has to wait is in the queues from then on.
    """
    case = assess(locks, request, state_of, at)
    if refusal := first_refusal(case):
        return replace(refusal, locks=withdraw(locks, request.roll, request.run, request.beside))
    if case.must_wait:
        waiter = case.served or _new_waiter(case, at, kept=False)
        queued = changed(locks, _joined(case.tidy, case.views, waiter))
        nearest = {service: ahead[-1] for service, ahead in case.ahead.items()}
        places = {view.lock.service: waiter for view in case.views if view.wanted}
        return Waiting(queued, case.waits_for, case.positions, case.frozen, nearest, places)
    return _grant(locks, case, at)


def enqueue(locks: Locks, request: Request, state_of: StateOf, at: str) -> Requested | Refused:
    """Put *request* into the queues without waiting; it stays there until it is served or withdrawn.

    The same as what its run asked for last on these hosts changes nothing: A, A is one request, A, B, A are three.
    """
    request = replace(request, callback=request.callback or "")
    case = assess(locks, request, state_of, at)
    if refusal := first_refusal(case, FOR_LATER):
        return refusal
    tail = max(case.asked_here, key=lambda one: one.ticket, default=None)
    again = tail is not None and tail == case.newest_like_this
    waiter = tail if tail is not None and again else _new_waiter(case, at, kept=True)
    after = _joined(case.tidy, case.views, waiter)
    places = {
        service: 1 + lock.queue.index(one)
        for service, lock in after.items()
        for one in lock.queue
        if one.identity == waiter.identity
    }
    return Requested(changed(locks, after), not again, places)


def _grant(locks: Locks, case: Case, at: str) -> Granted:
    request, served = case.request, case.served
    token = next_number(case.locks)
    granted = dict(case.locks)
    for view in case.views:
        granted[view.lock.service] = _taken(view, case, token, at)
    takes = any(view.fresh for view in case.views)
    if takes and served:
        granted = {service: _without(lock, served, case, at) for service, lock in granted.items()}
    granted |= withdraw(granted, request.roll, request.run, request.beside)
    task = _task(granted, case)
    return Granted(
        locks=changed(locks, granted),
        tokens={
            host: {
                view.lock.service: granted[view.lock.service].holders[host].token
                for view in case.views
                if host in view.wanted
            }
            for host in sorted(request.hosts - case.out_of_service.keys())
        },
        changed=takes,
        taken_over=frozenset().union(*(view.inherited for view in case.views)),
        out_of_service=case.out_of_service,
        unlisted={view.lock.service: tuple(sorted(view.unlisted)) for view in case.views if view.unlisted},
        operation=task.operation,
        callback=task.callback or "",
        arguments=task.arguments,
    )


def _task(granted: Locks, case: Case) -> Holder | Request:
    """Tell what is to be done on the hosts of the wave: what their slots were asked for."""
    held = (granted[view.lock.service].holders[host] for view in case.views for host in sorted(view.wanted))
    return next(held, case.request)


def _taken(view: View, case: Case, token: int, at: str) -> Lock:
    """Give a claim its slots, and take over what others left."""
    request, served, lock = case.request, case.served, view.lock
    asked = served if served and served.kept else None
    holders = dict(lock.holders)
    for host in sorted(view.fresh):
        old = holders.get(host)
        tried = old.attempt if old and old.roll == request.roll and not old.failed else 0
        holders[host] = Holder(
            host=host,
            roll=request.roll,
            run=request.run,
            operation=asked.operation if asked else request.operation,
            since=at,
            token=token,
            callback=asked.callback if asked else request.callback or "",
            arguments=asked.arguments if asked else request.arguments,
            retries=asked.retries if asked and request.retries is None else request.retries,
            attempt=asked.attempt if asked else tried,
            last=asked.last if asked else request.last,
            unhealthy=host in view.claim.unhealthy - view.inherited,
            domain=view.claim.domains.get(host, ""),
        )
    ended = lock.end(view.inherited, "taken_over", at)
    return replace(ended, holders=holders, sequence=token if view.fresh else lock.sequence)


def _without(lock: Lock, served: Waiter, case: Case, at: str) -> Lock:
    """Take the hosts that are served out of their request; the others wait on where they are."""
    waiter = next((one for one in lock.queue if one.identity == served.identity), None)
    if waiter is None:
        return lock
    away = tuple(host for host in waiter.hosts if host in case.out_of_service)
    left = tuple(host for host in waiter.hosts if host not in case.request.hosts)
    lock = lock.dismiss([replace(waiter, hosts=away)], "out_of_service", at)
    return lock.enqueue(replace(waiter, hosts=left)) if left else lock


def _joined(locks: Locks, views: Iterable[View], waiter: Waiter) -> Locks:
    """Put a request into the queues of all its services."""
    joined = dict(locks)
    for view in views:
        lock = joined[view.lock.service]
        if view.wanted and all(one.identity != waiter.identity for one in lock.queue):
            joined[lock.service] = lock.enqueue(replace(waiter, hosts=tuple(sorted(view.wanted))))
    return joined


def _new_waiter(case: Case, at: str, *, kept: bool) -> Waiter:
    request = case.request
    return Waiter(
        ticket=next_number(case.tidy),
        roll=request.roll,
        run=request.run,
        operation=request.operation,
        hosts=(),
        since=at,
        callback=request.callback or "",
        arguments=request.arguments,
        retries=request.retries,
        last=request.last,
        kept=kept,
    )
