# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: aggregate
short_description: Show the progress of a roll, and at the end what stopped and how to resume
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Reports for every roll and upgrade which wave begins, how many hosts are done, waiting and failed, and at the
    end what was done, which hosts keep their slots, what this run left drained, and the command that resumes.
  - On a terminal there is also a live line, which shows what it is waiting for and how long. A log gets a few
    lines, and one when nothing has happened for one, two, four, … minutes. E(NO_COLOR), E(TERM=dumb) and E(CI)
    are respected.
  - It uses the results of this collection's own tasks and contacts no host. It works beside any stdout callback,
    and prints nothing about plays that take no slots, or in check mode.
requirements:
  - It must be enabled, in C(ansible.cfg) with C(callbacks_enabled = orderly.services.progress).
options:
  report:
    description:
      - A file for programs, rewritten after every wave and at the end. JSON with C(outcome) (V(running), V(done),
        V(stopped) or V(interrupted)), C(command), C(started) and C(seconds), C(waves) with the outcome and seconds of
        each host, C(not_begun), C(refusal), C(slots_kept) and C(drained) by host.
      - Seconds are measured with the monotonic clock; C(started) is for people.
    type: path
    env:
      - name: ORDERLY_PROGRESS_REPORT
    ini:
      - section: orderly_progress
        key: report
"""

EXAMPLES = r"""
example: |
  # ansible.cfg
  [defaults]
  callbacks_enabled = orderly.services.progress

  [orderly_progress]
  report = roll.json

  # and then, in a log
  Wave 1 of 2 begins: web1 (nginx)
  Wave 1 of 2 is done after 12 s: 1 done, 1 waiting, 0 failed
"""

import atexit
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible.context as ansible_context
from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible.utils.color import stringc

from ..plugin_utils._common.files import write_report
from ..plugin_utils._common.text import now_text, on_one_line
from ..plugin_utils._plan.names import PLANNED, WAVE_TITLE, task_as_written
from ..plugin_utils._report.deferred_summary import host_and_result, is_secret
from ..plugin_utils._report.live_line import LiveLine, can_show
from ..plugin_utils._report.progress import GATE, LOCK, TURN, Batch, Heard, Progress, State, batches, believed
from ..plugin_utils._report.run_report import command_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible.executor.stats import AggregateStats
    from ansible.playbook import Playbook
    from ansible.playbook.play import Play

TICK = 1.0


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "orderly.services.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._progress = Progress()
        self._guard = threading.RLock()  # results come by one thread of Ansible's, the rest by another
        self._begun: dict[object, int] = {}  # play -> batches of it so far
        self._plan: dict[int, set[str]] = {}  # the waves of an upgrade, which has others plays besides
        self._stop = threading.Event()
        self._live: LiveLine | None = None
        self._watcher: threading.Thread | None = None
        self._process = os.getpid()
        self._clock = time.monotonic
        self._start = self._clock()
        self._started = now_text()

    # --- What Ansible tells ---

    def v2_playbook_on_start(self, playbook: Playbook) -> None:
        if ansible_context.CLIARGS.get("check"):
            self.disabled = True
            return
        for play in playbook.get_plays():
            if title := WAVE_TITLE.match(play.get_name()):
                self._plan.setdefault(int(title[1]), set()).update(_planned_for(play))
        atexit.register(self._finish, interrupted=True)
        self._listen_for_term()
        if can_show(sys.stdout.isatty(), os.environ):
            self._live = LiveLine(sys.stdout.fileno())

    def v2_playbook_on_play_start(self, play: Play) -> None:
        with self._guard:
            self._say(self._progress.play(self._batch(play), self._clock()))

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        with self._guard:
            self._progress.start(host.get_name(), task_as_written(task.get_name()), self._clock())
            if task.resolved_action in (LOCK, TURN, GATE):
                self._watch()

    def v2_playbook_on_include(self, included_file: Any) -> None:
        with self._guard:
            self._progress.has_included(host.get_name() for host in included_file._hosts)  # noqa: SLF001 - as Ansible's own

    def v2_runner_on_ok(self, result: Any) -> None:
        self._hear(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._hear(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._hear(result, None if ignore_errors else State.FAILED)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        ignored = result._task.ignore_unreachable  # noqa: SLF001 - also ansible-core 2.16's names
        self._hear(result, None if ignored else State.UNREACHABLE)

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:  # noqa: ARG002 - Ansible's signature
        self._finish()

    # --- What we make of it ---

    def _batch(self, play: Play) -> Batch:
        """Find out which wave this is: of a plan by its title, else the batch of the play."""
        if self._plan:
            title = WAVE_TITLE.match(play.get_name())
            number = int(title[1]) if title else 0
            waited_for = self._plan.get(number, set())
            left = waited_for.intersection(_hosts_of(play))
            if number:
                self._plan[number] = left
            planned = set().union(*self._plan.values())
            return Batch(
                number,
                number,
                max(self._plan),  # a run with --limit has some of the waves alone
                frozenset(left),
                planned=frozenset(planned),
                passed=frozenset(waited_for - planned),
            )
        key = play._uuid  # noqa: SLF001 - what all batches of a play have in common
        number = self._begun[key] = self._begun.get(key, 0) + 1
        hosts = frozenset(_hosts_of(play)) if number == 1 else self._progress.batch.hosts
        return Batch((key, number), number, len(batches(len(hosts), play.serial)), hosts, planned=hosts)

    def _hear(self, result: Any, state: State | None = None) -> None:
        host, data = host_and_result(result)
        task = result._task  # noqa: SLF001 - also ansible-core 2.16's names
        result = believed(task.resolved_action, data, is_secret=is_secret(result))
        heard = Heard(host, task_as_written(task.get_name()), task.get_path() or "", result, state)
        with self._guard:
            if task.resolved_action == GATE:
                self._change_places(result.get("waves", {}))
            lines = self._progress.hear(heard, self._clock(), now_text())
            self._say(lines)
            if lines:
                self._write("running")

    def _change_places(self, waves: Mapping[str, Iterable[str]]) -> None:
        """Hear who is in which wave of the plan, now that it is known who goes last."""
        self._plan.update(
            {int(number): set(hosts) for number, hosts in waves.items() if int(number) in self._plan}
        )

    def _say(self, lines: Iterable[str], colour: str | None = None) -> None:
        for line in lines:
            self._display.display(on_one_line(line), color=colour)
        # Ansible leaves that to the end: progress in a file would come late, and never if a signal ends the run.
        with suppress(OSError, RuntimeError):  # the reader is gone, or it is flushed right now
            sys.stdout.flush()

    def _watch(self) -> None:
        """Look at the time beside Ansible, once there is a roll."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._tick, daemon=True)
            self._watcher.start()

    def _tick(self) -> None:
        while not self._stop.wait(TICK):
            with self._guard:
                if self._stop.is_set():
                    return
                if self._live:
                    self._live.show(on_one_line(self._progress.line(self._clock())), self._style())
                else:
                    self._say(self._progress.silence(self._clock()))

    def _style(self) -> Any:
        colour = constants.COLOR_ERROR if self._progress.failed else constants.COLOR_OK
        return lambda text: stringc(text, colour)

    def _finish(self, *, interrupted: bool = False) -> None:
        if os.getpid() != self._process or self._stop.is_set():
            return
        with self._guard:
            self._stop.set()
            if self._live:
                self._live.clear()
            lines = self._progress.end(self._clock())
            if lines or self._progress.waves or self._progress.refusal:
                self._say(lines)
                colour = constants.COLOR_OK if self._progress.outcome == "done" else constants.COLOR_ERROR
                self._say(self._progress.summary(command_line(sys.argv)), colour)
                self._write("interrupted" if interrupted else self._progress.outcome)

    def _listen_for_term(self) -> None:
        """Say how it ends before a SIGTERM ends it, as Ansible does without a word."""
        usual = signal.getsignal(signal.SIGTERM)
        if usual in (signal.SIG_IGN, None):
            return

        def end(number: int, _frame: object) -> None:
            self._finish(interrupted=True)  # says nothing in workers, which inherit this
            signal.signal(number, usual)
            os.kill(os.getpid(), number)

        signal.signal(signal.SIGTERM, end)

    def _write(self, outcome: str) -> None:
        path = self.get_option("report")
        if not path:
            return
        head = {
            "started": self._started,
            "seconds": round(self._clock() - self._start, 1),
            "command": command_line(sys.argv),
        }
        try:
            write_report(Path(path), {**head, **self._progress.report(), "outcome": outcome})
        except OSError as exc:
            self._display.warning(f"The roll report {path} was not written: {exc.strerror}.")


def _hosts_of(play: Play) -> Iterable[str]:
    """Name all hosts of a play, in whichever batch."""
    variables = play.get_variable_manager().get_vars(play=play, include_hostvars=False)
    hosts: Iterable[str] = variables.get("ansible_play_hosts_all", ())
    return hosts


def _planned_for(play: Play) -> Iterable[str]:
    """Name all hosts of a play of a plan, of which it will leave out those that have nothing left to do."""
    inventory = play.get_variable_manager()._inventory  # noqa: SLF001 - Ansible gives callbacks no other way to it
    return [host.name for host in inventory.get_hosts(play.vars[PLANNED])]
