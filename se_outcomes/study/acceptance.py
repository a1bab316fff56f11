"""Gate 2: which of the referred does the job specialist accept?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from se_outcomes.cases.cases import Cases
from se_outcomes.study.at_risk import PassageQuestion
from se_outcomes.study.passage import PassageResult, estimate_passage
from se_outcomes.study.suppression import over_completions

ACCEPTANCE = PassageQuestion(
    name="acceptance",
    outcome="accepted",
    at_risk="referred",
    states={
        "ineligible": "ineligible",
        "short_followup": "short_followup",
        "referral_unknown": "referral_unknown",
        "not_referred": "not_referred",
        "bypassed": "bypassed",
        "undecided": "undecided",
        "refused": "not_passed",
        "accepted": "passed",
    },
)


@over_completions
def estimate_acceptance(
    cases: Cases,
    *,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    office_effects: bool = True,
) -> PassageResult:
    """How acceptance among the referred goes with motivation, or with another exposure.

    The referred have passed one gate on motivation already, so a weak association here is no sign of a mild
    gate. Undecided cases, and those accepted without referral, are counted apart. Where the gates are merged
    (``gates="merged"``), passing both is asked about among all eligible.

    Parameters and errors as :func:`estimate_referral`.

    Examples
    --------
    >>> import se_outcomes as so
    >>> result = so.estimate_acceptance(so.simulate_cases(400, seed=1).cases, adjust_for=())
    >>> result.specification.at_risk
    'referred'
    """
    merged = cases.plan.gates == "merged"
    question = replace(ACCEPTANCE, at_risk="eligible") if merged else ACCEPTANCE
    return estimate_passage(
        cases, question, exposure=exposure, adjust_for=adjust_for, office_effects=office_effects
    )
