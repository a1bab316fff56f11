"""Showing how far a long scan has come; what takes no time shows nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")

#: Seconds before a bar is shown, and between two looks at how far the scan has come.
PATIENCE, PAUSE = 2.0, 0.25


@dataclass(frozen=True, eq=False)
class Watch:
    """Carries out a scan under a bar.

    Attributes
    ----------
    progress : function
        Per cent done, from another thread; negative where it is not known.
    shown : bool or None
        Whether a bar is shown; where None, on a terminal only.
    """

    progress: Callable[[], float]
    shown: bool | None = None

    def __call__(self, scan: Callable[[], T], what: str) -> T:
        """The scan's result."""
        shown = sys.stderr.isatty() if self.shown is None else self.shown
        if not shown:
            return scan()
        done = threading.Event()
        thread = threading.Thread(target=self._show, args=(done, what), daemon=True)
        thread.start()
        try:
            return scan()
        finally:
            done.set()
            thread.join()

    def _show(self, done: threading.Event, what: str) -> None:
        if done.wait(PATIENCE):
            return
        look = "{desc} {percentage:3.0f}% |{bar}| {elapsed}"
        with tqdm(total=100, desc=what, leave=False, bar_format=look) as bar:
            while not done.wait(PAUSE):
                bar.n = max(bar.n, min(100, self.progress()))
                bar.refresh()
