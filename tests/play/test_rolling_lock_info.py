"""Real plays that look at rolling locks, by task and by template."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.faults.local_site import Site

from .toys import Site as Toys

if TYPE_CHECKING:
    from pathlib import Path

PLAY = """
- hosts: h1
  gather_facts: false
  tasks:
{tasks}
"""
LOOK = """
    - orderly.services.rolling_lock_info: {services: web}
      register: found
    - debug:
        msg: >-
          {{ found.statuses.h1.message or 'Nothing' }}; held by
          {{ found.locks.web.holders | map(attribute='host') | join() }}, awaited by
          {{ found.locks.web.queue | map(attribute='hosts') | flatten | join() }}, left
          {{ lookup('orderly.services.rolling_lock', 'web').budget_left }} of {{ found.locks.web.slots }},
          {{ found.locks.web.outcomes | map(attribute='outcome') | join() }} here
    - debug: {msg: "Fact: {{ rolling_status[inventory_hostname].message | default('none', true) }}!"}
      when: rolling_status is defined
"""


def lock(state: str) -> str:
    return f"""
    - orderly.services.rolling_lock: {{state: {state}, services: web, operation: resize}}
      run_once: true
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def toys(tmp_path: Path) -> Toys:
    return Toys(tmp_path)


def play(site: Site, *tasks: str) -> str:
    (site.folder / "play.yml").write_text(PLAY.replace("{tasks}", "".join(tasks)))
    return site.play()


def test_a_host_is_seen_to_await_to_execute_and_to_be_done(site: Site) -> None:
    said = play(site, LOOK, lock("requested"), LOOK, lock("acquired"), LOOK, lock("released"), LOOK)
    assert "Nothing; held by , awaited by , left 2 of 2, here" in said
    assert "Awaiting resize operation; held by , awaited by h1, left 2 of 2, here" in said
    assert "Fact: Awaiting resize operation!" in said
    assert "Executing resize operation; held by h1, awaited by , left 1 of 2, here" in said
    assert "Fact: Executing resize operation!" in said
    assert "Nothing; held by , awaited by , left 2 of 2, released here" in said
    assert "Fact: none!" in said
    assert "failed=0" in said


def test_looking_creates_no_store(site: Site) -> None:
    assert "left 2 of 2" in play(site, LOOK)
    assert not (site.folder / "store.db").exists()


MISTAKES = [
    ("services: web", "services: wbe", "rolling_lock_info: there is no lock of wbe"),
    ("'web'", "'wbe'", "lookup rolling_lock: there is no lock of wbe"),
    ("services: web", "services: web, store: 'nfs://x'", '"nfs://x" is not a store address'),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_is_named(site: Site, right: str, wrong: str, message: str) -> None:
    assert message in play(site, LOOK.replace(right, wrong))


def test_an_etcd_without_tls_that_is_elsewhere_is_warned_of_once(toys: Toys) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - an address that is not the loopback's

        def answer() -> None:
            with suppress(OSError):
                while True:
                    with server.accept()[0] as near:
                        near.recv(65536)
                        body = b'{"header": {"revision": "5"}}'
                        near.sendall(
                            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
                            + body
                        )

        threading.Thread(target=answer, daemon=True).start()
        toys.groups(web="w1")
        toys.service("web", "3")
        url = f"etcd://0.0.0.0:{server.getsockname()[1]}/x"
        look = f"    - orderly.services.rolling_lock_info: {{store: {url}}}\n      run_once: true\n"
        playbook = toys.write("look.yml", f"- hosts: web\n  gather_facts: false\n  tasks:\n{look}{look}")
        outcome = toys.upgrade(playbook=playbook)
    assert outcome.code == 0, outcome.raw
    assert outcome.text.count(f"The store {url} is used without TLS") == 1
