# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs the commands of adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

if TYPE_CHECKING:
    from typing import Protocol, Sequence

    class Runner(Protocol):
        """Runs a command, as ``AnsibleModule.run_command`` does."""

        def __call__(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
            """Give exit code, output and errors."""
