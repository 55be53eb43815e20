"""Import what tasks need before Ansible forks a worker for each of them: else every worker would import it anew.

Python keeps no compiled form of what a collection brings, so that takes a worker up to a tenth of a second.
"""

from __future__ import annotations

from importlib import import_module

PLUGINS = __package__.rpartition(".plugin_utils.")[0]


def preload(*actions: str) -> None:
    """Import what all actions share, and some of them (``internal.upgrade_gate`` say), in the process that forks."""
    import_module(f"{PLUGINS}.plugin_utils._action")
    for name in actions:
        import_module(f"{PLUGINS}.action.{name}")
