"""What a report does to the cells of tables of which it tells shares to the whole per cent and no counts."""

from __future__ import annotations

import re
from functools import partial

import pandas as pd

from se_outcomes.wording.words import WITHHELD, Words

#: A number with decimals; one of which the decimal is a nought; and the same in per cent.
_DECIMAL = re.compile(r"\d[.,]\d+")
_WHOLE = re.compile(r"(\d)[.,]0(?!\d)")
_PERCENT = re.compile(r"\d[.,]\d+(?=\s?%)")
_WHOLE_PERCENT = re.compile(r"(\d)[.,]0(?=\s?%)")


def without_columns(cells: pd.DataFrame, words: Words, *heads: str) -> pd.DataFrame:
    """The cells without columns of which nothing is ever told here, as far as they are there."""
    return cells.drop(columns=[words.say(head) for head in heads], errors="ignore")


def shares_alone(cells: pd.DataFrame) -> pd.DataFrame:
    """A share in place of a withheld count with its share behind it.

    Examples
    --------
    >>> shares_alone(pd.DataFrame({"Accepted": [": (24%)", "12 (24%)"]}))["Accepted"].tolist()
    ['24%', '12 (24%)']
    """
    return cells.map(lambda cell: re.sub(rf"^{WITHHELD} \((.+)\)$", r"\1", cell))


def whole_numbers(cells: pd.DataFrame) -> pd.DataFrame:
    """Rounded shares without a decimal that says nothing; where every number of the table is rounded, all of them.

    Examples
    --------
    >>> cells = pd.DataFrame({"Share": ["22.0% (18.0% to 26.0%)"], "Points": ["2.0 (1.5 to 2.5)"]})
    >>> whole_numbers(cells).iloc[0].tolist()
    ['22% (18% to 26%)', '2.0 (1.5 to 2.5)']
    """
    text = " ".join(cell for column in cells for cell in cells[column])
    for found, whole in ((_PERCENT, _WHOLE_PERCENT), (_DECIMAL, _WHOLE)):
        if all(number[1:] in (".0", ",0") for number in found.findall(text)):
            cells = cells.map(partial(whole.sub, r"\1"))
    return cells
