"""The outcome: who gets a job, of the accepted or of all eligible?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice
from se_outcomes.study.at_risk import PassageQuestion
from se_outcomes.study.passage import PassageResult, estimate_passage
from se_outcomes.study.suppression import over_completions

OF_ACCEPTED = PassageQuestion(
    name="placement",
    outcome="placed",
    at_risk="accepted",
    states={
        "ineligible": "ineligible",
        "short_followup": "short_followup",
        "referral_unknown": "referral_unknown",
        "not_referred": "not_accepted",
        "bypassed": "outcome",
        "undecided": "undecided",
        "refused": "not_accepted",
        "accepted": "outcome",
    },
)
OF_ELIGIBLE = PassageQuestion(
    name="placement",
    outcome="placed",
    at_risk="eligible",
    states={
        "ineligible": "ineligible",
        "short_followup": "short_followup",
        **dict.fromkeys(
            ("referral_unknown", "not_referred", "bypassed", "undecided", "refused", "accepted"), "outcome"
        ),
    },
)

SELECTED = Notice(
    "accepted_selected",
    "The accepted were selected on motivation and on what is not recorded; among them the two are mixed up, "
    "so this is not what motivation would do for others.",
)


@over_completions
def estimate_placement(
    cases: Cases,
    *,
    at_risk: str = "accepted",
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    office_effects: bool = True,
) -> PassageResult:
    """How placement in a job goes with motivation, or with another exposure.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    at_risk : {"accepted", "eligible"}
        Of the accepted (with them, those accepted without referral), or of all eligible. The latter needs
        outcomes that are known for all: ``outcome_observed="all"`` in the call that loaded the cases or in
        ``[study]``.
    exposure, adjust_for, office_effects
        As in :func:`estimate_referral`.

    Raises
    ------
    EstimationError
        As :func:`estimate_referral`; and of all eligible ``outcome_observed_unknown`` or
        ``outcome_for_accepted_only``.
    ValueError
        On another ``at_risk``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(400, seed=1).cases
    >>> result = so.estimate_placement(cases, at_risk="eligible", adjust_for=())
    >>> result.specification.outcome, result.specification.at_risk
    ('placed', 'eligible')
    """
    if at_risk not in ("accepted", "eligible"):
        raise ValueError(f'at_risk must be "accepted" or "eligible"; got {at_risk!r}')
    if at_risk == "eligible":
        _refuse_unobserved_outcomes(cases)
    question = OF_ACCEPTED if at_risk == "accepted" else OF_ELIGIBLE
    result = estimate_passage(
        cases, question, exposure=exposure, adjust_for=adjust_for, office_effects=office_effects
    )
    return replace(result, warnings=(*result.warnings, SELECTED)) if at_risk == "accepted" else result


def _refuse_unobserved_outcomes(cases: Cases) -> None:
    """Placement of all eligible needs everybody's outcome, and somebody who says that it was observed."""
    if cases.plan.outcome_observed is None:
        raise EstimationError(
            "Nothing says whether the outcome was observed for all cases or for the accepted only, and an "
            'empty field looks the same either way. State outcome_observed = "all" or "accepted" in the '
            "[study] table of the mapping, or in the call that loads the cases.",
            reason="outcome_observed_unknown",
        )
    if cases.plan.outcome_observed == "accepted":
        raise EstimationError(
            "The outcome was observed for the accepted only, so placement of all eligible cannot be seen. "
            'Ask of the accepted (at_risk="accepted"), or add outcomes of the others from a register.',
            reason="outcome_for_accepted_only",
        )
