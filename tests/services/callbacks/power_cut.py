"""Cuts the power of a host as soon as a task begins there; both are named in the environment."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: power_cut
type: notification
short_description: Cuts the power of a host as soon as a task begins there
description: For tests.
"""


class CallbackModule(CallbackBase):
    """Hears of each task as it begins on each host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "power_cut"

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Cut the power, once."""
        wanted, victim = os.environ.get("POWER_CUT_TASK", ""), os.environ.get("POWER_CUT_HOST", "")
        marker = os.environ.get("POWER_CUT_DONE", "")
        if (
            not wanted
            or host.name != victim
            or not task.get_name().endswith(wanted)
            or os.path.exists(marker)
        ):
            return
        with open(marker, "w", encoding="utf-8") as file:
            file.write(task.get_name())
        subprocess.run(
            [os.environ["POWER_CUT_FLEET"], "--fleet", os.environ["FLEET"], "kill", victim], check=True
        )
