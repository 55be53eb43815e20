from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.demo.stage import (
    PlaybookFilter,
    Process,
    StoryError,
    alone,
    lock_file,
    reason,
)

if TYPE_CHECKING:
    from pathlib import Path

OUTPUT = """\

PLAY [Restart wave by wave] ****************************************************

TASK [orderly.services.nginx : Validating arguments against arg spec 'verify' - Check] ***
ok: [web1]

TASK [orderly.services.nginx : drain | Take it out] ****************************
changed: [web1 -> lb1(10.0.0.1)] => (item=lb1)
changed: [web1 -> lb2(10.0.0.2)] => (item=lb2)

TASK [orderly_plan_nginx : upgrade_tasks | Not for this host] ******************
skipping: [web1]

TASK [Print them as one table] *************************************************
HOST    UNIT
ok: [web1]

TASK [orderly.services.rolling_restart : wave | Restart] ***********************
[ERROR]: Task failed: no route
Origin: wave.yml:23:7

23     - name: wave | Restart
       ^ column 7

fatal: [web1]: UNREACHABLE! => {"changed": false, "msg": "no route", "unreachable": true}

PLAY RECAP *********************************************************************
web1                       : ok=2    changed=1    unreachable=1    failed=0    skipped=1    rescued=0    ignored=0
"""


def test_output_is_shortened_to_what_was_done_said_and_failed() -> None:
    shortener = PlaybookFilter()
    assert [short for line in OUTPUT.splitlines() for short in shortener.shorten(line)] == [
        "  PLAY Restart wave by wave",
        "    · nginx : drain | Take it out",
        "    · Print them as one table",
        "      HOST    UNIT",
        "    · rolling_restart : wave | Restart",
        "      FATAL [web1] UNREACHABLE! no route",
        "  RECAP",
        "    web1: ok=2 changed=1 unreachable=1 skipped=1",
    ]
    assert shortener.done[-1] == "Print them as one table"


def test_process_whose_program_was_replaced_is_old() -> None:
    assert Process("180", "a", "/usr/sbin/nginx (deleted)").is_old
    assert not Process("180", "a", "/usr/sbin/nginx").is_old


def test_lock_lies_in_the_folder_of_this_user(tmp_path: Path) -> None:
    assert lock_file({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "orderly-services/demo.lock"


def test_second_demo_is_refused_while_one_runs(tmp_path: Path) -> None:
    lock = tmp_path / "new/demo.lock"
    with alone(lock), pytest.raises(StoryError, match="another demo of yours is running"), alone(lock):
        pass
    with alone(lock):
        pass


def test_lock_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoryError, match="cannot be written: File exists"),
        alone(tmp_path / "file/demo.lock"),
    ):
        pass


def test_failed_fleet_command_is_explained_by_its_own_sentence() -> None:
    said = ["Installing podman", "fleet: podman could not be installed,", "see above"]
    assert reason(said) == "podman could not be installed, see above"
    assert reason(["a", "b", "c", "d"]) == "b c d"
