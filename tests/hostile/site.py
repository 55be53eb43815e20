"""A fleet of fake hosts for whole runs of ansible-playbook: each answers every module with JSON from a file.

What stands for a host is the Python interpreter of a local connection: it never runs what it is given.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._action import STEERING

from .answers import USUAL, as_text, mutated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
GOOD = ("good1", "good2")

# The interpreter: it answers as files say, those of its own name before those of all.
HOST = """\
#!/bin/sh
host=${0##*/}
for word; do
    case $word in *AnsiballZ_*) name=${word##*AnsiballZ_}; name=${name%.py} ;; esac
done
for file in "$ANSWERS/$host/$name" "$ANSWERS/$name"; do
    [ ! -e "$file" ] || exec cat "$file"
done
echo '{"changed": false}'
"""

SAYS = {"rolling_op_name": "op", "rolling_op_tasks": "op.yml"}
RETRIES = {**SAYS, "rolling_op_on_failure": "retry_hold", "rolling_op_retries": 1}
PLAYBOOKS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("status", {"status_json": "status.json"}),
    ("plan", {"upgrade_plan_dir": "plan"}),
    ("dismiss_restarts", {"dismiss_only": "web", "dismiss_reason": "no need"}),
    ("rolling_restart", {}),
    ("restart_services", {}),
    ("reboot", {}),
    ("recover", {}),
    ("pause_services", {"pause_reason": "disk", "web_max_unavailable": "100%"}),
    ("resume_services", {}),
    ("rolling_op", SAYS),
    ("rolling_op", RETRIES),
    ("upgrade", {}),
    ("defer_restarts", {}),
    ("allow_restarts", {}),
)
ALONE = ("status", "plan", "dismiss_restarts")  # where hosts have nothing to do with each other

# Of an answer that was not expected nothing but a sentence may come.
REFUSED = re.compile(r"\"granted\": false|gets? no slot|stops here|is refused")
BROKEN = re.compile(
    r"Traceback \(most|Unexpected Exception|exception occurred during task|"
    r"\b(?:Type|Key|Attribute|Recursion|Index|UnicodeEncode)Error\b"
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Results of Ansible's; and its warnings, which since ansible-core 2.19 may have paragraphs with text of a host.
_RESULT = r"(?:ok|changed|skipping|fatal|failed): |\.\.\.ignoring"
OF_ANSIBLE = re.compile(
    rf"^\[[A-Z ]+\]: [\s\S]*?\n(?={_RESULT}|TASK |PLAY |\[[A-Z ])|^(?:{_RESULT}|\[).*$", re.MULTILINE
)

OF_OTHERS = {"command", "setup", "stat"}  # modules of Ansible's
END_OF_ANSIBLE = "Unexpected Exception"
# Ansible's own task for facts, which has no title where hosts do not wait for each other.
READING_FACTS = re.compile(r"^(?:An exception occurred|fatal:) .* has no attribute 'keys'.*\n", re.MULTILINE)
SECTION = re.compile(r"^(?:TASK \[(.*)\]|PLAY.*) \*+$", re.MULTILINE)


def _modules_of(tasks: Any) -> Iterator[tuple[str, str]]:
    for task in tasks or ():
        for block in ("block", "rescue", "always", "tasks"):
            yield from _modules_of(task.get(block))
        yield from ((task["name"], key) for key in task if "." in key and "name" in task)


@cache
def _tasks_of_ansible() -> set[str]:
    """Name the tasks of ours that run modules of Ansible's: what those make of an answer is not ours to say."""
    files = [*ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("playbooks/*.yml")]
    modules = [pair for file in files for pair in _modules_of(yaml.safe_load(file.read_text()))]
    ours = {name for name, module in modules if not module.startswith("ansible.")}
    return {"upgrade", "verify", "operate", *(name for name, _module in modules)} - ours


@dataclass(frozen=True)
class Played:
    """What a run has left."""

    code: int
    output: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """Give the numbers of Ansible's recap by host."""
        found = re.findall(r"^(\S+) +: (ok=.*)$", self.output, re.MULTILINE)
        return {host: {key: int(n) for key, n in re.findall(r"(\w+)=(\d+)", said)} for host, said in found}

    def lines(self, *hosts: str) -> list[str]:
        """Give the lines of tables that begin with a host."""
        return [" ".join(line.split()) for line in self.output.splitlines() if line.split("  ")[0] in hosts]


class Fleet:
    """Good hosts, and hostile ones beside them, each of a service of its own so that no budget is shared."""

    def __init__(self, folder: Path, programs: Path, hostile: int = 1) -> None:
        self.folder = folder
        self.programs = programs
        self.hostile = tuple(f"evil{number}" for number in range(1, hostile + 1))
        self.canary = folder / "ran-on-the-controller"
        self.answers = folder / "answers"
        self.may_end_ansible = self.has_odd_facts = False  # as SECURITY.md says
        for name in ("hosts", "answers", "op"):
            (folder / name).mkdir(parents=True)
        for host in (*GOOD, *self.hostile):
            self._write(f"hosts/{host}", HOST).chmod(0o755)
        for module, answer in USUAL.items():
            self.answer(module, answer)
        for name in ("web", "odd"):
            self._write(f"roles/{name}/meta/service.yml", yaml.safe_dump(_SERVICES[name]))
            self._write(f"roles/{name}/tasks/upgrade_tasks.yml", _TASK.format("upgrade", "  tags: step3\n"))
            self._write(f"roles/{name}/tasks/verify.yml", _TASK.format("verify", ""))
        self._write("op.yml", _TASK.format("operate", ""))
        self._inventory()

    def _inventory(self) -> None:
        variables = {
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_python_interpreter": f"{self.folder}/hosts/{{{{ inventory_hostname }}}}",
            "orderly_store": f"sqlite://{self.folder}/state/store.db",
        }
        children = {"web": {"hosts": dict.fromkeys(GOOD)}, "odd": {"hosts": dict.fromkeys(self.hostile)}}
        self._write("hosts.yml", yaml.safe_dump({"all": {"vars": variables, "children": children}}))

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def answer(self, module: str, answer: Any, host: str = "") -> None:
        """Let all hosts, or one, answer a module so."""
        raw = answer if isinstance(answer, bytes) else as_text(_PLAIN, {"changed": False, **answer})
        path = self.answers / host / module
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw)

    def turn(self, seed: int) -> None:
        """Let every hostile host answer in a way of its own."""
        for number, host in enumerate(self.hostile):
            words = random.Random(seed * 1009 + number)  # noqa: S311
            module = words.choice(sorted(USUAL))
            for name in USUAL:
                (self.answers / host / name).unlink(missing_ok=True)
            for name in (module, *(name for name in USUAL if words.random() < 0.2)):
                odd = mutated(words, name, str(self.canary))
                self.may_end_ansible |= name in OF_OTHERS and not STEERING.isdisjoint(odd)
                self.has_odd_facts |= name == "setup" and not isinstance(odd.get("ansible_facts", {}), dict)
                self.answer(name, as_text(words, odd), host)

    def play(
        self, playbook: str, variables: Mapping[str, Any] | None = None, *more: str, **environ: str
    ) -> Played:
        """Run a playbook of ours on all hosts, from a store in which nothing has happened yet."""
        said = [part for key, value in (variables or {}).items() for part in ("-e", f"{key}={value}")]
        done = subprocess.run(
            [
                self.programs / "ansible-playbook",
                "-i",
                "hosts.yml",
                *said,
                *more,
                f"orderly.services.{playbook}",
            ],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=900,
            check=False,
        )
        return Played(done.returncode, done.stdout.decode(errors="surrogateescape"))

    @property
    def environ(self) -> dict[str, str]:
        """Give the environment of a run."""
        return {
            **os.environ,
            "ANSWERS": str(self.answers),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "ANSIBLE_REMOTE_TMP": str(self.folder / "remote"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": "8",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_CALLBACKS_ENABLED": "orderly.services.progress, orderly.services.deferred_restarts",
            "COLUMNS": "1000000",
            "PYTHONWARNINGS": "ignore",
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }


_PLAIN = random.Random(0)  # noqa: S311
_PLAIN.random = lambda: 0.5  # type: ignore[method-assign]
_TASK = "---\n- name: {0}\n  ansible.builtin.command: /bin/true\n  changed_when: true\n{1}"
_SERVICES = {
    "web": {"units": ["web.service"], "packages": ["web"], "max_unavailable": 1},
    "odd": {"units": ["web.service"], "packages": ["web"], "max_unavailable": "100%"},
}


def _without_tasks_of_ansible(output: str) -> str:
    before, *parts = SECTION.split(output)
    theirs = _tasks_of_ansible()
    sections = [
        section
        for title, section in zip(parts[::2], parts[1::2], strict=True)
        if not title or title.rpartition(" : ")[2] not in theirs
    ]
    return "\n".join([before, *sections])


def faults(fleet: Fleet, playbook: str, played: Played, usual: Played) -> Sequence[str]:
    """Say what a run with hostile hosts has broken, beside the same one without."""
    ours = _without_tasks_of_ansible(played.output)
    if fleet.has_odd_facts:
        ours = READING_FACTS.sub("", ours)
    found = [
        f"it says {match[0]!r}: …{_around(ours, match)}…"
        for match in BROKEN.finditer(ours)
        if not (fleet.may_end_ansible and match[0] == END_OF_ANSIBLE)
    ]
    lines = OF_ANSIBLE.sub("", ours).splitlines()
    found += [f"it prints control characters: {line[:200]!r}" for line in lines if CONTROL.search(line)]
    if fleet.canary.exists():
        fleet.canary.unlink()
        found.append("a host ran something on the controller")
    for host in GOOD:
        now, before = played.recap.get(host, {}), usual.recap.get(host, {})
        if (playbook in ALONE and now != before) or now.get("changed", 0) > before.get("changed", 0):
            found.append(f"{host} had {now}, without the hostile host {before}")
        elif now.get("failed", 0) > before.get("failed", 0):
            # After a failure a roll ends: whose turn comes later is refused, and nothing else may happen to it.
            found += [line for line in _failures(played, host) if not REFUSED.search(line)]
    if playbook == "status" and played.lines(*GOOD) != usual.lines(*GOOD):
        found.append(f"the rows of good hosts are {played.lines(*GOOD)}")
    return list(dict.fromkeys(found))


def _failures(played: Played, host: str) -> list[str]:
    return [line for line in played.output.splitlines() if line.startswith(f"fatal: [{host}]")]


def _around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - 300) : match.end() + 300]
