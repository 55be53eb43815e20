from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.script import (
    PolicyScript,
    ScriptState,
)

if TYPE_CHECKING:
    from pathlib import Path


def install(root: Path) -> PolicyScript:
    script = PolicyScript(root)
    script.path.parent.mkdir(parents=True)
    script.path.write_text("#!/bin/sh\n")
    script.path.chmod(0o755)
    script.asked.parent.mkdir(parents=True)
    return script


def register(script: PolicyScript, root: Path) -> None:
    alternatives = root / "var/lib/dpkg/alternatives"
    alternatives.mkdir(parents=True)
    (alternatives / "policy-rc.d").write_text(f"auto\n/usr/sbin/policy-rc.d\n\n{script.path}\n100\n\n")


def test_a_fresh_host_asks_nobody(tmp_path: Path) -> None:
    assert PolicyScript(tmp_path).state() == ScriptState(
        installed=False, registered=False, in_force=False, neighbour="", chained=""
    )


def test_our_script_is_in_force_when_it_is_the_alternative(tmp_path: Path) -> None:
    script = install(tmp_path)
    register(script, tmp_path)
    script.asked.symlink_to(script.path)
    assert script.state() == ScriptState(
        installed=True, registered=True, in_force=True, neighbour="", chained=""
    )


def test_a_neighbour_is_named(tmp_path: Path) -> None:
    script = install(tmp_path)
    script.asked.write_text("#!/bin/sh\nexit 101\n")
    state = script.state()
    assert not state.in_force
    assert state.neighbour == str(script.asked)


def test_a_script_that_is_asked_first_is_named(tmp_path: Path) -> None:
    script = install(tmp_path)
    script.asked.symlink_to(script.path)
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\n")
    script.chained.symlink_to(other)
    assert script.state().chained == str(other)


def test_what_another_task_left_in_our_place_is_nobody_to_be_asked(tmp_path: Path) -> None:
    script = install(tmp_path)
    register(script, tmp_path)
    script.chained.write_text("#!/bin/sh\n# a neighbour's\n")
    script.asked.write_text("#!/bin/sh\nexit 101\n")
    assert script.state() == ScriptState(
        installed=True,
        registered=True,
        in_force=False,
        neighbour="",
        chained=str(script.chained),
        leftover=True,
    )
    (sentence,) = script.trouble()
    assert sentence.startswith(f"{script.asked} is a script that gives every caller the same answer")
    assert sentence.endswith("run the playbook defer_restarts or allow_restarts: both put ours back first.")


OTHERS = [
    ("#!/bin/sh\nexit 101\n", False),  # an image's, before ours was registered
    ("#!/bin/sh\n# a neighbour's\nexit 101\n", True),
]


@pytest.mark.parametrize(("text", "registered"), OTHERS)
def test_a_script_that_is_not_left_by_a_task_is_a_neighbour(
    tmp_path: Path, text: str, *, registered: bool
) -> None:
    script = install(tmp_path)
    if registered:
        register(script, tmp_path)
    script.asked.write_text(text)
    assert script.state().neighbour == str(script.asked)
    assert not script.state().leftover
    assert script.trouble() == []


def test_a_package_that_runs_the_folder_of_policies_is_named_until_it_has_a_script(tmp_path: Path) -> None:
    script = install(tmp_path)
    (tmp_path / "usr/sbin/zg-policy-rc.d").touch()
    (sentence,) = script.trouble()
    assert sentence.startswith("The package policyrcd-script-zg2 is installed; it runs ")
    own = tmp_path / "usr/local/sbin/policy-rc.d"
    own.parent.mkdir(parents=True)
    own.touch()
    assert script.trouble() == []


KEPT = [
    ("#!/bin/sh\nexit 101\n", True),
    ("#!/bin/sh\n\n# For most users of images, this is enough.\n  exit 101;\n", True),
    ("#!/bin/dash\nexit 1", True),
    ("#!/bin/sh\nexit 0\n", False),
    ("#!/bin/sh\nexit 104\n", False),
    ("#!/bin/sh\n[ $1 = cron ] && exit 101\nexit 0\n", False),
    ("#!/bin/sh\nexit $answer\n", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "is_told"), KEPT)
def test_a_script_that_was_kept_and_denies_everything_is_told_with_the_way_to_be_rid_of_it(
    tmp_path: Path, text: str, *, is_told: bool
) -> None:
    script = install(tmp_path)
    assert script.trouble() == []
    script.chained.write_text(text)
    told = script.trouble()
    assert bool(told) == is_told
    if told:
        assert told[0].startswith(
            f"The script that was here before, {script.chained}, is asked first and denies "
        )
        assert told[0].endswith(f"stop asking it: rm {script.chained}")
