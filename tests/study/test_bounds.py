"""Bounds from cases: by hand, for the accepted alone, simulated truth, hours, and refusals."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.cases.simulate import simulate_cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.bounds import estimate_bounds

COLUMNS = ["office_id", "sex", "motivation", "referred", "accepted", "placed"]


def office(name, accepted, rest):
    """Rows of an office: (placed, not placed) of the accepted, and of the rest, half of them women."""
    return [
        (name, sex, 5.0, taken, taken or None, placed, n // 2)
        for taken, numbers in ((True, accepted), (False, rest))
        for placed, n in zip((True, False), numbers, strict=True)
        for sex in ("female", "male")
    ]


@pytest.fixture
def small(expand, make_cases):
    """40 accepted, 20 of them placed; 60 others, 16 placed; three offices."""
    table = office("a", (8, 8), (4, 20)) + office("b", (8, 4), (6, 14)) + office("c", (4, 8), (6, 10))
    return make_cases(expand(table, COLUMNS), exposure="sex", adjust_for=[])


def ends_of(result, estimand, assumption):
    row = result.bounds.query("estimand == @estimand and assumption == @assumption").iloc[0]
    return row.lower, row.upper


def test_by_hand(small):
    result = estimate_bounds(small)
    rest = 16 / 60
    assert ends_of(result, "open_gate", "none") == pytest.approx((0.2, 0.8))
    assert ends_of(result, "open_gate", "both") == pytest.approx((0.36, 0.5))
    assert ends_of(result, "all", "none") == pytest.approx(
        (0.4 * -0.5 - 0.6 * rest, 0.4 * 0.5 + 0.6 * (1 - rest))
    )
    assert ends_of(result, "accepted", "both") == pytest.approx((0, 0.5 - rest))
    naive = result.naive.set_index("measure")["estimate"]
    assert naive["open_gate_naive"] == pytest.approx(0.5)
    assert naive["gap"] == pytest.approx(0.5 - rest)


def test_errors_are_the_office_jackknife_by_hand(small):
    """The open gate's lower bound: placed and accepted, of all."""
    row = estimate_bounds(small).bounds.query("estimand == 'open_gate' and assumption == 'none'").iloc[0]
    left = np.array([12 / 60, 12 / 68, 16 / 72])
    assert row.lower_std_error == pytest.approx(np.sqrt(2 / 3 * ((left - 0.2) ** 2).sum()))
    assert row.conf_low < row.lower < row.upper < row.conf_high


def test_the_accepted_alone_bound_the_open_gate_and_nothing_else(small):
    result = estimate_bounds(small, outcome_observed="accepted")
    assert result.bounds["estimand"].tolist() == ["open_gate"] * 2
    assert result.bounds["assumption"].tolist() == ["none", "monotone_selection"]
    of_all = estimate_bounds(small).bounds.query("assumption in ['none', 'monotone_selection']").head(2)
    pd.testing.assert_frame_equal(result.bounds, of_all.reset_index(drop=True))
    assert result.naive["measure"].tolist() == ["open_gate_naive"]
    assert result.outcome_observed == "accepted"


@pytest.fixture
def partly_known(expand, make_cases):
    """As in ``small``, but of the 20 accepted without work 8 are not known, of the others 12; 4 at work neither."""
    frame = expand(
        office("a", (8, 8), (4, 20)) + office("b", (8, 4), (6, 14)) + office("c", (4, 8), (6, 10)), COLUMNS
    )
    for taken, placed, names in ((True, False, "ac"), (False, False, "ab"), (True, True, "b")):
        for name in names:
            status = frame["accepted"].fillna(False).eq(taken) & frame["placed"].eq(placed).fillna(False)
            lost = frame.index[status & (frame["office_id"] == name)][: 4 + 2 * (not taken)]
            frame.loc[lost, "placed"] = pd.NA
    return make_cases(frame, exposure="sex", adjust_for=[])


def test_unknown_outcomes_widen_the_bounds_without_an_assumption(partly_known):
    """40 accepted: 16 placed, 12 not, 12 unknown; 60 others: 16 placed, 32 not, 12 unknown."""
    result = estimate_bounds(partly_known)
    assert ends_of(result, "open_gate", "none") == pytest.approx((0.16, 0.16 + 0.12 + 0.6))
    assert ends_of(result, "accepted", "none") == pytest.approx((16 / 40 - 1, 28 / 40))
    assert ends_of(result, "not_accepted", "none") == pytest.approx((-28 / 60, 1 - 16 / 60))
    assert ends_of(result, "all", "none") == pytest.approx((0.16 - 0.4 - 0.28, 0.28 + 0.6 - 0.16))
    assert ends_of(result, "open_gate", "both") == pytest.approx((0.4 * 16 / 28 + 0.6 / 3, 16 / 28))
    naive = result.naive.set_index("measure")["estimate"]
    assert naive["open_gate_naive"] == pytest.approx(16 / 28)
    assert naive["gap"] == pytest.approx(16 / 28 - 1 / 3)
    assert "bounds_unknown_outcomes" in [said.key for said in result.warnings]
    assert result.fit_statistics["n_cases"] == 100
    assert result.exclusions["n"].sum() == 0


def test_errors_with_unknown_outcomes_are_the_office_jackknife_too(partly_known):
    """The open gate's upper bound: all but the accepted known not to be placed."""
    row = (
        estimate_bounds(partly_known).bounds.query("estimand == 'open_gate' and assumption == 'none'").iloc[0]
    )
    left = 1 - np.array([8 / 60, 8 / 68, 8 / 72])
    assert row.upper == pytest.approx(0.88)
    assert row.upper_std_error == pytest.approx(np.sqrt(2 / 3 * ((left - 0.88) ** 2).sum()))


def test_unknown_outcomes_of_those_not_accepted_leave_the_open_gate_as_it_is(make_frame, make_cases):
    """Nothing in its bounds without an assumption is theirs, but that they are there."""
    frame = make_frame(1000, 5)
    whole = estimate_bounds(make_cases(frame.copy())).bounds.iloc[:2]
    rest = ~frame["accepted"].fillna(False).astype(bool)
    frame.loc[rest & ~frame["placed"].astype(bool) & (frame.index % 3 > 0), "placed"] = pd.NA
    for observed in ("all", "accepted"):
        result = estimate_bounds(make_cases(frame.copy()), outcome_observed=observed)
        pd.testing.assert_frame_equal(result.bounds.iloc[:2], whole)
        said = "bounds_unknown_outcomes" in [warning.key for warning in result.warnings]
        assert said == (observed == "all")


def test_the_bounds_without_an_assumption_hold_what_all_outcomes_would_tell(make_frame, make_cases):
    """Whoever of the accepted is placed is unknown more often."""
    frame = make_frame(1000, 5)
    accepted = frame["accepted"].fillna(False).astype(bool)
    open_gate = estimate_bounds(make_cases(frame.copy())).bounds.iloc[0]
    frame.loc[accepted & frame["placed"].astype(bool) & (frame.index % 3 > 0), "placed"] = pd.NA
    found = estimate_bounds(make_cases(frame), outcome_observed="accepted").bounds.iloc[0]
    assert found.lower < open_gate.lower <= open_gate.upper <= found.upper + 1e-12


def test_data_against_an_assumption_are_told_and_get_no_interval(expand, make_cases):
    """The accepted are placed far less than the rest."""
    table = office("a", (2, 18), (16, 4)) + office("b", (2, 18), (18, 4)) + office("c", (2, 20), (16, 4))
    result = estimate_bounds(make_cases(expand(table, COLUMNS), exposure="sex", adjust_for=[]))
    assert {said.parts["assumption"] for said in result.warnings} == {"both"}
    crossed = result.bounds.query("estimand == 'accepted' and assumption == 'both'").iloc[0]
    assert crossed.lower > crossed.upper
    assert np.isnan(crossed.conf_low)


def test_intervals_hold_the_causal_values_and_bounds_are_those_of_the_population():
    study = simulate_cases(20_000, n_offices=12, seed=7)
    result = estimate_bounds(study.cases)
    truth = study.truth.query("question == 'bounds'").set_index(["term", "contrast", "measure"])
    for row in result.bounds.itertuples():
        causal = truth.loc[(row.estimand, row.assumption, "lower"), "causal_value"]
        assert row.conf_low <= causal <= row.conf_high
        for end in ("lower", "upper"):
            value = truth.loc[(row.estimand, row.assumption, end), "population_value"]
            assert abs(getattr(row, end) - value) <= 4 * getattr(row, f"{end}_std_error") + 1e-12


def test_the_protocol(cases):
    result = estimate_bounds(cases)
    assert isinstance(result, Result)
    tidy = result.tidy()
    assert list(tidy.columns[: len(TIDY_COLUMNS)]) == list(TIDY_COLUMNS)
    assert len(tidy) == 2 * len(result.bounds)
    assert tidy["measure"].tolist()[:2] == ["lower", "upper"]
    assert "monotone selection" in repr(result)


def test_refusals(make_frame, make_cases, expand):
    with pytest.raises(EstimationError) as refusal:
        estimate_bounds(make_cases(make_frame(200, 1)))
    assert refusal.value.reason == "one_office"
    table = office("a", (8, 8), (4, 20)) + office("b", (0, 0), (6, 14))
    with pytest.raises(EstimationError, match="Without one of the offices") as refusal:
        estimate_bounds(make_cases(expand(table, COLUMNS), exposure="sex", adjust_for=[]))
    assert refusal.value.reason == "empty_cell"
    with pytest.raises(EstimationError) as refusal:
        estimate_bounds(make_cases(make_frame(400, 3).assign(motivation=5.0)))
    assert refusal.value.reason == "exposure_constant"


def test_outcomes_said_to_be_known_for_all_and_known_for_the_accepted_are_refused(make_frame, make_cases):
    frame = make_frame(600, 3)
    frame.loc[~frame["accepted"].fillna(False).astype(bool), "placed"] = pd.NA
    cases = make_cases(frame)
    with pytest.raises(EstimationError, match='outcome_observed="accepted"') as refusal:
        estimate_bounds(cases)
    assert refusal.value.reason == "outcome_for_accepted_only"
    assert len(estimate_bounds(cases, outcome_observed="accepted").bounds) == 2
