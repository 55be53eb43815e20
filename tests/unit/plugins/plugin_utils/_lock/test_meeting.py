"""Where changes for one roll or one run meet; that they do, in a store that others use, is for tests/store."""

from __future__ import annotations

from ansible_collections.orderly.services.plugins.plugin_utils._lock.meeting import PLACES, meeting

from ..lock_world import run


def test_changes_for_one_roll_or_one_run_have_a_document_in_common_and_others_have_none() -> None:
    one = meeting("roll", run(1))
    assert one.keys() & meeting("roll", run(2)).keys()
    assert one.keys() & meeting("other", run(1)).keys()
    assert not one.keys() & meeting("other", run(2)).keys()


def test_a_roll_that_is_named_by_its_run_has_one_document() -> None:
    assert len(meeting(run(1).id, run(1))) == 1


def test_there_are_no_more_documents_than_places_and_no_key_begins_with_another() -> None:
    keys = {key for n in range(3 * PLACES) for key in meeting(f"roll{n}", run(1))}
    assert len(keys) <= PLACES
    assert len({len(key) for key in keys}) == 1
