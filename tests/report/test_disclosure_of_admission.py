"""What a report withholds of who is taken, who is left, and what it does: counts, few cases, one person's number."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.report.answers import ask_questions
from se_outcomes.report.disclosure import protect
from se_outcomes.report.disclosure_of_admission import (
    count_sides,
    has_enough,
    protect_admission,
    protect_creaming,
    protect_effect,
    protect_policies,
    protect_two_gates,
)
from se_outcomes.report.disclosure_of_left_out import protect_left_out
from se_outcomes.report.masking import share_of_enough
from se_outcomes.report.plan import plan_disclosure
from se_outcomes.results import Notice

COUNTS = {"n", "n_cases", "n_events", "n_at_risk", "n_passed"}


@pytest.fixture(scope="module")
def told(usual_answers, usual_plan):
    return protect(usual_answers, usual_plan).admission


def frames_of(answer):
    return {name: value for name, value in vars(answer).items() if isinstance(value, pd.DataFrame)}


def is_rounded(values, step=0.01):
    steps = np.asarray(values, dtype=float)[~np.isnan(np.asarray(values, dtype=float))] / step
    return np.allclose(steps, steps.round(), rtol=0, atol=1e-9)


def with_used(answer, **sides):
    """The answer as if so many cases had been used on these sides: (gate state, outcome state) -> n."""
    states = {
        "not_referred": ("not_referred", "not_placed"),
        "rest_placed": ("not_referred", "placed"),
        "refused": ("refused", "not_placed"),
        "accepted_placed": ("accepted", "placed"),
        "accepted_not_placed": ("accepted", "not_placed"),
    }
    rows = [("used", *states[side], sides.get(side, 100)) for side in states]
    return replace(answer, used=pd.DataFrame(rows, columns=["level", "gate_state", "outcome_state", "n"]))


def test_everything_is_answered_and_told(told):
    assert set(told.answered) == {
        "left_out", "creaming", "targeting", "effect", "bounds", "two_gates", "policies",
    }  # fmt: skip
    assert told.withheld == ()


def test_no_count_is_in_any_answer(usual_answers, told):
    for key, answer in told.answered.items():
        before = frames_of(getattr(usual_answers.admission, key))
        counted = 0
        for name, frame in frames_of(answer).items():
            if name in ("used", "exclusions"):
                assert frame.empty, (key, name)
                assert len(before[name]), (key, name)
            for column in COUNTS & set(frame.columns):
                assert frame[column].isna().all(), (key, name, column)
                counted += len(before[name])
        assert counted > 0 or key in ("bounds", "policies")
        statistics = answer.fit_statistics
        assert all(np.isnan(statistics[name]) for name in statistics if name.startswith("n_ca"))
        assert np.isnan(statistics.get("loglik", np.nan))
        assert statistics["n_offices"] == 5


# --- too few -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["accepted_placed", "accepted_not_placed", "rest_placed"])
def test_from_too_few_on_a_side_nothing_is_told(usual_answers, usual_plan, side):
    found = usual_answers.admission
    few = {key: with_used(answer, **{side: 4}) for key, answer in found.answered.items()}
    enough = {key: with_used(answer, **{side: 5}) for key, answer in found.answered.items()}
    for answers, is_told in ((few, False), (enough, True)):
        asked = replace(usual_answers, admission=replace(found, **answers))
        told = protect_admission(asked, usual_plan)
        assert (set(told.answered) == set(found.answered)) == is_told
        assert (set(told.withheld) == set(found.answered)) == (not is_told)


def test_the_outcome_of_the_rest_counts_only_where_it_is_known():
    rows = [
        ("used", "not_referred", "unknown", 80),
        ("used", "accepted", "placed", 9),
        ("used", "accepted", "not_placed", 8),
        ("exposure_missing", "accepted", "placed", 70),
    ]
    used = pd.DataFrame(rows, columns=["level", "gate_state", "outcome_state", "n"])
    assert count_sides(used)["accepted"] == 17
    assert has_enough(used, 5)
    assert not has_enough(used, 10)
    of_rest = pd.concat([used, used.iloc[:1].assign(outcome_state="placed", n=3)])
    assert not has_enough(of_rest, 5)


def test_where_the_share_accepted_may_not_be_told_what_is_learned_from_it_may_not_either(
    usual_answers, usual_plan
):
    silent = replace(
        usual_plan,
        counts=dict.fromkeys(usual_plan.counts, False),
        shares=dict.fromkeys(usual_plan.shares, False),
    )
    assert protect_admission(usual_answers, silent).answered == {}


def test_with_few_accepted_nothing_is_told():
    """By cases, not by hand: nine of those accepted are placed, and ten may be told."""
    cases = so.simulate_cases(100, n_offices=4, seed=13).cases
    answers = ask_questions(cases)
    asked = answers.admission.answered
    told = protect(answers, plan_disclosure(cases, answers, 10)).admission
    of_cases = {key for key in asked if key != "two_gates"}
    assert "bounds" in of_cases
    assert not any(has_enough(asked[key].used, 10) for key in of_cases)
    assert of_cases <= set(told.withheld)


# --- creaming ----------------------------------------------------------------------------------------


def test_gates_are_told_together_or_not_at_all(usual_answers, usual_plan):
    result = with_used(usual_answers.admission.creaming, refused=4)
    told = protect_creaming(result, usual_plan)
    numbers = ["estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value"]
    apart = told.estimates["gate"] != "both"
    assert told.estimates.loc[apart, numbers].isna().all(axis=None)
    # what prospects that are hardly told apart leave missing aside
    known = result.estimates["estimate"].notna()
    assert known[(result.estimates["measure"] == "points")].all()
    assert (told.estimates.loc[~apart, "estimate"].notna() == known[~apart]).all()
    assert told.levels.set_index("stage")["estimate"].isna().to_dict() == {
        "eligible": False, "referred": True, "accepted": False,
    }  # fmt: skip
    whole = protect_creaming(with_used(result, refused=5), usual_plan)
    assert (whole.estimates["estimate"].notna() == known).all()


def test_levels_are_rounded_and_indices_are_not(usual_answers, told):
    assert is_rounded(told.creaming.levels[["estimate", "conf_low", "conf_high"]])
    assert not is_rounded(usual_answers.admission.creaming.levels["estimate"])
    assert told.creaming.estimates["estimate"].equals(usual_answers.admission.creaming.estimates["estimate"])
    assert told.creaming.estimates["estimate"].notna().any()


# --- who is left out ---------------------------------------------------------------------------------


def test_shares_and_means_are_rounded_differences_are_not(usual_answers, told):
    groups, before = told.left_out.groups, usual_answers.admission.left_out.groups
    levels = groups["measure"] != "gain"
    assert is_rounded(groups.loc[levels, ["estimate", "conf_low", "conf_high"]])
    assert not is_rounded(before.loc[levels, "estimate"])
    compared = before["difference"].notna()
    assert (groups.loc[compared, "difference"] == before.loc[compared, "difference"]).all()


def with_status(result, status, n):
    groups = result.groups.copy()
    groups.loc[groups["status"] == status, "n"] = n
    return replace(result, groups=groups)


@pytest.mark.parametrize(("n", "p10", "p25", "p50", "curve"), [
    (4, False, False, False, False), (12, False, False, True, False), (20, False, True, True, False),
    (49, False, True, True, False), (50, True, True, True, True),
])  # fmt: skip
def test_of_a_status_with_few_cases_little_is_told(usual_answers, usual_plan, n, p10, p25, p50, curve):
    result = with_status(usual_answers.admission.left_out, "not_accepted", n)
    # in one stretch; the usual curve has a lone case beyond a deep minimum
    curves = dict(list(result.density.groupby("status", sort=False)))
    curves["not_accepted"] = curves["accepted"].assign(status="not_accepted")
    result = replace(result, density=pd.concat(curves.values(), ignore_index=True))
    told = protect_left_out(result, usual_plan)
    row = told.quantiles.set_index("status").loc["not_accepted"]
    assert [pd.notna(row[name]) for name in ("p10", "p90", "p25", "p75", "p50")] == [p10, p10, p25, p25, p50]
    assert ("not_accepted" in set(told.density["status"])) == curve
    rows = told.groups.loc[told.groups["status"] == "not_accepted"]
    assert rows["estimate"].isna().all() == (n < 5)
    of_status = told.composition.loc[told.composition["status"] == "not_accepted", "share"]
    assert n >= 5 or of_status.isna().all()
    assert told.groups.loc[told.groups["status"] == "accepted", "estimate"].notna().all()


def test_a_level_that_table_1_withholds_at_one_stage_is_withheld_at_all(usual_answers, usual_plan):
    result = usual_answers.admission.left_out
    hidden = {("age_group", level, "accepted"): False for level in ("18-19", "30+")}
    told = protect_left_out(result, replace(usual_plan, counts={**usual_plan.counts, **hidden})).composition
    ages = told.loc[told["variable"] == "age_group"]
    few = ages["level"].isin(["18-19", "30+"])
    numbers = ["share", "difference", "difference_low", "difference_high"]
    assert ages.loc[few, numbers].isna().all(axis=None)
    assert ages.loc[~few, "share"].notna().all()
    assert is_rounded(told[numbers])
    assert not is_rounded(result.composition["share"])


def test_a_lone_level_takes_its_variable_along(usual_answers, usual_plan):
    """The shares of a variable add up to one."""
    counts = {**usual_plan.counts, ("age_group", "30+", "accepted"): False}
    told = protect_left_out(usual_answers.admission.left_out, replace(usual_plan, counts=counts)).composition
    assert told.loc[told["variable"] == "age_group", "share"].isna().all()
    assert told.loc[told["variable"] == "education_level", "share"].notna().any()


def test_groups_of_the_exposure_are_as_fine_as_the_funnel(usual_answers, usual_plan):
    result = usual_answers.admission.left_out
    of_gates = [key for key in usual_plan.counts if key[0] == "funnel" and key[2] in ("referred", "accepted")]
    everything = {**usual_plan.counts, **dict.fromkeys(of_gates, True)}
    shares_only = {**everything, **{key: False for key in of_gates if key[2:] == ("accepted", "n_passed")}}
    no_shares = dict.fromkeys(usual_plan.shares, False)
    for counts, shares, step in (
        (everything, usual_plan.shares, 0.01),
        (shares_only, dict.fromkeys(usual_plan.shares, True), 0.05),
        (shares_only, no_shares, np.nan),
    ):
        told = protect_left_out(result, replace(usual_plan, counts=counts, shares=shares)).composition
        rows = told.loc[(told["variable"] == "motivation") & (told["status"] == "accepted"), "share"]
        if np.isnan(step):
            assert rows.isna().all()
        else:
            assert rows.notna().all()
            assert is_rounded(rows, step)
    coarse = protect_left_out(
        result, replace(usual_plan, counts=shares_only, shares=dict.fromkeys(usual_plan.shares, True))
    ).composition
    # five per cent of those referred and not accepted are too few to hide a count among
    few = (coarse["variable"] == "motivation") & (coarse["status"] == "not_accepted")
    assert 0.05 * result.composition.loc[few, "n"].sum() < 10
    assert coarse.loc[few, "share"].isna().all()


def test_shares_of_few_are_withheld_and_a_lone_one_takes_another_along():
    n = pd.Series([400.0, 100, 100, 100, 100])
    told = share_of_enough(pd.Series([0.0475, 0.03, 0.07, 0.09, 0.0]), n, 5)
    assert told.isna().tolist() == [False, True, True, False, False]
    assert told[0] == 0.05
    two = share_of_enough(pd.Series([0.0375, 0.03, 0.03, 0.09, 0.0]), n, 5)
    assert two.isna().tolist() == [False, True, True, False, False]
    assert share_of_enough(pd.Series([0.01, 0.01]), pd.Series([100.0, 100.0]), 5).isna().all()


def test_that_a_stage_has_nobody_is_not_said(usual_answers, usual_plan):
    said = Notice("left_out_nobody", "Nobody has the status {status}.", status="not_accepted")
    result = replace(usual_answers.admission.left_out, warnings=(said,))
    assert protect_left_out(result, usual_plan).warnings == ()


# --- effect, bounds, policies, both gates ------------------------------------------------------------


def test_raw_differences_are_rounded_and_still_add_up(usual_answers, told):
    raw = told.effect.estimates["method"] == "naive"
    numbers = ["estimate", "conf_low", "conf_high", "std_error"]
    assert is_rounded(told.effect.estimates.loc[raw, numbers])
    tests = ["statistic", "p_value"]
    assert told.effect.estimates.loc[raw, tests].isna().all(axis=None)
    assert told.effect.estimates.loc[~raw, tests].notna().all(axis=None)
    assert usual_answers.admission.effect.estimates.loc[raw, tests].notna().all(axis=None)
    before = usual_answers.admission.effect.estimates.loc[~raw, "estimate"]
    assert (told.effect.estimates.loc[~raw, "estimate"] == before).all()
    assert is_rounded(told.effect.averages[numbers])
    gap = told.effect.gap.set_index("part")["estimate"]
    assert is_rounded(gap)
    assert gap["effect"] + gap["selection"] == pytest.approx(gap["gap"], abs=1e-12)


def test_the_weight_of_one_case_and_chances_beyond_which_are_few_are_never_told(
    usual_answers, usual_plan, told
):
    overlap, before = told.effect.overlap, usual_answers.admission.effect.overlap
    assert overlap["largest_weight_share"].isna().all()
    assert (overlap["p1"].notna() == (0.01 * before["n"] >= 5)).all()
    assert overlap["p1"].isna().any()
    assert overlap["p50"].notna().all()
    for name in ("ess_accepted", "ess_not_accepted"):
        assert is_rounded(overlap[name], 10)
    few = before.assign(ess_accepted=[4.0, *before["ess_accepted"][1:]])
    shown = protect_effect(replace(usual_answers.admission.effect, overlap=few), usual_plan).overlap
    assert np.isnan(shown["ess_accepted"].iloc[0])


def test_bounds_are_rounded_and_have_no_errors(told):
    bounds = told.bounds.bounds
    assert is_rounded(bounds[["lower", "upper", "conf_low", "conf_high"]])
    assert bounds[["lower_std_error", "upper_std_error", "critical"]].isna().all(axis=None)
    assert is_rounded(told.bounds.naive[["estimate", "conf_low"]])


def test_who_is_accepted_today_is_told_as_the_funnel_tells(usual_answers, usual_plan):
    result = usual_answers.admission.policies
    pair = (("funnel", "q1", "accepted", "n_at_risk"), ("funnel", "q1", "accepted", "n_passed"))
    hidden = replace(
        usual_plan,
        counts={**usual_plan.counts, pair[1]: False},
        shares={**usual_plan.shares, pair: False},
    )
    told = protect_policies(result, hidden).inclusion.set_index(["policy", "group"])["estimate"]
    assert np.isnan(told["status_quo", "q1"])
    assert np.isnan(told["status_quo", "lowest_prospects"])  # who may be those of the first quarter
    assert told.drop([("status_quo", "q1"), ("status_quo", "lowest_prospects")]).notna().all()
    assert is_rounded(told)
    everything = protect_policies(result, usual_plan).inclusion.set_index(["policy", "group"])["estimate"]
    assert pd.notna(everything["status_quo", "lowest_prospects"])


def test_a_few_accepted_of_those_with_the_lowest_prospects_are_withheld(usual_answers, usual_plan):
    result = usual_answers.admission.policies
    n = result.fit_statistics["n_cases"] / 4
    for share, is_told in ((4 / n, False), (6 / n, True)):
        inclusion = result.inclusion.copy()
        row = (inclusion["policy"] == "status_quo") & (inclusion["group"] == "lowest_prospects")
        inclusion.loc[row, "estimate"] = share
        told = protect_policies(replace(result, inclusion=inclusion), usual_plan).inclusion
        assert told.loc[row, "estimate"].notna().all() == is_told


def test_policies_are_rounded_their_differences_are_not(usual_answers, told):
    values, before = told.policies.values, usual_answers.admission.policies.values
    difference = values["measure"] == "difference"
    assert is_rounded(values.loc[~difference, ["estimate", "conf_low"]])
    assert (values.loc[difference, "estimate"] == before.loc[difference, "estimate"]).all()
    assert is_rounded(told.policies.crowding["placed"])


def test_of_the_model_of_both_gates(usual_answers, usual_plan, told):
    result = usual_answers.admission.two_gates
    averages = told.two_gates.averages.set_index("measure")["estimate"]
    assert averages["accepted"] == 0.47
    assert averages["gap_observed"] == 0.07
    assert averages["effect_not_accepted"] == 0.105  # an effect, not rounded
    assert told.two_gates.grid["deviance"].isna().all()
    assert told.two_gates.grid["open_gate"].tolist() == [0.37]
    few = replace(usual_plan, counts={**usual_plan.counts, ("age_group", "30+", "accepted"): False})
    equations = protect_two_gates(result, usual_answers, few).equations.set_index("term")["estimate"]
    assert np.isnan(equations["age_group"])
    assert equations["motivation"] == 0.8


def test_both_gates_with_few_refused_are_withheld(usual_answers, usual_plan):
    result = usual_answers.admission.two_gates
    assert protect_two_gates(with_used(result, refused=4), usual_answers, usual_plan) is None
    assert protect_two_gates(with_used(result, refused=5), usual_answers, usual_plan) is not None
