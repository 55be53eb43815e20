"""Real plays, real faults: after the first fault of a roll no further host is touched, whatever the keywords."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.orderly.services.tests.faults.cells import CELLS, HOSTS, Cell
from ansible_collections.orderly.services.tests.faults.local_site import Site

Outcomes = dict[Cell, tuple[str, list[str]]]


def play_all(folders: pytest.TempPathFactory, *, lock: bool) -> Outcomes:
    """Play every cell; one takes most of a second, so they go side by side."""

    sites = [
        Site(folders.mktemp("site")) for _cell in CELLS
    ]  # not in the pool: mktemp is not made for threads

    def play(cell: Cell, site: Site) -> tuple[str, list[str]]:
        site.write(*cell, lock=lock)
        return site.play(), site.touched

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(CELLS, pool.map(play, CELLS, sites), strict=True))


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return play_all(tmp_path_factory, lock=True)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_no_host_is_touched_after_the_first_fault(cell: Cell, locked: Outcomes) -> None:
    output, touched = locked[cell]
    assert touched == list(HOSTS[: int(cell.serial)])
    if output.count("PLAY [web]") > 1:  # where Ansible did not stop by itself
        assert "h1 holds a slot of web" in output


def test_ansible_alone_goes_on_in_some_cells_so_the_matrix_can_tell(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stock = play_all(tmp_path_factory, lock=False)
    gone_on = [cell for cell, (_output, touched) in stock.items() if len(touched) > int(cell.serial)]
    assert Cell("unreachable", "2", "no keyword") in gone_on
    assert len(gone_on) >= 5
