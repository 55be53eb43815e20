"""What was said with ``-e``: what cannot be taken back is decided there alone, not by a variable that was forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.utils.vars import load_extra_vars

if TYPE_CHECKING:
    from ansible.parsing.dataloader import DataLoader


def extra_variable(loader: DataLoader, name: str) -> Any:
    """Give the value that ``-e`` gives to a variable, not templated; None where it gives none."""
    return load_extra_vars(loader).get(name)


def extra_names(loader: DataLoader) -> frozenset[str]:
    """Name the variables that ``-e`` gives."""
    return frozenset(load_extra_vars(loader))


def counts_from_e_alone(name: str) -> str:
    """Tell somebody who has set such a variable elsewhere why it has no effect."""
    return (
        f"{name} is accepted only on the command line (-e {name}=…). Its value from the inventory or a playbook is "
        "ignored."
    )
