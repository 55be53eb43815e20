"""The role pull refuses what cannot work before it touches a host, and writes secrets for root alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .toys import PYTHON, ROOT, UPGRADE, a_chain

if TYPE_CHECKING:
    from .toys import Outcome, Site

ETCD = "etcd://etcd1:2379/orderly"
REFUSALS = [
    ({}, "pull_url is not set."),
    ({"pull_url": "x"}, 'state/store.db", which hosts cannot share.'),  # what orderly_store says
    (
        {"pull_url": "x", "pull_store": "sqlite:///x"},
        'pull_store is "sqlite:///x", which hosts cannot share.',
    ),
    (
        {"pull_url": "x", "pull_store": ETCD, "pull_store_files": {"ca": "CA"}},
        f"pull_store_files has ca, and the address {ETCD} does not say where that is to be.",
    ),
    ({"pull_url": "x", "pull_store": ETCD, "pull_ansible_from": "pip"}, "must be one of: venv, system"),
]


def play(site: Site, entry: str, given: dict[str, Any], *arguments: str) -> Outcome:
    """Apply a part of the role to this machine."""
    role = {"name": "orderly.services.pull", "tasks_from": entry}
    tasks = [{"name": "Apply it", "ansible.builtin.import_role": role, "vars": given}]
    plays = [{"name": "Pull", "hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    here = {"ansible_connection": "local", "ansible_python_interpreter": PYTHON}
    site.write("localhost.yml", json.dumps({"all": {"hosts": {"localhost": here}}}))
    return site.upgrade("-i", "localhost.yml", *arguments, playbook=site.write("pull.yml", json.dumps(plays)))


@pytest.mark.parametrize(("given", "refusal"), REFUSALS)
def test_what_cannot_work_is_refused(site: Site, given: dict[str, Any], refusal: str) -> None:
    outcome = play(site, "main", given)
    assert outcome.code != 0
    assert refusal in outcome.text.replace('\\"', '"')


def test_the_files_of_the_store_are_written_where_its_address_says(site: Site) -> None:
    folder = site.folder / "etc"
    given = {
        "pull_store": f"{ETCD}?ca={folder}/ca.pem&cert={folder}/a%20b/ops.pem&key={folder}/ops.key",
        "pull_store_files": {"ca": "CA\n", "cert": "CERT\n", "key": "KEY\n"},
    }
    rehearsed = play(site, "store", given, "--check")
    assert rehearsed.code == 0, rehearsed.raw
    assert not folder.exists()
    outcome = play(site, "store", given)
    assert outcome.code == 0, outcome.raw
    written = {str(path.relative_to(folder)): path for path in folder.rglob("*.*")}
    assert {name: path.read_text() for name, path in written.items()} == {
        "ca.pem": "CA\n",
        "a b/ops.pem": "CERT\n",
        "ops.key": "KEY\n",
    }
    assert {name: path.stat().st_mode & 0o777 for name, path in written.items()} == {
        "ca.pem": 0o644,
        "a b/ops.pem": 0o644,
        "ops.key": 0o600,
    }
    assert all(path.stat().st_uid == os.getuid() for path in written.values())
    assert "changed=0" in play(site, "store", given).text


def pull(site: Site, *arguments: str) -> tuple[int, list[str]]:
    """Upgrade as the unit does; gives the exit status, and the lines that say what came of it."""
    store = ("-e", f"orderly_store=sqlite://{site.store}")
    command = [site.program("ansible-playbook"), "-i", site.inventory, *store, *arguments, UPGRADE]
    told = {
        "ANSIBLE_CALLBACKS_ENABLED": "orderly.services.progress",
        "ORDERLY_PROGRESS_REPORT": str(site.folder / "report.json"),
    }
    done = subprocess.run(
        [sys.executable, ROOT / "roles/pull/files/orderly_pull.py", *command],
        cwd=site.folder, env={**site.environ, **told}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, [line for line in done.stdout.splitlines() if line.startswith("orderly-pull: ")]


def test_the_end_of_a_real_run_is_told(site: Site) -> None:
    a_chain(site)
    site.breaks("web w1 install")
    campaign = ("-e", "upgrade_campaign=first")
    status, (told,) = pull(site, *campaign, "--limit", "w1")
    assert status == 75
    assert told.startswith("orderly-pull: refused, and nothing was disrupted here: ")
    assert "change of db on d1" in told
    assert pull(site, *campaign, "--limit", "d1,d2") == (0, ["orderly-pull: done."])
    assert pull(site, *campaign, "--limit", "w1") == (
        2,
        [
            "orderly-pull: failed on this host. It keeps its slots of web, and counts as down. Look above for the "
            "cause; the next run takes it up again."
        ],
    )
    site.is_mended()
    assert pull(site, *campaign) == (0, ["orderly-pull: done."])
    assert pull(site, *campaign) == (0, ["orderly-pull: nothing was left to do on this host."])
