# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of policies, and the drop-in of needrestart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.errors import HostError
from .._host.files import attempt, read_each, read_lines, read_text, remove, write_text
from .._host.yaml import YamlError
from .policy import Policy, Requestor, needrestart_settings, parse_policy
from .verdict import assume, read_last_known

if TYPE_CHECKING:
    from typing import Collection, Iterable, Mapping


# --- Policies ---

_NO_POLICY = re.compile(r"^\.|[\t\n]")


class PolicyFolder:
    """The folder of policies, one file for each requestor."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the folder is."""
        self.path = root / "etc/policy-rc.d"
        self._known = root / "var/lib/orderly/policy.known"

    def file(self, requestor: Requestor) -> Path:
        """Name the file of a requestor."""
        return self.path / requestor.file_name

    def text(self, requestor: Requestor) -> str:
        """Read a requestor's policy as it is written; nothing where there is none."""
        try:
            self._refuse_a_file()
            return read_text(self.file(requestor))
        except FileNotFoundError:
            return ""
        except (OSError, YamlError) as exc:
            raise HostError(
                f"{self.file(requestor)} cannot be read: {exc}.", path=str(self.file(requestor))
            ) from exc

    def write(self, policy: Policy) -> None:
        """Write a policy."""
        write_text(self.file(policy.requestor), policy.render())

    def remove(self, requestor: Requestor) -> None:
        """Remove a requestor's policy."""
        try:
            self.file(requestor).unlink()
        except OSError as exc:
            raise HostError(f"{self.file(requestor)} cannot be removed: {exc.strerror}.") from exc

    def read(self) -> tuple[list[tuple[Path, Policy]], list[str]]:
        """Read all policies, and say which files are none."""
        return read_each(
            self._files(),
            lambda path: (path, parse_policy(read_text(path))),
            "is not a valid policy: what it names, and what it blocked before, stays blocked",
        )

    def _refuse_a_file(self) -> None:
        if self.path.is_file():
            raise HostError(
                f"{self.path} is a file, which the package policyrcd-script-zg2 runs; expected a folder of policies. "
                "Move it to /usr/local/sbin/policy-rc.d, where that package looks first, and run this again.",
                path=str(self.path),
            )

    def effective(self, names: Collection[str]) -> list[Policy]:
        """Read the policies as the script obeys them, also those that cannot be read; *names* are those of units."""
        known = read_last_known("\n".join(read_lines(self._known)))
        # Where the folder has gone, nobody said that anything is free again.
        paths = self._files() if self.path.is_dir() else [self.path / name for name in sorted(known)]
        return [self._effective(path, known, names) for path in paths]

    def _files(self) -> list[Path]:
        return [path for path in sorted(self.path.glob("*.policy")) if not _NO_POLICY.search(path.name)]

    @staticmethod
    def _effective(path: Path, known: Mapping[str, Policy], names: Collection[str]) -> Policy:
        policy = attempt(path, lambda each: parse_policy(read_text(each)))
        if isinstance(policy, Policy):
            return policy
        text = attempt(path, read_text)  # none where it is a link, or somebody else's
        return assume(path, text if isinstance(text, str) else "", known.get(path.name), names)


class NeedrestartDropIn:
    """The file that tells needrestart, which never asks policy-rc.d, to leave listed units alone too.

    It is there whether needrestart is installed yet or not.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the file is."""
        self.path = root / "etc/needrestart/conf.d/orderly-services.conf"

    def follows(self, policies: Iterable[Policy]) -> bool:
        """Tell whether it says what the policies say."""
        return "\n".join(read_lines(self.path)) == needrestart_settings(policies).rstrip("\n")

    def follow(self, policies: Iterable[Policy]) -> None:
        """Let it say what the policies say; without policies there is no file."""
        settings = needrestart_settings(policies)
        if settings:
            write_text(self.path, settings)
            return
        remove([self.path])
        for folder in (self.path.parent, self.path.parent.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
