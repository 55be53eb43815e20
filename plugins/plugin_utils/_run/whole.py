"""Whether a play runs as it is written: what the command line and ansible.cfg may change, and may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.release import __version__

from .._common.errors import ControllerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible.playbook.play import Play

OLDEST = (2, 16)
_STRATEGIES = ("linear", "free")
_OF_MOLECULE = {"molecule-notest", "notest"}
"""Molecule skips these in all its runs; a task that has one says itself that tests may leave it out."""


class WholeError(ControllerError):
    """Something outside of the playbook would leave out or change a part of it."""


def check_core(version: str = __version__) -> None:
    """Refuse an ansible-core that nobody has tried; raises :class:`WholeError`."""
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        raise WholeError(
            f"This is ansible-core {version}; orderly.services needs {'.'.join(map(str, OLDEST))} or later. Install "
            "one, in a virtual environment say: python3 -m venv venv && venv/bin/pip install ansible-core"
        )


def check_tags(what: str, run: Iterable[str] | None, skipped: Iterable[str] | None, only: str = "") -> None:
    """Refuse to leave out parts by their tags; *only* is the variable for services. Raises :class:`WholeError`."""
    chosen = set(run or ())
    services = f", and services with -e {only}=SERVICE" if only else ""
    if (chosen and "all" not in chosen) or set(skipped or ()) - _OF_MOLECULE:
        raise WholeError(
            f"{what} does not take --tags or --skip-tags: single steps and checks cannot be chosen. Choose hosts "
            f"with --limit{services}. (If you typed neither, ansible.cfg or the environment sets them.)"
        )


def check_as_written(what: str, variables: Mapping[str, Any], play: Play) -> None:
    """Refuse to begin where a part would be left out, and be recorded as done; raises :class:`WholeError`."""
    check_tags(what, variables["ansible_run_tags"], variables["ansible_skip_tags"])
    if play.strategy.removeprefix("ansible.builtin.") not in _STRATEGIES:
        raise WholeError(
            f"{what} is refused: its play has the strategy {play.strategy}. It relies on ansible.builtin.linear, in "
            "which hosts wait for each other; set that in the play."
        )
    if not getattr(constants, "DEFAULT_UNDEFINED_VAR_BEHAVIOR", True):
        raise WholeError(
            f"{what} is refused: error_on_undefined_vars is off (ansible.cfg or the environment), so tasks would run "
            "with values that are not there. Turn it on for this run: ANSIBLE_ERROR_ON_UNDEFINED_VARS=true."
        )
