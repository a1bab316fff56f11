"""What every answer has in common: what was asked, what was tested, and one tidy form for all questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import pandas as pd

#: The columns that every ``tidy()`` has, in this order; further ones (``group``, ``stage``, ``contrast`` ...) follow.
TIDY_COLUMNS = ("term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a result's frame, one after the other, with the columns as attributes.

    Examples
    --------
    >>> [row.n for row in records(pd.DataFrame({"n": [1, 2]}))]
    [1, 2]
    """
    return iter(frame.itertuples(index=False))


class Notice(str):
    """A sentence that a reader must see beside the numbers: English text that other languages can follow.

    Attributes
    ----------
    key : str
        Which sentence it is: ``wording/notices.toml`` has it in the report's languages.
    parts : dict
        What stands in its gaps. Counts of cases are never among them: a report could not protect them.

    Examples
    --------
    >>> notice = Notice("few_offices", "There are {n_offices} offices.", n_offices=5)
    >>> notice, notice.key
    ('There are 5 offices.', 'few_offices')
    """

    key: str
    parts: dict[str, object]

    def __new__(cls, key: str, sentence: str, /, **parts: object) -> Notice:
        """Fill the gaps of ``sentence``."""
        notice = super().__new__(cls, sentence.format(**parts))
        notice.key = key
        notice.parts = parts
        return notice

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles keep the text as it is: its gaps are filled already."""
        return _restore_notice, (self.key, str(self), self.parts)


def _restore_notice(key: str, text: str, parts: dict[str, object]) -> Notice:
    notice = Notice(key, "{text}", text=text)
    notice.parts = parts
    return notice


@dataclass(frozen=True)
class Specification:
    """What was asked of the data, in column names.

    Attributes
    ----------
    question : str
        The study file's stem: ``"referral"``, ``"acceptance"``, ``"placement"``, ...
    outcome : str
        Column whose being true is the event.
    at_risk : str
        Who the question is about: ``"eligible"``, ``"referred"`` or ``"accepted"``.
    exposure : str
        Column whose association with the outcome is estimated.
    adjust_for : tuple of str
        Columns held constant in the adjusted model.
    cluster : str
        Column that inference is clustered on.
    office_effects : bool
        Whether each office has an intercept of its own (comparisons within offices).
    """

    question: str
    outcome: str
    at_risk: str
    exposure: str
    adjust_for: tuple[str, ...] = ()
    cluster: str = "office_id"
    office_effects: bool = True
    exclusion: tuple[str, ...] = ()


@dataclass(frozen=True)
class Test:
    """A test that states its null.

    Attributes
    ----------
    null : str
        The hypothesis tested, in words.
    statistic, p_value : float
        The statistic and its two-sided p-value.
    distribution : str
        The reference distribution, such as ``"t(4)"``.
    """

    null: str
    statistic: float
    distribution: str
    p_value: float

    __test__ = False  # not a pytest class


@dataclass(frozen=True, eq=False)
class Ranged:
    """What an answer from a tally with suppressed cells bears besides.

    Attributes
    ----------
    suppression : frame or None
        For each row of ``tidy()`` the text columns that name it, ``estimate``, and ``low, high``: the lowest and the
        highest estimate over the ``n_completions`` ways tried to fill the suppressed cells. None where nothing is
        suppressed.
    """

    suppression: pd.DataFrame | None = field(default=None, kw_only=True, repr=False)


@runtime_checkable
class Result(Protocol):
    """The protocol of every answer (frozen; holds no case rows and no model object)."""

    @property
    def question(self) -> str:
        """The question's key, the stem of its study file."""

    @property
    def method(self) -> str:
        """Estimator and standard errors, in words."""

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Sentences that a reader must see beside the numbers."""

    def tidy(self) -> pd.DataFrame:
        """One row per estimate; the columns start with :data:`TIDY_COLUMNS`."""

    def glance(self) -> dict[str, object]:
        """One value per model-level quantity: ``n_cases``, ``n_offices``, ``n_events``, ``dof`` ..."""

    def summary(self) -> str:
        """What a person reads at the prompt."""
