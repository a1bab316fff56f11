"""How far placement corrected for selection hangs on the normal distribution: the same equations with other copulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.regression.copula_selection import CopulaSelectionFit, fit_copula_selection
from se_outcomes.regression.dependence import solve_at
from se_outcomes.regression.paired_marginal import average_at, placement, placement_slope
from se_outcomes.regression.profiled_averages import profile_averages
from se_outcomes.results import TIDY_COLUMNS, Notice, Ranged, Specification
from se_outcomes.study.selection_question import ask_selected_placement, named_refusal
from se_outcomes.study.selection_sample import SelectionSample
from se_outcomes.study.sentences import say_interval, say_number
from se_outcomes.study.suppression import over_completions

#: One for each shape: symmetric, with dependence in the upper or in the lower tail, and against each other.
COPULAS = (
    "normal",
    "frank",
    "clayton",
    "clayton180",
    "gumbel",
    "joe",
    "clayton90",
    "clayton270",
    "gumbel90",
    "joe90",
)


CONDITIONAL = Notice(
    "conditional_on_offices",
    "Intervals by copula hold for these offices and for cases that are independent within them; they do not speak of "
    "other offices.",
)


@dataclass(frozen=True, eq=False)
class CopulaSensitivityResult(Ranged):
    """Motivation's part in placement, and the open gate, by copula.

    Attributes
    ----------
    specification : Specification
    method : str
    estimates : frame
        ``term, estimate, ..., conf_low, conf_high`` (profile-quadratic sets, so no standard error), and ``measure``
        ("ame", "open_gate"), ``copula, kendall_tau, loglik, aic, boundary``; the copula that fits best first.
    fit_statistics : dict
    warnings : tuple of Notice
    """

    specification: Specification
    method: str
    estimates: pd.DataFrame
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return self.specification.question

    def tidy(self) -> pd.DataFrame:
        """One row per copula and measure."""
        return self.estimates.copy()

    def glance(self) -> dict[str, object]:
        """``n_cases``, ``n_offices``, ``n_copulas``."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        lines = [
            f"Placement corrected for selection, by copula: {self.fit_statistics['n_cases']:,} cases",
            self.method,
        ]
        for row in self.estimates.itertuples():
            found = f"{say_number(row.estimate, '.3f')} {say_interval(row.conf_low, row.conf_high, '.3f')}"
            how = f"tau {say_number(row.kendall_tau, '.2f')}, log-likelihood {say_number(row.loglik, '.2f')}"
            lines.append(f"  {row.copula:11s} {row.measure:9s} {found}; {how}")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def estimate_copula_sensitivity(
    cases: Cases,
    *,
    copulas: Sequence[str] = COPULAS,
    exclusion: Sequence[str] | None = None,
    at_risk: str = "referred",
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    office_effects: bool = True,
) -> CopulaSensitivityResult:
    """Placement corrected for selection with several copulas in place of the normal's.

    Parameters
    ----------
    cases : Cases
        Checked cases whose outcome was observed for the accepted.
    copulas : sequence of str
        ``"normal"`` and names of :data:`se_outcomes.regression.copulas.COPULAS`; probit margins.
    exclusion, at_risk, exposure, adjust_for, office_effects
        As in :func:`estimate_selected_placement`.

    Returns
    -------
    CopulaSensitivityResult

    Raises
    ------
    EstimationError
        As :func:`estimate_selected_placement`; a copula that does not fit is a notice, unless none does.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="accepted").cases
    >>> result = so.estimate_copula_sensitivity(cases, copulas=("normal", "frank"), adjust_for=())
    >>> sorted(result.tidy()["copula"].unique())
    ['frank', 'normal']
    """
    asked, sample, _ = ask_selected_placement(
        cases,
        exclusion=exclusion,
        outcome_observed="accepted",
        at_risk=at_risk,
        exposure=exposure,
        adjust_for=adjust_for,
        office_effects=office_effects,
    )
    rows, refused = _fit_each(sample, copulas)
    frame = pd.DataFrame(rows).assign(term=asked.exposure)
    order = [*TIDY_COLUMNS, "measure", "copula", "kendall_tau", "loglik", "aic", "boundary"]
    return CopulaSensitivityResult(
        specification=asked,
        method="Copula selection models with probit margins; profile-quadratic sets, conditional on these offices.",
        estimates=frame.reindex(columns=order).sort_values(
            ["loglik", "copula", "measure"], ascending=[False, True, True], ignore_index=True
        ),
        fit_statistics={
            "n_cases": round(float(sample.counts.sum())),
            "n_offices": len(np.unique(sample.offices)),
            "n_copulas": frame["copula"].nunique(),
        },
        warnings=(*sample.warnings, CONDITIONAL, *refused),
    )


def _fit_each(
    sample: SelectionSample, copulas: Sequence[str]
) -> tuple[list[dict[str, object]], list[Notice]]:
    """Rows of the copulas that fit, and what is said of the others; raises the first refusal if none does."""
    rows: list[dict[str, object]] = []
    said, refusals = [], []
    for copula in dict.fromkeys(copulas):
        try:
            rows += _rows(_fit(sample, copula), copula)
        except EstimationError as refusal:
            refusals.append(named_refusal(refusal, sample))
            why = str(refusals[-1])
            said.append(
                Notice("copula_refused", "The copula {copula} is not shown: {why}", copula=copula, why=why)
            )
    if not rows:
        raise refusals[0]
    return rows, said


def _fit(sample: SelectionSample, copula: str) -> CopulaSelectionFit:
    return fit_copula_selection(
        sample.placed,
        sample.X,
        sample.selected,
        sample.Z,
        copula=copula,
        observed=~np.isnan(sample.placed),
        counts=sample.counts,
        intercepts=sample.offices if sample.office_effects else None,
    )


def _rows(fit: CopulaSelectionFit, copula: str) -> list[dict[str, object]]:
    quantities = [placement_slope(0), placement()]
    point = average_at(fit.model, solve_at(fit.model, fit.peak.t, fit.peak.state.point), quantities).values
    low, high = profile_averages(fit, quantities).quadratic_sets()
    return [
        {
            "measure": measure,
            "estimate": point[number],
            "conf_low": low[number],
            "conf_high": high[number],
            "copula": copula,
            "kendall_tau": fit.kendall_tau,
            "loglik": fit.loglik,
            "aic": fit.aic,
            "boundary": fit.boundary,
        }
        for number, measure in enumerate(("ame", "open_gate"))
    ]
