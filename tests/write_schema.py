"""Write ``docs/service.schema.json`` again, after a key of ``meta/service.yml`` was added or changed.

Run: tests/env python tests/write_schema.py
"""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.orderly.services.plugins.plugin_utils._service.settings import schema

SCHEMA = Path(__file__).resolve().parent.parent / "docs/service.schema.json"

SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
