"""Rules of admission: exact where they must be, today's places kept, simulated truth, and refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import t as t_distribution

from se_outcomes.cases.simulate import simulate_cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.effect import estimate_effect
from se_outcomes.study.policies import POLICIES, estimate_policies, serve
from se_outcomes.study.prospects import estimate_prospects


@pytest.fixture(scope="module")
def result(cases):
    return estimate_policies(cases)


def value_of(result, policy, measure):
    return result.values.query("policy == @policy and measure == @measure").iloc[0]


def test_every_rule_but_the_open_gate_keeps_todays_places_in_each_office(cases):
    p = estimate_prospects(cases, cross_fit="within")
    today = np.bincount(p.offices, p.counts * p.accepted)
    served = serve(p)
    assert tuple(served) == POLICIES
    for policy, share in served.items():
        places = np.bincount(p.offices, p.counts * share)
        wanted = np.bincount(p.offices, p.counts) if policy == "open_gate" else today
        np.testing.assert_allclose(places, wanted, atol=1e-9)


def test_the_status_quo_is_what_it_is(cases, result):
    p = estimate_prospects(cases)
    today = value_of(result, "status_quo", "placed")
    assert today.estimate == pytest.approx(p.counts @ p.placed / p.counts.sum())
    difference = value_of(result, "status_quo", "difference")
    assert (difference.estimate, difference.std_error) == (0.0, 0.0)
    assert np.isnan(difference.conf_low)


def test_differences_are_differences(result):
    for policy in POLICIES:
        placed = (
            value_of(result, policy, "placed").estimate - value_of(result, "status_quo", "placed").estimate
        )
        assert value_of(result, policy, "difference").estimate == pytest.approx(placed, abs=1e-12)


def test_the_open_gate_is_that_of_the_effect(cases, result):
    averages = estimate_effect(cases).averages.set_index(["measure", "method"])
    opened = averages.loc[("open_gate", "within")]
    found = value_of(result, "open_gate", "placed")
    assert (found.estimate, found.std_error) == (
        pytest.approx(opened["estimate"]),
        pytest.approx(opened["std_error"]),
    )


def test_full_crowding_makes_the_open_gate_a_lottery(cases, result):
    """Twice as many who gain half as much: the office gains what a lottery for today's places gains."""
    lottery = value_of(result, "lottery", "placed").estimate
    crowding = result.crowding.set_index("crowding")
    assert crowding.loc[1.0, "placed"] == pytest.approx(lottery, abs=1e-12)
    assert crowding.loc[0.0, "placed"] == pytest.approx(
        value_of(result, "open_gate", "placed").estimate, abs=1e-12
    )
    asked = estimate_policies(cases, crowding=0.4)
    assert asked.crowding["crowding"].tolist() == [0.0, 0.25, 0.4, 0.5, 0.75, 1.0]
    opened = value_of(asked, "open_gate", "placed").estimate
    assert opened == pytest.approx(asked.crowding.set_index("crowding").loc[0.4, "placed"], abs=1e-12)
    assert (
        value_of(asked, "need_first", "placed").estimate == value_of(result, "need_first", "placed").estimate
    )


def test_inclusion_adds_up_over_groups(cases, result):
    p = estimate_prospects(cases)
    weights = pd.Series(p.counts).groupby(p.group).sum()
    for policy in POLICIES:
        rows = result.inclusion.query("policy == @policy").set_index("group")["estimate"]
        total = (rows[weights.index] * weights).sum() / weights.sum()
        assert total == pytest.approx(value_of(result, policy, "served").estimate, abs=1e-12)


def test_errors_of_inclusion_are_those_of_the_whole_made_anew_without_an_office(cases, result):
    """Need first, in the lowest quarter of motivation: ranked by predictions that never saw the office left out."""
    p = estimate_prospects(cases, cross_fit="within", replicated=True)

    def included(prospects):
        mine = prospects.counts * (prospects.group == "q1")
        return mine @ serve(prospects)["need_first"] / mine.sum()

    left = np.array([included(p.without(g)) for g in range(6)])
    row = result.inclusion.query("policy == 'need_first' and group == 'q1'").iloc[0]
    assert row.estimate == pytest.approx(included(p))
    assert row.std_error == pytest.approx(np.sqrt(5 / 6 * ((left - included(p)) ** 2).sum()))
    assert row.conf_low < row.estimate < row.conf_high


def test_need_first_and_highest_prospects_are_opposites(result):
    lowest = result.inclusion.query("group == 'lowest_prospects'").set_index("policy")["estimate"]
    assert lowest["need_first"] > lowest["lottery"] > lowest["highest_prospects"]
    assert lowest["open_gate"] == 1.0


def test_shares_served_have_intervals_between_nothing_and_everyone(result):
    ends = result.inclusion[["conf_low", "conf_high"]].dropna().to_numpy()
    assert len(ends)
    assert ((ends > 0) & (ends < 1)).all()
    assert (ends[:, 0] <= ends[:, 1]).all()


def test_order_of_rows_does_not_matter(make_frame, make_cases):
    frame = make_frame(900, 5, seed=2)
    plain = estimate_policies(make_cases(frame))
    shuffled = estimate_policies(make_cases(frame.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(plain.values, shuffled.values)


def test_the_population_values_are_found():
    """Four standard errors; the served as they are today, and by lot."""
    study = simulate_cases(8_000, n_offices=12, seed=7, employability_recorded=True)
    result = estimate_policies(study.cases)
    truth = study.truth.query("question == 'policies'")
    of_all = truth.query("measure != 'inclusion'").set_index(["term", "measure"])
    for row in result.values.query("std_error > 0").itertuples():
        true = of_all.loc[(row.policy, row.measure)]
        assert abs(row.estimate - true["population_value"]) < 4 * row.std_error
        if row.measure == "difference":  # employability is recorded: rules do what they are said to do
            assert abs(row.estimate - true["causal_value"]) < 4 * row.std_error
    of_groups = truth.query("measure == 'inclusion'").set_index(["term", "contrast"])["population_value"]
    for row in result.inclusion.query("std_error > 0").itertuples():
        if (row.policy, row.group) != ("largest_gain", "lowest_prospects"):  # too high, as a warning says
            assert abs(row.estimate - of_groups[row.policy, row.group]) < 4 * row.std_error


def test_the_protocol(result):
    assert isinstance(result, Result)
    tidy = result.tidy()
    assert list(tidy.columns) == [*TIDY_COLUMNS, "measure"]
    assert len(tidy) == 3 * len(POLICIES)
    assert "need first" in repr(result)
    assert [said.key for said in result.warnings][:2] == ["effect_recorded_grounds", "policies_capacity"]


def test_refusals(cases, make_frame, make_cases):
    with pytest.raises(EstimationError, match="another rule of admission") as refusal:
        estimate_policies(simulate_cases(600, seed=1, outcome_observed="accepted").cases)
    assert refusal.value.reason == "outcome_for_accepted_only"
    with pytest.raises(ValueError, match="zero or more"):
        estimate_policies(cases, crowding=-1)
    with pytest.raises(ValueError, match="cross_fit"):
        estimate_policies(cases, cross_fit="between")
    with pytest.raises(EstimationError) as refusal:
        estimate_policies(make_cases(make_frame(300, 1)))
    assert refusal.value.reason == "one_office"


def test_an_office_without_known_outcomes_has_no_replicate(make_frame, make_cases):
    """The logit interval is as wide as the degrees of freedom told make it."""
    frame = make_frame(900, 5, seed=2)
    frame.loc[frame["office_id"] == "office3", "placed"] = pd.NA
    result = estimate_policies(make_cases(frame), adjust_for=["sex"])
    assert result.fit_statistics["dof"] == 3
    assert "t(3)" in result.method
    row = result.inclusion.query("policy == 'lottery' and group == 'q1'").iloc[0]
    error = row.std_error / (row.estimate * (1 - row.estimate))
    assert (logit(row.conf_high) - logit(row.estimate)) / error == pytest.approx(t_distribution.ppf(0.975, 3))


def test_a_group_of_one_office_alone_has_values_and_no_interval(make_frame, make_cases):
    frame = make_frame(900, 5, seed=2)
    elsewhere = frame["office_id"] != "office0"
    frame["age_group"] = frame["age_group"].mask(elsewhere & (frame["age_group"] == "30+"), "25-29")
    result = estimate_policies(make_cases(frame), exposure="age_group", adjust_for=["sex"])
    groups = result.inclusion.query("policy == 'need_first'").set_index("group")
    assert 0 <= groups.loc["30+", "estimate"] <= 1
    assert groups.loc["30+", ["std_error", "conf_low", "conf_high"]].isna().all()
    others = groups.drop(index="30+")
    assert (others["std_error"] > 0).all()
    assert result.values["estimate"].notna().all()
    assert "policies_group_one_office" in [said.key for said in result.warnings]
