"""Creaming and targeting: are those with better prospects let in, and where on the way?

Creaming is selection on placement *without* Supported Employment: who would have found work anyway is taken. Targeting
is selection on the *gain*, placement with it less placement without. The two are never mixed. Both are measured by the
index of :mod:`se_outcomes.decomposition.creaming_index`, on predictions that have not seen the case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice, Ranged, Specification
from se_outcomes.study.at_risk import count_used
from se_outcomes.study.creaming_measures import (
    BASES,
    estimate_frame,
    level_frame,
    measure,
    refuse_one_passing_office,
    spread,
)
from se_outcomes.study.prospects import Prospects, estimate_prospects, say_cross_fit, say_jackknife
from se_outcomes.study.prospects_sample import ask_who_is_observed
from se_outcomes.study.sentences import say_interval, say_number, say_p_value
from se_outcomes.study.suppression import over_completions

RECORDED_GROUNDS = Notice(
    "creaming_recorded_grounds",
    "Prospects are what the recorded columns tell of them. What gatekeepers saw beyond these is not in the index.",
)
GAIN_AS_RECORDED = Notice(
    "gain_as_recorded",
    "The gain compares the accepted with others alike in the recorded columns. Where the accepted differ from them in "
    "other ways too, part of it is selection.",
)
SAME_ORDER = Notice(
    "creaming_same_order",
    "Prospects are those with SE, learned from the accepted. They are assumed to order the cases as those without it "
    "would; the points are points of placement with SE.",
)
SMALL_OFFICES = Notice(
    "creaming_small_offices",
    "Offices are small for predictions within them: the noise of their intercepts enters the ranking, which makes the "
    "index in standard deviations and as a ratio too small and its intervals too narrow. Prefer predictions across "
    "offices.",
)
#: Cases per office below which that stands, on average.
SMALL = 60
NOISE = "what the noise of predictions adds to their spread is taken out of sd, greatest and ratio"


@dataclass(frozen=True, eq=False)
class CreamingResult(Ranged):
    """The index of creaming (or targeting) at each gate.

    Attributes
    ----------
    specification : Specification
        What was asked; ``exposure`` and ``adjust_for`` are what predicts.
    basis : {"without_se", "with_se", "gain"}
        The prospects: placement without SE (creaming), with SE (by assumption), or the gain (targeting).
    cross_fit : {"across", "within"}
    estimates : frame
        ``term`` ("creaming"; "prospects" for placement with SE; "targeting"), ``estimate, std_error, statistic,
        p_value, conf_low, conf_high`` (office jackknife of the whole, t(``dof``)), ``gate`` ("gate_1", "gate_2",
        "both"), ``measure``: "points" (probability), "sd" (standard deviations among all eligible), its parts "within"
        and "between" offices, the "greatest" part within that the offices' numbers allow, and the "ratio" to it (0 a
        lottery within offices, 1 a perfect ranking); ``dof`` (offices that bear on the measure, less one),
        ``n_at_risk, n_passed, n_offices``. "sd", "greatest" and "ratio" are without what the noise of predictions adds
        to the spread, and missing where there may be nothing else (:mod:`se_outcomes.study.creaming_measures`).
    levels : frame
        ``stage`` ("eligible", "referred", "accepted"), ``estimate, conf_low, conf_high, n``: mean prospects.
    exclusions, used : frames
        Cases left out by ``reason``; all cases by ``level``, gate state and outcome state.
    warnings : tuple of Notice
    """

    specification: Specification
    method: str
    basis: str
    cross_fit: str
    estimates: pd.DataFrame
    levels: pd.DataFrame
    exclusions: pd.DataFrame
    used: pd.DataFrame
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key: "creaming" or "targeting"."""
        return self.specification.question

    def tidy(self) -> pd.DataFrame:
        """One row per gate and measure."""
        return self.estimates.copy()

    def glance(self) -> dict[str, object]:
        """``n_cases, n_events`` (accepted), ``n_offices, n_excluded, dof, basis``, ``spread`` (SD of predictions)."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        found = self.fit_statistics
        lines = [
            f"{self.question.capitalize()} ({self.basis}): {say_number(found['n_cases'], ',')} eligible, "
            f"{say_number(found['n_events'], ',')} accepted, {found['n_offices']} offices "
            f"({say_number(found['n_excluded'], ',')} cases left out)",
            self.method,
            "",
        ]
        for row in self.levels.itertuples():
            interval = say_interval(row.conf_low, row.conf_high, ".3f")
            lines.append(f"  mean of the {row.stage:9s} {say_number(row.estimate, '.3f')} {interval}")
        for row in self.estimates.itertuples():
            interval = say_interval(row.conf_low, row.conf_high, ".3f")
            what = f"{row.gate:7s} {row.measure:9s}"
            said = "" if row.measure == "greatest" else f", {say_p_value(row.p_value)}"
            lines.append(f"  {what} {say_number(row.estimate, '.3f')} {interval}{said}")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def estimate_creaming(
    cases: Cases,
    *,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    outcome_observed: str | None = None,
    basis: str | None = None,
    assume: str | None = None,
    cross_fit: str = "across",
) -> CreamingResult:
    """How much better the prospects of those let in are, gate by gate.

    Prospects are predicted placement without SE. It is learned from those not accepted, so placement must be known for
    them; where it is known for the accepted only, the caller may assume that prospects with SE order the cases alike.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    exposure, adjust_for : optional
        What predicts; by default what the study plan says.
    outcome_observed : {"all", "accepted"}, optional
        For whom placement is known; by default what the study plan says.
    basis : {"without_se", "with_se"}, optional
        Prospects without SE; or with it, which needs the assumption. By default with it where only that can be known.
    assume : {"same_order"}, optional
        That prospects with SE order the cases as prospects without it.
    cross_fit : {"across", "within"}
        Each office predicted by the others, without office effects; or within offices, with them.

    Returns
    -------
    CreamingResult

    Raises
    ------
    EstimationError
        ``outcome_observed_unknown``; ``outcome_for_accepted_only`` (state the assumption); ``one_office`` (three
        offices are needed across, two within, and two that pass each gate); ``no_variation`` (nobody accepted, or
        everybody), ``no_cases``, ``exposure_constant``, ``rated_after_gate``, ``column_missing``.
    ValueError
        On ``basis="gain"``: selection on the gain is targeting, see :func:`estimate_targeting`.

    Examples
    --------
    >>> import se_outcomes as so
    >>> from se_outcomes.study.creaming import estimate_creaming
    >>> result = estimate_creaming(so.simulate_cases(1200, seed=1).cases)
    >>> points = result.tidy().query("measure == 'points'").set_index("gate")["estimate"]
    >>> bool(np.isclose(points["gate_1"] + points["gate_2"], points["both"], atol=1e-12))
    True
    """
    basis = _creaming_basis(ask_who_is_observed(cases, outcome_observed), basis, assume)
    return _estimate(cases, "creaming", basis, exposure, adjust_for, outcome_observed, cross_fit)


@over_completions
def estimate_targeting(
    cases: Cases,
    *,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    outcome_observed: str | None = None,
    cross_fit: str = "across",
) -> CreamingResult:
    """How much more those let in gain by SE than those at the gate, gate by gate.

    The gain is predicted placement with SE less predicted placement without: placement must be known for all.

    Parameters
    ----------
    cases, exposure, adjust_for, outcome_observed, cross_fit
        As in :func:`estimate_creaming`.

    Returns
    -------
    CreamingResult
        With ``basis`` "gain".

    Raises
    ------
    EstimationError
        As :func:`estimate_creaming`; ``outcome_for_accepted_only`` has no way round.

    Examples
    --------
    >>> import se_outcomes as so
    >>> from se_outcomes.study.creaming import estimate_targeting
    >>> estimate_targeting(so.simulate_cases(1200, seed=1).cases).basis
    'gain'
    """
    if ask_who_is_observed(cases, outcome_observed) == "accepted":
        raise EstimationError(
            "The gain is placement with SE less placement without, and placement is known for the accepted only: "
            "nothing tells the second. Link a register that has the outcomes of all, or ask for creaming with its "
            'stated assumption (estimate_creaming(..., assume="same_order")).',
            reason="outcome_for_accepted_only",
        )
    return _estimate(cases, "targeting", "gain", exposure, adjust_for, outcome_observed, cross_fit)


def _creaming_basis(observed: str, basis: str | None, assume: str | None) -> str:
    """Which prospects: refused where they cannot be known, or are not what creaming is about."""
    if basis == "gain":
        raise ValueError(
            "Selection on the gain is targeting, not creaming: creaming is selection on placement without SE. Ask "
            "with estimate_targeting."
        )
    if basis not in (None, "without_se", "with_se"):
        raise ValueError(f'basis must be "without_se" or "with_se"; got {basis!r}')
    if assume not in (None, "same_order"):
        raise ValueError(f'assume must be "same_order" or left out; got {assume!r}')
    if basis == "with_se" and assume is None:
        raise ValueError(
            "Creaming is selection on placement without SE. To use placement with SE in its place, state that it "
            'orders the cases alike: assume="same_order".'
        )
    if observed == "all":
        return basis or "without_se"
    if basis == "without_se" or assume is None:
        raise EstimationError(
            "Creaming is selection on placement without SE, and placement is known for the accepted only. Link a "
            "register that has the outcomes of all; or, if you hold that prospects with SE order the cases as "
            'prospects without it would, say so: assume="same_order".',
            reason="outcome_for_accepted_only",
        )
    return "with_se"


def _estimate(
    cases: Cases,
    question: str,
    basis: str,
    exposure: str | None,
    adjust_for: Sequence[str] | None,
    outcome_observed: str | None,
    cross_fit: str,
) -> CreamingResult:
    prospects = estimate_prospects(
        cases,
        exposure=exposure,
        adjust_for=adjust_for,
        outcome_observed=outcome_observed,
        cross_fit=cross_fit,
        wanted=BASES[basis],
        replicated=True,
    )
    refuse_one_passing_office(prospects)
    found = measure(prospects, basis)
    replicates = [measure(prospects.without(office), basis) for office in range(prospects.n_offices)]
    estimates, said = estimate_frame(prospects, basis, found, replicates)
    of_what = prospects.exposure, prospects.adjust_for
    return CreamingResult(
        specification=Specification(
            question, "accepted", "eligible", *of_what, office_effects=cross_fit == "within"
        ),
        method=f"Predictions by {say_cross_fit(prospects)}; intervals: {say_jackknife(prospects)}, t(G - 1); {NOISE}.",
        basis=basis,
        cross_fit=cross_fit,
        estimates=estimates,
        levels=level_frame(
            prospects, basis, found.means, np.stack([replicate.means for replicate in replicates])
        ),
        exclusions=prospects.exclusions,
        used=count_used(prospects.sorted_cases),
        fit_statistics={**prospects.counted, "basis": basis, "spread": spread(prospects, basis)},
        warnings=(*prospects.warnings, *said, *_say_basis(prospects, basis)),
    )


def _say_basis(prospects: Prospects, basis: str) -> tuple[Notice, ...]:
    """What must be known of the prospects that the index is about."""
    said = {"gain": (GAIN_AS_RECORDED,), "with_se": (SAME_ORDER,)}.get(basis, ())
    small = prospects.cross_fit == "within" and prospects.n_cases < SMALL * prospects.n_offices
    return (RECORDED_GROUNDS, *said, *((SMALL_OFFICES,) if small else ()))
