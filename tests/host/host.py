"""A host in a temporary folder: the real script, asked as Debian's callers ask it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SCRIPT = Path(__file__).parents[2] / "roles/deferral/files/policy-rc.d"
ALLOWED, DENIED = 0, 101

# A systemctl that knows what bears the mark of a running service, and what a test says besides (Host.unit).
SYSTEMCTL = """
case $1 in show) ;; *) exit 0 ;; esac
root=${0%/bin/systemctl}
echo "$*" >>"$root/asked"
while [ "$1" != -- ]; do shift; done
shift
for unit; do
    case $unit in '') echo 'Failed to mangle name' >&2; exit 1 ;; esac
    if [ -e "$root/units/$unit" ]; then cat "$root/units/$unit"; echo; continue; fi
    mark=$root/run/systemd/units/invocation:$unit
    printf 'Id=%s\\nLoadState=loaded\\nActiveState=' "$unit"
    if [ -L "$mark" ]; then echo active; else echo inactive; fi
    printf 'InvocationID=%s\\n\\n' "$(readlink "$mark")"
done
exit 0
"""

# What deb-systemd-invoke does with policy-rc.d: one question for each unit, through a shell, until one is denied.
DEB_SYSTEMD_INVOKE = """#!/usr/bin/perl
my ($action, @units) = grep { !/^--/ } @ARGV;
for my $unit (@units) { system(qq|%s $unit "$action"|); exit 0 if $? >> 8 == 101 }
exit 1;
"""
# What invoke-rc.d does: options are its own business, but --quiet is handed on; the id goes without suffix.
INVOKE_RC_D = """#!/bin/sh
quiet=
while [ "${1#--}" != "$1" ]; do [ "$1" = --quiet ] && quiet=--quiet; shift; done
FALLBACK=$(%s $quiet $1 "$2" 5)
exit $?
"""


@dataclass
class Host:
    """The folder that stands for the root of a host."""

    root: Path
    script: Path = field(init=False)

    def __post_init__(self) -> None:
        self.script = self.root / "policy-rc.d"
        for folder in (
            "etc/policy-rc.d",
            "etc/systemd/system",
            "run/systemd/units",
            "var/lib",
            "usr/lib/orderly",
            "bin",
            "units",
        ):
            (self.root / folder).mkdir(parents=True)
        self.systemctl()
        self.install(SCRIPT.read_text())
        self._write_program("deb-systemd-invoke", DEB_SYSTEMD_INVOKE % self.script)
        self._write_program("invoke-rc.d", INVOKE_RC_D % self.script)

    def install(self, text: str) -> None:
        """Install the script as if this folder were the root of the host."""
        text = text.replace("root=''", f"root='{self.root}'", 1)
        self._write_program("policy-rc.d", text.replace("PATH=", f"PATH={self.root}/bin:", 1))

    def without_perl(self) -> None:
        """Take Perl away from the script."""
        self.install(SCRIPT.read_text().replace("perl=/usr/bin/perl", "perl=/nonexistent", 1))

    def systemctl(self, text: str = "") -> None:
        """Let systemctl begin with these lines; what they leave to it shows units as the test has made them."""
        self._write_program("bin/systemctl", f"#!/bin/sh\n{text}\n{SYSTEMCTL}")

    def unit(self, name: str, active: str = "active", *also: str, **properties: str) -> None:
        """Say what systemd knows about a unit, by whichever of its names it is asked."""
        said = {"Id": name, "LoadState": "loaded", "ActiveState": active, "RequiredBy": "", **properties}
        for each in (name, *also):
            (self.root / "units" / each).write_text(
                "".join(f"{key}={value}\n" for key, value in said.items())
            )

    def _write_program(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)
        (self.root / name).chmod(0o755)

    def policy(self, name: str, text: str) -> None:
        """Write the policy of a requestor."""
        (self.root / f"etc/policy-rc.d/{name}.policy").write_text(text)

    def block(self, **units: list[str]) -> None:
        """Block actions on units, as our module writes it."""
        listed = {unit.replace("__", "."): actions for unit, actions in units.items()}
        who = {"policy_requestor_type": "ansible", "policy_requestor_name": "test"}
        self.policy("ansible-test", yaml.dump({"blocked_actions": listed, **who}))

    def run(self, *units: str, invocation: str = "1" * 32) -> None:
        """Have units run."""
        for unit in units:
            link = self.root / f"run/systemd/units/invocation:{unit}"
            link.unlink(missing_ok=True)
            link.symlink_to(invocation)

    def alias(self, name: str, unit: str) -> None:
        """Let systemd know a unit by another name too."""
        (self.root / "etc/systemd/system" / name).symlink_to(f"/lib/systemd/system/{unit}")

    def ask(self, *arguments: str, env: Mapping[str, str] | None = None) -> int:
        """Ask the script directly."""
        return self._call("policy-rc.d", arguments, env)

    def deb_systemd_invoke(self, *arguments: str, env: Mapping[str, str] | None = None) -> int:
        """Ask as deb-systemd-invoke does; tells 0 where it would not have run the action."""
        return self._call("deb-systemd-invoke", arguments, env)

    def invoke_rc_d(self, *arguments: str, env: Mapping[str, str] | None = None) -> int:
        """Ask as invoke-rc.d does."""
        return self._call("invoke-rc.d", arguments, env)

    def maintainer_script(
        self, name: str, arguments: str, command: str, env: Mapping[str, str] | None = None
    ) -> int:
        """Ask from a maintainer script that dpkg runs."""
        script = self.root / f"demo.{name}"
        script.write_text(f"#!/bin/sh\n{self.root}/{command}\nexit $?\n")
        script.chmod(0o755)
        dpkg = {"DPKG_MAINTSCRIPT_NAME": name, "DPKG_MAINTSCRIPT_PACKAGE": "demo"}
        return self._call(f"demo.{name}", arguments.split(), {**dpkg, **(env or {})})

    def _call(
        self, program: str, arguments: tuple[str, ...] | list[str], env: Mapping[str, str] | None
    ) -> int:
        done = subprocess.run(
            [self.root / program, *arguments],
            env={"PATH": os.environ["PATH"], **(env or {})},
            capture_output=True,
            timeout=60,
            check=False,
        )
        self.said = done.stdout.decode(errors="replace")
        self.complained = done.stderr.decode(errors="replace")
        return done.returncode

    def records(self, folder: str = "var/lib/policy-rc.d") -> dict[str, dict[str, Any]]:
        """Read the records, by unit, as other tools read them."""
        files = (self.root / folder).glob("*.deferred")
        records = [yaml.safe_load(file.read_text()) for file in files]
        return {record["service"]: record for record in records}

    def let_files_grow_old(self) -> None:
        """Wait until policies are taken as known; what was written this moment is not."""
        time.sleep(2.1)

    def forget_records(self) -> None:
        """Remove all records."""
        shutil.rmtree(self.root / "var/lib/policy-rc.d", ignore_errors=True)
