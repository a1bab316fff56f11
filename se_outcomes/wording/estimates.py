"""An estimate with its interval, in one piece of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from se_outcomes.wording.words import WITHHELD, Words


def say_estimate(
    estimate: object, low: object, high: object, form: Callable[[object], str], words: Words
) -> str:
    """A number with its interval in brackets, all three written by ``form``.

    Without an interval the number alone; without a number a colon, whatever the interval.

    Parameters
    ----------
    estimate, low, high : float
    form : callable
        How a number is written.
    words : Words

    Examples
    --------
    >>> from se_outcomes.wording.words import speak
    >>> words = speak("nb")
    >>> say_estimate(0.0333, -0.0109, 0.0624, words.points, words)
    '3,3 (−1,1 til 6,2)'
    >>> say_estimate(0.0333, float("nan"), 0.06, words.points, words)
    '3,3'
    """
    number = form(estimate)
    interval = words.interval(low, high, form)
    return number if WITHHELD in (number, interval) else f"{number} {interval}"


def say_row(row: Any, form: Callable[[object], str], words: Words) -> str:
    """The same of a row with ``estimate, conf_low, conf_high``."""
    return say_estimate(row.estimate, row.conf_low, row.conf_high, form, words)
