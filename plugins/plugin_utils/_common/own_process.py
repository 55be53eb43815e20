"""Processes of our own, which run without Ansible; also the program that they begin with.

``python -m`` would look for our code in the current folder first, where anybody may have a ``plugins``. So such a
process is begun by the path of this file, with the one folder that our code is in, whatever else can be imported.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from types import ModuleType

PLUGINS = Path(__file__).resolve().parents[2]


def command(module: str, *arguments: str) -> list[str]:
    """Give the command that runs one of our modules, named as in ``plugins.plugin_utils._report.probe``."""
    return [sys.executable, "-P", __file__, module, *arguments]


def environment() -> dict[str, str]:
    """Give the environment of such a process: an empty part of a path means the current folder, and is left out."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def main() -> None:
    """Run the module that the first argument names, with the others."""
    package = sys.modules[PLUGINS.name] = ModuleType(PLUGINS.name)
    package.__path__ = [str(PLUGINS)]
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
