"""Real runs with the callback beside Ansible's own output: a log, a terminal, and a report."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.tests.faults.cells import RELEASE, task
from ansible_collections.orderly.services.tests.faults.local_site import Site
from ansible_collections.orderly.services.tests.play.toys import Site as Toys

if TYPE_CHECKING:
    from pathlib import Path

ENABLED = {"ANSIBLE_CALLBACKS_ENABLED": "orderly.services.progress", "ORDERLY_PROGRESS_REPORT": "report.json"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def report(site: Site) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((site.folder / "report.json").read_text())
    return told


def without_times(text: str) -> str:
    return re.sub(r"\b\d+ s\b", "N s", text)


def words(text: str) -> list[str]:
    return sorted(text.split())  # hosts answer in any order


def test_a_sound_roll_is_told_wave_by_wave_and_reported(site: Site) -> None:
    site.write("none", "2")
    output = without_times(site.play(**ENABLED))
    assert "Wave 1 of 2 begins: h1 (web), h2 (web)" in output
    assert "Wave 2 of 2 is done after N s: 4 done, 0 waiting, 0 failed" in output
    assert output.endswith("4 hosts done in 2 waves, N s.")
    told = report(site)
    assert (told["outcome"], told["slots_kept"], told["not_begun"]) == ("done", {}, [])
    assert [list(wave["hosts"]) for wave in told["waves"]] == [["h1", "h2"], ["h3", "h4"]]
    assert {host["outcome"] for wave in told["waves"] for host in wave["hosts"].values()} == {"done"}


def test_where_ansible_ends_the_run_itself_the_end_says_what_stopped_and_how_to_resume(site: Site) -> None:
    site.write("unreachable", "1")
    output = without_times(site.play("-e", "api_token=abc", **ENABLED))
    assert "Wave 1 of 4 failed on h1 after N s: 0 done, 3 waiting, 1 failed" in output
    assert "Stopped: 0 hosts done in 1 wave, N s; 1 failed, 3 not begun." in output
    assert 'h1 unreachable in wave 1 of 4 at "ansible.builtin.raw": ' in output
    assert "Slots kept, and counted as down: h1 (web)" in output
    command = "ansible-playbook --inventory=inventory.yml play.yml -e 'api_token=…'"
    assert output.endswith(f"To resume, bring h1 back and run again: {command}")
    told = report(site)
    assert (told["outcome"], told["slots_kept"]) == ("stopped", {"h1": ["web"]})
    assert told["not_begun"] == ["h2", "h3", "h4"]


def test_a_refusal_is_repeated_where_people_look(site: Site) -> None:
    site.write("failed", "2")
    output = site.play(**ENABLED)
    assert (
        '1 failed, 2 not begun. h1 failed in wave 1 of 2 at "ansible.builtin.raw": non-zero return code'
        in output
    )
    assert "Refused: Roll " in output.rpartition("Stopped: ")[2]
    assert report(site)["refusal"].startswith("Roll ")


def test_what_is_still_drained_is_named(site: Site) -> None:
    for part in ("drain", "undrain"):
        folder = site.folder / "roles/web/tasks"
        folder.mkdir(exist_ok=True)
        (folder / f"{part}.yml").write_text("- ansible.builtin.raw: echo\n")
    include = "\n    - ansible.builtin.include_role: {name: web, tasks_from: PART}\n"
    site.write("failed", "2")
    fault = task('"false"')
    site.edit(fault, include.replace("PART", "drain") + fault)
    site.edit(RELEASE, include.replace("PART", "undrain") + RELEASE)
    output = site.play(**ENABLED)
    assert "Still drained: h1 (web) To resume" in output
    assert report(site)["drained"] == {"h1": ["web"]}


def test_an_upgrade_is_told_by_the_waves_of_its_plan_also_when_it_is_resumed(tmp_path: Path) -> None:
    toys = Toys(tmp_path)
    toys.groups(web="w1 w2", db="d1")
    toys.service("web", after=["db"])
    toys.service("db")
    toys.breaks("web w1 install")
    enabled = {**ENABLED, "ORDERLY_PROGRESS_REPORT": str(tmp_path / "report.json")}
    stopped = without_times(toys.upgrade(**enabled).text)
    assert "Wave 2 of 3 begins: w1 (web)" in stopped
    assert (
        "Stopped: 1 host done in 2 waves, N s; 1 failed, 1 not begun. w1 failed in wave 2 of 3 at "
        '"web : web install" (roles/web/tasks/upgrade_tasks.yml:14): ' in stopped
    )
    assert "Slots kept, and counted as down: w1 (web)" in stopped
    toys.is_mended()
    assert "2 hosts done in 2 waves" in toys.upgrade(**enabled).text
    assert json.loads((tmp_path / "report.json").read_text())["outcome"] == "done"


def test_a_run_for_one_host_counts_waves_as_the_plan_does(tmp_path: Path) -> None:
    toys = Toys(tmp_path)
    toys.groups(web="w1 w2 w3")
    toys.service("web")
    assert "Wave 3 of 3 begins: w3 (web)" in toys.upgrade("--limit", "w3", **ENABLED).text


@pytest.mark.parametrize("fatal", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_still_says_who_keeps_slots(site: Site, fatal: signal.Signals) -> None:
    site.write("hangs", "2")
    running = site.start(**ENABLED, PYTHONUNBUFFERED="")  # as for whoever reads it from a file
    site.wait_until_hanging(2)
    running.send_signal(fatal)
    output, _nothing = running.communicate(timeout=60)
    assert "Slots kept, and counted as down: h1 (web), h2 (web)" in output
    assert report(site)["outcome"] == "interrupted"


@pytest.mark.parametrize("play", ["- hosts: web\n  gather_facts: false\n  tasks:" + task("echo"), None])
def test_runs_without_a_roll_and_rehearsals_look_as_always(site: Site, play: str | None) -> None:
    site.write("none", "2")
    if play:
        (site.folder / "play.yml").write_text(play)
    arguments = () if play else ("--check",)
    assert words(site.play(*arguments, **ENABLED)) == words(site.play(*arguments))
    assert not (site.folder / "report.json").exists()


def test_a_report_that_cannot_be_written_is_said_and_stops_nothing(site: Site) -> None:
    site.write("none", "2")
    output = site.play(**{**ENABLED, "ORDERLY_PROGRESS_REPORT": str(site.folder)})
    assert "The roll report" in " ".join(output.split())
    assert "4 hosts done" in output


def on_a_terminal(site: Site, **environ: str) -> str:
    """Run the play on a terminal; its work lasts until a live line told of it, or until none is to be expected."""
    terminal, line = pty.openpty()
    fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    variables = {**site.environ(), "TERM": "xterm", **ENABLED, **environ}
    for name in {"CI", "ANSIBLE_NOCOLOR"} - environ.keys():
        variables.pop(name, None)
    process = subprocess.Popen(
        [site.program, "-i", "inventory.yml", "play.yml"],
        cwd=site.folder, env=variables, stdin=line, stdout=line, stderr=line, start_new_session=True,
    )  # fmt: skip
    os.close(line)
    output = ""
    with suppress(OSError):  # the last process on this terminal has ended
        while part := os.read(terminal, 65536):
            output += part.decode(errors="replace")
            if "at work" in output or "TERM" in environ or "CI" in environ:
                (site.folder / "sign").touch()
    process.wait()
    os.close(terminal)
    return output


def test_a_terminal_has_a_live_line_in_its_last_row_that_leaves_no_trace(site: Site) -> None:
    site.write("waits for a sign", "2")
    output = on_a_terminal(site)
    assert "\x1b[1;23r" in output  # the rows above it scroll by themselves
    (row, *_more) = re.findall(r"\x1b7\x1b\[24;1H\x1b\[2K(.*?)\x1b8", output)
    assert 'Wave 1 of 2 · 0 done, 2 at work, 2 waiting, 0 failed · h1, h2 at "ansible.builtin.raw" for' in row
    assert "\x1b[0;32m" in row
    assert output.rindex("\x1b[r") > output.rindex("at work")
    rest = re.sub(r"\x1b7\x1b\[24;1H.*?\x1b8", "", output)
    assert "at work" not in rest  # the line never scrolls
    assert "4 hosts done in 2 waves" in rest


def test_no_colour_where_none_is_wanted(site: Site) -> None:
    site.write("waits for a sign", "2")
    assert "\x1b[0;3" not in on_a_terminal(site, NO_COLOR="1")


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"CI": "true"}])
def test_no_live_line_where_it_would_do_harm(site: Site, environ: dict[str, str]) -> None:
    site.write("waits for a sign", "2")
    output = on_a_terminal(site, **environ)
    assert "\x1b7" not in output
    assert "Wave 2 of 2 is done" in output
