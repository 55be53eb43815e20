# This is a private utility of the orderly.services collection; it may change without notice.
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg knows about packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Iterable

    from ansible_collections.orderly.services.plugins.module_utils._systemd import Runner


def installed_versions(run: Runner, packages: Iterable[str]) -> dict[str, str]:
    """Read the installed versions of packages at once; those that are not installed are left out."""
    wanted = sorted({package for package in packages if package})
    if not wanted:
        return {}
    command = ["dpkg-query", "--show", "--showformat=${Package}\\t${Version}\\n", "--", *wanted]
    output = run(command, environ_update={"LC_ALL": "C"})[1]
    pairs = (line.split("\t", 1) for line in output.splitlines() if "\t" in line)
    return {package: version for package, version in pairs if version}
