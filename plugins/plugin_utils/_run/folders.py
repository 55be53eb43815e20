"""Which runs work by the files of a folder, so that nobody writes others there meanwhile.

A run leaves a word beside the folder, ``.NAME.runs/RUN.json``. It is not in the folder, whose files are what was
approved. Who wants to write the folder looks whether such a run is over, and removes the words of those that are.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from .._common.errors import ControllerError
from .._common.files import write_report
from .._common.places import open_to_others
from .run import Run, RunState, run_state

if TYPE_CHECKING:
    from pathlib import Path


def work_by(folder: Path, run: Run) -> None:
    """Say that a run works by a folder, where it may; what nobody can write there, nobody can write over."""
    file = _words(folder) / f"{run.id}.json"
    if file.exists():
        return
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_report(file, run.as_document())


def who_works_by(folder: Path, here: Run) -> dict[Path, Run | None]:
    """Give the runs that work by a folder, or may, each with the file that says so; None where it cannot be read."""
    found: dict[Path, Run | None] = {}
    for file in sorted(_words(folder).glob("*.json")):
        try:
            run = Run.from_document(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            found[file] = None
            continue
        if run_state(run, here) is RunState.OVER:
            with suppress(OSError):
                file.unlink()
        else:
            found[file] = run
    return found


def _words(folder: Path) -> Path:
    real = folder.resolve()
    words = real.with_name(f".{real.name}.runs")
    if words.exists() and (why := open_to_others(words)):
        raise ControllerError(
            f"{words}, which says who works by the plan beside it, is not to be believed: {why}. Nothing was touched. "
            "Keep the plan in a folder of your own: -e upgrade_plan_dir=FOLDER."
        )
    return words
