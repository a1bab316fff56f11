"""What the suppressed cells of a tally cost: each answer again over counts that the cells could have.

A tally does not tell its small cells, so that an answer from it could be another one. Here every public question is
asked of the central completion of the tally, and again of completions that were chosen to move the answer far: each
cell as full or as empty as the tally allows, in directions that raise or lower the shares and slopes the question is
about, some at random, and at last in the direction in which the answers found so far moved. The range over the
completions tried is told beside the answer. It is not a proof that nothing lies beyond it. For the shares of the funnel
in recorded groups it is exact.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.cases.suppressed_cells import Integers, SuppressedCells
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice
from se_outcomes.study.suppression_directions import Direction
from se_outcomes.study.suppression_questions import QUESTIONS, Asked

Floats = NDArray[np.float64]
P = ParamSpec("P")
R = TypeVar("R")

#: Completions in a random direction, and the seed that they are drawn with.
N_RANDOM, SEED = 2, 20260101
#: How often a direction that changes on the way is asked anew.
N_STEPS = 5
#: How often the direction is taken in which the answers found so far moved, and of how many rows at most.
N_LEARNED, MOST_LEARNED = 2, 4
#: Text columns of a tidy frame that say how a number was made, not what it is.
NOT_KEYS = ("estimator", "std_error_kind", "p_value_kind")
#: The sentences beside an answer.
RANGE = (
    "{cells} small cells of the tally, about {cases} cases, are suppressed. Over {tried} ways to fill them, the main "
    "estimate of {question}, {range_estimate:.3f}, goes from {range_low:.3f} to {range_high:.3f}"
)
NO_PROOF = "These are the ways tried, not a proof that nothing lies beyond."


#: How many completions of a question are tried at most, and none of one that takes long; no limit where None.
_MOST_TRIED: ContextVar[int | None] = ContextVar("_MOST_TRIED", default=None)


@contextmanager
def few_completions(most: int) -> Iterator[None]:
    """Within, at most so many completions are tried of a question, and none of one that takes long."""
    token = _MOST_TRIED.set(most)
    try:
        yield
    finally:
        _MOST_TRIED.reset(token)


def over_completions(answer: Callable[P, R]) -> Callable[P, R]:
    """Let a question tell the range of its answer where cells of its cases are suppressed.

    The result of cases with nothing suppressed is as it was. Of others it is the answer of the central completion, and
    bears in ``suppression`` the lowest and highest estimate of each row of ``tidy()``, and in ``warnings`` a sentence.
    """

    @wraps(answer)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        cases = args[0] if args else kwargs.get("cases")
        if not isinstance(cases, Cases) or cases.suppressed is None:
            return answer(*args, **kwargs)
        call: Mapping[str, Any] = {name: value for name, value in kwargs.items() if name != "cases"}

        def ask(completed: Cases) -> Any:
            return answer(completed, *args[1:], **call)  # type: ignore[arg-type]

        return _range(ask, cases, cases.suppressed, call)

    return asked


@dataclass(eq=False)
class Search:
    """The completions tried so far.

    Attributes
    ----------
    ask : callable
        The question, of completed cases.
    suppressed : SuppressedCells
    tried : dict of bytes to Series or None
        Each completion's estimates by row; None where it has no answer.
    halves : bool
        Whether the completion half-way to each is tried too: at the ends of a direction the quarters of a number may
        begin elsewhere, so that a contrast of quarters is larger before them.
    """

    ask: Callable[[Cases], Any]
    suppressed: SuppressedCells
    tried: dict[bytes, pd.Series | None] = field(default_factory=dict)
    halves: bool = False

    def follow(self, direction: Direction) -> None:
        """Try the completions that a direction and its opposite lead to."""
        for sign in (1.0, -1.0):
            n = self.suppressed.central()
            seen = {n.tobytes()}
            for _ in range(N_STEPS):
                n = self.suppressed.complete(sign * direction(n))
                if n.tobytes() in seen:
                    break
                seen.add(n.tobytes())
            self.add(n)
            if self.halves:
                self.add(self.suppressed.within((n + self.suppressed.central()) // 2))

    def add(self, n: Integers) -> None:
        """Try a completion (m,)."""
        most = _MOST_TRIED.get()
        if n.tobytes() not in self.tried and (most is None or len(self.tried) < most):
            self.tried[n.tobytes()] = self._estimates(n)

    def _estimates(self, n: Integers) -> pd.Series | None:
        try:
            return estimates_of(self.ask(self.suppressed.cases(n)))
        except EstimationError:
            return None

    def frame(self) -> pd.DataFrame:
        """Estimates (rows of the answer, completions that have one)."""
        return pd.DataFrame([found for found in self.tried.values() if found is not None]).T

    def learned(self, row: Any) -> Direction:
        """The direction in which a row's estimate moved: the smallest gradient that explains the answers."""
        found = [
            (key, values[row]) for key, values in self.tried.items() if values is not None and row in values
        ]
        found = [(key, value) for key, value in found if np.isfinite(value)]
        if len(found) < 3:
            return np.zeros_like
        counts = np.array([np.frombuffer(key, dtype=np.int64) for key, _ in found], dtype=float)
        values = np.array([value for _, value in found])
        counts -= counts.mean(axis=0)
        weights = counts.T @ np.linalg.lstsq(counts @ counts.T, values - values.mean(), rcond=1e-6)[0]
        return lambda _: weights


def estimates_of(result: Any) -> pd.Series:
    """The estimates of a result by what they are: the text columns of ``tidy()``."""
    tidy = result.tidy()
    keys = [
        name
        for name in tidy.columns
        if name not in NOT_KEYS and not pd.api.types.is_numeric_dtype(tidy[name]) and name != "estimate"
    ]
    rows = [tuple(map(str, row)) for row in tidy[keys].itertuples(index=False)]
    values = pd.Series(tidy["estimate"].to_numpy(dtype=float), index=pd.Index(rows, tupleize_cols=False))
    values.attrs["keys"] = keys
    return values.loc[~values.index.duplicated()]


def _range(
    ask: Callable[[Cases], Any], cases: Cases, suppressed: SuppressedCells, call: Mapping[str, Any]
) -> Any:
    """The central answer with its range."""
    central = copy.copy(cases)
    central.suppressed = None
    result = ask(central)
    estimates = estimates_of(result)
    search = Search(ask, suppressed, {suppressed.central().tobytes(): estimates})
    about = QUESTIONS[result.question]
    if about.slow and _MOST_TRIED.get() is not None:
        return replace(result, warnings=(*result.warnings, _not_sought(about.key(result), suppressed)))
    search.halves = not (about.slow or about.counted)
    for direction in _directions(about, central, suppressed, call, result):
        search.follow(direction)
    rows = about.targets(estimates)
    for _ in range(N_LEARNED):
        for row in rows[:MOST_LEARNED]:
            search.follow(search.learned(row))
    frame = ranges(estimates, search)
    main = list(estimates.index).index(rows[0]) if rows else 0
    said = _say(about.key(result), frame.iloc[main], suppressed, list(search.tried.values()))
    return replace(result, suppression=frame, warnings=(*result.warnings, said))


def _directions(
    about: Asked, central: Cases, suppressed: SuppressedCells, call: Mapping[str, Any], result: Any
) -> Iterator[Direction]:
    yield from about.directions(central, suppressed, call, result)
    random = np.random.default_rng(SEED)
    for weights in random.normal(size=(N_RANDOM, len(suppressed.cells))):
        yield lambda _, weights=weights: weights  # type: ignore[misc]


def ranges(estimates: pd.Series, search: Search) -> pd.DataFrame:
    """Frame of the rows' keys, ``estimate, low, high`` and ``n_completions``, how many gave the row an answer."""
    found = search.frame().reindex(estimates.index)
    keys = pd.DataFrame(list(estimates.index), columns=estimates.attrs["keys"])
    return keys.assign(
        estimate=estimates.to_numpy(),
        low=found.min(axis=1).to_numpy(),
        high=found.max(axis=1).to_numpy(),
        n_completions=found.notna().sum(axis=1).to_numpy(),
    )


def _not_sought(question: str, suppressed: SuppressedCells) -> Notice:
    return Notice(
        "range_not_sought",
        "{cells} small cells of the tally, about {cases} cases, are suppressed. How far the answer about {question} "
        "could be off was not looked into, as that takes long: ask the question by itself.",
        cells=suppressed.n_cells,
        cases=suppressed.n_cases,
        question=question,
    )


def _say(
    question: str, main: pd.Series, suppressed: SuppressedCells, answers: Sequence[pd.Series | None]
) -> Notice:
    """The sentence, with how many completions had no answer where there are such."""
    silent = sum(found is None for found in answers)
    estimate, low, high = (float(main[name]) for name in ("estimate", "low", "high"))
    if not silent:
        return Notice(
            "range_over_completions",
            f"{RANGE}. {NO_PROOF}",
            cells=suppressed.n_cells,
            cases=suppressed.n_cases,
            tried=len(answers),
            question=question,
            range_estimate=estimate,
            range_low=low,
            range_high=high,
        )
    return Notice(
        "range_over_some_completions",
        f"{RANGE}. {{silent}} of them gave no answer. {NO_PROOF}",
        cells=suppressed.n_cells,
        cases=suppressed.n_cases,
        tried=len(answers),
        question=question,
        range_estimate=estimate,
        range_low=low,
        range_high=high,
        silent=silent,
    )
