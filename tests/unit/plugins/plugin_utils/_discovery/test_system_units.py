from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.system_units import (
    HARMLESS,
    OF_SESSIONS,
    OF_SYSTEM,
    PATTERNS,
    reason_of,
)

UNITS = [
    ("systemd-journald.service", OF_SYSTEM),
    ("dbus.service", OF_SYSTEM),
    ("getty@tty1.service", OF_SESSIONS),
    ("user@1000.service", OF_SESSIONS),
    ("ssh.service", HARMLESS),
    ("cron.service", HARMLESS),
    ("apache2.service", ""),
    ("postgresql@15-main.service", ""),
    ("chrony.service", ""),
    ("docker.service", ""),
    ("dbus-app.service", ""),
]


@pytest.mark.parametrize(("unit", "why"), UNITS)
def test_what_is_the_systems_own_has_a_reason_and_other_services_have_none(unit: str, why: str) -> None:
    assert reason_of(unit) == why


def test_no_pattern_is_there_twice() -> None:
    assert len(PATTERNS) == len(set(PATTERNS))
