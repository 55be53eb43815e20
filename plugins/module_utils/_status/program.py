# SPDX-License-Identifier: GPL-3.0-or-later
"""The program ``/usr/lib/orderly/status``: what hosts tell about themselves without Ansible."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Mapping, NoReturn, Sequence

from .._host.errors import HostError
from .._host.files import write_text
from . import check
from .metrics import render_failure, render_metrics
from .read import read_status

METRICS_FILE = "orderly.prom"
_TIMEOUT = 60


def run_command(args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command, as ``AnsibleModule.run_command`` does."""
    try:
        done = subprocess.run(
            list(args),
            env={**os.environ, **environ_update},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise HostError(f"{args[0]} has not answered for {_TIMEOUT} seconds.") from exc
    except OSError as exc:
        return 127, "", f"{args[0]}: {exc.strerror}"
    return done.returncode, done.stdout, done.stderr


class Parser(argparse.ArgumentParser):
    """A parser whose errors are no verdict: argparse's exit status 2 would mean CRITICAL."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the options, as an answer that is not known."""
        _say(check.unknown(f"{message} (see {self.prog} --help)").render())
        raise SystemExit(check.UNKNOWN)


def parser() -> Parser:
    """Describe the command line."""
    top = Parser(
        prog="status", description="Show what is waiting for a restart on this host, since when and why."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    fact = commands.add_parser("fact", help="print everything as JSON, for Ansible's local facts")
    fact.set_defaults(act=tell_fact)
    judge = commands.add_parser("check", help="check it, for Nagios and Icinga")
    usual = check.Thresholds()
    judge.add_argument(
        "-w", "--warning", type=float, default=usual.warning, metavar="HOURS",
        help="warn when a restart has been pending for this many hours (default: %(default)s)",
    )  # fmt: skip
    judge.add_argument(
        "-c", "--critical", type=float, default=usual.critical, metavar="HOURS",
        help="critical when a restart has been pending for this many hours (default: %(default)s)",
    )  # fmt: skip
    judge.set_defaults(act=tell_verdict)
    metrics = commands.add_parser("metrics", help=f"write {METRICS_FILE}, for node_exporter")
    metrics.add_argument("folder", type=Path, help="the folder of node_exporter's textfile collector")
    metrics.set_defaults(act=write_metrics)
    return top


def tell_fact(_options: argparse.Namespace) -> tuple[str, int]:
    """Give the status as JSON; what went wrong is part of it, as facts must not fail."""
    try:
        answer: dict[str, Any] = {"checked": True, **read_status(run_command).as_dict()}
    except HostError as exc:
        answer = {"checked": False, "trouble": [str(exc)]}
    return json.dumps(answer), 0


def tell_verdict(options: argparse.Namespace) -> tuple[str, int]:
    """Give the verdict; its code is the exit status."""
    thresholds = check.Thresholds(options.warning, options.critical)
    try:
        verdict = check.judge(read_status(run_command).as_dict(), time.time(), thresholds)
    except HostError as exc:
        verdict = check.unknown(str(exc))
    return verdict.render(), verdict.code


def write_metrics(options: argparse.Namespace) -> tuple[str, int]:
    """Write the metrics, also where there are none to write but the failure."""
    path = options.folder / METRICS_FILE
    try:
        report = read_status(run_command, outdated=True).as_dict()
    except HostError as exc:
        write_text(path, render_failure(time.time()))
        return str(exc), 1
    write_text(path, render_metrics(report, time.time()))
    return f"{path} is written.", 0


def main(argv: Sequence[str]) -> int:
    """Do what the command line says; whatever goes wrong is an answer that is not known."""
    options = parser().parse_args(argv)
    try:
        text, code = options.act(options)
    except Exception as exc:
        text, code = check.unknown(f"{type(exc).__name__}: {exc}").render(), check.UNKNOWN
    _say(text)
    return int(code)


def _say(text: str) -> None:
    """Print a text, whatever the user's language can show."""
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "backslashreplace"))
    sys.stdout.flush()
