"""One exposure asked about at several gates: p-values that hold for all the questions together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from se_outcomes.errors import EstimationError
from se_outcomes.inference.multiple_testing import AdjustedTests, romano_wolf, westfall_young
from se_outcomes.results import TIDY_COLUMNS, Notice
from se_outcomes.study.office_evidence import Judged
from se_outcomes.study.passage import PassageResult
from se_outcomes.study.sentences import say_p_value

METHODS = {"romano_wolf": romano_wolf, "westfall_young": westfall_young}


@dataclass(frozen=True, eq=False)
class FamilywiseResult:
    """Tests of several passage questions, adjusted for their number.

    Attributes
    ----------
    estimates : frame
        ``term, estimate`` (log odds ratio) ``, std_error, statistic`` (|t|, CV1) ``, p_value`` (score bootstrap by
        itself) ``, conf_low, conf_high, adjusted_p_value, question, at_risk, contrast, adjustment, n_offices``.
    method : str
    smallest_possible : float
        The smallest p-value that so many offices and draws can give.
    """

    estimates: pd.DataFrame
    method: str
    smallest_possible: float
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return "familywise"

    def tidy(self) -> pd.DataFrame:
        """One row per question."""
        return self.estimates.copy()

    def glance(self) -> dict[str, object]:
        """``n_questions, n_offices, n_draws, enumerated, smallest_possible``."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        lines = [self.method]
        for row in self.estimates.itertuples():
            lines.append(
                f"  {row.question:10s} of the {row.at_risk:9s} {row.term}: {say_p_value(row.p_value)}, adjusted "
                f"{say_p_value(row.adjusted_p_value)}"
            )
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


def estimate_familywise(
    results: Sequence[PassageResult], *, contrast: str = "per_sd", method: str = "romano_wolf"
) -> FamilywiseResult:
    """Adjust the tests of several questions for there being several.

    The chance that any true null is rejected is held at the level. Each draw of the score bootstrap gives an office the
    same weight in every question, so that the questions' dependence is used and not feared.

    Parameters
    ----------
    results : sequence of PassageResult
        Questions about the same cases (their offices are joined); of each the last model is taken (the adjusted one).
    contrast : str
        Which contrast of the exposure, as in ``PassageResult.estimates``.
    method : {"romano_wolf", "westfall_young"}
        Step-down by the largest statistic, or by the smallest p-value.

    Raises
    ------
    EstimationError
        ``not_identified`` where a question has no such contrast, or no score bootstrap.
    ValueError
        On another method, or without results.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1).cases
    >>> found = so.estimate_familywise([so.estimate_referral(cases), so.estimate_acceptance(cases)])
    >>> bool((found.tidy()["adjusted_p_value"] >= found.tidy()["p_value"]).all())
    True
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    if not results:
        raise ValueError("results must hold at least one question")
    judged = [_last(result, contrast) for result in results]
    hypotheses = [one.verdicts.hypothesis for one in judged if one.verdicts.hypothesis is not None]
    found = METHODS[method](hypotheses, observed=[one.verdicts.statistic for one in judged])
    name = {"romano_wolf": "Romano and Wolf", "westfall_young": "Westfall and Young"}[method]
    return FamilywiseResult(
        estimates=_frame(results, judged, found),
        method=f"Step-down tests of {name} on the offices' joint score bootstrap, {found.n_draws:,} draws.",
        smallest_possible=found.smallest_possible,
        fit_statistics={
            "n_questions": len(results),
            "n_offices": len(np.unique(np.concatenate([one.clusters for one in hypotheses]))),
            "n_draws": found.n_draws,
            "enumerated": found.enumerated,
            "smallest_possible": found.smallest_possible,
        },
        warnings=_say_too_few(found),
    )


def _last(result: PassageResult, contrast: str) -> Judged:
    """The test of the last model with the contrast."""
    last = "adjusted" if result.specification.adjust_for else "crude"
    wanted = {"contrast": contrast, "adjustment": last}
    found = [one for one in result.tested if wanted.items() <= one.labels.items()]
    if not found or found[-1].verdicts.hypothesis is None:
        raise EstimationError(
            f"The question about {result.specification.outcome} has no score bootstrap of the contrast {contrast} in "
            "its last model. "
            "Take another contrast, or leave the question out.",
            reason="not_identified",
        )
    return found[-1]


def _frame(results: Sequence[PassageResult], judged: Sequence[Judged], found: AdjustedTests) -> pd.DataFrame:
    rows = []
    for place, (result, one) in enumerate(zip(results, judged, strict=True)):
        estimates = result.estimates.query("measure == 'log_odds'").set_index(["contrast", "adjustment"])
        row: Any = estimates.loc[(one.labels["contrast"], one.labels["adjustment"])]
        rows.append(
            {
                **{name: row[name] for name in TIDY_COLUMNS},
                "statistic": found.statistics[place],
                "p_value": one.verdicts.bootstrap,
                "adjusted_p_value": max(found.adjusted[place], one.verdicts.bootstrap),
                "question": result.question,
                "at_risk": result.specification.at_risk,
                "contrast": one.labels["contrast"],
                "adjustment": one.labels["adjustment"],
                "n_offices": int(row["n_offices"]),
            }
        )
    return pd.DataFrame(rows)


def _say_too_few(found: AdjustedTests) -> tuple[Notice, ...]:
    if found.smallest_possible <= 0.05:
        return ()
    return (
        Notice(
            "familywise_too_few_offices",
            "With so few offices no p-value can be below {smallest:.4f}, so nothing can be found at 5 %, however many "
            "questions are asked.",
            smallest=found.smallest_possible,
        ),
    )
