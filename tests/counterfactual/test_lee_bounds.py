"""Trimming bounds: by hand, exact at ties, in either direction."""

import numpy as np
import pytest

from se_outcomes.counterfactual.lee_bounds import lee_bounds, trimmed_means
from se_outcomes.errors import EstimationError


def case(treated_jobs, n_treated, untreated_jobs, n_untreated):
    """Arrays: the jobs' outcomes, and those without a job."""
    outcome, selected, treated = [], [], []
    for arm, jobs, n in ((1, treated_jobs, n_treated), (0, untreated_jobs, n_untreated)):
        outcome += [*jobs, *[np.nan] * (n - len(jobs))]
        selected += [1] * len(jobs) + [0] * (n - len(jobs))
        treated += [arm] * n
    return np.array(outcome), np.array(selected), np.array(treated)


def test_by_hand():
    """8 of 10 against 6 of 10: a quarter of the treated's 8 jobs is trimmed, the two lowest or the two highest."""
    found = lee_bounds(*case([1, 2, 3, 4, 5, 6, 7, 8], 10, [2, 2, 4, 4, 6, 6], 10))
    assert found.trimmed_share == pytest.approx(0.25)
    assert (found.lower, found.upper) == (pytest.approx(3.5 - 4), pytest.approx(5.5 - 4))
    assert found.difference == pytest.approx(0.5)
    assert (found.share_treated, found.share_untreated, found.trimmed) == (0.8, 0.6, "treated")


def test_a_cut_through_a_case_and_through_ties():
    """5 of 10 against 4 of 10, a fifth trimmed of 5 jobs tied at 10, 20, 20, 20, 30: one job."""
    found = lee_bounds(*case([10, 20, 20, 20, 30], 10, [20] * 4, 10))
    assert (found.lower, found.upper) == (pytest.approx(17.5 - 20), pytest.approx(22.5 - 20))
    # 5 of 10 against 3 of 8: a quarter, 1.25 jobs: (20 * 3 + 10 - ...)
    found = lee_bounds(*case([10, 20, 20, 20, 30], 10, [20] * 3, 8))
    assert found.lower == pytest.approx((10 + 20 * 2.75) / 3.75 - 20)
    assert found.upper == pytest.approx((30 + 20 * 2.75) / 3.75 - 20)


def test_the_other_direction_trims_the_untreated():
    treated, untreated = [2, 2, 4, 4, 6, 6], [1, 2, 3, 4, 5, 6, 7, 8]
    found = lee_bounds(*case(treated, 10, untreated, 10))
    mirrored = lee_bounds(*case(untreated, 10, treated, 10))
    assert found.trimmed == "untreated"
    assert (found.lower, found.upper) == (pytest.approx(-mirrored.upper), pytest.approx(-mirrored.lower))


def test_equal_shares_give_a_point():
    found = lee_bounds(*case([1, 5], 4, [2, 2], 4))
    assert found.lower == found.upper == found.difference == 1.0


def test_weights_counts_and_rows_agree():
    random = np.random.default_rng(0)
    treated, selected = random.integers(0, 2, 80), random.integers(0, 2, 80)
    outcome, counts = random.integers(1, 6, 80) * 20.0, random.integers(1, 5, 80)
    by_cells = lee_bounds(outcome, selected, treated, counts=counts)
    by_rows = lee_bounds(*(np.repeat(values, counts) for values in (outcome, selected, treated)))
    by_weights = lee_bounds(outcome, selected, treated, weights=counts * 7.0)
    order = random.permutation(80)
    shuffled = lee_bounds(outcome[order], selected[order], treated[order], counts=counts[order])
    for other in (by_rows, by_weights, shuffled):
        assert (other.lower, other.upper) == (pytest.approx(by_cells.lower), pytest.approx(by_cells.upper))


def test_the_truth_of_those_with_a_job_either_way_is_within():
    """Monotone: whoever has a job without has one with; hours rise by 10 for all of them."""
    random = np.random.default_rng(3)
    n = 40_000
    ability, luck = random.normal(size=(2, n))
    without, with_treatment = ability > 0.3, ability > -0.2
    treated = random.integers(0, 2, n)
    hours = 50 + 15 * ability + 5 * luck + 10 * treated
    selected = np.where(treated == 1, with_treatment, without)
    found = lee_bounds(hours, selected, treated)
    assert found.lower < 10 < found.upper
    assert found.difference < 7  # the naive comparison takes in the weaker who got a job by treatment
    # they are nearly the lowest here, so the upper bound is nearly the truth
    assert found.upper == pytest.approx(10.5, abs=0.5)


def test_trimming_leaves_out_exactly_the_share():
    values, weights = np.array([1.0, 2, 2, 5]), np.array([1.0, 3, 2, 4])
    low, high = trimmed_means(values, weights, 0.5)
    assert low == pytest.approx((1 + 2 * 4) / 5)
    assert high == pytest.approx((5 * 4 + 2) / 5)
    assert trimmed_means(values, weights, 0.0) == (pytest.approx(3.1), pytest.approx(3.1))
    with pytest.raises(ValueError, match="below 1"):
        trimmed_means(values, weights, 1.0)


def test_refusals():
    with pytest.raises(EstimationError) as refusal:
        lee_bounds(*case([1, 2], 4, [], 4))
    assert refusal.value.reason == "empty_cell"
    with pytest.raises(ValueError, match="needs its outcome"):
        lee_bounds([np.nan, 1], [1, 1], [1, 0])
    with pytest.raises(ValueError, match="0 or 1"):
        lee_bounds([1, 1], [2, 1], [1, 0])
