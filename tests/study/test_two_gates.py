"""Both gates and placement as one model: against the fit itself, by property, by refusal."""

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.inference.jackknife import jackknife
from se_outcomes.regression.two_gate_averages import population_averages
from se_outcomes.study.two_gate_answer import _fit
from se_outcomes.study.two_gate_sample import draw_two_gate_sample

STUDY = so.simulate_cases(1500, seed=3, variation=2.0)


@pytest.fixture(scope="module")
def result():
    return so.estimate_two_gates(STUDY.cases)


@pytest.fixture(scope="module")
def unidentified():
    """Without anything that moves acceptance alone; three offices without covariates, so that it is quick."""
    cases = so.simulate_cases(400, n_offices=3, seed=2).cases
    return so.estimate_two_gates(cases, exclusion_acceptance=(), adjust_for=())


def average(result, measure):
    return result.averages.set_index("measure").loc[measure]


def test_it_tells_what_the_fit_says(result):
    cases = STUDY.cases
    sample = draw_two_gate_sample(
        cases,
        exposure="motivation",
        adjust_for=cases.plan.adjust_for,
        exclusion_referral=("counsellor_leniency",),
        exclusion_acceptance=("caseload_at_referral",),
        office_effects=True,
        outcome_observed="all",
    )
    fit = _fit(sample, "all")
    found = jackknife(lambda refit: population_averages(refit).values, fit)
    names = population_averages(fit).names
    assert result.identified
    assert result.inside
    np.testing.assert_allclose(result.averages["estimate"], found.estimate, atol=1e-9)
    np.testing.assert_allclose(result.averages["std_error"], found.std_error, rtol=1e-5)
    assert tuple(result.averages["measure"]) == names
    pairs = result.correlations.set_index("pair")["estimate"]
    assert pairs["acceptance_placement"] == pytest.approx(fit.rho_23, abs=1e-9)


def test_the_gap_is_the_sum_of_its_parts(result):
    parts = [average(result, f"gap_{part}")["estimate"] for part in ("effect", "observed", "unobserved")]
    assert sum(parts) == pytest.approx(average(result, "gap")["estimate"], abs=1e-12)
    assert average(result, "gap_effect")["estimate"] == average(result, "effect_accepted")["estimate"]
    # the model's gap is close to the raw one, which it does not use
    raw = average(result, "gap_raw")["estimate"]
    assert average(result, "gap")["estimate"] == pytest.approx(raw, abs=0.02)


def test_creaming_on_all_grounds_telescopes(result):
    for grounds in ("", "_recorded"):
        gates = [average(result, f"creaming_gate_{gate}{grounds}")["estimate"] for gate in (1, 2)]
        assert sum(gates) == pytest.approx(average(result, f"creaming_both{grounds}")["estimate"], abs=1e-12)


def test_the_truth_is_inside(result):
    """One study of this seed: the causal values lie in the intervals, and the doubly robust effect misses its own."""
    truth = STUDY.truth.query("question == 'two_gates'").set_index("term")["causal_value"]
    for measure in ("effect_accepted", "effect_all", "open_gate", "creaming_both", "gap_unobserved"):
        row = average(result, measure)
        assert row["conf_low"] < truth[measure] < row["conf_high"], measure


def test_the_outcomes_of_the_accepted_only():
    cases = so.simulate_cases(1500, seed=3, gates="merged", outcome_observed="accepted").cases
    found = so.estimate_two_gates(cases, adjust_for=())
    assert found.outcome_observed == "accepted"
    measures = set(found.averages["measure"])
    assert "open_gate" in measures
    assert not any("effect" in measure for measure in measures)
    assert average(found, "open_gate")[["estimate", "std_error"]].isna().all()
    assert average(found, "open_gate_naive")["estimate"] > 0


def test_merged_gates_are_one_gate():
    cases = so.simulate_cases(900, seed=4, gates="merged").cases
    found = so.estimate_two_gates(cases, adjust_for=())
    assert found.gates == "merged"
    assert not found.identified
    assert found.correlations["pair"].tolist() == ["acceptance_placement"]
    assert set(found.estimates["equation"]) == {"acceptance", "placement"}
    assert found.grid["rho_referral"].unique().tolist() == [0.0]
    selected = so.estimate_selected_placement(cases, at_risk="eligible", adjust_for=(), exclusion=())
    # the same likelihood by another road: at every correlation the same open gate
    profile = selected.profile
    between = np.interp(found.grid["rho_acceptance"], profile["rho"], profile["open_gate"])
    told = found.grid["inside"]
    np.testing.assert_allclose(found.grid.loc[told, "open_gate"], between[told], atol=0.01)


def test_without_an_exclusion_the_answer_is_a_set_over_a_grid(unidentified):
    assert not unidentified.identified
    assert not unidentified.inside
    assert unidentified.estimates.query("model == 'corrected'")["estimate"].isna().all()
    grid = unidentified.grid
    assert grid["inside"].any()
    assert len(grid) >= 16
    row = average(unidentified, "open_gate")
    told = grid.loc[grid["inside"]]
    assert row["conf_low"] <= told["open_gate"].min()
    assert told["open_gate"].max() <= row["conf_high"]
    keys = {notice.key for notice in unidentified.warnings}
    assert {"two_gates_not_identified", "two_gates_projected"} <= keys


def test_the_row_order_does_not_matter(result):
    frame = STUDY._frame.sample(frac=1, random_state=1).reset_index(drop=True)
    mapping = {"study": {name: value for name, value in vars(STUDY.cases.plan).items() if value}}
    shuffled = so.estimate_two_gates(so.check_cases(frame, mapping=mapping))
    pd.testing.assert_frame_equal(shuffled.averages, result.averages, rtol=1e-6, atol=1e-8)


def test_summary_and_glance(result):
    text = result.summary()
    assert "AME per SD, referral" in text
    assert "rho referral_placement" in text
    assert result.glance()["n_offices"] == 5
    assert list(result.tidy().columns[:7]) == [
        "term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"exclusion_referral": ("motivation",)}, "collinearity"),
        ({"exclusion_referral": ("caseload_at_referral",)}, "collinearity"),
        ({"exclusion_acceptance": ("no_such_column",)}, "column_missing"),
    ],
)
def test_refusals(call, reason):
    with pytest.raises(so.EstimationError) as refusal:
        so.estimate_two_gates(STUDY.cases, **call)
    assert refusal.value.reason == reason


def test_offices_that_are_too_few_or_too_small():
    one = so.simulate_cases(300, n_offices=1, seed=1).cases
    with pytest.raises(so.EstimationError) as refusal:
        so.estimate_two_gates(one)
    assert refusal.value.reason == "one_office"
    small = so.simulate_cases(300, n_offices=25, seed=1).cases
    with pytest.raises(so.EstimationError) as refusal:
        so.estimate_two_gates(small)
    assert refusal.value.reason == "small_offices"


def test_who_is_observed_must_be_known():
    cases = so.check_cases(STUDY._frame)
    with pytest.raises(so.EstimationError) as refusal:
        so.estimate_two_gates(cases)
    assert refusal.value.reason == "outcome_observed_unknown"


def test_a_replicate_whose_correlation_runs_off_is_no_crash():
    """To first order a free correlation may leave its range; what is told then is wide, not an error."""
    cases = so.simulate_cases(900, n_offices=4, seed=0, outcome_observed="accepted").cases
    found = so.estimate_two_gates(cases, adjust_for=())
    row = average(found, "open_gate")
    assert 0 <= row["conf_low"] < row["conf_high"] <= 1


def lacking(share):
    """The study with so much of the caseloads lost, at random."""
    frame = STUDY._frame.copy()
    recorded = frame.index[frame["caseload_at_referral"].notna()]
    frame.loc[recorded[: round(share * len(recorded))], "caseload_at_referral"] = np.nan
    mapping = {"study": {name: value for name, value in vars(STUDY.cases.plan).items() if value}}
    return so.check_cases(frame, mapping=mapping)


def test_few_of_the_referred_without_an_exclusion_are_said_and_many_refused():
    assert "referred_without_exclusion" in {n.key for n in so.estimate_two_gates(lacking(0.05)).warnings}
    with pytest.raises(so.EstimationError, match="10%") as refusal:
        so.estimate_two_gates(lacking(0.3))
    assert refusal.value.reason == "column_missing"
