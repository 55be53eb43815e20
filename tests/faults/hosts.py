"""Real hosts to hurt: containers with a systemd and an ssh server of their own, and what they logged themselves."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests/fleet/fleet"
RECORD = "/usr/local/lib/record.py"
HISTORY = "/var/log/disruptions"


class Hosts:
    """A fleet, as a context; its hosts are asked from outside, whether ssh answers or not."""

    def __init__(self, fleet: str, names: Sequence[str], suite: str = "bookworm") -> None:
        self.fleet = fleet
        self.names = tuple(names)
        self.suite = suite

    def __enter__(self) -> Hosts:
        try:
            return self.up()
        except BaseException:
            self._fleet("down")
            raise

    def __exit__(self, *_anything: object) -> None:
        self._fleet("down")

    def up(self) -> Hosts:
        """Start the hosts that are not there yet."""
        self._fleet("up", "--suite", self.suite, *self.names)
        self.everywhere(f"cat > {RECORD}", (ROOT / "tests/history/record.py").read_bytes())
        return self

    def and_more(self, names: Sequence[str]) -> Hosts:
        """Give a larger fleet, which is gone when this one is."""
        return Hosts(self.fleet, (*self.names, *names), self.suite).up()

    @property
    def inventory(self) -> Path:
        """Name the file with the addresses."""
        return Path(self._fleet("inventory").decode().strip())

    def run(self, host: str, script: str, stdin: bytes = b"") -> str:
        """Run a script of the shell on a host, without ssh, and give what it said."""
        return self.run_raw(host, script, stdin).decode(errors="replace")

    def run_raw(self, host: str, script: str, stdin: bytes = b"") -> bytes:
        """Run a script as :meth:`run` does, and give its very output."""
        return self._fleet("exec", host, "--", "sh", "-euc", script, stdin=stdin)

    def everywhere(self, script: str, stdin: bytes = b"", *, on: Sequence[str] = ()) -> str:
        """Run a script on some hosts or all, and give what they said, host by host."""
        with ThreadPoolExecutor(4) as pool:
            return "".join(pool.map(lambda host: self.run(host, script, stdin), on or self.names))

    def kill(self, host: str) -> None:
        """Cut the power of a host; :meth:`up` starts it again."""
        self._fleet("kill", host)

    def offer_updates(self, names: Sequence[str]) -> None:
        """Offer some hosts the newer packages."""
        self._fleet("offer-updates", *names)

    def history(self) -> list[str]:
        """Give what all hosts logged about their own disruptions."""
        return self.everywhere(f"cat {HISTORY} 2> /dev/null || :").splitlines()

    def _fleet(self, *arguments: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run(
            [PROGRAM, "--fleet", self.fleet, *arguments],
            check=False, input=stdin, capture_output=True,
        )  # fmt: skip
        said = (done.stdout + done.stderr)[-3000:].decode(errors="replace")
        assert done.returncode == 0, f"fleet {' '.join(arguments)}: {said}"
        return done.stdout
