"""Toy services on toy hosts: real ansible-playbook runs whose tasks do no more than say that they ran."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import held_slots, locks_of
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import runs_in
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import Outcome as Ended

ROOT = Path(__file__).parents[2]
STEPS = {0: "look", 1: "prepare", 2: "stop", 3: "install", 4: "migrate", 5: "start", 6: "check"}
UPGRADE = "orderly.services.upgrade"
PYTHON = (
    shutil.which("python3", path=os.defpath) or sys.executable
)  # as hosts have it, without a virtual environment
PROGRAMS = Path(sys.executable).parent
NOTHING: list[str] = []

# What a task does: it says "SERVICE HOST STEP" in the log, waits while it is told to, and fails if it is told to.
TOY = """\
#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/log"
while [ -e "$here/stuck/$*" ]; do sleep 0.05; done
[ ! -e "$here/broken/$*" ] && ! rmdir "$here/broken/$* once" 2>/dev/null
"""

# A connection that starts no Python and no shell of its own, to a host that goes away and comes back as a test says.
# Each toy host is a machine of its own, as containers are: with processes of its own.
MACHINE = """\
import os

readlink = os.readlink


def own(path, *more, **other):
    is_own = str(path) == "/proc/self/ns/pid" and "TOY_HOST" in os.environ
    return f"pid:[{os.environ['TOY_HOST']}]" if is_own else readlink(path, *more, **other)


os.readlink = own
"""

CONNECTION = """\
import os, subprocess
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = "name: toy\\nshort_description: toy\\ndescription: toy\\noptions: {}"


class Connection(ConnectionBase):
    transport = "toy"
    has_pipelining = True

    def __init__(self, play_context, *args, **kwargs):
        super().__init__(play_context, *args, **kwargs)
        self.host = play_context.remote_addr

    def _connect(self):
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        here = os.environ["TOYS"]
        with open(f"{here}/contacts", "a") as contacts:
            contacts.write(self.host + "\\n")
        if os.path.exists(f"{here}/away/{self.host}"):
            raise AnsibleConnectionFailure(f"{self.host} is away")
        env = {**os.environ, "TOY_HOST": self.host, "PYTHONPATH": f"{here}/machine"}
        done = subprocess.run(["/bin/sh", "-c", cmd], input=in_data, capture_output=True, env=env)
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path, out_path):
        raise AnsibleConnectionFailure("toy hosts take only raw commands")

    fetch_file = put_file

    def close(self):
        pass
"""

# What toy hosts answer when they are asked for packages: files below packages/, for all hosts or for one.
PACKAGES = """\
#!/bin/sh
here=$(dirname "$0")/../packages
for name; do
    case $name in -*|policy) continue ;; esac
    for file in "$here/$TOY_HOST/$name" "$here/$name"; do
        [ -e "$file" ] && break
    done
    read -r installed candidate < "$file" || continue
    case $0 in
        *dpkg-query)
            [ -z "$installed" ] ||
                printf 'install\\tinstalled\\tok\\t%s\\t%s\\t%s\\n' "$name" "$name" "$installed"
            ;;
        *) printf '%s:\\n  Installed: %s\\n  Candidate: %s\\n' "$name" "$installed" "$candidate" ;;
    esac
done
"""

# Facts that are known from the beginning: gathering real ones takes longer than everything else here.
FACTS = """\
from ansible.plugins.cache.memory import CacheModule as Memory

DOCUMENTATION = "name: toy_facts\\nshort_description: toy\\ndescription: toy\\noptions: {}"


class CacheModule(Memory):
    def get(self, key):
        return super().get(key) if super().contains(key) else {"distribution": "Toy"}

    def contains(self, key):
        return True
"""


@dataclass(frozen=True)
class Outcome:
    """What a run of ansible-playbook left: its exit code, its words on one line, and what its tasks said."""

    code: int
    raw: str
    log: list[str]

    @property
    def text(self) -> str:
        """Give the output with its line breaks taken out: ansible-core wraps messages as wide as the terminal."""
        return " ".join(self.raw.split())

    @property
    def touched(self) -> set[str]:
        """Name the hosts that a step from 2 on touched."""
        return {host for _service, host, step in map(str.split, self.log) if step not in ("look", "prepare")}


SYSTEMCTL = """\
#!/bin/sh
# Units are words in files: units/HOST is active, failed or inactive; restart makes it active unless there is bad/HOST.
here=$(dirname "$0")/..
state=$here/units/$TOY_HOST
[ ! -e "$here/bad/silent" ] || [ "$(cat "$state")" != failed ] || exit 1
case $1 in
    show)
        while [ "$1" != -- ]; do shift; done
        for unit; do
            [ "$unit" = -- ] && continue
            printf 'Id=%s\\nNames=%s\\nLoadState=loaded\\nActiveState=%s\\nSubState=x\\nUnitFileState=enabled\\n' \\
                "$unit" "$unit" "$(cat "$state")"
            [ "$unit" != web.service ] || cat "$here/along" 2>/dev/null || :
            printf 'Type=notify\\nMainPID=0\\nInvocationID=%s\\n\\n' "$(cat "$state.run" 2>/dev/null)"
        done ;;
    restart)
        echo "$TOY_HOST" >> "$here/restarted"
        date +%s.%N > "$state.run"
        [ ! -e "$here/bad/$TOY_HOST" ] || { echo failed > "$state"; echo "Job failed." >&2; exit 1; }
        echo active > "$state"
        broken=$(cat "$here/then/$TOY_HOST" 2>/dev/null)
        [ -z "$broken" ] || echo failed > "$here/units/$broken" ;;
esac
"""


class Site:
    """A folder with an inventory, toy roles and a store."""

    def __init__(self, folder: Path, programs: Path = PROGRAMS) -> None:
        self.folder = folder
        self.programs = programs  # of the ansible-core to play with
        self.store = folder / "state/store.db"
        self.answers = ""  # to what Ansible asks
        for name in ("stuck", "broken", "away", "connection", "cache", "roles"):
            (folder / name).mkdir()
        (folder / "connection/toy.py").write_text(CONNECTION)
        self.write("machine/sitecustomize.py", MACHINE)
        (folder / "cache/toy_facts.py").write_text(FACTS)
        self.toy = folder / "toy"
        self.toy.write_text(TOY)
        self.toy.chmod(0o755)
        for name in ("dpkg-query", "apt-cache"):
            self.write(f"bin/{name}", PACKAGES).chmod(0o755)
        self.inventory = folder / "hosts.yml"

    # --- What there is ---

    def groups(self, **hosts: str) -> None:
        """Write the inventory: hosts by group, and how toy hosts are reached."""
        groups = {group: {"hosts": dict.fromkeys(names.split())} for group, names in hosts.items()}
        text = yaml.safe_dump({"all": {"children": groups, "vars": self.variables}}, sort_keys=False)
        self.inventory.write_text(text)

    @property
    def variables(self) -> dict[str, Any]:
        """Say how toy hosts are reached, and where each keeps its records."""
        return {
            "ansible_connection": "toy",
            "ansible_become": False,
            "ansible_python_interpreter": PYTHON,
            "toy": str(self.toy),
            "rolling_op_records": f"{self.folder}/records/{{{{ inventory_hostname }}}}/drained",
            "rolling_op_finalized": f"{self.folder}/finalized/{{{{ inventory_hostname }}}}.json",
            "rolling_op_temporary": f"{self.folder}/temporary/{{{{ inventory_hostname }}}}",
        }

    def service(self, name: str, steps: str = "0 1 2 3 5", parts: str = "", **settings: Any) -> Path:
        """Write a service role whose steps and parts each say that they ran."""
        role = self.folder / "roles" / name
        (role / "meta").mkdir(parents=True)
        (role / "tasks").mkdir()
        (role / "meta/service.yml").write_text(yaml.safe_dump({"service": name, **settings}))
        tasks = [f"{say(name, STEPS[step])}  tags: step{step}\n" for step in map(int, steps.split())]
        (role / "tasks/upgrade_tasks.yml").write_text("\n".join(["---", *tasks]))
        for part in parts.split():
            (role / f"tasks/{part}.yml").write_text("---\n" + say(name, part))
        return role

    def with_units(self, *hosts: str, steps: str = "") -> None:
        """Give hosts of a service that is nothing but a unit, each with a unit of its own."""
        self.groups(web=" ".join(hosts))
        if not (self.folder / "roles/web").exists():
            self.service("web", steps=steps, units=["web.service"])
        self.write("bin/systemctl", SYSTEMCTL).chmod(0o755)
        for host in hosts:
            self.write(f"units/{host}", "active\n")

    def breaks_after(self, host: str, broken: str) -> None:
        """Let the unit of a host break as soon as that of another one was restarted."""
        self.write(f"then/{host}", broken)

    @property
    def restarted(self) -> list[str]:
        """Name the hosts whose unit was restarted, each time."""
        path = self.folder / "restarted"
        return path.read_text().split() if path.exists() else []

    def write(self, path: str, text: str) -> Path:
        """Write a file, folders and all."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
        return file

    def package(self, name: str, installed: str, candidate: str, host: str = "") -> None:
        """Say which version of a package hosts have, and which apt would install; on all hosts, or on one."""
        self.write(f"packages/{host}/{name}", f"{installed} {candidate}\n")

    # --- What happens ---

    def breaks(self, said: str) -> None:
        (self.folder / "broken" / said).touch()

    def breaks_once(self, said: str) -> None:
        (self.folder / "broken" / f"{said} once").mkdir()

    def sticks(self, said: str) -> None:
        (self.folder / "stuck" / said).touch()

    def goes_away(self, host: str) -> None:
        (self.folder / "away" / host).touch()

    def is_mended(self) -> None:
        """End every fault."""
        for name in ("stuck", "broken", "away"):
            for file in (self.folder / name).iterdir():
                file.unlink()

    # --- Runs ---

    def program(self, name: str) -> str:
        """Find a program where the others are, as in a virtual environment, else on PATH."""
        beside = self.programs / name
        return str(beside) if beside.exists() else shutil.which(name) or name

    def tool(self, command: str, *arguments: str) -> None:
        """Run another tool of Ansible, to its good end."""
        subprocess.run([self.program(command), *arguments], check=True, capture_output=True, cwd=self.folder)

    @property
    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONUNBUFFERED": "1",  # what a run says is read while it runs
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_CONNECTION_PLUGINS": str(self.folder / "connection"),
            "ANSIBLE_CACHE_PLUGINS": str(self.folder / "cache"),
            "ANSIBLE_CACHE_PLUGIN": "toy_facts",
            "ANSIBLE_FORKS": "1",  # the hosts of a task say in one order that they ran it
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "PYTHONWARNINGS": "ignore",
            "XDG_CACHE_HOME": str(self.folder / "cache-home"),
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "TOYS": str(self.folder),
        }

    def lock(self, options: str) -> None:
        """Do something to the locks by hand, to its good end."""
        store = ("-e", f"orderly_store=sqlite://{self.store}")
        command = [self.program("ansible"), "localhost", "-i", str(self.inventory), *store]
        command += ["-m", "orderly.services.rolling_lock", "-a", options]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, env=self.environ)

    def start(self, *arguments: str, playbook: str | Path = UPGRADE, **environ: str) -> subprocess.Popen[str]:
        if "-i" not in arguments:
            arguments = ("-i", str(self.inventory), *arguments)
        return subprocess.Popen(
            [
                self.program("ansible-playbook"),
                *arguments,
                "-e",
                f"orderly_store=sqlite://{self.store}",
                str(playbook),
            ],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.PIPE if self.answers else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def upgrade(self, *arguments: str, playbook: str | Path = UPGRADE, **environ: str) -> Outcome:
        """Run ansible-playbook to its end."""
        before = len(self.log)
        process = self.start(*arguments, playbook=playbook, **environ)
        output, _nothing = process.communicate(self.answers or None, timeout=600)  # for busy machines
        return Outcome(process.returncode, output, self.log[before:])

    def upgrade_at_terminal(self, question: str, answer: str, *arguments: str) -> Outcome:
        """Run ansible-playbook as somebody at a terminal does, who answers a question, or as nobody does."""
        before = len(self.log)
        store = f"orderly_store=sqlite://{self.store}"
        command = ["ansible-playbook", "-i", str(self.inventory), *arguments, "-e", store, UPGRADE]
        pid, terminal = pty.fork()
        if not pid:
            os.chdir(self.folder)
            # pty.fork is how a terminal is had
            os.execve(self.program(command[0]), command, self.environ)  # noqa: S606 - a program of ours
        said = b""
        with suppress(OSError):  # the end of a terminal
            while True:
                if select.select([terminal], [], [], 2)[0]:
                    said += os.read(terminal, 65536)
                elif (
                    answer and question.encode() in said
                ):  # typed again, for what comes too early is thrown away
                    os.write(terminal, answer.encode() + b"\r")
        os.close(terminal)
        assert question.encode() in said, f"never asked {question!r}: {said.decode()}"
        return Outcome(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(), self.log[before:])

    def make_plan(self, *arguments: str, **environ: str) -> Outcome:
        """Survey the hosts and write the plan."""
        return self.upgrade(*arguments, playbook="orderly.services.plan", **environ)

    def wait_until(self, said: str) -> None:
        """Wait until a task says something."""
        self._wait(lambda: said in self.log, f"{said!r} was never said")

    def wait_for(self, file: Path) -> None:
        """Wait until a file is there."""
        self._wait(file.exists, f"{file} never came")

    def _wait(self, is_so: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < deadline, f"{otherwise}: {self.log}"
            time.sleep(0.02)

    def runs_in_a_container(self) -> str:
        """Let what is in the store be of a run in a container that nobody sees from here; gives its id."""
        with closing(open_store(f"sqlite://{self.store}")) as store:
            text = json.dumps(store.read(""))
            here = f'"{Path("/proc/self/ns/pid").readlink()}"'
            documents = json.loads(text.replace(here, '"pid:[7]"'))
            store.transact(("",), lambda _documents: (documents, None))
            return next(runs_in(documents)).id

    # --- What is left ---

    @property
    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def contacts(self) -> set[str]:
        path = self.folder / "contacts"
        return set(path.read_text().split()) if path.exists() else set()

    def outcomes(self, service: str) -> tuple[Ended, ...]:
        """List what is remembered of the ends of operations on a service."""
        with closing(open_store(f"sqlite://{self.store}")) as store:
            return locks_of(store)[service].outcomes

    @property
    def slots(self) -> list[str]:
        """Name the slots that are held, as ``SERVICE HOST``."""
        with closing(open_store(f"sqlite://{self.store}")) as store:
            return [f"{slot.service} {slot.holder.host}" for slot in held_slots(store)]

    @property
    def drained(self) -> list[str]:
        """Name what hosts have on record as drained, as ``SERVICE HOST``."""
        records = sorted((self.folder / "records").glob("*/drained/service-*.json"))
        return [f"{record.stem.removeprefix('service-')} {record.parts[-3]}" for record in records]

    def stamp(self, host: str) -> Path:
        """Name the file in which a host remembers the store and the tokens it was disrupted under."""
        return self.folder / "records" / host / "store-stamp.json"

    @property
    def plan_folders(self) -> list[Path]:
        return sorted(
            (self.folder / "cache-home").glob("orderly/plans/[!.]*")
        )  # beside each, which runs work by it

    def plan(self) -> dict[str, Any]:
        """Read the one plan there is."""
        (folder,) = self.plan_folders
        plan: dict[str, Any] = json.loads((folder / "plan.json").read_text())
        return plan


def say(service: str, step: str, *more: str) -> str:
    """Give the text of a task that says it ran."""
    lines = [
        f"- name: {service} {step}",
        f'  ansible.builtin.raw: "{{{{ toy }}}} {service} {{{{ inventory_hostname }}}} {step}"',
        *more,
    ]
    return "".join(f"{line}\n" for line in lines)


def nested(text: str, spaces: int = 4) -> str:
    """Put the text of tasks into a block."""
    return indent(text, " " * spaces)


# --- Services ---


def three_services(site: Site) -> None:
    """Two databases; after them, sharing their hosts, a web server and a cache."""
    site.groups(db="d1 d2", web="w1 w2 w3", cache="w1 w2")
    site.service("db", "0 1 2 3 5 6")
    site.service("web", parts="drain undrain verify", after=["db"], max_unavailable=2)
    site.service("cache", after=["db"], max_unavailable="60%")


def one_service(site: Site, hosts: str = "w1 w2 w3", steps: str = "0 3", **settings: Any) -> None:
    """A web server, on three hosts if nothing else is said."""
    site.groups(web=hosts)
    site.service("web", steps, **settings)


def a_chain(site: Site) -> None:
    """A database on two hosts, and a web server that comes after it."""
    site.groups(db="d1 d2", web="w1 w2")
    site.service("db", "0 3")
    site.service("web", "0 3", after=["db"])


RANK = """
- name: rank | Leaders go last
  ansible.builtin.set_fact:
    web_rank: "{{ 10 if web_rank_said.stdout | trim == 'leader' else 0 }}"
"""


def ranked_service(site: Site, leader: str, text: str = RANK, **settings: Any) -> None:
    """Let three hosts of a service that an upgrade changes find out which of them is the leader."""
    site.groups(web="h1 h2 h3")
    site.service("web", "1 3", **settings)
    leads(site, leader)
    site.write("roles/web/tasks/rank.yml", asks(site) + text)


def leads(site: Site, leader: str) -> None:
    """Say who is the leader now."""
    for host in ("h1", "h2", "h3"):
        site.write(f"role-of/{host}", "leader" if host == leader else "replica")


def asks(site: Site) -> str:
    """Give the task that asks a host what it is."""
    lines = [
        "---",
        "- name: rank | Ask",
        f'  ansible.builtin.raw: "cat {site.folder}/role-of/{{{{ inventory_hostname }}}}"',
        "  changed_when: false",
        "  register: web_rank_said",
    ]
    return "\n".join([*lines, ""])


def in_order(log: list[str], *said: str) -> bool:
    """Tell whether things were said in this order."""
    places = [log.index(each) for each in said]
    return places == sorted(places)
