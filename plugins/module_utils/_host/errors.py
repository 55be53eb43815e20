# SPDX-License-Identifier: GPL-3.0-or-later
"""The error that host-side code raises; modules turn it into ``fail_json``."""

from __future__ import annotations

from typing import Any


class HostError(Exception):
    """Something on this host is not as it has to be: what, what was expected, what to do; ``details`` has the parts."""

    def __init__(self, message: str, **details: Any) -> None:
        """Keep the sentence and, apart, the facts that it names."""
        super().__init__(message)
        self.details = details


class NewerFormatError(HostError):
    """A newer version of this collection wrote something, and may mean by it what this one cannot know."""
