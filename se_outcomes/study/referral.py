"""Gate 1: which of the eligible are referred to a job specialist?"""

from __future__ import annotations

from collections.abc import Sequence

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.study.at_risk import PassageQuestion
from se_outcomes.study.passage import PassageResult, estimate_passage
from se_outcomes.study.suppression import over_completions

REFERRAL = PassageQuestion(
    name="referral",
    outcome="referred",
    at_risk="eligible",
    states={
        "ineligible": "ineligible",
        "short_followup": "short_followup",
        "referral_unknown": "referral_unknown",
        "not_referred": "not_passed",
        "bypassed": "not_passed",  # accepted without referral: this gate they did not pass
        "undecided": "passed",
        "refused": "passed",
        "accepted": "passed",
    },
)


@over_completions
def estimate_referral(
    cases: Cases,
    *,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    office_effects: bool = True,
) -> PassageResult:
    """How referral among the eligible goes with motivation, or with another exposure.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    exposure : str, optional
        Any column: a number (per SD of all eligible cases, and top against bottom quarter), or levels (each
        against the first of its code list). The study plan's exposure if absent.
    adjust_for : sequence of str, optional
        Columns held constant in the adjusted model; numbers enter linearly, levels as dummies. Cases without
        a value in one of them are left out of the crude model too. The study plan's set if absent; ``()`` for
        none.
    office_effects : bool
        Compare within offices (an intercept for each office), or across them.

    Returns
    -------
    PassageResult
        Odds ratios, average marginal effects (probabilities), curve, shares by quarter, exclusions.

    Raises
    ------
    EstimationError
        With ``reason`` and remedy, where the cases cannot carry the answer: ``gates_merged`` (then no
        referral is recorded), ``rated_after_gate``, ``column_missing``, ``no_cases``, ``no_variation``,
        ``no_variation_within_offices``, ``one_office``, ``exposure_constant``,
        ``exposure_constant_within_offices``, ``office_level_exposure``, ``collinearity``,
        ``not_converged``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> result = so.estimate_referral(so.simulate_cases(400, seed=1).cases, adjust_for=())
    >>> result.tidy()["contrast"].unique().tolist()
    ['per_sd', 'top_vs_bottom']
    """
    if cases.plan.gates == "merged":
        raise EstimationError(
            "The gates are merged in these data: being referred and being accepted were recorded as one "
            "event, so referral cannot be told from acceptance. Ask for acceptance among all eligible "
            "(estimate_acceptance).",
            reason="gates_merged",
        )
    return estimate_passage(
        cases, REFERRAL, exposure=exposure, adjust_for=adjust_for, office_effects=office_effects
    )
