"""Lint before plan: what services that can each be read would still do wrong, alone or to each other.

A rule is a function that gives findings; :data:`RULES` lists those for one service, :data:`RULES_FOR_ALL` those for all
services together. What keeps a task file from being read at all is found by :mod:`.split` and :mod:`.rules`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from .._common.text import natural
from .._service.catalogue import variable
from .._service.settings import line_of
from .._service.steps import (
    CHANGE,
    CHANGE_STEPS,
    FACTS,
    HANDLERS,
    KNOWN_STEPS,
    ORDERLY,
    RANK,
    ROLL_PARTS,
    STEP,
    WHEN,
)
from .files import entry, forms, is_true, label, strings, value_of
from .findings import Finding
from .looks import looks_for_all, only_looks
from .strategy import FOR_ALL_HOSTS
from .variables import compares_with_first_of_group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .variables import ServiceTasks, TaskUse

    Rule = Callable[[ServiceTasks], Iterator[Finding]]

    RuleForAll = Callable[[Sequence[ServiceTasks]], Iterator[Finding]]

# The parts whose variables a part may read, besides facts.yml: those that surely run before it, in the same play.
SEES = {
    FACTS: {FACTS},
    RANK: {RANK},
    "validate": {"validate"},
    "prepare": {"prepare"},
    "drain": {"drain"},
    CHANGE: {"drain", CHANGE},
    "verify": {"drain", "verify"},
    "undo": {"undo"},
    "undrain": {"drain", "verify", "undrain"},
    "post-upgrade": {"post-upgrade"},
    "finalize": {"finalize"},
}
SERVICE_MODULES = (
    *forms("service", "systemd", "systemd_service", "sysvinit"),
    "orderly.services.deferrable_service",
    "deferrable_service",
)

HOSTS_OF_PLAY = {"ansible_play_hosts", "ansible_play_hosts_all", "ansible_play_batch", "play_hosts"}
TEMPORARY = ("orderly.services.temporary_changes", "temporary_changes")


def lint(services: Iterable[ServiceTasks]) -> list[Finding]:
    """Look at all services that are deployed."""
    listed = sorted(services, key=lambda each: natural(each.service.name))
    alone = [finding for each in listed for rule in RULES for finding in rule(each)]
    return alone + [finding for rule in RULES_FOR_ALL for finding in rule(listed)]


# --- One service ---


def dead_conditions(declared: ServiceTasks) -> Iterator[Finding]:
    """Find conditions on TripleO's variable ``step`` where no plan sets it: their tasks would fail, or never run."""
    if STEP in declared.given or STEP in declared.writes:
        return
    in_when = declared.service.dialect == WHEN
    for word in declared.uses:
        when = value_of(word.task, "when")
        if when is not None and STEP in _asked(word, "when") and not (in_when and word.step is not None):
            where = f"which only steps have, not {word.part}" if in_when else "which no plan sets"
            remedy = "remove it" if in_when else f"give it the tag of its step, one of {KNOWN_STEPS}"
            if declared.service.dialect == ORDERLY:
                remedy += f", or say dialect: when in {declared.service.file}"
            message = f"{label(word.task)} uses the variable step, {where}; {remedy}."
            yield word.file.finding(word.task, "dead-condition", message)


def own_step(declared: ServiceTasks) -> Iterator[Finding]:
    """Find services in TripleO's dialect of conditions that have a variable ``step`` of their own."""
    if declared.service.dialect == WHEN and (STEP in declared.given or STEP in declared.writes):
        message = "dialect: when means TripleO's variable step, but this role has a variable of that name; rename it."
        yield Finding(declared.service.file, line_of(declared.service, "dialect"), "dialect", message)


def _asked(word: TaskUse, key: str) -> frozenset[str]:
    """Name the variables that one key of a task asks for."""
    only = [pair for pair in word.task.value if pair[0].value == key]
    node = yaml.MappingNode(word.task.tag, only, word.task.start_mark, word.task.end_mark)
    return type(word)(word.part, word.step, word.file, node).reads


def lost_variables(declared: ServiceTasks) -> Iterator[Finding]:
    """Find variables that one part writes and another reads: they do not survive between runs."""
    for word in declared.uses:
        for name in sorted(word.reads & declared.writes.keys() - declared.given):
            writers = declared.writes[name]
            seen = {*SEES[word.part], FACTS, HANDLERS}
            if word.part == HANDLERS or any(each.part in seen for each in writers):
                continue
            first = writers[0]
            why = (
                f"{word.part}.yml also runs without an upgrade, in rolling restarts"
                if word.part in ROLL_PARTS
                else "variables do not survive between runs, and each part may run in another one"
            )
            message = (
                f"{label(word.task)} in {word.part} reads {name}, which {first.part} writes ({_place(first)}); {why}. "
                f"{_kept(name, first, word.part)}"
            )
            yield word.file.finding(word.task, "lost-variable", message)


def _kept(name: str, writer: TaskUse, part: str) -> str:
    """Say how a part may have what another one writes."""
    if only_looks(writer.task):
        return (
            f"Move {label(writer.task)} to tasks/facts.yml, which runs before every part; all parts may read what it "
            "finds."
        )
    return (
        f"If {label(writer.task)} only looks, move it to tasks/facts.yml, which runs before every part; otherwise "
        f"determine {name} again in {part}, or keep it in a file on the host."
    )


def once_in_each_wave(declared: ServiceTasks) -> Iterator[Finding]:
    """Find other ways to say ``run_once``: they mean the hosts of a play, which are those of one wave."""
    if declared.service.full_stop:
        return  # then there is one wave
    for word in declared.uses:
        named = sorted(word.reads & HOSTS_OF_PLAY) if word.part in (CHANGE, *ROLL_PARTS) else []
        if named:
            message = (
                f"{label(word.task)} uses {named[0]}, but a play has the hosts of one wave: what is done on the "
                f"first of them is done in each wave. {_ONCE}"
            )
            yield word.file.finding(word.task, "run-once", message)
        elif word.step in CHANGE_STEPS and any(map(compares_with_first_of_group, _conditions(word))):
            message = (
                f"{label(word.task)} runs on the first host of a group, in whichever wave that host is; others may "
                f"have changed before. {_ONCE}"
            )
            yield word.file.finding(word.task, "run-once", message)


def once_for_a_wave(declared: ServiceTasks) -> bool:
    """Tell whether a task of the waves runs once for all their hosts: one that only looks, or whose module does so."""
    waves = (word.task for word in declared.uses if word.part in (CHANGE, *ROLL_PARTS, HANDLERS))
    return any(
        entry(task, *FOR_ALL_HOSTS) or (is_true(value_of(task, "run_once")) and looks_for_all(task))
        for task in waves
    )


def _conditions(word: TaskUse) -> list[str]:
    when = value_of(word.task, "when")
    given = when.value if isinstance(when, yaml.SequenceNode) else [when] if when is not None else []
    return [str(each.value) for each in given]


_ONCE = (
    "Say run_once: true in step4, before any host starts, or do it in step1 or step6, which run on all hosts "
    "together."
)


def stopped_for_good(declared: ServiceTasks) -> Iterator[Finding]:
    """Find what steps 2 to 5 stop and nothing starts again afterwards."""
    steps = sorted(
        (word for word in declared.uses if word.step in CHANGE_STEPS), key=lambda word: word.step or 0
    )
    later = [word for word in declared.uses if word.part in ("undrain", HANDLERS)]
    for number, word in enumerate(steps):
        stopped = _handled(word, "stopped") if not _retired(word) else frozenset()
        started = (_handled(each, "started", "restarted") for each in [*steps[number + 1 :], *later])
        for name in sorted(stopped.difference(*started)):
            message = (
                f"{label(word.task)} stops {name}, and no later task of steps 2 to 5, undrain.yml or a handler starts "
                f"it. Start it in step5; if it is to stay down, say enabled: false here too."
            )
            yield word.file.finding(word.task, "stopped-for-good", message)


def changed_for_good(declared: ServiceTasks) -> Iterator[Finding]:
    """Find temporary changes that are recorded, and that nothing undoes."""
    if declared.service.tasks_file("undo") is not None:
        return
    for word in declared.uses:
        if value_of(word.task, *TEMPORARY) is not None:
            message = (
                f"{label(word.task)} records a temporary change, but {declared.service.name} has no tasks/undo.yml to "
                "undo it. Write one."
            )
            yield word.file.finding(word.task, "no-undo", message)


def _handled(word: TaskUse, *states: str) -> frozenset[str]:
    """Name the units that a task brings into one of some states; a template counts as what it says."""
    module = value_of(word.task, *SERVICE_MODULES)
    if not isinstance(module, yaml.MappingNode):
        return frozenset()
    state, name = value_of(module, "state"), value_of(module, "name", "service", "unit")
    if not isinstance(state, yaml.ScalarNode) or not any(each in state.value for each in states):
        return frozenset()
    names = strings(name)
    if any("item" in each for each in names):
        names = strings(value_of(word.task, "loop", "with_items")) or names
    return frozenset(each.removesuffix(".service") for each in names)


def _retired(word: TaskUse) -> bool:
    module = value_of(word.task, *SERVICE_MODULES)
    if not isinstance(module, yaml.MappingNode):
        return False
    enabled = value_of(module, "enabled")
    return is_true(value_of(module, "masked")) or (enabled is not None and not is_true(enabled))


def no_rank(declared: ServiceTasks) -> Iterator[Finding]:
    """Find a ``rank.yml`` that sets no rank: every roll would be refused."""
    path = declared.service.tasks_file(RANK)
    name = variable(declared.service.name, RANK)
    if path is not None and not any(word.part == RANK for word in declared.writes.get(name, ())):
        message = (
            f"rank.yml does not set {name}, a whole number for each host (those with lower ones go first); set it "
            "with set_fact."
        )
        yield Finding(path, 1, RANK, message)


# --- All services together ---


def missing_requirements(services: Sequence[ServiceTasks]) -> Iterator[Finding]:
    """Find services that require one that no host is to have."""
    deployed = {declared.service.name for declared in services}
    for service in (declared.service for declared in services):
        for required in (each.service for each in service.requires if each.counts):
            if required not in deployed:
                message = (
                    f"{service.name} requires {required}, which is not deployed: no host is in its group. Add hosts "
                    "to the group, or remove it from requires; after is for services that may be missing."
                )
                yield Finding(
                    Path(service.source), line_of(service, "requires"), "missing-requirement", message
                )


def shared_variables(services: Sequence[ServiceTasks]) -> Iterator[Finding]:
    """Find variables that two services write, and one reads: on a host of both it would read what the other wrote."""
    for name, writers in _writers(services).items():
        for number, other in enumerate(writers):
            owner = next((each for each in writers[:number] if _may_mix(name, each, other)), None)
            if owner is not None:
                word = other.writes[name][0]
                message = (
                    f"{label(word.task)} of {other.service.name} writes {name}, and so does {owner.service.name} "
                    f"({_place(owner.writes[name][0])}); on a host that has both, one would read what the other wrote. "
                    f"Give it a name specific to the service, such as __{other.service.name}_{name.lstrip('_')}."
                )
                yield word.file.finding(word.task, "shared-variable", message)


def borrowed_variables(services: Sequence[ServiceTasks]) -> Iterator[Finding]:
    """Find variables that a service reads and only another one writes: it is there by luck of the order."""
    writers = _writers(services)
    for declared in services:
        mine = declared.given | declared.writes.keys()
        for word in declared.uses:
            for name in sorted((word.reads & writers.keys()) - mine):
                owner = next((each for each in writers[name] if _meet(each, declared)), None)
                if owner is not None:
                    message = (
                        f"{label(word.task)} of {declared.service.name} reads {name}, which only {owner.service.name} "
                        f"writes ({_place(owner.writes[name][0])}); without it, or in another run, it would be "
                        f"undefined. Determine it in {declared.service.name} itself, in tasks/facts.yml if that only "
                        "looks."
                    )
                    yield word.file.finding(word.task, "borrowed-variable", message)


def _writers(services: Sequence[ServiceTasks]) -> dict[str, list[ServiceTasks]]:
    """Give each variable with the services that write it."""
    writers: dict[str, list[ServiceTasks]] = {}
    for declared in services:
        for name in declared.writes:
            writers.setdefault(name, []).append(declared)
    return writers


def _may_mix(name: str, one: ServiceTasks, other: ServiceTasks) -> bool:
    return (name in one.exposed or name in other.exposed) and _meet(one, other)


def _meet(one: ServiceTasks, other: ServiceTasks) -> bool:
    """Tell whether two services share a host."""
    return not one.hosts.isdisjoint(other.hosts)


def _place(word: TaskUse) -> str:
    return f"{word.file.path}:{word.task.start_mark.line + 1}"


RULES: Iterable[Rule] = (
    dead_conditions,
    own_step,
    lost_variables,
    once_in_each_wave,
    stopped_for_good,
    changed_for_good,
    no_rank,
)
RULES_FOR_ALL: Iterable[RuleForAll] = (missing_requirements, shared_variables, borrowed_variables)
