# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a package restarts its service, played on a real host on which a policy lists that service.

Each way is a package of its own, with a unit of its own that is named like it. Its maintainer scripts are the snippets
of the debhelper of the host's release, which are fetched, or what people write by hand. Those of debhelper 13.3.4
(Debian 11), 13.11.4 (12), 13.24.2 (13) and 14.5 (sid) differ in where they look at DPKG_ROOT, and in that 13.3.4
stops in prerm what the others stop in preinst. It needs nothing but Python, so that it can be copied to a host and
run there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

RECORDS = Path("/var/lib/policy-rc.d")
TROUBLE = Path("/run/orderly/policy.trouble")
STATUS = "/usr/lib/orderly/status"
PACKAGES = Path("/var/tmp/ways")
SNIPPETS = Path("/var/tmp/ways-debhelper")
PROGRAM = "usr/lib/%s/sleep"
FREE = "way-free.service"
"""A unit that nobody lists."""

RUNS_ON, ANEW, STOPPED, GONE = "runs on", "**started anew**", "**stopped**", "stopped, with its package"


@dataclass(frozen=True)
class Outcome:
    """What became of the unit of a way."""

    effect: str = RUNS_ON
    record: str = ""
    """The action on record, and the maintainer script that asked for it; nothing where there is no record."""
    told: str = ""
    """What the table of pending restarts says in a warning, as a regular expression."""

    def agrees_with(self, seen: Outcome) -> bool:
        """Whether this was expected; records are regular expressions, as releases differ in who asks."""
        told = bool(re.search(self.told, seen.told)) if self.told else not seen.told
        return self.effect == seen.effect and bool(re.fullmatch(self.record, seen.record)) and told


@dataclass(frozen=True)
class Way:
    """One row of the table: a package, what it does, and what must become of its unit."""

    name: str
    how: str
    expected: Outcome
    scripts: dict[str, str] = field(default_factory=dict)
    init: bool = False
    """Whether it has an init script."""
    unit: bool = True
    """Whether it has a unit file."""
    install: str = ""
    """What the section Service of the unit has besides."""
    control: str = ""
    play: Callable[[Way], Outcome] | None = None
    """How it is played; the others are upgraded all together."""
    tail: str = ""
    """What the table says besides."""
    service: str = ""
    """Its unit."""

    def __post_init__(self) -> None:
        if not self.service:
            object.__setattr__(self, "service", f"way-{self.name}.service")

    @property
    def on_record(self) -> str:
        """In words, what is on record."""
        if not self.expected.record:
            return "nothing"
        action, script = self.expected.record.strip("()?").replace("(", "").split(": ")
        return f"{action}, asked for by {' or '.join(dict.fromkeys(each.split()[0] for each in script.split('|')))}"

    @property
    def package(self) -> str:
        """The package."""
        return f"way-{self.name}"


# --- What maintainer scripts say ---

ENABLE = "#DEBHELPER postinst-systemd-enable\n"
PURGE = {"postrm": "#DEBHELPER postrm-systemd-reload-only\n#DEBHELPER postrm-systemd\n"}
NO_STOP = {"prerm": "#DEBHELPER prerm-systemd-restart\n", **PURGE}
STOP = {"preinst": "#DEBHELPER preinst-systemd-stop\n", "prerm": "#DEBHELPER prerm-systemd\n", **PURGE}
START = "#DEBHELPER postinst-systemd-start\n"
RESTART = "#DEBHELPER postinst-systemd-restart RESTART_ACTION=restart\n"
INIT = "INITPARMS=defaults INVOKE_RCD_PARAMS= ERROR_HANDLER=exit\\ 1"
INIT_STOP = {
    "preinst": f"#DEBHELPER preinst-init-stop {INIT}\n",
    "prerm": f"#DEBHELPER prerm-init {INIT}\n",
    "postrm": "#DEBHELPER postrm-init\n",
}
INIT_NO_STOP = {"prerm": f"#DEBHELPER prerm-init-norestart {INIT}\n", "postrm": "#DEBHELPER postrm-init\n"}


def systemd(postinst: str, others: Mapping[str, str] = MappingProxyType(NO_STOP)) -> dict[str, str]:
    """Scripts of a package with a unit."""
    return {"postinst": ENABLE + postinst, **others}


def by_hand(
    command: str, script: str = "postinst", when: str = '[ "$1" = configure ] && [ -n "$2" ]'
) -> dict[str, str]:
    """Scripts of a package with a unit that it starts as debhelper does, and restarts by a command of its own."""
    scripts = systemd(START)
    text = f"if {when}; then\n\t{command}\nfi\n"
    return {**scripts, script: scripts.get(script, "") + text}


CONFIGURED = Outcome(record="restart: postinst configure 1")
BEFORE = Outcome(record="restart: (preinst upgrade 1 2|prerm upgrade 2)")
STARTED = Outcome(
    ANEW, told="was started anew at .* while dpkg was at work with .*, though ansible orderly blocks that"
)
LEFT_DOWN = Outcome(
    STOPPED,
    told="ran when dpkg began and went down .inactive. while dpkg was at work with .*, though ansible orderly blocks "
    "that",
)
NOTHING = Outcome()
UPGRADE = '[ "$1" = upgrade ]'

TOGETHER = [
    Way("default", "`dh_installsystemd`, `dh_systemd_start`", CONFIGURED, systemd(RESTART)),
    Way("stops", "`dh_installsystemd --no-restart-after-upgrade`", BEFORE, systemd(START, STOP)),
    Way(
        "nostop",
        "`dh_installsystemd --no-stop-on-upgrade --no-restart-after-upgrade`",
        NOTHING,
        systemd(START),
        tail="the package wants no restart; needrestart tells that old files are in use",
    ),
    Way(
        "nostart",
        "`dh_installsystemd --no-start`",
        Outcome(record="(restart: preinst upgrade 1 2)?"),
        systemd("", {**STOP, "prerm": NO_STOP["prerm"]}),
        tail="on Debian 11 nothing is asked",
    ),
    Way(
        "try",
        "`dh_installsystemd --no-start --restart-after-upgrade`",
        CONFIGURED,
        systemd("#DEBHELPER postinst-systemd-restartnostart RESTART_ACTION=try-restart\n"),
    ),
    Way(
        "noenable",
        "`dh_installsystemd --no-enable`, started by hand",
        CONFIGURED,
        {"postinst": "#DEBHELPER postinst-systemd-dont-enable\n" + RESTART, **NO_STOP},
    ),
    Way(
        "several",
        "several units in one call, one of them listed",
        CONFIGURED,
        systemd(
            f"#DEBHELPER postinst-systemd-restart RESTART_ACTION=restart UNITFILES={FREE}\\ way-several.service\n"
        ),
        tail="the other unit is restarted when dpkg is done",
    ),
    Way(
        "init",
        "`dh_installinit`, an init script alone",
        CONFIGURED,
        {"postinst": f"#DEBHELPER postinst-init-restart {INIT}\n", **INIT_NO_STOP},
        init=True,
        unit=False,
    ),
    Way(
        "initstops",
        "`dh_installinit --no-restart-after-upgrade`",
        BEFORE,
        {"postinst": f"#DEBHELPER postinst-init {INIT}\n", **INIT_STOP},
        init=True,
        unit=False,
    ),
    Way(
        "initnostart",
        "`dh_installinit --no-start`, started by hand",
        NOTHING,
        {"postinst": f"#DEBHELPER postinst-init-nostart {INIT}\n", **INIT_NO_STOP},
        init=True,
        unit=False,
    ),
    Way(
        "both",
        "`dh_installinit` and `dh_installsystemd`, one name",
        CONFIGURED,
        {
            "postinst": ENABLE
            + f"#DEBHELPER postinst-init-restart {INIT.replace('PARAMS=', 'PARAMS=--skip-systemd-native')}\n"
            + RESTART,
            "prerm": f"#DEBHELPER prerm-init-norestart {INIT}\n" + NO_STOP["prerm"],
            **PURGE,
        },
        init=True,
        tail="asked twice, one record",
    ),
    Way(
        "user",
        "`dh_installsystemduser`: a unit of users with the name of a listed one",
        NOTHING,
        systemd("#DEBHELPER postinst-systemd-user-restart\n" + START),
        tail="out of reach: users' own",
    ),
    Way(
        "files",
        "`dh_installtmpfiles`, `dh_installsysusers`",
        NOTHING,
        systemd(
            "#DEBHELPER postinst-init-tmpfiles TMPFILES=way-files.conf\n"
            "#DEBHELPER postinst-sysusers CONFILE_BASENAME=way-files.conf\n" + START
        ),
    ),
    Way("invoke", "`invoke-rc.d X restart`", CONFIGURED, by_hand("invoke-rc.d way-invoke restart || exit 1")),
    Way(
        "invoketry",
        "`invoke-rc.d --quiet X try-restart`",
        CONFIGURED,
        by_hand("invoke-rc.d --quiet way-invoketry try-restart || exit 1"),
    ),
    Way(
        "force",
        "`invoke-rc.d X force-reload`, of a unit that cannot reload",
        CONFIGURED,
        by_hand("invoke-rc.d way-force force-reload || exit 1"),
    ),
    Way(
        "reload",
        "`invoke-rc.d X reload`",
        NOTHING,
        by_hand("invoke-rc.d way-reload reload || exit 1"),
        install="ExecReload=/bin/true\n",
        tail="a reload is let through unless the service lists it",
    ),
    Way(
        "stopstart",
        "`deb-systemd-invoke stop` in preinst, `start` in postinst",
        BEFORE,
        by_hand("deb-systemd-invoke stop way-stopstart.service", "preinst", UPGRADE),
    ),
    Way(
        "prerm",
        "`invoke-rc.d X stop` in prerm, whatever happens",
        Outcome(record="restart: prerm upgrade 2"),
        by_hand("invoke-rc.d way-prerm stop || exit 1", "prerm", UPGRADE),
    ),
    Way(
        "pattern",
        "`deb-systemd-invoke restart 'X*'`",
        CONFIGURED,
        by_hand("deb-systemd-invoke restart 'way-patter*.service'"),
    ),
    Way(
        "systemctl",
        "`systemctl restart`",
        STARTED,
        by_hand("systemctl restart way-systemctl.service || true"),
    ),
    Way(
        "systemctltry",
        "`systemctl reload-or-restart`",
        STARTED,
        by_hand("systemctl reload-or-restart way-systemctltry.service || true"),
    ),
    Way(
        "systemctlstop",
        "`systemctl stop` in preinst, `start` in postinst",
        Outcome(ANEW, told=f"{STARTED.told}|{LEFT_DOWN.told}"),
        by_hand("systemctl stop way-systemctlstop.service || true", "preinst", UPGRADE),
    ),
    Way("service", "`service X restart`", STARTED, by_hand("service way-service restart || true")),
    Way(
        "kill",
        "`kill`, and systemd starts it again",
        STARTED,
        by_hand("systemctl kill --signal=KILL way-kill.service; sleep 1"),
        install="Restart=always\nRestartSec=0\n",
    ),
    Way(
        "down",
        "`systemctl stop`, and no start",
        LEFT_DOWN,
        {**by_hand("systemctl stop way-down.service || true", "preinst", UPGRADE), "postinst": ENABLE},
    ),
]


# --- Packages ---

UNIT = """[Unit]
Description=Way {name}
[Service]
ExecStart={command}
{install}[Install]
WantedBy=multi-user.target
"""
INIT_SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: way-{name}
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
pid=/run/way-{name}.pid
run() {{ start-stop-daemon --oknodo --quiet --pidfile $pid --exec /bin/sleep "$@"; }}
case $1 in
    start) run --start --background --make-pidfile -- infinity ;;
    stop) run --stop --remove-pidfile ;;
    restart | force-reload) "$0" stop && "$0" start ;;
    *) exit 3 ;;
esac
"""


def run(
    *command: str, stdin: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as a person without a terminal would."""
    return subprocess.run(
        command, input=stdin, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", **(env or {})},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300,
    )  # fmt: skip


def must(*command: str, env: dict[str, str] | None = None) -> str:
    """Run a command that must not fail."""
    done = run(*command, env=env)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stdout[-1500:]}")
    return done.stdout


def snippet(way: Way, line: str) -> str:
    """The snippet that a line names, with what debhelper puts in; the older debhelper has fewer of them."""
    name, *words = (word.replace("\\ ", " ") for word in re.findall(r"(?:\\.|\S)+", line))
    new = (SNIPPETS / ("preinst-systemd-stop")).exists()
    if name in ("prerm-systemd", "prerm-init") and new:
        name = {"prerm-systemd": "prerm-systemd-restart", "prerm-init": "prerm-init-norestart"}[name]
    file = SNIPPETS / name
    if not file.exists():
        return ""
    values = {"UNITFILES": way.service, "UNITFILE": way.service, "SCRIPT": way.package}
    values.update(word.split("=", 1) for word in words)
    if values.get("INVOKE_RCD_PARAMS"):
        values["INVOKE_RCD_PARAMS"] += " "
    return re.sub(r"#([A-Z_]+)#", lambda found: values[found[1]], file.read_text())


def script(way: Way, text: str) -> str:
    """A maintainer script, whole."""
    body = re.sub(r"^#DEBHELPER (.*)\n", lambda found: snippet(way, found[1]), text, flags=re.MULTILINE)
    return f"#!/bin/sh\nset -e\n{body}exit 0\n"


def build(way: Way, version: str, files: dict[str, str] | None = None, control: str = "") -> str:
    """Build a version of the package of a way."""
    folder = Path(tempfile.mkdtemp(dir=PACKAGES))
    contents = {f"usr/share/{way.package}/version": f"{version}\n", **(files or {})}
    if way.unit:
        command = f"/{PROGRAM % way.package} infinity" if "program" in way.name else "/bin/sleep infinity"
        contents[f"lib/systemd/system/{way.service}"] = UNIT.format(
            name=way.name, install=way.install, command=command
        )
    if way.init:
        contents[f"etc/init.d/{way.package}"] = INIT_SCRIPT.format(name=way.name)
    if way.name == "files":
        contents["usr/lib/tmpfiles.d/way-files.conf"] = "d /run/way-files 0755 root root -\n"
        contents["usr/lib/sysusers.d/way-files.conf"] = "u way-files - -\n"
    if way.name == "user":
        contents["usr/lib/systemd/user/way-user.service"] = UNIT.format(
            name="user", install="", command="/bin/sleep infinity"
        )
    contents["DEBIAN/control"] = (
        f"Package: {way.package}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n"
        f"{way.control}{control}Description: {way.name}\n"
    )
    contents.update({f"DEBIAN/{name}": script(way, text) for name, text in way.scripts.items()})
    for name, text in contents.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if name.startswith(("DEBIAN/p", "etc/init.d")) else 0o644)
    if "program" in way.name:
        (folder / (PROGRAM % way.package)).parent.mkdir(parents=True)
        shutil.copy("/bin/sleep", folder / (PROGRAM % way.package))
    folder.chmod(0o755)
    deb = PACKAGES / f"{way.package}_{version}.deb"
    must("dpkg-deb", "-Znone", "--build", "--root-owner-group", str(folder), str(deb))
    shutil.rmtree(folder)
    return str(deb)


APT = ("apt-get", "install", "--yes", "--quiet", "--allow-downgrades", "-o=Dpkg::Use-Pty=0")


# --- What becomes of units ---


def shown(unit: str) -> tuple[str, str]:
    """The state of a unit, and what changes with each start."""
    said = must("systemctl", "show", "--property=ActiveState,InvocationID,LoadState", "--", unit)
    keys = dict(line.split("=", 1) for line in said.splitlines())
    is_gone = (
        keys["LoadState"] in ("not-found", "masked") and keys["ActiveState"] != "active"
    )  # masked until Debian 11
    return "gone" if is_gone else keys["ActiveState"], keys["InvocationID"]


def effect(before: tuple[str, str], after: tuple[str, str]) -> str:
    """In the table's words, what happened to a unit that ran."""
    if after[0] == "gone":
        return GONE
    if after[0] != "active":
        return STOPPED
    return RUNS_ON if before == after else ANEW


def fact() -> dict[str, list[Any]]:
    """What the host says about itself."""
    return json.loads(must(STATUS, "fact"))


def record(unit: str) -> dict[str, str]:
    """The record of a unit, as it is in its file."""
    for file in RECORDS.glob(f"*-{unit}.deferred"):
        return dict(line.split(": ", 1) for line in file.read_text().splitlines())
    return {}


def looked_at(way: Way, before: tuple[str, str]) -> Outcome:
    """What became of the unit of a way, and whether record and report say the same."""
    found = record(way.service)
    text = f"{found['action']}: {found['maintainer_script']}".replace('"', "") if found else ""
    told = [line for line in fact()["trouble"] if way.service in line]
    pending = [entry["unit"] for entry in fact()["pending"]]
    if bool(found) != (way.service in pending):
        raise AssertionError(f"on record is {found}, but pending are {pending}")
    if found and (found["package"], found["count"]) < (way.package, "1"):
        raise AssertionError(f"on record is {found}")
    return Outcome(effect(before, shown(way.service)), text, " / ".join(told))


def forget() -> None:
    """Begin with no record and no trouble."""
    shutil.rmtree(RECORDS, ignore_errors=True)
    TROUBLE.unlink(missing_ok=True)


# --- Ways that are played alone ---


def upgraded(
    way: Way, *, files: tuple[dict[str, str] | None, ...] = (None, None)
) -> tuple[str, tuple[str, str]]:
    """Have the first version run, and give the second one."""
    forget()
    must("dpkg", "-i", build(way, "1", files[0]))
    must("systemctl", "start", way.service)
    return build(way, "2", files[1]), shown(way.service)


def new(way: Way) -> Outcome:
    """A unit that is listed before it exists is started when its package comes."""
    forget()
    must(*APT, build(way, "1"))
    state, _invocation = shown(way.service)
    return Outcome(
        "is started" if state == "active" else STOPPED,
        record(way.service).get("action", ""),
        " ".join(fact()["trouble"]),
    )


def again(way: Way) -> Outcome:
    """The version that is there is installed once more."""
    _newer, before = upgraded(way)
    must("dpkg", "-i", str(PACKAGES / f"{way.package}_1.deb"))
    return looked_at(way, before)


def removed(way: Way, how: str = "--remove") -> Outcome:
    """The package goes."""
    _newer, before = upgraded(way)
    must("dpkg", how, way.package)
    return looked_at(way, before)


def purged(way: Way) -> Outcome:
    """The package goes with its settings."""
    return removed(way, "--purge")


def replaced(way: Way) -> Outcome:
    """Another package takes over the unit, and apt removes this one for it."""
    _newer, before = upgraded(way)
    heir = Way(
        "heir",
        "",
        NOTHING,
        way.scripts,
        service=way.service,
        unit=False,
        control="Provides: way-replaced\nConflicts: way-replaced\nReplaces: way-replaced\n",
    )
    unit = UNIT.format(name=way.name, install="", command="/bin/sleep infinity")
    must(*APT, build(heir, "2", {f"lib/systemd/system/{way.service}": unit}))
    return looked_at(way, before)


def downgraded(way: Way) -> Outcome:
    """An older version is installed over the one that runs."""
    newer, _before = upgraded(way)
    must("dpkg", "-i", newer)
    must("systemctl", "restart", way.service)
    before = shown(way.service)
    must("dpkg", "-i", str(PACKAGES / f"{way.package}_1.deb"))
    return looked_at(way, before)


def back(way: Way) -> Outcome:
    """The version that runs is installed again over the one that was installed since: nothing is wanted any more."""
    newer, before = upgraded(way)
    must("dpkg", "-i", newer)
    must("dpkg", "-i", str(PACKAGES / f"{way.package}_1.deb"))
    must(STATUS, "fact")
    settled = not [entry for entry in fact()["pending"] if entry["unit"] == way.service]
    return Outcome(effect(before, shown(way.service)), "" if settled else "still pending")


def triggered(way: Way) -> Outcome:
    """Another package has files of a kind in which this one takes an interest."""
    forget()
    must("dpkg", "-i", build(way, "1", {"DEBIAN/triggers": "interest-noawait /usr/share/way-kind\n"}))
    before = shown(way.service)
    other = Way("other", "", NOTHING, unit=False)
    must(*APT, build(other, "1", {"usr/share/way-kind/file": ""}))
    return looked_at(way, before)


def prompted(way: Way, *command: str, stdin: str = "") -> Outcome:
    """A setting was changed by hand, and by the new version; dpkg asks which to take."""

    def files(text: str) -> dict[str, str]:
        return {f"etc/{way.package}.conf": text, "DEBIAN/conffiles": f"/etc/{way.package}.conf\n"}

    newer, before = upgraded(way, files=(files("one\n"), files("two\n")))
    Path(f"/etc/{way.package}.conf").write_text("ours\n")
    done = run(*command, newer, stdin=stdin)
    if not stdin and command[0] == "dpkg":  # nobody answers: it gives up in the middle
        seen = looked_at(way, before)
        if done.returncode == 0 or seen != NOTHING:
            raise AssertionError(f"{seen} though dpkg waits for an answer: {done.stdout[-500:]}")
        must("dpkg", "--force-confold", "--configure", "-a")
    return looked_at(way, before)


def answered(way: Way) -> Outcome:
    """Somebody answers."""
    return prompted(way, "dpkg", "-i", stdin="N\n")


def unanswered(way: Way) -> Outcome:
    """Nobody is there."""
    return prompted(way, "dpkg", "-i")


def confold(way: Way) -> Outcome:
    """It was said beforehand."""
    return prompted(way, *APT, "-o=Dpkg::Options::=--force-confold")


def failing(way: Way) -> Outcome:
    """The postinst fails after it has asked, and later does not."""
    newer, before = upgraded(way)
    flag = Path(f"/run/{way.package}")
    flag.touch()
    if run("dpkg", "-i", newer).returncode == 0:
        raise AssertionError("the postinst did not fail")
    flag.unlink()
    must("dpkg", "--configure", "-a")
    return looked_at(way, before)


def killed(way: Way) -> Outcome:
    """dpkg is killed in the middle of a script, and somebody ends its work."""
    newer, before = upgraded(way)
    at_work = Path(f"/run/{way.package}")
    at_work.unlink(missing_ok=True)
    dpkg = subprocess.Popen(
        ["dpkg", "-i", newer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 60
    while not at_work.exists() and time.monotonic() < until:
        time.sleep(0.05)
    dpkg.kill()
    os.killpg(dpkg.pid, signal.SIGKILL)  # its script too
    dpkg.wait()
    if run("dpkg", "--configure", "-a").returncode:
        raise AssertionError("dpkg --configure -a failed")
    if "install ok installed 2" not in run("dpkg-query", "-W", "-f=${Status} ${Version}", way.package).stdout:
        must("dpkg", "-i", newer)
    return looked_at(way, before)


def unattended(way: Way) -> Outcome:
    """The newer version is in an archive, and the host upgrades itself."""
    newer, before = upgraded(way)
    serve(newer)
    must(*APT, "unattended-upgrades")
    Path("/etc/apt/apt.conf.d/99ways").write_text(
        '#clear Unattended-Upgrade::Origins-Pattern;\nUnattended-Upgrade::Origins-Pattern { "origin=ways"; };\n'
    )
    print(must("unattended-upgrade", "--verbose"))
    if "Version: 2" not in must("dpkg", "--status", way.package):
        raise AssertionError("it has not been upgraded")
    return looked_at(way, before)


def serve(deb: str) -> None:
    """Make an archive of one package."""
    content = Path(deb).read_bytes()
    control = must("dpkg-deb", "--field", deb)
    digest = hashlib.sha256(content).hexdigest()
    index = f"{control}Filename: ./{Path(deb).name}\nSize: {len(content)}\nSHA256: {digest}\n"
    (PACKAGES / "Packages").write_text(index)
    digest = hashlib.sha256(index.encode()).hexdigest()
    (PACKAGES / "Release").write_text(
        f"Origin: ways\nSuite: ways\nSHA256:\n {digest} {len(index)} Packages\n"
    )
    source = Path("/etc/apt/sources.list.d/ways.list")
    source.write_text(f"deb [trusted=yes] file:{PACKAGES} ./\n")
    must(
        "apt-get",
        "update",
        "-o=Dir::Etc::SourceList=/dev/null",
        f"-o=Dir::Etc::SourceParts={source.parent}",
        "-qq",
    )


def needrestart(way: Way, *command: str) -> Outcome:
    """The package brings a new program and wants no restart; needrestart restarts what runs old ones by itself."""
    free = Way("freeprogram", "", NOTHING, way.scripts)
    packages = [build(each, version) for version in "12" for each in (way, free)]
    must(*APT, "needrestart")
    forget()
    must("dpkg", "-i", *packages[:2])
    before, before_free = shown(way.service), shown(free.service)
    if command:
        must("dpkg", "-i", *packages[2:])
        print(must(*command))
    else:
        print(must(*APT, *packages[2:], env={"NEEDRESTART_MODE": "a"}))
    if effect(before_free, shown(free.service)) != ANEW:
        raise AssertionError("needrestart did not restart what nobody lists either")
    return looked_at(way, before)


def needrestart_after_apt(way: Way) -> Outcome:
    """As its hook does when apt is done, where it is told to restart by itself: Ubuntu's default."""
    return needrestart(way)


def needrestart_by_hand(way: Way) -> Outcome:
    """By its command."""
    return needrestart(way, "needrestart", "-r", "a")


def waits(command: str) -> str:
    """Scripts stop at a point at which dpkg is killed, the first time."""
    return f"{command}\n[ -e /run/$DPKG_MAINTSCRIPT_PACKAGE ] || {{ touch /run/$DPKG_MAINTSCRIPT_PACKAGE; sleep 60; }}"


ALONE = [
    Way(
        "new",
        "the package is new, its unit is listed already",
        Outcome("is started"),
        systemd(RESTART),
        play=new,
    ),
    Way("again", "the same version once more", CONFIGURED, systemd(RESTART), play=again),
    Way(
        "downgrade",
        "an older version",
        Outcome(record="restart: postinst configure 2"),
        systemd(RESTART),
        play=downgraded,
    ),
    Way(
        "back",
        "an upgrade, and back to the version that runs",
        NOTHING,
        systemd(RESTART),
        play=back,
        tail="the record is settled",
    ),
    Way("removed", "`dpkg --remove`", Outcome(GONE), systemd(RESTART), play=removed),
    Way("purged", "`dpkg --purge`", Outcome(GONE), systemd(RESTART), play=purged),
    Way(
        "replaced",
        "another package takes over its unit (`Replaces`, `Conflicts`)",
        Outcome(ANEW, told="was stopped when the package way-replaced was removed, and started anew"),
        systemd(RESTART),
        play=replaced,
    ),
    Way(
        "trigger",
        "a trigger",
        Outcome(record="restart: postinst triggered /usr/share/way-kind"),
        by_hand("deb-systemd-invoke restart way-trigger.service", when='[ "$1" = triggered ]'),
        play=triggered,
    ),
    Way(
        "answer",
        "dpkg asks about a changed conffile, and gets an answer",
        CONFIGURED,
        systemd(RESTART),
        play=answered,
    ),
    Way(
        "noanswer",
        "dpkg asks, nobody answers; later `dpkg --configure -a`",
        CONFIGURED,
        systemd(RESTART),
        play=unanswered,
    ),
    Way("confold", "`--force-confold`", CONFIGURED, systemd(RESTART), play=confold),
    Way(
        "fails",
        "postinst fails after it has asked; later `dpkg --configure -a`",
        CONFIGURED,
        systemd(RESTART + "[ ! -e /run/way-fails ] || exit 1\n"),
        play=failing,
    ),
    Way(
        "killed",
        "`kill -9` of dpkg after postinst has asked; then `dpkg --configure -a`",
        CONFIGURED,
        by_hand(waits("deb-systemd-invoke restart way-killed.service")),
        play=killed,
    ),
    Way(
        "killedearly",
        "`kill -9` of dpkg after preinst has asked; then the package again",
        BEFORE,
        by_hand(waits("deb-systemd-invoke stop way-killedearly.service"), "preinst", UPGRADE),
        play=killed,
    ),
    Way(
        "killeddirect",
        "`systemctl restart`, then `kill -9` of dpkg",
        STARTED,
        by_hand(
            "[ -e /run/way-killeddirect ] || "
            + waits("systemctl restart way-killeddirect.service; sleep 1.1"),
            when='[ -n "$2" ]',
        ),
        play=killed,
    ),
    Way("unattended", "unattended-upgrades", CONFIGURED, systemd(RESTART), play=unattended),
    Way(
        "program",
        "needrestart after apt, which restarts by itself (`NEEDRESTART_MODE=a`)",
        NOTHING,
        systemd(START),
        play=needrestart_after_apt,
        tail="it has a list of its own, which says the same as the policies",
    ),
    Way(
        "programtoo", "`needrestart -r a`", NOTHING, systemd(START), play=needrestart_by_hand, tail="the same"
    ),
]
WAYS = [*TOGETHER, *ALONE]


# --- Playing them ---


def prepare() -> None:
    """Fetch debhelper's snippets, remove what is left of another time, and have a unit run that nobody lists."""
    PACKAGES.mkdir(exist_ok=True)
    if not SNIPPETS.exists():
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o755)
        subprocess.run(["apt-get", "download", "-qq", "libdebhelper-perl"], cwd=folder, check=True)
        must("dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder / "root"))
        shutil.move(
            str(folder / "root/usr/share/perl5/Debian/Debhelper/../../../debhelper/autoscripts"),
            str(SNIPPETS),
        )
    there = run("dpkg-query", "--show", "--showformat=${Package}\n").stdout.split()
    left = [name for name in there if name.startswith("way-")]
    if left:
        must("dpkg", "--purge", *left)
    unit = Path("/etc/systemd/system") / FREE
    unit.write_text(UNIT.format(name="free", install="", command="/bin/sleep infinity"))
    must("systemctl", "daemon-reload")
    must("systemctl", "start", FREE)
    must("systemctl", "enable", "--quiet", FREE)


def play_together(ways: Iterable[Way]) -> Iterator[tuple[Way, Outcome]]:
    """Upgrade many packages with one command, as people do."""
    ways = list(ways)
    forget()
    must("dpkg", "-i", *(build(way, "1") for way in ways))
    must("systemctl", "start", *(way.service for way in ways))
    time.sleep(1.1)
    before = {way.name: shown(way.service) for way in ways}
    free = shown(FREE)
    print(must(*APT, *(build(way, "2") for way in ways)))
    for way in ways:
        yield way, looked_at(way, before[way.name])
    if any(way.name == "several" for way in ways) and effect(free, shown(FREE)) != ANEW:
        raise AssertionError(f"{FREE}, which nobody lists, was not restarted")


def played(names: Iterable[str]) -> Iterator[tuple[Way, Outcome]]:
    """Play ways, all of them or those named."""
    chosen = [way for way in WAYS if not names or way.name in names]
    together = [way for way in chosen if not way.play]
    if together:
        yield from play_together(together)
    for way in chosen:
        if way.play:
            try:
                yield way, way.play(way)
            except Exception as exc:  # whatever happens to one, the others are tried
                yield way, Outcome(f"FAILED: {exc}")


def main() -> int:
    """Play all ways, or only those named; print a line for each. With --units, name the units that must be listed."""
    if sys.argv[1:] == ["--units"]:
        print(" ".join(way.service for way in WAYS))
        return 0
    prepare()
    failed = 0
    for way, seen in played(sys.argv[1:]):
        right = way.expected.agrees_with(seen)
        failed += not right
        print(f"{'ok' if right else 'FAILED':6} {way.name:14} {seen}", flush=True)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
