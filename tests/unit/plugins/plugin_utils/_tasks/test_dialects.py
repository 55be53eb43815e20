"""Dialects: at which steps a task runs, compared with what Ansible itself would do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.dialects import (
    TRIPLEO_STEPS,
    DialectError,
    Gating,
    by_condition,
    by_tags,
)
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.split import split_by_step
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# --- Conditions ---

CONDITIONS = [
    ("step|int == 2", [2]),
    ("step | int == 2", [2]),
    ("(step|int) >= 4", [4, 5]),
    ("step|int in [1, 3]", [1, 3]),
    ("step|int in (1, 3)", [1, 3]),
    ("step|int not in [1, 3]", [0, 2, 4, 5]),
    ("step|int != 2", [0, 1, 3, 4, 5]),
    ("2 <= step|int < 4", [2, 3]),
    ("step|string == '2'", [2]),
    ("step|int is odd", [1, 3, 5]),
    ("step is defined and step|int == 1", [1]),
    ("step|int == 2 and clustered", [2]),
    ("clustered and not step|int == 2", [0, 1, 3, 4, 5]),
    ("step|int == 2 or step|int == 4", [2, 4]),
    ("step|int == 2 or forced", [0, 1, 2, 3, 4, 5]),
    ("not (step|int == 2 and clustered)", [0, 1, 2, 3, 4, 5]),
    ("clustered", [0, 1, 2, 3, 4, 5]),
    ("'{{ clustered }}' == 'yes'", [0, 1, 2, 3, 4, 5]),
    ("steps.step == 2", [0, 1, 2, 3, 4, 5]),
    ("true", [0, 1, 2, 3, 4, 5]),
    ("False", []),
]


@pytest.mark.parametrize(("condition", "steps"), CONDITIONS)
def test_a_condition_tells_its_steps(condition: str, steps: list[int]) -> None:
    assert sorted(by_condition(Gating(conditions=(condition,)))) == steps


def test_all_conditions_must_hold() -> None:
    assert by_condition(Gating(conditions=("step|int in [2, 3]", "clustered", "step|int > 2"))) == {3}


UNKNOWN = (
    "runs when {}, and at which steps that is cannot be determined before it runs; compare its number with"
)


@pytest.mark.parametrize(
    "condition",
    [
        "step == 2",  # a number in some releases of TripleO, a string in others
        "step in ['2', '3']",
        "step|int == last_step",
        "step|int in steps",
        "step|int == item",
        "step|my_filter == 2",
        "(step|int == 2) if clustered else false",
        "'{{ step }}' == '2'",
        "step|int == 2 and",
    ],
)
def test_what_cannot_be_told_before_it_runs_is_refused(condition: str) -> None:
    with pytest.raises(DialectError) as caught:
        by_condition(Gating(conditions=(condition,)))
    assert caught.value.rule == "dialect"
    assert str(caught.value).startswith(UNKNOWN.format(condition))


@pytest.mark.parametrize(
    "conditions", [("step|int == 6",), ("step|int > 5", "clustered"), ("step|int == 2", "step|int == 3")]
)
def test_a_step_that_tripleo_never_runs_is_refused(conditions: tuple[str, ...]) -> None:
    with pytest.raises(
        DialectError, match=r"which is true at no step that TripleO runs; the steps are 0 to 5"
    ):
        by_condition(Gating(conditions=conditions))


def test_a_tag_that_tripleo_never_runs_is_refused() -> None:
    with pytest.raises(
        DialectError, match=r"has the tag step6, which TripleO never runs; the steps are 0 to 5"
    ):
        by_tags(Gating(tags=frozenset({"step6", "step2"})))


def test_a_tag_that_is_a_template_is_refused() -> None:
    with pytest.raises(
        DialectError, match=r"has the tag \{\{ mine \}\}, and which that is cannot be determined"
    ):
        by_tags(Gating(tags=frozenset({"{{ mine }}"})))


ATOMS = st.one_of(
    st.builds("step|int {} {}".format, st.sampled_from(["==", "!=", ">=", "<"]), st.integers(-1, 7)),
    st.builds("step|int in {}".format, st.lists(st.integers(0, 6), max_size=3)),
    st.sampled_from(["a", "b", "a == b", "true", "a|default(false)"]),
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=6,
)
JINJA = jinja2.Environment()  # noqa: S701 - conditions, no pages


@settings(deadline=None, max_examples=40)
@given(conditions=st.lists(EXPRESSIONS, min_size=1, max_size=3), a=st.booleans(), b=st.booleans())
def test_no_step_at_which_a_task_would_run_is_missing(conditions: list[str], a: bool, b: bool) -> None:
    def runs(step: int, a: bool, b: bool) -> bool:
        return all(JINJA.compile_expression(each)(step=str(step), a=a, b=b) for each in conditions)

    try:
        steps = by_condition(Gating(conditions=tuple(conditions)))
    except DialectError:
        steps = frozenset()
    assert {step for step in TRIPLEO_STEPS if runs(step, a, b)} <= steps
    if not re.search(r"\b[ab]\b", " ".join(conditions)):
        assert {step for step in TRIPLEO_STEPS if runs(step, a, b)} == steps


# --- Whole files, by tags ---

TAGS = st.lists(
    st.sampled_from(["step0", "step2", "step5", "common", "always", "never", "other"]), max_size=2
)


def named(counter: Iterator[int], tree: Any) -> dict[str, Any]:
    """Give a task or block its tags, and a name that no other one has."""
    tags, below = tree
    item: dict[str, Any] = {"name": f"t{next(counter)}", **({"tags": tags} if tags else {})}
    if not below:
        return {**item, "meta": "noop"}
    parts = {key: [named(counter, each) for each in part] for key, part in below.items() if part}
    return {**item, **parts}


TREES = st.lists(
    st.recursive(
        st.tuples(TAGS, st.just({})),
        lambda inner: st.tuples(
            TAGS,
            st.fixed_dictionaries(
                {
                    "block": st.lists(inner, min_size=1, max_size=3),
                    "rescue": st.lists(inner, max_size=2),
                    "always": st.lists(inner, max_size=2),
                }
            ),
        ),
        max_leaves=5,
    ),
    min_size=1,
    max_size=3,
)


def tasks_of(items: list[dict[str, Any]], tags: Iterable[str]) -> list[str]:
    """Let Ansible itself say which tasks run, in which order; a rescue counts only where something can fail."""
    play = Play.load({"hosts": "all", "gather_facts": False, "tasks": items}, loader=DataLoader())
    play.only_tags, play.skip_tags = frozenset(tags), frozenset()
    return [name for block in play.tasks for name in names(block.filter_tagged_tasks({}))]


def names(block: Any) -> list[str]:
    body, rescue, always = ([*named_in(part)] for part in (block.block, block.rescue, block.always))
    return [*body, *(rescue if body or always else []), *always]


def named_in(part: Iterable[Any]) -> Iterator[str]:
    for each in part:
        if not isinstance(each, Task):
            yield from names(each)
        elif each.name:  # a block that would be empty has a task without one
            yield each.name


@pytest.mark.parametrize("flow", [False, None, True], ids=["lines", "mixed", "braces"])
def test_files_are_cut_as_ansible_filters_tags(flow: bool | None, tmp_path: Path) -> None:
    path = tmp_path / "upgrade_tasks.yml"

    @settings(deadline=None, max_examples=25)
    @given(TREES)
    def check(trees: list[Any]) -> None:
        items = [named(iter(range(999)), ([], {"block": trees}))]
        path.write_text(yaml.safe_dump(items[0]["block"], default_flow_style=flow, sort_keys=False))
        steps = split_by_step(path, "tags").steps
        for step in TRIPLEO_STEPS:
            theirs = tasks_of(yaml.safe_load(path.read_text()), ["common", f"step{step}"])
            ours = tasks_of(yaml.safe_load(steps[step]), ["all"]) if step in steps else []
            assert ours == theirs

    check()
