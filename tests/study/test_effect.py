"""The effect of acceptance: against the formulas row by row, exact sums, simulated truth, and refusals."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.cases.simulate import simulate_cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.effect import describe_overlap, estimate_effect
from se_outcomes.study.prospects import estimate_prospects


@pytest.fixture(scope="module")
def result(cases):
    return estimate_effect(cases)


def row_of(result, estimand, method):
    return result.estimates.query("estimand == @estimand and method == @method").iloc[0]


@pytest.mark.parametrize("method", ["within", "across"])
def test_the_effects_are_the_formulas_case_by_case(cases, result, method):
    p = estimate_prospects(cases, cross_fit=method)
    of = np.repeat(np.arange(len(p.counts)), p.counts.astype(int))
    a, y, e, m0, m1 = (values[of] for values in (p.accepted, p.placed, p.chance, p.without_se, p.with_se))

    def by_case(keep):
        mean = lambda values, weights: np.average(values[keep], weights=weights[keep])  # noqa: E731
        off_with, off_without = a / e, (1 - a) / (1 - e)
        overlap = (a - e) ** 2
        score = overlap * (m1 - m0) + a * (1 - e) * (y - m1) - (1 - a) * e * (y - m0)
        return [
            (m1 - m0)[keep].mean() + mean(y - m1, off_with) - mean(y - m0, off_without),
            mean(y - m0, a) - mean(y - m0, off_without * e),
            mean(m1 - y, 1 - a) + mean(y - m1, off_with * (1 - e)),
            score[keep].sum() / overlap[keep].sum(),
        ]

    offices = p.offices[of]
    found = result.estimates.query("method == @method").set_index("estimand")
    expected = np.array(by_case(offices >= 0))
    estimands = ["all", "accepted", "not_accepted", "overlap"]
    np.testing.assert_allclose(found.loc[estimands, "estimate"], expected, atol=1e-12)
    left = np.array([by_case(offices != g) for g in range(6)])
    errors = np.sqrt(5 / 6 * ((left - expected) ** 2).sum(axis=0))
    np.testing.assert_allclose(found.loc[estimands, "std_error"], errors)


def test_the_raw_gap_and_today_are_plain_shares(cases, result):
    p = estimate_prospects(cases)
    placed = {a: p.counts @ (p.placed * (p.accepted == a)) / (p.counts @ (p.accepted == a)) for a in (0, 1)}
    assert row_of(result, "all", "naive").estimate == pytest.approx(placed[1] - placed[0])
    averages = result.averages.set_index(["measure", "method"])["estimate"]
    assert averages["open_gate_naive", "naive"] == pytest.approx(placed[1])
    assert averages["today", "naive"] == pytest.approx(p.counts @ p.placed / p.counts.sum())
    opened = averages["open_gate", "within"] - averages["closed_gate", "within"]
    assert opened == pytest.approx(row_of(result, "all", "within").estimate, abs=1e-12)


def test_effect_and_selection_add_up_to_the_gap(result):
    gap = result.gap.set_index("part")["estimate"]
    assert gap["effect"] + gap["selection"] == pytest.approx(gap["gap"], abs=1e-12)
    assert gap["effect"] == pytest.approx(row_of(result, "accepted", "within").estimate, abs=1e-12)
    assert gap["gap"] == pytest.approx(row_of(result, "all", "naive").estimate, abs=1e-12)


def test_the_effect_on_all_is_that_on_accepted_and_others_where_selection_is_by_lot(make_frame, make_cases):
    """One chance for all: the three estimands of accepted, others and all are then averages of the same gain."""
    result = estimate_effect(make_cases(make_frame(3000, 6, seed=3)))
    share = result.fit_statistics["n_accepted"] / result.fit_statistics["n_cases"]
    parts = [row_of(result, estimand, "within").estimate for estimand in ("accepted", "not_accepted", "all")]
    assert share * parts[0] + (1 - share) * parts[1] == pytest.approx(parts[2], abs=0.02)


def test_order_of_rows_and_names_of_offices_do_not_matter(make_frame, make_cases):
    """Across offices: within, cases of one office are dealt in the order of the names of the levels alone."""
    frame = make_frame(900, 5, seed=2)
    plain = estimate_effect(make_cases(frame))
    shuffled = estimate_effect(make_cases(frame.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(plain.estimates, shuffled.estimates)
    renamed = frame.assign(office_id=frame["office_id"].map(lambda name: f"z{9 - int(name[-1])}"))
    again = estimate_effect(make_cases(renamed))
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(again.estimates[name], plain.estimates[name], atol=1e-8)


def test_overlap_is_told_for_all_and_by_quarter(result):
    overlap = result.overlap.set_index("group")
    assert list(overlap.index) == ["all", "q1", "q2", "q3", "q4"]
    assert overlap["n"].iloc[1:].sum() == overlap["n"].iloc[0]
    assert (overlap["p50"].iloc[1:].diff().dropna() > 0).all()  # the more motivated are accepted more
    assert (overlap[["ess_accepted", "ess_not_accepted"]] > 0).all(axis=None)
    assert (overlap["p1"] <= overlap["p50"]).all()


def test_weights_are_told_of_the_cases_that_are_there(cases):
    p = estimate_prospects(cases, cross_fit="within")
    of_all = describe_overlap(p).iloc[0]
    weights = np.repeat(1 / p.chance, p.counts.astype(int))[np.repeat(p.accepted, p.counts.astype(int)) == 1]
    assert of_all["ess_accepted"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_unknown_outcomes_are_left_out_and_counted(make_frame, make_cases):
    frame = make_frame(1200, 6, seed=5)
    frame.loc[frame.index[::10], "placed"] = pd.NA
    result = estimate_effect(make_cases(frame))
    left_out = result.exclusions.set_index("reason")["n"]
    assert left_out["outcome_unknown"] == 120
    assert result.fit_statistics["n_cases"] + result.exclusions["n"].sum() == 1200
    assert result.used.query("level == 'used'")["n"].sum() == result.fit_statistics["n_cases"]


@pytest.fixture(scope="module")
def large():
    return simulate_cases(20_000, n_offices=12, seed=7)


@pytest.fixture(scope="module")
def recorded():
    return simulate_cases(20_000, n_offices=12, seed=7, employability_recorded=True)


def against(study, value):
    """Estimates less a true value, in standard errors, by (method, estimand)."""
    truth = study.truth.query("question == 'effect'").set_index(["adjustment", "term"])[value]
    rows = estimate_effect(study.cases).estimates.query("method != 'naive'")
    return {
        (row.method, row.estimand): (row.estimate - truth[row.method, row.estimand]) / row.std_error
        for row in rows.itertuples()
    }


def test_the_population_value_is_found(large):
    """Four standard errors of eleven degrees of freedom: one draw in five hundred for each."""
    assert max(abs(z) for z in against(large, "population_value").values()) < 4


def test_with_employability_recorded_the_causal_effect_is_found_and_without_it_is_not(large, recorded):
    assert max(abs(z) for z in against(recorded, "causal_value").values()) < 4
    off = against(large, "causal_value")
    assert min(off["within", estimand] for estimand in ("all", "accepted", "overlap")) > 4


def test_merged_gates_have_the_effect_too():
    result = estimate_effect(simulate_cases(1500, seed=2, gates="merged").cases)
    assert set(result.estimates["method"]) == {"naive", "within", "across"}


def test_the_protocol(result):
    assert isinstance(result, Result)
    tidy = result.tidy()
    assert list(tidy.columns[: len(TIDY_COLUMNS)]) == list(TIDY_COLUMNS)
    assert not tidy.isna().any(axis=None)
    assert "raw gap" in repr(result)
    assert {"n_cases", "n_offices", "n_events", "dof"} <= set(result.glance())
    assert result.warnings[0].key == "effect_recorded_grounds"


def test_outcomes_of_the_accepted_alone_are_refused_with_what_can_be_answered():
    cases = simulate_cases(600, seed=1, outcome_observed="accepted").cases
    with pytest.raises(EstimationError, match="estimate_bounds") as refusal:
        estimate_effect(cases)
    assert refusal.value.reason == "outcome_for_accepted_only"


def test_one_office_is_refused(make_frame, make_cases):
    with pytest.raises(EstimationError) as refusal:
        estimate_effect(make_cases(make_frame(300, 1)))
    assert refusal.value.reason == "one_office"
