"""A real browser without a window, driven through its own protocol over a pipe."""

import base64
import fcntl
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--remote-debugging-pipe"),
)
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " ")}
"""Their numbers, and what they write."""


def find() -> str | None:
    """The browser of this machine.

    Continuous integration has none, but may install one: Debian's, as root.
    """
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    debian = shutil.which("apt-get") and Path("/etc/debian_version").exists()
    if not (os.environ.get("CI") and debian and os.geteuid() == 0):
        return None
    apt = ("apt-get", "--quiet", "-o", "Acquire::Retries=3")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in ("update", "install --yes --no-install-recommends chromium"):
        command = ["timeout", "180", *apt, *command.split()]
        subprocess.run(command, env=environment, check=False, capture_output=True)
    return shutil.which("chromium")


@contextmanager
def browser(program: str, folder: Path) -> Iterator["Page"]:
    """Starts a browser with a profile of its own, with one page."""
    # It reads its file 3 and writes its file 4; the pipes must be none of these until then.
    pipes = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (*os.pipe(), *os.pipe())]
    commands, requests, answers, results = pipes

    def connect() -> None:
        os.dup2(commands, 3)
        os.dup2(results, 4)

    process = subprocess.Popen(
        [program, *OPTIONS, f"--user-data-dir={folder}"],
        preexec_fn=connect,
        close_fds=False,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands)
    os.close(results)
    try:
        with os.fdopen(requests, "wb") as sent, os.fdopen(answers, "rb") as received:
            yield Page(sent, received)
    finally:
        process.kill()
        process.wait()


class Page:
    """A page, and what a person does with it."""

    def __init__(self, sent: Any, received: Any) -> None:
        """Opens an empty page in the browser at the other end."""
        self.sent, self.received, self.numbers = sent, received, itertools.count()
        self.events: list[dict[str, Any]] = []
        """What the browser has told of the page."""
        self.session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Log", "Network", "Runtime", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Asks the browser for something and waits for the result."""
        number = next(self.numbers)
        request = {"id": number, "method": method, "params": parameters, **self.session}
        self.sent.write(json.dumps(request).encode() + b"\0")
        self.sent.flush()
        while (message := self._receive()).get("id") != number:
            self.events.append(message)
        assert "error" not in message, message
        return message["result"]

    def _receive(self) -> dict[str, Any]:
        read = bytearray()
        while (byte := self.received.read(1)) != b"\0":
            assert byte, "the browser has ended"
            read += byte
        return json.loads(read)

    def open(self, file: Path) -> None:
        """Opens a file and waits until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def click(self, selector: str) -> None:
        """Clicks in the middle of an element."""
        script = f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center"}});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()"""
        x, y = self.run(script)
        for kind in ("mousePressed", "mouseReleased"):
            given = {"x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, **given)

    def press(self, key: str) -> None:
        """Presses a key and lets it go."""
        number, text = KEYS[key]
        pressed = {"key": key, "windowsVirtualKeyCode": number, "text": text}
        self.call("Input.dispatchKeyEvent", type="keyDown", **pressed)
        self.call("Input.dispatchKeyEvent", type="keyUp", **pressed | {"text": ""})

    def type(self, text: str) -> None:
        """Types a text to where the focus is."""
        for character in text:
            self.call("Input.dispatchKeyEvent", type="keyDown", text=character)
            self.call("Input.dispatchKeyEvent", type="keyUp")

    def show(self, width: int, *, dark: bool = False, printed: bool = False) -> None:
        """Shows the page as wide as this, in a mode."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        media = "print" if printed else "screen"
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])
