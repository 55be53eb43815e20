"""Write ``docs/service.schema.json`` again, after a key of ``meta/service.yml`` was added or changed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".build"))

from ansible_collections.orderly.services.plugins.plugin_utils._service import schema  # noqa: E402 - found above

(ROOT / "docs/service.schema.json").write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
