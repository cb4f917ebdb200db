"""Chromium without a window, spoken to through a pipe (https://chromedevtools.github.io/devtools-protocol).

Its own --dump-dom leaves out what is in shadow roots, and of TensorBoard's tabs that is all.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.patience import HANGS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIETLY = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

IN_PLACE = """
import os, sys
requests, answers = (os.dup2(int(end), number) for end, number in zip(sys.argv[1:3], (103, 104)))
os.dup2(requests, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Puts the two ends where Chromium looks for them, at 3 and 4, and becomes Chromium."""

TEXT = """(() => {
  const words = [], walk = (node) => {
    if (node.shadowRoot) walk(node.shadowRoot);
    for (const child of node.childNodes) {
      if (child.nodeType === 3) words.push(child.data.trim());
      else if (child.nodeName === "IMG" && child.naturalWidth > 0) words.push("[picture]");
      else if (!["STYLE", "SCRIPT"].includes(child.nodeName)) walk(child);
    }
  };
  walk(document.body);
  return words.filter(Boolean).join(" ");
})()"""
"""What stands on a page; [picture] for each one that has been loaded."""


FOUND = """function* found(selector, node = document) {
  yield* node.querySelectorAll(selector);
  for (const each of node.querySelectorAll("*")) if (each.shadowRoot) yield* found(selector, each.shadowRoot);
}"""
"""Finds elements wherever they are on a page, in shadow roots too: `found("a")`."""


class Browser:
    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._numbers, self._left = itertools.count(1), b""

    def page(self, url: str) -> str:
        """Open a page; gives what `text` calls it."""
        target = self._ask("Target.createTarget", url=url)["targetId"]
        return str(self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def go(self, page: str, url: str) -> None:
        self._ask("Page.navigate", page, url=url)

    def move(self, page: str, place: str) -> None:
        """Go to another place, #place, of the same page."""
        self._evaluated(page, f"location.hash = {json.dumps(place)}")

    def click(self, page: str, selector: str) -> bool:
        """Click what a selector finds; False: it had not come when that took too long."""
        program = f"{FOUND}; [...found({json.dumps(selector)})].map((each) => each.click()).length > 0"
        return bool(self.value(page, program, bool))

    def text(self, page: str, shows: Callable[[str], bool]) -> str:
        """What stands on a page once it shows what it should, or when it has taken too long."""
        return str(self.value(page, TEXT, lambda found: shows(found or "")) or "")

    def value(self, page: str, program: str, there: Callable[[Any], bool] = lambda found: found is not None) -> Any:
        """What a program of the page's gives once that is `there`, or when it has taken too long."""
        until = time.monotonic() + HANGS
        while not there(found := self._evaluated(page, program)) and time.monotonic() < until:
            time.sleep(0.2)
        return found

    def busy(self, page: str) -> float:
        """The CPU time that a page's own thread has taken so far, in seconds, from when this is first asked for."""
        self._ask("Performance.enable", page, timeDomain="threadTicks")
        found = self._ask("Performance.getMetrics", page)["metrics"]
        return float(next(each["value"] for each in found if each["name"] == "TaskDuration"))

    def _evaluated(self, page: str, program: str) -> Any:
        return self._ask("Runtime.evaluate", page, expression=program, returnByValue=True)["result"].get("value")

    def _ask(self, method: str, session: str | None = None, **given: Any) -> dict[str, Any]:
        request = {"id": next(self._numbers), "method": method, "params": given}
        os.write(self._requests, json.dumps(request | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            if answer.get("id") == request["id"]:
                assert "result" in answer, answer
                return dict(answer["result"])

    def _next(self) -> bytes:
        while b"\0" not in self._left:
            more = os.read(self._answers, 1 << 16)
            assert more, "Chromium has ended"
            self._left += more
        message, _, self._left = self._left.partition(b"\0")
        return message


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Within, a browser runs that keeps its files in `folder`."""
    (its_requests, requests), (answers, its_answers) = os.pipe(), os.pipe()
    options = [*QUIETLY, "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "--window-size=1600,1300"]
    its = (its_requests, its_answers)
    command = [sys.executable, "-c", IN_PLACE, *map(str, its), str(CHROMIUM), *options, "about:blank"]
    with subprocess.Popen(command, pass_fds=its, stderr=subprocess.DEVNULL) as process:
        for end in its:
            os.close(end)
        try:
            yield Browser(requests, answers)
        finally:
            process.terminate()
            for end in (requests, answers):
                os.close(end)
