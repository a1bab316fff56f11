"""What a report asks about admission: who is taken and who is left, what it does, and what other rules would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.study.bounds import BoundsResult, estimate_bounds
from se_outcomes.study.creaming import CreamingResult, estimate_creaming, estimate_targeting
from se_outcomes.study.effect import EffectResult, estimate_effect
from se_outcomes.study.left_out import LeftOutResult, estimate_left_out
from se_outcomes.study.policies import PolicyResult, estimate_policies
from se_outcomes.study.two_gates import TwoGateResult, estimate_two_gates


def _estimate_two_gates(cases: Cases) -> TwoGateResult:
    """Within offices, or across them where offices are too small for intercepts of their own."""
    try:
        return estimate_two_gates(cases)
    except EstimationError as refusal:
        if refusal.reason != "small_offices":
            raise
        return estimate_two_gates(cases, office_effects=False)


#: The questions about admission, in order; keys are the attributes of :class:`AdmissionAnswers`.
ADMISSION: Mapping[str, Callable[[Cases], Any]] = {
    "left_out": lambda cases: estimate_left_out(cases),
    "creaming": lambda cases: estimate_creaming(cases),
    "targeting": lambda cases: estimate_targeting(cases),
    "effect": lambda cases: estimate_effect(cases),
    "bounds": lambda cases: estimate_bounds(cases),
    "two_gates": lambda cases: _estimate_two_gates(cases),
    "policies": lambda cases: estimate_policies(cases),
}


@dataclass(frozen=True, eq=False)
class AdmissionAnswers:
    """Answers about admission; None where there is none, or where it may not be told.

    Attributes
    ----------
    left_out : LeftOutResult or None
    creaming, targeting : CreamingResult or None
    effect : EffectResult or None
    bounds : BoundsResult or None
    two_gates : TwoGateResult or None
    policies : PolicyResult or None
    withheld : tuple of str
        Keys of the questions that have an answer which may not be told.
    """

    left_out: LeftOutResult | None = None
    creaming: CreamingResult | None = None
    targeting: CreamingResult | None = None
    effect: EffectResult | None = None
    bounds: BoundsResult | None = None
    two_gates: TwoGateResult | None = None
    policies: PolicyResult | None = None
    withheld: tuple[str, ...] = ()

    @property
    def answered(self) -> dict[str, Any]:
        """The answers that there are, by key."""
        found = {key: getattr(self, key) for key in ADMISSION}
        return {key: answer for key, answer in found.items() if answer is not None}


def ask_admission(
    cases: Cases, *, by_level: bool, tick: Callable[[str], None] = lambda key: None
) -> tuple[AdmissionAnswers, dict[str, EstimationError]]:
    """Ask every question about admission; answers, and by key why there is none.

    Parameters
    ----------
    cases : Cases
    by_level : bool
        Whether the exposure has levels: the model of both gates, which asks of one more SD, is then not asked.
    tick : callable
        Called with the key of each question as it is begun.
    """
    answers: dict[str, Any] = {}
    refusals: dict[str, EstimationError] = {}
    for key, estimate in ADMISSION.items():
        tick(key)
        if by_level and key == "two_gates":
            continue
        try:
            answers[key] = estimate(cases)
        except EstimationError as refusal:
            refusals[key] = refusal
    return AdmissionAnswers(**answers), refusals
