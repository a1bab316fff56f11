"""Who is left out: shares and profiles by hand, the jackknife, densities, overlap, and what is not there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

import se_outcomes as so
from se_outcomes.errors import EstimationError
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.left_out import estimate_left_out
from se_outcomes.study.left_out_frames import (
    GRID,
    Jackknifed,
    _overlap_interval,
    describe,
    judge_overlap,
    kernel_density,
    weighted_quantiles,
)
from se_outcomes.study.prospects import estimate_prospects

VARIABLES = ("age_group", "months_worked_prev_24m")


@pytest.fixture(scope="module")
def found(cases):
    return estimate_left_out(cases, adjust_for=VARIABLES)


@pytest.fixture(scope="module")
def whole(cases):
    return estimate_prospects(cases, adjust_for=VARIABLES, replicated=True)


def group(result, status, measure):
    return result.groups.query("status == @status and measure == @measure").iloc[0]


def keys(result):
    return [notice.key for notice in result.warnings]


def test_shares_and_means_by_hand(found, whole):
    for status in ("not_referred", "not_accepted", "accepted"):
        rows = whole.status == status
        n = whole.counts[rows]
        assert group(found, status, "share").estimate == pytest.approx(n.sum() / 1500)
        assert group(found, status, "share").n == n.sum()
        for measure, values in (
            ("without_se", whole.without_se),
            ("with_se", whole.with_se),
            ("gain", whole.with_se - whole.without_se),
            ("chance", whole.chance),
        ):
            expected = np.average(values[rows], weights=n)
            assert group(found, status, measure).estimate == pytest.approx(expected, abs=1e-12)


def test_differences_are_jackknifed_as_one(found, whole):
    def difference(p):
        means = [
            np.average(p.with_se, weights=p.counts * (p.status == name))
            for name in ("not_referred", "accepted")
        ]
        return means[0] - means[1]

    left = np.array([difference(whole.without(office)) for office in range(6)])
    error = np.sqrt(5 / 6 * ((left - difference(whole)) ** 2).sum())
    row = group(found, "not_referred", "with_se")
    assert row.difference == pytest.approx(difference(whole), abs=1e-12)
    assert row.difference_std_error == pytest.approx(error, rel=1e-9)
    assert row.difference_high - row.difference == pytest.approx(t.ppf(0.975, 5) * error, rel=1e-9)
    assert row.difference_p == pytest.approx(2 * t.sf(abs(row.difference) / error, 5))
    told = found.tidy().query("term == 'not_referred' and measure == 'with_se'").iloc[0]
    assert (told.estimate, told.std_error, told.p_value) == (
        row.difference,
        row.difference_std_error,
        row.difference_p,
    )


def test_intervals_of_shares_stay_inside(found):
    shares = found.groups.query("measure != 'gain'")
    assert ((shares["conf_low"] > 0) & (shares["conf_low"] < shares["estimate"])).all()
    assert ((shares["conf_high"] < 1) & (shares["conf_high"] > shares["estimate"])).all()


def test_the_composition_by_hand(cases, found):
    frame = cases.tally(["office_id", "gate_state", "age_group", "motivation_group"])
    status = frame["gate_state"].map(
        {
            "not_referred": "not_referred",
            "refused": "not_accepted",
            "undecided": "not_accepted",
            "accepted": "accepted",
        }
    )

    def shares(rows):
        counts = frame.loc[rows].groupby([status[rows], "age_group"])["n"].sum().unstack()
        return counts.div(counts.sum(axis=1), axis=0)

    everyone = shares(np.ones(len(frame), dtype=bool))
    offices = frame["office_id"].unique()
    left = np.array([shares(frame["office_id"] != office).loc["not_referred"] for office in offices])
    left -= np.array([shares(frame["office_id"] != office).loc["accepted"] for office in offices])
    apart = (everyone.loc["not_referred"] - everyone.loc["accepted"]).to_numpy()
    half = t.ppf(0.975, 5) * np.sqrt(5 / 6 * ((left - apart) ** 2).sum(axis=0))
    told = found.composition.query("variable == 'age_group' and status == 'not_referred'")
    assert told["level"].tolist() == everyone.columns.tolist()
    assert told["share"].to_numpy() == pytest.approx(everyone.loc["not_referred"].to_numpy())
    assert told["difference"].to_numpy() == pytest.approx(apart)
    assert told["difference_high"].to_numpy() == pytest.approx(apart + half)
    counts = frame.groupby([status, "motivation_group"])["n"].sum()
    quarters = found.composition.query("variable == 'motivation' and status == 'accepted'")
    assert quarters["n"].tolist() == counts["accepted"].tolist()
    assert quarters["difference"].isna().all()


def test_numbers_are_composed_by_their_quarters(found):
    assert found.composition["variable"].unique().tolist() == ["motivation", *VARIABLES]
    months = found.composition.query("variable == 'months_worked_prev_24m'")
    assert months["level"].unique().tolist() == ["q1", "q2", "q3", "q4"]
    sums = found.composition.groupby(["variable", "status"])["share"].sum()
    assert sums.to_numpy() == pytest.approx(1)


def test_overlap_by_hand(make_frame, make_cases):
    frame = make_frame(1500, 5, 2)
    frame.loc[(frame["motivation"] < 4) & (frame.index % 25 > 0), ["referred", "accepted"]] = [False, pd.NA]
    cases = make_cases(frame)
    result, whole = estimate_left_out(cases, adjust_for=()), estimate_prospects(cases, adjust_for=())
    lost = whole.chance < result.threshold
    assert result.overlap["group"].tolist() == ["all", "q1", "q2", "q3", "q4"]
    everyone = result.overlap.iloc[0]
    assert everyone["share"] == pytest.approx(whole.counts[lost].sum() / 1500)
    assert 0 < everyone["share"] < 1
    quarter = result.overlap.set_index("group").loc["q1"]
    rows = whole.group == "q1"
    assert quarter["n"] == whole.counts[rows].sum()
    assert quarter["share"] == pytest.approx(whole.counts[lost & rows].sum() / quarter["n"])
    top = result.overlap.set_index("group").loc["q4"]
    assert top["share"] == 0
    assert np.isnan(top["conf_low"])


def test_the_overlap_interval_is_the_jackknife_of_the_logit():
    """Shares of three groups: by hand, not seen without the second office, all in one office."""
    share = Jackknifed(
        np.array([0.10, 0.01, 0.02]), np.array([[0.12, 0.02, 0.01], [0.09, 0.0, 0.02], [0.10, 0.01, 0.03]])
    )
    low, high = _overlap_interval(share, np.array([3, 2, 1]), 2.0)
    logits = np.log(share.replicates[:, 0] / (1 - share.replicates[:, 0]))
    error = np.sqrt(2 / 3 * ((logits - np.log(0.1 / 0.9)) ** 2).sum())
    ends = np.log(0.1 / 0.9) + t.ppf(0.975, 2) * error * np.array([-1, 1])
    assert (low[0], high[0]) == pytest.approx(tuple(1 / (1 + np.exp(-ends))))
    assert np.isnan([*low[1:], *high[1:]]).all()


def test_a_single_case_without_a_chance_has_no_interval(make_frame, make_cases):
    """Its office left out, nobody has none: an interval from 0 to 100 per cent would tell nothing."""
    cases = make_cases(make_frame(1500, 5, 2))
    drawn, _ = describe(estimate_prospects(cases, adjust_for=(), replicated=True))
    found = drawn.prospects
    chance = np.full(len(found.chance), 0.3)
    chance[0] = 0.01

    def with_chance(described, values):
        return replace(described, prospects=replace(described.prospects, chance=values))

    replicates = [
        with_chance(drawn.without(office), chance[found.offices != office])
        for office in range(found.n_offices)
    ]
    told = judge_overlap(with_chance(drawn, chance), replicates)
    assert told.loc[0, "share"] == pytest.approx(found.counts[0] / 1500)
    assert told[["conf_low", "conf_high"]].isna().all(axis=None)


def test_the_density_is_reflected_and_sums_to_one(found, whole):
    for _, rows in found.density.groupby("status"):
        assert np.trapezoid(rows["density"], rows["value"]) == pytest.approx(1, abs=1e-4)
    rows = whole.status == "accepted"
    told = found.density.query("status == 'accepted'")["density"].to_numpy()
    assert told == pytest.approx(by_cases(whole.without_se[rows], whole.counts[rows]), abs=1e-9)


def by_cases(values, counts):
    """The density from single cases, one kernel each."""
    single = np.repeat(values, counts.astype(int))
    low, high = np.quantile(single, [0.25, 0.75], method="inverted_cdf")
    width = 0.9 * min(single.std(), (high - low) / 1.34) * len(single) ** -0.2
    width = max(width, 0.005)
    kernels = sum(norm.pdf(GRID[:, None], centre, width) for centre in (single, -single, 2 - single))
    return kernels.mean(axis=1)


def test_mass_at_the_edge_is_not_lost():
    density = kernel_density(np.array([0.0, 0.02, 0.05, 1.0]), np.array([30.0, 20.0, 10.0, 40.0]))
    assert np.trapezoid(density, GRID) == pytest.approx(1, abs=1e-4)
    assert density[0] > density[20]


def test_quantiles_are_those_of_single_cases(found, whole):
    rows = whole.status == "not_referred"
    single = np.repeat(whole.without_se[rows], whole.counts[rows].astype(int))
    expected = np.quantile(single, [0.1, 0.25, 0.5, 0.75, 0.9], method="inverted_cdf")
    told = found.quantiles.set_index("status").loc["not_referred"]
    assert told.to_numpy(float) == pytest.approx(expected)
    assert weighted_quantiles(np.array([0.2, 0.1]), np.array([1.0, 1.0]), (0.5, 0.51)) == (0.1, 0.2)


def test_the_result_keeps_the_protocol(found):
    assert isinstance(found, Result)
    assert tuple(found.tidy().columns[:7]) == TIDY_COLUMNS
    assert (found.question, found.density_of, found.threshold) == ("left_out", "without_se", 0.02)
    assert found.glance()["n_cases"] == 1500
    assert "not_referred" in repr(found)
    assert found.groups.query("status == 'accepted'")["difference"].isna().all()


def test_outcomes_of_the_accepted_tell_placement_with_se_alone():
    result = estimate_left_out(so.simulate_cases(1000, seed=3, outcome_observed="accepted").cases)
    assert set(result.groups["measure"]) == {"share", "with_se", "chance"}
    assert result.density_of == "with_se"


def test_merged_gates_have_two_statuses():
    result = estimate_left_out(so.simulate_cases(1000, seed=3, gates="merged").cases)
    assert result.groups["status"].unique().tolist() == ["not_accepted", "accepted"]
    assert "left_out_nobody" not in keys(result)


def test_a_status_that_nobody_or_one_office_has_is_said(make_frame, make_cases):
    frame = make_frame(800, 4, 1)
    referred = frame["referred"].astype(bool)
    frame.loc[referred & (frame["office_id"] != "office0"), "accepted"] = True
    result = estimate_left_out(make_cases(frame.copy()))
    assert "left_out_one_office" in keys(result)
    alone = group(result, "not_accepted", "with_se")
    assert np.isnan([alone.conf_low, alone.difference_low, alone.difference_p]).all()
    assert 0 < alone.estimate < 1
    frame.loc[referred, "accepted"] = True
    result = estimate_left_out(make_cases(frame))
    assert "left_out_nobody" in keys(result)
    assert result.groups["status"].unique().tolist() == ["not_referred", "accepted"]


def test_a_level_of_one_office_alone_has_no_interval_in_the_composition(make_frame, make_cases):
    frame = make_frame(800, 4, 1)
    elsewhere = frame["office_id"] != "office0"
    frame["age_group"] = frame["age_group"].mask(elsewhere & (frame["age_group"] == "30+"), "25-29")
    result = estimate_left_out(make_cases(frame), adjust_for=["age_group"])
    told = result.composition.query("variable == 'age_group' and status != 'accepted'")
    alone = told["level"] == "30+"
    assert told.loc[alone, ["share", "difference"]].notna().all(axis=None)
    assert told.loc[alone, ["difference_low", "difference_high"]].isna().all(axis=None)
    assert told.loc[~alone, ["difference_low", "difference_high"]].notna().all(axis=None)
    assert "left_out_level_one_office" in keys(result)


def test_the_order_of_rows_and_names_of_offices_change_nothing(make_frame, make_cases):
    frame = make_frame(600, 4, 3)
    turned = frame.sample(frac=1, random_state=1)
    turned["office_id"] = "z" + (9 - turned["office_id"].str[6:].astype(int)).astype(str)
    one, other = (
        estimate_left_out(make_cases(asked.copy()), adjust_for=("sex",)) for asked in (frame, turned)
    )
    for name in ("groups", "composition", "overlap", "density", "quantiles"):
        a, b = getattr(one, name), getattr(other, name)
        numbers = a.select_dtypes("number").columns
        assert a[numbers].to_numpy(float) == pytest.approx(b[numbers].to_numpy(float), abs=1e-8, nan_ok=True)


def test_refusals(make_frame, make_cases):
    with pytest.raises(EstimationError) as refused:
        estimate_left_out(make_cases(make_frame(400, 3, 1), outcome_observed=None))
    assert refused.value.reason == "outcome_observed_unknown"
    with pytest.raises(EstimationError, match="3 are needed") as refused:
        estimate_left_out(make_cases(make_frame(400, 2, 1)))
    assert refused.value.reason == "one_office"
