"""The fleet, in three rings.

Core: ``hosts``, ``sources``, ``recipe``, ``config``: values and text, no commands.
Adapters: ``shell``, ``machine``, ``podman``: commands, files, locks.
Edge: ``lab`` (what each command does) and ``cli`` (what users type).
"""
