"""What the rolling lock does, as its unit tests tell it, in real stores: the fixture ``world`` opens them here."""

from __future__ import annotations

from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils._lock import (
    test_assessment,
    test_changes,
    test_decision,
    test_lock,
    test_refusals,
    test_report,
)

for module in (test_assessment, test_changes, test_decision, test_lock, test_refusals, test_report):
    globals().update({name: each for name, each in vars(module).items() if not name.startswith("__")})
