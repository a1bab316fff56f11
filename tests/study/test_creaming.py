"""Creaming and targeting: identities, the jackknife of the whole, perfect rankings, lotteries, noise, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

import se_outcomes as so
from se_outcomes.errors import EstimationError
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.creaming import estimate_creaming, estimate_targeting
from se_outcomes.study.creaming_measures import (
    MEASURES,
    NOISE_LEVEL,
    _inverse,
    _moves,
    find_noise,
    measure,
    without_noise,
)
from se_outcomes.study.prospects import estimate_prospects

EXACT = 1e-12
COLUMNS = ["office_id", "motivation", "referred", "accepted", "placed"]


def table_of(result):
    """Estimates by gate and measure."""
    return result.estimates.set_index(["gate", "measure"])["estimate"]


def keys(result):
    return [notice.key for notice in result.warnings]


@pytest.fixture(scope="module")
def found(cases):
    return estimate_creaming(cases, adjust_for=("age_group",))


def ranked_frame(expand, passed, offices="abcd"):
    """Offices whose cases pass both gates by their motivation: ``passed`` of ten at motivation 2, 5 and 8."""
    rows = []
    for number, office in enumerate(offices):
        for motivation, accepted in zip((2.0, 5.0, 8.0), passed, strict=True):
            placed = int(motivation) // 2 + number % 2
            rows += [(office, motivation, True, True, True, accepted)]
            rows += [(office, motivation, False, None, True, min(placed, 10 - accepted))]
            rows += [(office, motivation, False, None, False, 10 - accepted - min(placed, 10 - accepted))]
            # what is learned from: better prospects with more motivation, in every office
            rows += [(office, motivation, False, None, True, 0)]
    return expand(rows, COLUMNS)


def test_the_index_adds_up(found):
    told = table_of(found)
    assert told["gate_1", "points"] + told["gate_2", "points"] == pytest.approx(
        told["both", "points"], abs=EXACT
    )
    for gate in ("gate_1", "gate_2", "both"):
        assert told[gate, "within"] + told[gate, "between"] == pytest.approx(told[gate, "points"], abs=EXACT)
    levels = found.levels.set_index("stage")["estimate"]
    assert levels["referred"] - levels["eligible"] == pytest.approx(told["gate_1", "points"], abs=EXACT)
    assert levels["accepted"] - levels["referred"] == pytest.approx(told["gate_2", "points"], abs=EXACT)


def test_errors_are_the_jackknife_of_the_whole(cases, found):
    """Points and mean prospects from the replicates of the predictions, by hand."""
    whole = estimate_prospects(cases, adjust_for=("age_group",), replicated=True)

    def points(p):
        accepted = np.average(p.without_se, weights=p.counts * p.accepted)
        return accepted - np.average(p.without_se, weights=p.counts)

    left = np.array([points(whole.without(office)) for office in range(6)])
    error = np.sqrt(5 / 6 * ((left - points(whole)) ** 2).sum())
    row = found.estimates.query("gate == 'both' and measure == 'points'").iloc[0]
    assert row.estimate == pytest.approx(points(whole), abs=EXACT)
    assert row.std_error == pytest.approx(error, rel=1e-9)
    half = t.ppf(0.975, 5) * error
    assert (row.conf_low, row.conf_high) == pytest.approx((row.estimate - half, row.estimate + half))
    assert row.p_value == pytest.approx(2 * t.sf(abs(row.estimate) / error, 5))
    assert (row.n_at_risk, row.n_passed) == (1500, whole.counts @ whole.accepted)


def test_the_result_keeps_the_protocol(found):
    assert isinstance(found, Result)
    assert tuple(found.tidy().columns[:7]) == TIDY_COLUMNS
    assert (found.question, found.basis, found.cross_fit) == ("creaming", "without_se", "across")
    assert found.estimates["term"].unique().tolist() == ["creaming"]
    assert found.estimates["measure"].tolist() == list(MEASURES) * 3
    assert found.glance()["n_cases"] == 1500
    assert "ratio" in repr(found)
    assert not found.estimates.drop(columns=["statistic", "p_value"]).isna().any().any()
    # a size has no null of zero
    greatest = found.estimates.query("measure == 'greatest'")
    assert greatest["p_value"].isna().all()
    assert (greatest["conf_low"] > 0).all()


@pytest.mark.parametrize("passed", [(0, 0, 6), (0, 5, 10), (0, 8, 10)])
def test_a_perfect_ranking_within_offices_is_exactly_one(make_cases, expand, passed):
    """Whoever of those with equal motivation gets in."""
    frame = ranked_frame(expand, passed)
    result = estimate_creaming(make_cases(frame), adjust_for=())
    row = result.estimates.query("gate == 'both' and measure == 'ratio'").iloc[0]
    assert row.estimate == pytest.approx(1, abs=EXACT)
    told = table_of(result)
    assert told["both", "within"] > 0
    # at gate 2 all that were referred are accepted: there is no choice, and that is said
    assert np.isnan(told["gate_2", "ratio"])
    assert "creaming_no_choice" in keys(result)
    assert told["gate_2", "points"] == pytest.approx(0, abs=EXACT)


def test_a_lottery_within_offices_is_exactly_zero(make_cases, expand):
    """The same share passes whatever the motivation; offices pass different shares."""
    rows = []
    for office, passed in (("a", 2), ("b", 5), ("c", 7), ("d", 3)):
        for motivation, jobs in ((2.0, 1), (5.0, 2), (8.0, 4)):
            rows += [
                (office, motivation, True, True, False, 2 * passed),
                (office, motivation, False, None, True, jobs),
                (office, motivation, False, None, False, 20 - 2 * passed - jobs),
            ]
    told = table_of(estimate_creaming(make_cases(expand(rows, COLUMNS)), adjust_for=()))
    assert told["both", "within"] == pytest.approx(0, abs=EXACT)
    assert told["both", "ratio"] == pytest.approx(0, abs=EXACT)
    assert told["both", "between"] == pytest.approx(told["both", "points"], abs=EXACT)


def test_the_order_of_rows_and_names_of_offices_change_nothing(make_frame, make_cases):
    frame = make_frame(600, 4, 3)
    turned = frame.sample(frac=1, random_state=1)
    turned["office_id"] = "z" + (9 - turned["office_id"].str[6:].astype(int)).astype(str)
    for cross_fit in ("across", "within"):
        one, other = (
            estimate_creaming(make_cases(asked.copy()), adjust_for=("sex",), cross_fit=cross_fit).estimates
            for asked in (frame, turned)
        )
        numbers = one.select_dtypes("number").columns
        assert one[numbers].to_numpy() == pytest.approx(other[numbers].to_numpy(), abs=1e-9, nan_ok=True)


def test_noise_is_taken_out_of_the_measures_of_spread_alone():
    """By hand: 36 per cent of the variance at the gate and 19 of that among all are noise; then all of it is."""
    indices = np.array([[0.03, 0.3, 0.02, 0.01, 0.10, 0.20]])
    found = dict(zip(MEASURES, without_noise(indices, [0.36, 0.19])[0], strict=True))
    assert (found["points"], found["within"], found["between"]) == (0.03, 0.02, 0.01)
    assert found["greatest"] == pytest.approx(0.08)
    assert found["ratio"] == pytest.approx(0.25)
    assert found["sd"] == pytest.approx(0.3 / 0.9)
    lost = dict(zip(MEASURES, without_noise(indices, [1.0, 1.2])[0], strict=True))
    assert np.isnan([lost["sd"], lost["greatest"], lost["ratio"]]).all()
    # what was reached was possible
    perfect = without_noise(np.array([[0.03, 0.3, 0.1, -0.07, 0.1, 1.0]]), [0.36, 0.19])[0]
    assert perfect[4:].tolist() == [0.1, 1.0]
    nobody_chooses = without_noise(np.array([[0.03, 0.3, 0.0, 0.03, 0.0, np.nan]]), [np.nan, 0.19])[0]
    assert nobody_chooses[4] == 0
    assert np.isnan(nobody_chooses[5])


@pytest.mark.parametrize("cross_fit", ["across", "within"])
def test_noise_is_that_of_the_fits(cases, cross_fit):
    """The covariance of the slopes is that of a logit with its intercepts written out; parts learn from fewer."""
    whole = estimate_prospects(cases, adjust_for=("age_group",), cross_fit=cross_fit, replicated=True)
    p = whole.without_se
    moved, covariance, apart = _moves(whole, "without_se")
    weight = np.where(whole.accepted == 0, whole.counts, 0.0) * np.where(
        np.isnan(whole.placed), 0, p * (1 - p)
    )
    blocks = np.eye(6)[whole.offices] if cross_fit == "within" else np.ones((len(p), 1))
    dense = np.column_stack([whole.X, blocks])
    k = whole.X.shape[1]
    inverse = np.linalg.inv((dense.T * weight) @ dense)
    more = {"across": 6 / 5, "within": 5 / 4}[cross_fit]
    assert covariance == pytest.approx(more * inverse[:k, :k], rel=1e-8)
    assert np.ptp(moved / (p * (1 - p))[:, None] - whole.X, axis=0)[0] == pytest.approx(
        0
        if cross_fit == "across"
        else np.ptp(np.bincount(whole.offices, weight * whole.X[:, 0]) / np.bincount(whole.offices, weight))
    )
    if cross_fit == "within":  # an intercept's error, where its office's columns are at their mean
        squares = np.bincount(whole.offices, whole.counts * (p * (1 - p)) ** 2)
        assert apart == pytest.approx(more * squares / np.bincount(whole.offices, weight))
    else:
        assert len(apart) == 0
    replicate = whole.without(2)
    assert replicate.parts == {"across": 5, "within": 5}[cross_fit]


def test_columns_that_tell_nothing_bring_no_noise():
    """One that does not vary among those learned from, and one given twice."""
    X = np.random.default_rng(1).normal(size=(50, 2))
    weight = np.full(50, 0.2)
    alone = _inverse((X.T * weight) @ X, weight @ X**2)
    assert alone == pytest.approx(np.linalg.inv((X.T * weight) @ X), rel=1e-9)
    wide = np.column_stack([X, X[:, 0], np.full(50, 1e-9)])
    found = _inverse((wide.T * weight) @ wide, np.array([*(weight @ X**2), weight @ X[:, 0] ** 2, 10.0]))
    assert np.einsum("ij,jk,ik->i", wide, found, wide) == pytest.approx(
        np.einsum("ij,jk,ik->i", X, alone, X), rel=1e-8
    )


@pytest.mark.slow  # twelve studies
def test_noise_in_predictions_no_longer_hides_creaming():
    """Twelve studies: the uncorrected ratio is too low by a fifth, the corrected one within its Monte Carlo error."""
    errors, uncorrected, true = [], [], np.nan
    for seed in range(300, 312):
        study = so.simulate_cases(1200, seed=seed, variation=0)
        if seed == 300:  # offices do not differ: the truth is the same for all
            truth = study.truth.query("question == 'creaming' and adjustment == 'across' and term == 'both'")
            true = truth.set_index("measure")["population_value"]["ratio"]
        prospects = estimate_prospects(study.cases, wanted=("without_se",))
        errors.append(measure(prospects, "without_se").indices[-1, MEASURES.index("ratio")] - true)
        uncorrected.append(raw_ratio(prospects) - true)
    assert np.mean(uncorrected) < -0.05
    assert abs(np.mean(errors)) < 2.5 * np.std(errors, ddof=1) / np.sqrt(12)


def raw_ratio(p):
    """Within by greatest of both gates, from rows of single cases."""
    rows = pd.DataFrame({"office": p.offices, "p": p.without_se, "accepted": p.accepted})
    rows = rows.loc[rows.index.repeat(p.counts.astype(int))]
    within = greatest = 0.0
    for _, office in rows.groupby("office"):
        n = int(office["accepted"].sum())
        within += office.loc[office["accepted"] == 1, "p"].sum() - n * office["p"].mean()
        greatest += office["p"].nlargest(n).sum() - n * office["p"].mean()
    return within / greatest


def test_a_lottery_is_told_as_one():
    """Eight studies of lotteries at both gates: few intervals of the ratio miss zero, and none by much."""
    missed = []
    for seed in range(700, 708):
        study = so.simulate_cases(
            1200, seed=seed, referral_effect=0, acceptance_effect=0, employability_effect=0
        )
        ratio = estimate_creaming(study.cases).estimates.query("measure == 'ratio'")
        missed += ((ratio["conf_low"] > 0) | (ratio["conf_high"] < 0)).tolist()
    assert np.mean(missed) <= 0.1


def test_prospects_that_nothing_tells_have_no_ratio(make_frame, make_cases):
    """The direction of a single column's effect may be unknown although no replicate turns it round."""
    frame = make_frame(1500, 6, 4)
    random = np.random.default_rng(5)
    frame["placed"] = pd.array(random.random(1500) < 0.4, "boolean")
    result = estimate_creaming(make_cases(frame), adjust_for=())
    assert "creaming_weak" in keys(result)
    told = result.estimates.set_index("measure")
    numbers = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    assert told.loc[["sd", "greatest", "ratio"], numbers].isna().all(axis=None)
    assert told.loc[["points", "within", "between"], numbers].notna().all(axis=None)


def test_strong_prospects_are_not(make_frame, make_cases):
    frame = make_frame(1500, 6, 4)
    random = np.random.default_rng(5)
    chance = 1 / (1 + np.exp(-(frame["motivation"].astype(float) - 5)))
    frame["placed"] = pd.array(random.random(1500) < chance, "boolean")
    result = estimate_creaming(make_cases(frame), adjust_for=())
    assert "creaming_weak" not in keys(result)
    assert result.estimates["conf_low"].notna().all()


def test_noise_alone_is_seldom_taken_for_prospects(make_frame, make_cases):
    """Placement by lot in twenty studies: about one in twenty has a ratio."""
    frame = make_frame(400, 5, 4)
    told = 0
    for seed in range(20):
        frame["placed"] = pd.array(np.random.default_rng(seed).random(400) < 0.4, "boolean")
        prospects = estimate_prospects(make_cases(frame), adjust_for=("sex",), wanted=("without_se",))
        told += find_noise(prospects, "without_se")[-1].p_value < NOISE_LEVEL
    assert told <= 4


def test_targeting_by_noise_is_not_told():
    """In a small study the gain that the columns tell is a small part of the noise of two predictions."""
    result = estimate_targeting(so.simulate_cases(800, seed=5).cases)
    assert "creaming_weak" in keys(result)
    assert result.estimates.query("measure == 'ratio'")["estimate"].isna().all()
    assert result.estimates.query("measure == 'points'")["conf_low"].notna().all()


def test_targeting_is_the_same_of_the_gain(cases):
    result = estimate_targeting(cases)
    whole = estimate_prospects(cases)
    gain = whole.with_se - whole.without_se
    expected = np.average(gain, weights=whole.counts * whole.accepted) - np.average(
        gain, weights=whole.counts
    )
    assert table_of(result)["both", "points"] == pytest.approx(expected, abs=EXACT)
    assert (result.question, result.basis) == ("targeting", "gain")
    assert result.estimates["term"].unique().tolist() == ["targeting"]
    assert "gain_as_recorded" in keys(result)


def test_selection_on_the_gain_is_not_called_creaming(cases):
    with pytest.raises(ValueError, match="targeting, not creaming"):
        estimate_creaming(cases, basis="gain")


def test_outcomes_of_the_accepted_need_the_assumption():
    cases = so.simulate_cases(1000, seed=3, outcome_observed="accepted").cases
    for asked in ({}, {"basis": "without_se"}, {"basis": "without_se", "assume": "same_order"}):
        with pytest.raises(EstimationError, match="same_order") as refused:
            estimate_creaming(cases, **asked)
        assert refused.value.reason == "outcome_for_accepted_only"
    with pytest.raises(EstimationError, match="register") as refused:
        estimate_targeting(cases)
    assert refused.value.reason == "outcome_for_accepted_only"
    result = estimate_creaming(cases, assume="same_order")
    assert result.basis == "with_se"
    assert result.estimates["term"].unique().tolist() == ["prospects"]
    assert "creaming_same_order" in keys(result)
    whole = estimate_prospects(cases)
    assert result.levels["estimate"].iloc[0] == pytest.approx(np.average(whole.with_se, weights=whole.counts))


def test_prospects_with_se_are_used_for_all_only_on_request(cases):
    with pytest.raises(ValueError, match="same_order"):
        estimate_creaming(cases, basis="with_se")
    assert estimate_creaming(cases, basis="with_se", assume="same_order").basis == "with_se"
    assert estimate_creaming(cases, assume="same_order").basis == "without_se"
    with pytest.raises(ValueError, match="basis must be"):
        estimate_creaming(cases, basis="prospects")
    with pytest.raises(ValueError, match="assume must be"):
        estimate_creaming(cases, assume="anything")


def test_merged_gates_are_one():
    merged = estimate_creaming(so.simulate_cases(1000, seed=2, gates="merged").cases)
    apart = estimate_creaming(so.simulate_cases(1000, seed=2).cases)
    assert merged.estimates["gate"].unique().tolist() == ["both"]
    assert merged.levels["stage"].tolist() == ["eligible", "accepted"]
    both = apart.estimates.query("gate == 'both'")["estimate"].to_numpy()
    assert merged.estimates["estimate"].to_numpy() == pytest.approx(both, abs=1e-9)


def test_a_gate_that_one_office_passes_is_refused(make_frame, make_cases):
    frame = make_frame(600, 4, 1)
    elsewhere = (frame["office_id"] != "office0") & frame["referred"].astype(bool)
    frame.loc[elsewhere, "accepted"] = False
    with pytest.raises(EstimationError, match="in one office") as refused:
        estimate_creaming(make_cases(frame))
    assert refused.value.reason == "one_office"


def test_one_office_that_chooses_has_no_interval(make_frame, make_cases):
    """Offices 1-3 accept all they are sent, or nobody; office 0 alone chooses at gate 2."""
    frame = make_frame(800, 4, 1)
    for office, accepts in (("office1", True), ("office2", True), ("office3", False)):
        frame.loc[(frame["office_id"] == office) & frame["referred"].astype(bool), "accepted"] = accepts
    result = estimate_creaming(make_cases(frame), adjust_for=())
    told = result.estimates.set_index(["gate", "measure"])
    assert "creaming_one_chooses" in keys(result)
    assert told.loc[("gate_2", "ratio"), "estimate"] > 0
    assert np.isnan(told.loc[("gate_2", "ratio"), "conf_low"])
    assert told.loc[("gate_2", "points"), "conf_low"] < told.loc[("gate_2", "points"), "estimate"]
    assert told.loc[("gate_1", "ratio"), "dof"] == 3


def test_few_offices_are_refused_with_the_way_out(make_frame, make_cases):
    two = make_cases(make_frame(500, 2, 1))
    with pytest.raises(EstimationError, match='cross_fit="within"'):
        estimate_creaming(two)
    assert estimate_creaming(two, cross_fit="within").glance()["dof"] == 1


def test_small_offices_are_warned_of_within_them(make_frame, make_cases):
    cases = make_cases(make_frame(500, 10, 1))
    assert "creaming_small_offices" in keys(estimate_creaming(cases, adjust_for=(), cross_fit="within"))
    assert "creaming_small_offices" not in keys(estimate_creaming(cases, adjust_for=()))
