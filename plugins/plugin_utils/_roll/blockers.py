"""Blockers: what must answer well before a host may be disrupted.

Whatever is not a good answer blocks: a bad one, a late one, and none at all.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.urls import open_url

from .._common.errors import ControllerError
from .._common.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Shell = Callable[[str], tuple[int, str]]

    """Runs a command line somewhere, and gives its exit status and its output."""

HOST, CONTROLLER = "host", "controller"
TIMEOUT = 30
LONGEST_LINE = 10_000
TIMED_OUT = (124, 137)  # the exit statuses of timeout, which had to end the command
EXAMPLE = '{name: backup, command: "! pgrep pg_dump"} or {name: alerts, url: "https://…/ready"}'


class BlockerError(ControllerError):
    """A blocker cannot be read: which one, what was expected."""


@dataclass(frozen=True)
class Blocker:
    """One question: a command on the host or the controller, or a URL that the controller asks."""

    name: str
    command: str = ""
    url: str = ""
    on: str = HOST
    timeout: int = TIMEOUT

    @property
    def bounded_command(self) -> str:
        """Give the command line, with an end to it."""
        return f"timeout -k 5 {self.timeout} /bin/sh -c {shlex.quote(self.command)}"


def parse_blockers(value: Any, what: str = "blockers") -> tuple[Blocker, ...]:
    """Read the blockers that an inventory gives; raises :class:`BlockerError`, with *what* in its words."""
    if not isinstance(value, list):
        raise BlockerError(f"{what}: expected a list, as in [{EXAMPLE}], not {value!r}.")
    return tuple(_blocker(each, what) for each in value)


def _blocker(value: Any, what: str) -> Blocker:
    if isinstance(value, dict) and True in value:  # so YAML reads the key on, unless it is in quotes
        value = {"on" if key is True else key: given for key, given in value.items()}
    if not isinstance(value, dict) or not value.keys() <= Blocker.__dataclass_fields__.keys():
        raise BlockerError(f"{what}: {value!r} is not a blocker; expected something like {EXAMPLE}.")
    if bool(value.get("command")) == bool(value.get("url")):
        raise BlockerError(f"{what}: {value!r} needs either a command or a url, as in {EXAMPLE}.")
    on = value.get("on") or (CONTROLLER if value.get("url") else HOST)
    if on not in (HOST, CONTROLLER) or (value.get("url") and on == HOST):
        raise BlockerError(
            f"{what}: {value!r}: expected on: host or on: controller for a command; a url is always requested by"
            f" the controller."
        )
    try:
        timeout = int(value.get("timeout", TIMEOUT))
    except (TypeError, ValueError):
        raise BlockerError(f"{what}: {value!r}: expected the timeout in whole seconds.") from None
    name = str(value.get("name") or _shown(value))
    return Blocker(name, str(value.get("command") or ""), str(value.get("url") or ""), on, max(1, timeout))


def _shown(value: Mapping[str, Any]) -> str:
    """Name a blocker by what is no secret: the program of a command, a url without user and query."""
    if value.get("command"):
        return (str(value["command"]).split() or [""])[0]
    parts = urlsplit(str(value["url"]))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def complaints(blockers: Iterable[Blocker], host: str, on_host: Shell) -> list[str]:
    """Ask every blocker about a host; say of each that blocks why."""
    answers = ((blocker, ask(blocker, on_host)) for blocker in blockers)
    return [f"{blocker.name} on {host} ({complaint})" for blocker, complaint in answers if complaint]


def ask(blocker: Blocker, on_host: Shell) -> str:
    """Ask one blocker; gives why it blocks, or nothing."""
    if blocker.url:
        return _ask_url(blocker)
    shell, where = (on_host, "on the host") if blocker.on == HOST else (on_controller, "on the controller")
    try:
        status, output = shell(blocker.bounded_command)
    except (AnsibleConnectionFailure, OSError) as exc:
        return f"it cannot be queried: {printable(str(exc))}"
    if status in TIMED_OUT:
        return f"no answer {where} within {blocker.timeout} s"
    last = [printable(line) for line in output[-LONGEST_LINE:].strip().splitlines()[-1:]]
    return ": ".join([f"exit status {status} {where}", *last]) if status else ""


def on_controller(command: str) -> tuple[int, str]:
    """Run a command line here, as the user who runs the playbook."""
    # A shell on purpose: the command is the inventory's, as those of ansible.builtin.shell are.
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout


def _ask_url(blocker: Blocker) -> str:
    try:
        answer = open_url(blocker.url, timeout=blocker.timeout)
        answer.close()
    except (AnsibleError, OSError, ValueError) as exc:  # URLError is an OSError, as are timeouts
        return f"{blocker.url}: {printable(str(exc))}"
    return ""
