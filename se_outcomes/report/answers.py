"""What a report asks of the cases: every question once, its answer or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.report.admission_answers import AdmissionAnswers, ask_admission
from se_outcomes.study.acceptance import estimate_acceptance
from se_outcomes.study.characteristics import CharacteristicsResult, count_characteristics
from se_outcomes.study.design import is_numeric
from se_outcomes.study.familywise import FamilywiseResult, estimate_familywise
from se_outcomes.study.funnel import FunnelResult, count_funnel
from se_outcomes.study.passage import PassageResult
from se_outcomes.study.placement import estimate_placement
from se_outcomes.study.referral import estimate_referral
from se_outcomes.study.selected_placement import SelectedPlacementResult, estimate_selected_placement
from se_outcomes.study.selection import SelectionResult, decompose_selection

#: The report's passage questions, in order.
PASSAGES: Mapping[str, Callable[..., PassageResult]] = {
    "referral": estimate_referral,
    "acceptance": estimate_acceptance,
    "placement": estimate_placement,
    "placement_eligible": lambda cases, **call: estimate_placement(cases, at_risk="eligible", **call),
}
#: From so many times the smallest number that may be told, the undecided are described by themselves.
ENOUGH = 20
#: Refusals under office effects after which the question is asked across offices instead.
ACROSS_OFFICES = ("no_variation_within_offices", "exposure_constant_within_offices")


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of one report.

    Attributes
    ----------
    funnel : FunnelResult
        By group of the exposure, where it is recorded.
    characteristics : CharacteristicsResult
    passages : mapping of str to PassageResult
        By key of :data:`PASSAGES`; those that could be answered.
    selection : SelectionResult or None
    refusals : mapping of str to EstimationError
        By key of a passage question, ``"selection"``, ``"selected_placement"`` or a question about admission: why there
        is no answer, or none within offices.
    selected : SelectedPlacementResult or None
        Placement corrected for selection.
    familywise : FamilywiseResult or None
        The passage questions' tests adjusted for their number, where there are two or more.
    admission : AdmissionAnswers
        Who is taken and who is left, what it does, and what other rules would do.
    """

    funnel: FunnelResult
    characteristics: CharacteristicsResult
    passages: Mapping[str, PassageResult]
    selection: SelectionResult | None
    refusals: Mapping[str, EstimationError] = field(default_factory=dict)
    selected: SelectedPlacementResult | None = None
    familywise: FamilywiseResult | None = None
    admission: AdmissionAnswers = field(default_factory=AdmissionAnswers)

    @property
    def by_level(self) -> bool:
        """Whether the exposure has levels: then a selection model, which asks of one more SD, is not asked."""
        return self.funnel.by is not None and not self.funnel.by.endswith("_group")

    @property
    def across_offices(self) -> frozenset[str]:
        """Keys of the questions that were answered across offices only."""
        answered = frozenset(self.passages) | (
            frozenset() if self.selected is None else {"selected_placement"}
        )
        return answered & frozenset(self.refusals)


def ask_questions(
    cases: Cases, *, min_cell: int = 5, tick: Callable[[str], None] = lambda key: None
) -> Answers:
    """Ask everything that a report answers.

    Parameters
    ----------
    cases : Cases
    min_cell : int
        The smallest number of cases that will be told.
    tick : callable
        Called with the key of each question as it is begun.
    """
    exposure = cases.plan.exposure
    tick("funnel")
    funnel = count_funnel(cases, by=group_column(cases, exposure))
    tick("characteristics")
    characteristics = _describe(cases, funnel, min_cell)
    passages: dict[str, PassageResult] = {}
    refusals: dict[str, EstimationError] = {}
    for key, estimate in PASSAGES.items():
        tick(key)
        try:
            passages[key] = estimate(cases)
        except EstimationError as refusal:
            refusals[key] = refusal
            if refusal.reason in ACROSS_OFFICES:
                _ask_across_offices(cases, key, passages)
    tick("selection")
    selection = None
    try:
        selection = decompose_selection(cases)
    except EstimationError as refusal:
        refusals["selection"] = refusal
    tick("selected_placement")
    by_level = cases.has(exposure) and not is_numeric(cases.tally([exposure])[exposure])
    selected = None if by_level else _correct_for_selection(cases, refusals)
    familywise = _adjust_for_number(list(passages.values()))
    admission, refused = ask_admission(cases, by_level=by_level, tick=tick)
    refusals |= refused
    return Answers(funnel, characteristics, passages, selection, refusals, selected, familywise, admission)


def _adjust_for_number(results: Sequence[PassageResult]) -> FamilywiseResult | None:
    """Tests of the same contrast at every question that has one; None where there are not two.

    Which questions are in the family is settled by the estimates that exist, before anything is withheld.
    """
    tested = [
        {one.labels["contrast"] for one in result.tested if one.verdicts.hypothesis is not None}
        for result in results
    ]
    asked = [result for result, contrasts in zip(results, tested, strict=True) if contrasts]
    common = set.intersection(*(contrasts for contrasts in tested if contrasts)) if asked else set()
    contrast = "per_sd" if "per_sd" in common else min(common, default="") if len(common) == 1 else ""
    if len(asked) < 2 or not contrast:
        return None
    try:
        return estimate_familywise(asked, contrast=contrast)
    except EstimationError:
        return None  # each question stands by itself, and says so


def _describe(cases: Cases, funnel: FunnelResult, min_cell: int) -> CharacteristicsResult:
    """Table 1 with a stage for the undecided only where there are many: a few would cost others their numbers."""
    n = int(funnel.flow.set_index("place")["n"]["undecided"])
    few = 0 < n < ENOUGH * min_cell
    described = count_characteristics(cases, undecided="with_refused" if few else "apart")
    stages = {stage: states for stage, states in described.stages.items() if n or stage != "undecided"}
    return replace(described, stages=stages)


def _correct_for_selection(
    cases: Cases, refusals: dict[str, EstimationError]
) -> SelectedPlacementResult | None:
    """Placement corrected for selection: within offices, else (and said in ``refusals``) across them."""
    at_risk = "eligible" if cases.plan.gates == "merged" else "referred"
    try:
        return estimate_selected_placement(cases, at_risk=at_risk)
    except EstimationError as refusal:
        refusals["selected_placement"] = refusal
        if refusal.reason not in (*ACROSS_OFFICES, "small_offices"):
            return None
    try:
        return estimate_selected_placement(cases, at_risk=at_risk, office_effects=False)
    except EstimationError:
        return None  # the first refusal has said what there is to say


def _ask_across_offices(cases: Cases, key: str, passages: dict[str, PassageResult]) -> None:
    try:
        passages[key] = PASSAGES[key](cases, office_effects=False)
    except EstimationError:
        return  # the first refusal has said what there is to say


def group_column(cases: Cases, exposure: str) -> str | None:
    """The column that the funnel is counted by: quarters of a number, levels, or none."""
    if not cases.has(exposure):
        return None
    return f"{exposure}_group" if is_numeric(cases.tally([exposure])[exposure]) else exposure
