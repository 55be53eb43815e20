"""Recovery asks the store about runs on other machines."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import document_of
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import PREFIX, open_store
from ansible_collections.orderly.services.tests.faults.local_site import Site
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils.lock_world import World, run

if TYPE_CHECKING:
    from pathlib import Path

    from real_etcd import Etcd

PLAY = """
- hosts: web
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {drained: {services: []}, changed: {temporary_changes: []}}
    - orderly.services.internal.rolling_recovery: {drained: drained, temporary: changed}
      run_once: true
"""


def test_a_host_is_left_behind_once_a_run_on_another_machine_is_known_to_be_over(
    tmp_path: Path, etcd: Etcd
) -> None:
    site = Site(tmp_path)
    (site.folder / "play.yml").write_text(PLAY)
    url = etcd.url(f"recovery/{uuid.uuid4()}")
    key = PREFIX + run(5).id
    with closing(open_store(url)) as store:
        World(store).asks(5, "h1", services="web", members=frozenset({"h1", "h2", "h3", "h4"}))
        assert "it is unknown here whether its holder is still working" in site.play(
            "-e", f"orderly_store={url}"
        )
        store.transact((PREFIX,), lambda _documents: ({key: document_of(run(5), RunState.LIVE)}, None))
        assert "somebody is working on it" in site.play("-e", f"orderly_store={url}")
        store.transact((PREFIX,), lambda _documents: ({key: document_of(run(5), RunState.OVER)}, None))
        assert "h1 was left behind: h1 has held a slot of web" in site.play("-e", f"orderly_store={url}")
