# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let hosts in bad hands answer anything at all to every playbook, beside two good hosts that must not notice.

Run: tests/env python tests/fuzz/answers.py [ANSWERS] [SEED] [PROGRAMS…]

PROGRAMS are folders of an ansible-playbook, one for each ansible-core to play with, or --ends for the oldest and the
newest. A run that went wrong is named with its seed, so that it can be played again alone:
tests/env python tests/fuzz/answers.py 0 SEED PROGRAMS.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.cores.cores import ends
from ansible_collections.orderly.services.tests.faults.matrix import playbook_of
from ansible_collections.orderly.services.tests.hostile.site import ALONE, PLAYBOOKS, Fleet, faults

if TYPE_CHECKING:
    from ansible_collections.orderly.services.tests.hostile.site import Played

ANSWERS = 5000
# Hostile hosts at once: where hosts have nothing to do with each other, and where they take turns.
MANY, FEW = 100, 12


class Fuzz:
    """The runs with one ansible-core."""

    def __init__(self, programs: Path, folder: Path) -> None:
        """Remember where to play."""
        self.programs, self.folder = programs, folder
        self.usual: dict[int, Played] = {}

    def size(self, seed: int) -> int:
        """Tell how many hosts are hostile in a run."""
        return MANY if PLAYBOOKS[seed % len(PLAYBOOKS)][0] in ALONE else FEW

    def play(self, seed: int, *, hostile: bool) -> tuple[Fleet, Played]:
        """Play one run on a new fleet."""
        playbook, variables = PLAYBOOKS[seed % len(PLAYBOOKS)]
        fleet = Fleet(Path(tempfile.mkdtemp(dir=self.folder)), self.programs, self.size(seed))
        if hostile:
            fleet.turn(seed)
        return fleet, fleet.play(playbook, variables)

    def look(self, seed: int) -> list[str]:
        """Play one run, and tell what went wrong."""
        number = seed % len(PLAYBOOKS)
        if number not in self.usual:
            fleet, self.usual[number] = self.play(number, hostile=False)
            shutil.rmtree(fleet.folder, ignore_errors=True)
        fleet, played = self.play(seed, hostile=True)
        playbook = PLAYBOOKS[number][0]
        found = [
            f"{self.programs.parent.name}, seed {seed}, {playbook}: {fault}"
            for fault in faults(fleet, playbook, played, self.usual[number])
        ]
        shutil.rmtree(fleet.folder, ignore_errors=True)
        return found


def seeds_for(fuzz: Fuzz, answers: int, first: int) -> list[int]:
    """Take as many runs, one after the other, as have so many hostile hosts together."""
    seeds, given = [first], fuzz.size(first)
    while given < answers:
        seeds.append(seeds[-1] + 1)
        given += fuzz.size(seeds[-1])
    return seeds


def main(answers: int = ANSWERS, first: int = 0, *programs: Path) -> int:
    """Play with each ansible-core, and count."""
    folder, begin = Path(tempfile.mkdtemp(prefix="orderly-fuzz-")), time.monotonic()
    wrong = 0
    for each in programs or (Path(sys.executable).parent,):
        fuzz = Fuzz(each, folder)
        seeds = seeds_for(fuzz, answers, first)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for found in pool.map(partial(fuzz.look), seeds):
                wrong += len(found)
                print(*found, sep="\n", end="\n" if found else "", flush=True)
        print(
            f"{each}: {sum(map(fuzz.size, seeds))} answers in {len(seeds)} runs, "
            f"{time.monotonic() - begin:.0f} s so far, {wrong} faults",
            flush=True,
        )
    shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    given = sys.argv[1:]
    cores = [playbook_of(core).parent for core in ends()] if given[2:] == ["--ends"] else map(Path, given[2:])
    many, first = (int(each) for each in [*given[:2], *[str(ANSWERS), "0"][len(given[:2]) :]])
    sys.exit(main(many, first, *(each.absolute() for each in cores)))
