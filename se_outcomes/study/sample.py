"""The cases a passage question uses, ready to be made into designs; and the refusals before any fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.inference.randomisation import permutation_test_exists
from se_outcomes.results import Notice
from se_outcomes.study.at_risk import (
    PassageQuestion,
    leave_out,
    leave_out_offices_without_variation,
    refuse_ratings_after_gate,
    sort_cases,
)
from se_outcomes.study.design import (
    Design,
    Term,
    as_text,
    design_arrays,
    dummies,
    is_numeric,
    numbers,
    office_codes,
    ordered_levels,
    require_columns,
)

#: Where an exposure is the same for everyone in an office, a level that so few offices have is compared with nothing:
#: every method, the bootstrap too, rejects a true null far too often or never (MacKinnon & Webb 2018, Econometrics
#: Journal 21:114-135).
FEW_TREATED = 2
#: An office of which so many have one value has that value.
NEARLY_ALL = 0.95
#: The lowest and the highest quarter of a numeric exposure.
BOTTOM, TOP = "q1", "q4"
#: What a number brings along in a tally, as endings of its name.
SCALED = ("scaled", "group", "bin")


@dataclass(frozen=True, eq=False)
class Sample:
    """A sorted tally and what is known of the exposure in it.

    Attributes
    ----------
    sorted_cases : frame
        The tally of all cases with ``level`` and ``event``.
    used : frame
        Its used rows.
    exposure : str
    numeric : bool
        Whether the exposure is a number: then ``<exposure>_scaled``, ``_group`` and ``_bin`` stand in the
        tally.
    levels : tuple of str
        Quarters ("q1" ...) or levels present among the used, the reference first.
    spread : frozenset of str
        The levels found in two offices or more (three where the exposure is the same throughout an office): what one
        office alone has cannot be jackknifed.
    adjust_for : tuple of str
    office_effects : bool
    office_level : bool
        Whether the exposure is the same for everyone in an office.
    warnings : tuple of str
    """

    sorted_cases: pd.DataFrame
    used: pd.DataFrame
    exposure: str
    numeric: bool
    levels: tuple[str, ...]
    spread: frozenset[str]
    adjust_for: tuple[str, ...]
    office_effects: bool
    office_level: bool
    warnings: tuple[Notice, ...]

    @property
    def group(self) -> str:
        """The column of the exposure's quarters or levels."""
        return f"{self.exposure}_group" if self.numeric else self.exposure

    @property
    def adjustments(self) -> dict[str, tuple[str, ...]]:
        """The models fitted: "crude" and, if anything is adjusted for, "adjusted"."""
        return {"crude": (), "adjusted": self.adjust_for} if self.adjust_for else {"crude": ()}

    def contrasts(self) -> dict[int, str]:
        """Level number to contrast with level 0; those that can be estimated from two offices or more."""
        if self.numeric:
            whole = self.levels[0] == BOTTOM and self.levels[-1] == TOP
            shown = {len(self.levels) - 1: "top_vs_bottom"} if whole else {}
        else:
            shown = {
                number: f"{level}_vs_{self.levels[0]}" for number, level in enumerate(self.levels) if number
            }
        return {
            number: name
            for number, name in shown.items()
            if {self.levels[0], self.levels[number]} <= self.spread
        }

    def slope_term(self) -> Term:
        """The exposure as one column, in SDs of all eligible cases."""
        return Term(self.exposure, numbers(self.used[f"{self.exposure}_scaled"])[:, None])

    def level_term(self) -> Term:
        """The exposure as a column for each quarter or level but the first."""
        return dummies(self.exposure, self.used[self.group], self.levels)

    def design(self, exposure: Term, covariates: Sequence[str]) -> Design:
        """The arrays of a model of the used cases."""
        return design_arrays(
            self.used,
            exposure,
            covariates,
            office_effects=self.office_effects,
            office_level=self.office_level,
        )

    def level_counts(self) -> pd.DataFrame:
        """Frame ``n, n_passed`` of the used cases by level, in the order of ``levels``."""
        weighted = pd.DataFrame({"n": self.used["n"], "n_passed": self.used["n"] * self.used["event"]})
        counted = weighted.groupby(as_text(self.used[self.group]).to_numpy(dtype=object)).sum()
        return counted.loc[list(self.levels)].round().astype("int64")


def draw_sample(
    cases: Cases, question: PassageQuestion, *, exposure: str, adjust_for: Sequence[str], office_effects: bool
) -> Sample:
    """Tally, sort, leave out, and refuse what no fit could answer.

    Raises
    ------
    EstimationError
        ``column_missing``, ``rated_after_gate``, ``no_cases``, ``no_variation``,
        ``no_variation_within_offices``, ``exposure_constant``, ``exposure_constant_within_offices``,
        ``office_level_exposure``, ``one_office``.
    """
    require_columns(cases, ["office_id", "gate_state", "outcome_state", exposure, *adjust_for])
    warnings = refuse_ratings_after_gate(cases, question, exposure)
    numeric = is_numeric(cases.tally([exposure])[exposure])
    columns = sample_columns(exposure, adjust_for, numeric=numeric)
    tally = leave_out_missing(sort_cases(cases.tally(columns), question), exposure, adjust_for)
    tally = tally.assign(office_code=office_codes(tally))
    _refuse_no_variation(tally, question, exposure, office_effects)
    if office_effects:
        tally = leave_out_offices_without_variation(tally)
    used = tally.loc[tally["level"] == "used"].reset_index(drop=True)
    office_level, said = _look_at_exposure(used, exposure, office_effects)
    levels, spread = _levels(used, exposure, numeric, least=FEW_TREATED + 1 if office_level else 2)
    return Sample(
        sorted_cases=tally,
        used=used,
        exposure=exposure,
        numeric=numeric,
        levels=levels,
        spread=spread,
        adjust_for=tuple(adjust_for),
        office_effects=office_effects,
        office_level=office_level,
        warnings=warnings + said + _say_levels(exposure, numeric, levels, spread),
    )


def sample_columns(exposure: str, adjust_for: Sequence[str], *, numeric: bool) -> list[str]:
    """The columns a question is tallied by."""
    derived = [f"{exposure}_{kind}" for kind in SCALED] if numeric else []
    return list(dict.fromkeys(["office_id", "gate_state", "outcome_state", exposure, *derived, *adjust_for]))


def leave_out_missing(tally: pd.DataFrame, exposure: str, adjust_for: Sequence[str]) -> pd.DataFrame:
    """Exclude used cases of a sorted tally that lack the exposure or something adjusted for."""
    tally = leave_out(tally, tally[exposure].isna(), "exposure_missing")
    derived = [column for kind in SCALED if (column := f"{exposure}_{kind}") in tally]
    if derived and tally.loc[tally["level"] == "used", exposure].nunique() > 1:
        # a value without a scale (an instrument whose values do not vary) is no value to compare by
        tally = leave_out(tally, tally[derived].isna().any(axis=1), "exposure_missing")
    for column in adjust_for:
        tally = leave_out(tally, tally[column].isna(), "covariate_missing")
    return tally


def _levels(
    used: pd.DataFrame, exposure: str, numeric: bool, *, least: int
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Levels, the reference first (the first in order that enough offices have); and those enough offices have."""
    group = f"{exposure}_group" if numeric else exposure
    levels = ordered_levels(group, used[group])
    offices = used.groupby(as_text(used[group]).to_numpy(dtype=object))["office_id"].nunique()
    spread = frozenset(level for level in levels if offices[level] >= least)
    if not numeric and spread:
        reference = next(level for level in levels if level in spread)
        levels = (reference, *(level for level in levels if level != reference))
    return levels, spread


def _say_levels(
    exposure: str, numeric: bool, levels: tuple[str, ...], spread: frozenset[str]
) -> tuple[Notice, ...]:
    """Sentences on contrasts that are not shown."""
    if numeric and not {BOTTOM, TOP} <= set(levels):
        return (
            Notice(
                "quarter_empty",
                "Top against bottom quarter of {exposure} is not shown: one of them is empty among the cases "
                "used.",
                exposure=exposure,
            ),
        )
    if numeric and not {BOTTOM, TOP} <= spread:
        return (
            Notice(
                "quarter_in_few_offices",
                "Top against bottom quarter of {exposure} is not shown: one of them is found in too few offices.",
                exposure=exposure,
            ),
        )
    if not numeric and set(levels) != spread:
        return (
            Notice(
                "level_in_few_offices",
                "Levels of {exposure} that are found in too few offices are not compared.",
                exposure=exposure,
            ),
        )
    return ()


def _refuse_no_variation(
    tally: pd.DataFrame, question: PassageQuestion, exposure: str, office_effects: bool
) -> None:
    """No cases, one outcome, one outcome in every office, or one office."""
    used = tally.loc[tally["level"] == "used"]
    about = f"{question.outcome} among the {question.at_risk}"
    if used.empty:
        raise EstimationError(
            f"There are no cases to estimate {about} from: none has all that is needed ({exposure}, the gate"
            " and the variables adjusted for).",
            reason="no_cases",
        )
    passes = (used["n"] * used["event"]).groupby(used["office_id"]).sum()
    cases_by_office = used.groupby("office_id")["n"].sum()
    if passes.sum() in (0, cases_by_office.sum()):
        raise EstimationError(
            f"There is no variation in {about}: all of them have the same outcome, so nothing can go with "
            "it.",
            reason="no_variation",
        )
    if len(passes) < 2:
        raise EstimationError(
            f"There is one office only in {about}. What varies between offices cannot be seen in one, so no "
            "honest interval exists. Add offices, or show counts (count_funnel).",
            reason="one_office",
        )
    varying = int(((passes > 0) & (passes < cases_by_office)).sum())
    if office_effects and varying == 0:
        raise EstimationError(
            f"There is no variation in {about} within any office: comparisons within offices cannot be "
            "made. Ask without office effects (office_effects=False).",
            reason="no_variation_within_offices",
        )
    if office_effects and varying == 1:
        raise EstimationError(
            f"Only one office has variation in {about}; one office carries no honest interval. Add offices, "
            "or ask without office effects (office_effects=False).",
            reason="one_office",
        )


def _look_at_exposure(
    used: pd.DataFrame, exposure: str, office_effects: bool
) -> tuple[bool, tuple[Notice, ...]]:
    """Whether the exposure is the same throughout each office; refused if it does not vary, or not enough."""
    values = used[exposure]
    if values.nunique() < 2:
        raise EstimationError(
            f"{exposure} has the same value for all cases used: there is nothing to compare.",
            reason="exposure_constant",
        )
    varying = int((values.groupby(used["office_id"]).nunique() > 1).sum())
    if office_effects and varying < 2:
        raise EstimationError(
            f"{exposure} varies within {'no office' if varying == 0 else 'one office only'}, so comparisons "
            "within offices cannot tell what goes with it. Ask without office effects "
            "(office_effects=False), which compares offices with each other.",
            reason="exposure_constant_within_offices",
            column=exposure,
        )
    # an office whose cases hardly differ is no comparison within offices: its commonest value stands for it
    commonest = used.groupby(["office_id", exposure])["n"].sum().sort_values(kind="stable").reset_index()
    largest = commonest.drop_duplicates("office_id", keep="last").set_index("office_id")
    shares = largest["n"] / used.groupby("office_id")["n"].sum()
    if office_effects or int((shares < NEARLY_ALL).sum()) > 1:
        return False, ()
    of_offices = largest[exposure]
    _refuse_few_treated(of_offices, exposure)
    return True, (
        Notice(
            "offices_compared",
            "{exposure} is the same for (nearly) everyone in an office: offices are compared, {n_offices} in "
            "all, and "
            "whatever else sets offices apart is part of the difference.",
            exposure=exposure,
            n_offices=len(of_offices),
        ),
    )


def _refuse_few_treated(of_offices: pd.Series, exposure: str) -> None:
    """An exposure of offices that no test can be about: too few ways it might have been assigned."""
    n_offices, sizes = len(of_offices), of_offices.value_counts()
    if is_numeric(of_offices):
        assigned, few = numbers(of_offices), len(sizes) == 2 and int(sizes.min()) <= FEW_TREATED
    else:
        # levels have no order of their own: that of their frequency, so that nothing hangs on how offices are called
        assigned = of_offices.map(dict(zip(sizes.index, range(len(sizes)), strict=True))).to_numpy(float)
        few = int((sizes > FEW_TREATED).sum()) < 2  # else no two levels could be compared
    exists = permutation_test_exists(assigned)
    if exists and not few:
        return
    if len(sizes) == 2:
        described = f"{int(sizes.min())} of {n_offices} offices treated"
    elif len(sizes) == 1:
        described = f"one of {n_offices} offices in which {exposure} varies"
    else:
        described = f"{n_offices} offices and {len(sizes)} values of {exposure}"
    why = (
        f"no exact permutation test at 5 % exists with {described}"
        if not exists
        else f"with {described} a permutation test exists, but every other one would rest on {int(sizes.min())} offices"
    )
    raise EstimationError(
        f"{exposure} is the same for (nearly) everyone in an office, so {n_offices} offices are {n_offices} "
        "observations: "
        f"{why}. Add offices, or describe the offices one by one.",
        reason="office_level_exposure",
        column=exposure,
        n_offices=n_offices,
        n_treated=int(sizes.min()),
    )


def exposure_values(sample: Sample) -> pd.DataFrame:
    """Frame ``value, scaled`` of the used cases' distinct exposure values, in order."""
    frame = pd.DataFrame(
        {
            "value": numbers(sample.used[sample.exposure]),
            "scaled": numbers(sample.used[f"{sample.exposure}_scaled"]),
        }
    )
    return frame.drop_duplicates().sort_values(["scaled", "value"], ignore_index=True)


def bin_counts(sample: Sample, edges: pd.DataFrame | None) -> pd.DataFrame:
    """Frame ``bin, group, low, high, mean, mean_scaled, n, n_passed, share`` of the used cases.

    Parameters
    ----------
    sample : Sample
    edges : frame or None
        ``Cases.bins`` of a numeric exposure; None for levels, which have no low, high and mean (missing).
    """
    used = sample.used
    key = f"{sample.exposure}_bin" if sample.numeric else sample.exposure
    weighted = pd.DataFrame(
        {"bin": as_text(used[key]), "n": used["n"], "n_passed": used["n"] * used["event"]}
    )
    if sample.numeric:
        weighted["total"] = numbers(used[sample.exposure]) * used["n"]
        weighted["total_scaled"] = numbers(used[f"{sample.exposure}_scaled"]) * used["n"]
    counted = weighted.groupby("bin").sum()
    counted["n_passed"] = counted["n_passed"].round().astype("int64")
    if edges is None:
        frame = counted.reindex(list(sample.levels)).reset_index()
        frame = frame.assign(group=frame["bin"], low=np.nan, high=np.nan, mean=np.nan, mean_scaled=np.nan)
    else:
        counted["mean"] = counted.pop("total") / counted["n"]
        counted["mean_scaled"] = counted.pop("total_scaled") / counted["n"]
        frame = edges[["bin", "group", "low", "high"]].merge(counted.reset_index(), on="bin")
    frame["share"] = frame["n_passed"] / frame["n"]
    return frame[["bin", "group", "low", "high", "mean", "mean_scaled", "n", "n_passed", "share"]]
