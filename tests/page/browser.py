"""A headless Chromium to look at pages with, driven over the W3C WebDriver protocol that its own driver speaks."""

from __future__ import annotations

import json
import subprocess
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.tests.debian import ensure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,1600",
]
NAMES_OF_KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Tab": "\ue004",
    "ArrowRight": "\ue014",
    "End": "\ue010",
}
SECONDS = 180  # a loaded machine may take its time


class BrowserError(Exception):
    """What the browser said."""


class Browser:
    """One window."""

    def __init__(self, driver: str, session: str) -> None:
        self._url = f"{driver}/session/{session}"

    def open(self, page: Path, query: str = "") -> None:
        """Open a file and wait until it has drawn itself."""
        self._post("url", {"url": f"{page.as_uri()}{query}"})
        if not self.run("return document.documentElement.dataset.ready === 'yes'"):
            raise BrowserError(f"The page did not draw itself: {self.complaints()}")

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page and give what it returns."""
        return self._post("execute/sync", {"script": script, "args": list(arguments)})

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, where the focus is."""
        strokes = [
            {"type": kind, "value": NAMES_OF_KEYS.get(key, key)}
            for key in keys
            for kind in ("keyDown", "keyUp")
        ]
        self._post("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Send a command of Chromium's own protocol."""
        return self._post("goog/cdp/execute", {"cmd": command, "params": parameters})

    def complaints(self) -> list[str]:
        """Give what the page complained about in its console since it was last asked."""
        return [entry["message"] for entry in self._post("se/log", {"type": "browser"})]

    def _post(self, path: str, body: Any) -> Any:
        return send(f"{self._url}/{path}", body)


def send(url: str, body: Any, method: str = "POST") -> Any:
    """Send a command to the driver and give its value."""
    request = urllib.request.Request(  # noqa: S310 - our own driver
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - our own driver
            return json.load(answer)["value"]
    except urllib.error.HTTPError as exc:
        raise BrowserError(json.load(exc)["value"]["message"]) from None


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Run a browser with a profile of its own, and end it."""
    ensure(chromedriver="chromium-driver", chromium="chromium")
    with tempfile.TemporaryDirectory() as profile, _driver() as driver:
        options = {"args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = send(f"{driver}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        try:
            yield Browser(driver, session)
        finally:
            send(f"{driver}/session/{session}", {}, "DELETE")


@contextmanager
def _driver() -> Iterator[str]:
    with subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stdout or ())
            line = next((line for line in lines if "started successfully on port" in line), "")
            assert line, "chromedriver ended before it said on which port it listens"
            yield f"http://127.0.0.1:{line.rsplit(maxsplit=1)[1].rstrip('.')}"
        finally:
            process.terminate()
