"""Real runs while a real server answers well, badly, and well again."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.tests.play.toys import Site, one_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENABLED = {
    "ANSIBLE_CALLBACKS_ENABLED": "orderly.services.probe",
    "ORDERLY_PROBES": "probes.yml",
    "ORDERLY_PROBE_EVERY": "0.05",
    "ORDERLY_PROBE_REPORT": "probes.json",
}


class Server(HTTPServer):
    """A server that answers with the status that it is told, and remembers when it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 200
        self.asked: list[tuple[int, float]] = []

    def answers(self, status: int, times: int) -> list[float]:
        """Answer so from now on, and wait until that was heard some times; gives when."""
        already = len(self.asked)
        self.status = status
        deadline = time.monotonic() + 60
        while len(heard := [at for told, at in self.asked[already:] if told == status]) < times:
            assert time.monotonic() < deadline, f"nobody asks: {self.asked[already:]}"
            time.sleep(0.01)
        return heard


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        at, status = time.monotonic(), self.server.status
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.asked.append((status, at))

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(tmp_path: Path, server: Server) -> Site:
    site = Site(tmp_path)
    one_service(site, "w1", steps="3")
    site.write(
        "probes.yml",
        f"""\
        - name: web
          url: http://127.0.0.1:{server.server_port}/
        - name: db
          command: 'true'
        """,
    )
    return site


def report(site: Site) -> dict[str, dict[str, Any]]:
    return {each["service"]: each for each in json.loads((site.folder / "probes.json").read_text())}


def test_seconds_without_a_good_answer_are_told_for_each_service(site: Site, server: Server) -> None:
    site.sticks("web w1 install")
    process = site.start(**ENABLED)
    before = server.answers(200, times=2)
    during = server.answers(503, times=3)
    after = server.answers(200, times=2)
    site.is_mended()
    output, _nothing = process.communicate(timeout=300)
    assert process.returncode == 0, output
    told = report(site)
    assert told["web"]["outages"] == 1
    assert told["web"]["seconds_unavailable"] >= round(during[2] - during[0], 1) - 0.1
    assert told["web"]["seconds_unavailable"] <= round(after[0] - before[1], 1) + 0.1
    assert "HTTP Error 503" in told["web"]["why"]
    assert (told["db"]["outages"], told["db"]["why"]) == (0, "")
    assert f"web was unavailable for {told['web']['seconds_unavailable']} s, once (" in " ".join(
        output.split()
    )
    assert f"db was available throughout ({told['db']['asked']} answers)." in output


def test_an_interrupted_run_tells_it_too(site: Site, server: Server) -> None:
    site.sticks("web w1 install")
    process = site.start(**ENABLED)
    site.wait_until("web w1 install")
    server.answers(503, times=2)  # the first of them is heard when the second is asked
    os.killpg(process.pid, signal.SIGINT)
    output, _nothing = process.communicate(timeout=300)
    assert "web was unavailable for" in output
    assert report(site)["web"]["unavailable_in_the_end"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- name: web\n", "needs either a command or a url"),
        ("web: http://127.0.0.1/\n", "probes: 'web' is not a blocker"),
        ("- {", "cannot be used"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_the_run_goes_on(site: Site, text: str, words: str) -> None:
    site.write("probes.yml", text)
    outcome = site.upgrade(**ENABLED)
    assert outcome.code == 0
    assert f"Nothing is probed, because {site.folder}/probes.yml cannot be used: " in outcome.text
    assert words in outcome.text


@pytest.mark.parametrize("planted", ["", "raise SystemExit('planted')"])
def test_a_project_may_have_plugins_of_its_own(site: Site, planted: str) -> None:
    for name in ("plugins", "plugins/plugin_utils", "plugins/plugin_utils/_report"):
        site.write(f"{name}/__init__.py", planted)
    outcome = site.upgrade(**ENABLED)
    assert outcome.code == 0
    assert report(site)["db"]["asked"]


def test_probes_that_anybody_can_write_are_not_asked(site: Site) -> None:
    (site.folder / "open").mkdir()
    (site.folder / "probes.yml").rename(site.folder / "open/probes.yml")
    (site.folder / "open").chmod(0o777)
    outcome = site.upgrade(**{**ENABLED, "ORDERLY_PROBES": "open/probes.yml"})
    assert outcome.code == 0
    assert "may be somebody else's: everybody can write to " in " ".join(outcome.text.split())
    assert not (site.folder / "probes.json").exists()
