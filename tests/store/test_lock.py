"""What the rolling lock does, as its unit tests tell it, in real stores: the fixture ``world`` opens them here."""

from __future__ import annotations

from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils._lock.test_changes import *  # noqa: F403
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils._lock.test_decision import *  # noqa: F403
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils._lock.test_report import *  # noqa: F403
