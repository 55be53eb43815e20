"""Play random rolls on real hosts: tests/env python -m …tests.rolls, or ``make random-rolls``.

A roll is made from its number and the seed alone, and is played again with ``--only NUMBER``. How the world's clock and
scheduler treat it is not repeated, so that a fault may come a moment earlier or later.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.rolls.fleet import fleet
from ansible_collections.orderly.services.tests.rolls.play import Verdict, play
from ansible_collections.orderly.services.tests.rolls.stage import Stage
from ansible_collections.orderly.services.tests.rolls.world import make

if TYPE_CHECKING:
    from collections.abc import Iterable


def play_all(numbers: Iterable[int], seed: int, lanes: int, folder: Path) -> list[Verdict]:
    """Play rolls, on so many fleets side by side, and say a line for each as it ends."""
    free: SimpleQueue[Stage] = SimpleQueue()

    def one(number: int) -> Verdict:
        stage = free.get()
        try:
            verdict = play(make(seed, number), stage, folder / str(number))
        except Exception as exc:
            verdict = Verdict(make(seed, number), [f"not judged: {type(exc).__name__}: {str(exc)[-500:]}"])
        finally:
            free.put(stage)
        print(verdict, flush=True)
        return verdict

    with fleet(lanes) as fleets, ThreadPoolExecutor(lanes) as pool:
        for each in fleets:
            free.put(Stage(each))
        return list(pool.map(one, numbers))


def main(arguments: list[str]) -> int:
    """Play them; the exit status is 1 where a rule was broken."""
    parser = argparse.ArgumentParser(prog="rolls", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rolls", type=int, default=10, metavar="NUMBER")
    parser.add_argument("--first", type=int, default=1, metavar="NUMBER", help="the number of the first roll")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", type=int, action="append", metavar="NUMBER", help="play the roll of this number"
    )
    parser.add_argument("--lanes", type=int, default=1, help="how many fleets of six hosts play side by side")
    parser.add_argument(
        "--folder", type=Path, help="where to keep what the runs said and what the hosts logged"
    )
    options = parser.parse_args(arguments)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="rolls-"))
    verdicts = play_all(
        options.only or range(options.first, options.first + options.rolls),
        options.seed,
        options.lanes,
        folder,
    )
    broken = [verdict for verdict in verdicts if verdict.broken]
    runs = sum(len(verdict.statuses) for verdict in verdicts)
    unseen = sum(bool(verdict.unseen) for verdict in verdicts)
    restarts = sum(verdict.restarts for verdict in verdicts)
    print(
        f"{len(verdicts)} rolls, {runs} runs, {restarts} units stopped; {len(broken)} rolls broke a rule, "
        f"{unseen} took a member after another one went down unseen; see {folder}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
