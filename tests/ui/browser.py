"""A headless Chromium driven through Debian's chromedriver by plain HTTP (W3C WebDriver): no package besides httpx.

Needs ``apt-get install chromium chromium-driver``; the tests fail, and say so, where they are missing.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1500,1150",
)  # fmt: skip
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, http: httpx.Client, session: str) -> None:
        self._http = http
        self._session = session

    def open(self, url: str) -> None:
        self._post("url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        return self._post("execute/sync", {"script": script, "args": list(arguments)})

    @property
    def text(self) -> str:
        return str(self.run("return document.body ? document.body.innerText : ''"))

    def see(self, *words: str, seconds: float = 40) -> str:
        """Wait until the page shows all of these."""
        self.wait(lambda: all(word in self.text for word in words), seconds, lambda: f"{words} not in: {self.text}")
        return self.text

    def wait(self, condition: Callable[[], object], seconds: float = 40, why: Callable[[], str] = lambda: "") -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, why()
            time.sleep(0.3)

    def click(self, xpath: str) -> None:
        element = self._find(xpath)
        # a page that scrolls smoothly is still on its way when the driver, which scrolls as the page does, clicks
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", {ELEMENT: element})
        self._post(f"element/{element}/click", {})

    def fill(self, xpath: str, text: str) -> None:
        element = self._find(xpath)
        self._post(f"element/{element}/clear", {})
        self._post(f"element/{element}/value", {"text": text})

    def before_pages(self, script: str) -> None:
        """Run this in every page before its own scripts."""
        self._post("goog/cdp/execute", {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}})

    def keep_downloads(self, folder: Path) -> None:
        """Let the page download files, into this folder."""
        self._post("goog/cdp/execute", {"cmd": "Page.setDownloadBehavior", "params": {"behavior": "allow", "downloadPath": str(folder)}})

    def picture(self, path: Path) -> None:
        """Keep a screenshot, for people."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._http.get(f"{self._session}/screenshot").json()["value"]))

    def _find(self, xpath: str) -> str:
        found: list[Any] = []

        def look() -> bool:
            found.extend(self._post("elements", {"using": "xpath", "value": xpath}))
            return bool(found)

        self.wait(look, 20, lambda: f"{xpath} in {self.text}")
        return str(found[0][ELEMENT])

    def _post(self, what: str, body: dict[str, Any]) -> Any:
        answer = self._http.post(f"{self._session}/{what}", json=body).json()["value"]
        assert not (isinstance(answer, dict) and "error" in answer), answer.get("message")
        return answer


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    driver = shutil.which("chromedriver")
    assert driver, "the browser tests need Chromium: apt-get install chromium chromium-driver"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = subprocess.Popen([driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with (
        tempfile.TemporaryDirectory(prefix="chromium-") as profile,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http,
    ):
        try:
            for _ in range(100):
                with contextlib.suppress(httpx.TransportError):
                    if http.get("/status").is_success:
                        break
                time.sleep(0.1)
            options = {"args": [*QUIET, f"--user-data-dir={profile}"]}
            wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
            session = http.post("/session", json=wanted).json()["value"]["sessionId"]
            try:
                yield Browser(http, f"/session/{session}")
            finally:
                http.delete(f"/session/{session}")
        finally:
            running.terminate()
            running.wait(10)
