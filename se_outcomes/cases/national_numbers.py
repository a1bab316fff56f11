"""Norwegian national identity numbers: where they may stand in a text, and which digits are one.

DDMMYY, three digits, and the checksum digits k1 and k2. Numbers issued from 1 January 2032 follow a wider
rule for k1, and both run in parallel. D-numbers have 40 added to the day, H-numbers 40 to the month,
synthetic numbers 80 to the month; the additions may come together.

References
----------
Skatteetaten, documentation of Folkeregisteret, "nyttfnr2032"; navikt/fnrvalidator for the additions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

K1_WEIGHTS = np.array([3, 7, 6, 1, 8, 9, 4, 5, 2])
K2_WEIGHTS = np.array([5, 4, 3, 2, 7, 6, 5, 4, 3, 2])

#: Share of digit strings with a valid date that pass the checksums by chance, under the old rule and under
# the new.
CHANCE_OLD, CHANCE_NEW = 1 / 121, 4 / 121

_DAYS_IN_MONTH = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

_BETWEEN = "\x1e"  # stands between cells; no cell of a file that was read has it
_NO_DIGIT = re.compile(r"[^0-9]")
_GAP = r"[ \u00a0\u202f.\-/]"
# Pseudonyms made of hexadecimal digits, in which eleven decimal ones stand by accident.
_HEXADECIMAL = re.compile(
    r"\b(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|(?=[0-9]*[a-fA-F])[0-9a-fA-F]{16,})\b"
)
_ELEVEN = re.compile(
    # not the tail of a decimal number, not a piece of a longer one
    rf"(?<![0-9])(?<![0-9][.,])[0-9]{{2}}{_GAP}?[0-9]{{2}}{_GAP}?[0-9]{{2}}"
    rf"[ \u00a0\u202f.\-/:]{{0,3}}[0-9]{{3}}{_GAP}?[0-9]{{2}}"
    r"(?![0-9])(?![.,](?!0+(?![0-9]))[0-9])"
)
_TEN = re.compile(r"(?:^|(?<=\x1e))[ \u00a0]*([1-9][0-9]{9})(?:[.,]0+)?[ \u00a0]*(?=\x1e|$)")


def find_candidates(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Find what may be a national identity number: eleven digits anywhere, or ten (a lost leading zero) as a
    whole cell.

    Parameters
    ----------
    texts : sequence of str (u,)

    Returns
    -------
    positions : ndarray (c,) of int
        The text each candidate stands in.
    digits : ndarray (c, 11) of int

    Examples
    --------
    >>> positions, digits = find_candidates(["see 010170 12345", "1017012345", "0.01017012345"])
    >>> positions.tolist(), ["".join(map(str, row)) for row in digits]
    ([0, 1], ['01017012345', '01017012345'])
    """
    # all cells in one string: one pass of each expression instead of one per cell
    together = _HEXADECIMAL.sub(lambda match: "x" * len(match[0]), _BETWEEN.join(texts))
    starts, found = [], []
    for pattern in (_ELEVEN, _TEN):
        for match in pattern.finditer(together):
            starts.append(match.start())
            found.append(_NO_DIGIT.sub("", match[0])[:11] if pattern is _ELEVEN else "0" + match[1])
    offsets = np.cumsum([0, *(len(text) + 1 for text in texts)])
    positions = np.searchsorted(offsets, np.array(starts, dtype=np.int64), side="right") - 1
    digits = np.frombuffer("".join(found).encode("ascii"), np.uint8).reshape(-1, 11).astype(np.int64) - ord(
        "0"
    )
    return positions, digits


def have_date(digits: np.ndarray) -> np.ndarray:
    """Which rows of (c, 11) digits begin with a day and month, the additions taken off; mask (c,)."""
    day, month, year = (10 * digits[:, i] + digits[:, i + 1] for i in (0, 2, 4))
    day = np.where(day > 40, day - 40, day)
    month = np.where(month > 80, month - 80, np.where(month > 40, month - 40, month))
    real_month = (month >= 1) & (month <= 12)
    longest = _DAYS_IN_MONTH[np.where(real_month, month, 1) - 1]
    # the century is not in these digits; a year that divides by four may have a leap day in one of them
    leap = (day != 29) | (month != 2) | (year % 4 == 0)
    return real_month & (day >= 1) & (day <= longest) & leap


def are_national_numbers(digits: np.ndarray, *, rule: str = "new") -> np.ndarray:
    """Which rows of (c, 11) digits are a national identity number; mask (c,).

    Parameters
    ----------
    digits : ndarray (c, 11) of int
    rule : {"new", "old"}
        The new rule for k1 accepts every number of the old.
    """
    first = (digits[:, :9] @ K1_WEIGHTS + digits[:, 9]) % 11
    second = (digits[:, :10] @ K2_WEIGHTS + digits[:, 10]) % 11
    return (first <= (3 if rule == "new" else 0)) & (second == 0) & have_date(digits)
