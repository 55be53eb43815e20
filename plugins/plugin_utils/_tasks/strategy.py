"""Whether the hosts of a wave go on by themselves, or task by task together.

By themselves they are faster, as none waits for the slowest at every task. But what one host does for all of them
(``run_once``, ``pause``) needs strategy linear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .files import entry, forms, is_true, read_tasks, value_of
from .roles import below

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FREE, LINEAR = "ansible.builtin.free", "ansible.builtin.linear"
PINNED = "ansible.builtin.host_pinned"
"""As free, and a host that has begun comes before those that have not where processes of Ansible are scarce."""
FOR_ALL_HOSTS = forms(
    "add_host", "pause"
)  # Ansible runs them on one host of the batch, and not at all with free


def acts_for_all(paths: Iterable[Path]) -> bool:
    """Tell whether any of some task files, or of those that they name, has a task that runs on one host for all."""
    queue, seen = [(path.parent, path) for path in paths], set()
    while queue:
        folder, path = queue.pop()
        if path in seen:
            continue
        seen.add(path)
        file = read_tasks(path)
        for task in file.walk():
            if is_true(value_of(task, "run_once")) or entry(task, *FOR_ALL_HOSTS):
                return True
            queue += below(folder, file, task)
    return False
