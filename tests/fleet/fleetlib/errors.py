"""The one error that is meant for people."""

from __future__ import annotations


class FleetError(Exception):
    """A sentence for the person at the terminal: what is wrong, and what to do."""
