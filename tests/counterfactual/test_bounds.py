"""Bounds: by hand, sharp, nested; intervals against published limits, numbers by simulation, and coverage."""

import itertools

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as t_distribution

from se_outcomes.counterfactual import bounds
from se_outcomes.counterfactual.bounds import (
    ASSUMPTIONS,
    ESTIMANDS,
    bound_average,
    critical_value,
    set_interval,
)

#: 40 treated, half with the outcome; 60 untreated, a quarter.
TOTALS = [40, 20, 60, 15]


@pytest.mark.parametrize(
    ("estimand", "assumption", "ends"),
    [
        ("mean_treated", "none", (0.2, 0.8)),
        ("mean_treated", "monotone_selection", (0.2, 0.5)),
        ("mean_treated", "monotone_response", (0.35, 0.8)),
        ("mean_treated", "both", (0.35, 0.5)),
        ("treated", "none", (-0.5, 0.5)),
        ("treated", "monotone_selection", (-0.5, 0.25)),
        ("treated", "monotone_response", (0.0, 0.5)),
        ("treated", "both", (0.0, 0.25)),
        ("untreated", "none", (-0.25, 0.75)),
        ("untreated", "monotone_selection", (-0.25, 0.25)),
        ("untreated", "monotone_response", (0.0, 0.75)),
        ("untreated", "both", (0.0, 0.25)),
        ("all", "none", (-0.35, 0.65)),
        ("all", "monotone_selection", (-0.35, 0.25)),
        ("all", "monotone_response", (0.0, 0.65)),
        ("all", "both", (0.0, 0.25)),
    ],
)
def test_by_hand(estimand, assumption, ends):
    assert bound_average(TOTALS, estimand, assumption) == pytest.approx(ends)


def test_without_assumption_the_effect_on_all_is_known_to_one_exactly():
    totals = np.random.default_rng(0).uniform(0, 1, (50, 4)) * [0, 1, 0, 1] + [1, 0, 2, 0]
    assert np.diff(bound_average(totals, "all"), axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_assumptions_never_widen(estimand):
    none = bound_average(TOTALS, estimand, "none")
    both = bound_average(TOTALS, estimand, "both")
    for assumption in ("monotone_selection", "monotone_response"):
        one = bound_average(TOTALS, estimand, assumption)
        assert none[0] <= one[0] <= both[0] <= both[1] <= one[1] <= none[1]


def test_the_open_gate_needs_no_outcome_of_the_untreated_under_two_assumptions():
    unseen = [40, 20, 60, np.nan]
    assert bound_average(unseen, "mean_treated", "none") == pytest.approx((0.2, 0.8))
    assert bound_average(unseen, "mean_treated", "monotone_selection") == pytest.approx((0.2, 0.5))
    assert np.isnan(bound_average(unseen, "mean_treated", "monotone_response")[0])
    assert np.isnan(bound_average(unseen, "all")).all()


def test_bounds_of_a_population_hold_its_truth():
    """Four types of response, more treated where things go well: both assumptions hold."""
    random = np.random.default_rng(4)
    for _ in range(200):
        index = random.normal(size=400)
        without = (index + random.normal(size=400) > 0.5).astype(float)
        with_treatment = np.maximum(without, index + random.normal(size=400) > 0.2)
        treated = index + random.normal(size=400) > random.normal()
        seen = np.where(treated, with_treatment, without)
        totals = [treated.sum(), seen[treated].sum(), (~treated).sum(), seen[~treated].sum()]
        gain = with_treatment - without
        truth = {
            "mean_treated": with_treatment.mean(),
            "all": gain.mean(),
            "treated": gain[treated].mean(),
            "untreated": gain[~treated].mean(),
        }
        holds = (
            with_treatment[treated].mean() >= with_treatment[~treated].mean()
            and without[treated].mean() >= without[~treated].mean()
        )
        assert holds
        for estimand, value in truth.items():
            for assumption in ASSUMPTIONS:
                low, high = bound_average(totals, estimand, assumption)
                assert low - 1e-12 <= value <= high + 1e-12


def test_contradicted_assumptions_cross():
    """The untreated do better than the treated: not both monotone."""
    low, high = bound_average([40, 10, 60, 45], "treated", "both")
    assert low > high


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="expected one of"):
        bound_average(TOTALS, "median")


def test_critical_value_runs_from_the_one_sided_to_the_two_sided():
    assert critical_value(0.0, [1, 1], 1.0, 1e6) == pytest.approx(norm.ppf(0.975), abs=1e-5)
    assert critical_value(50.0, [1, 1], 1.0, 1e6) == pytest.approx(norm.ppf(0.95), abs=1e-5)
    assert critical_value(0.0, [1, 1], 1.0, 4) == pytest.approx(t_distribution.ppf(0.975, 4))
    assert critical_value(50.0, [1, 1], 0.3, 4) == pytest.approx(t_distribution.ppf(0.95, 4), abs=1e-4)
    widths = [critical_value(width, [1, 1], 0.4, 4) for width in np.linspace(0, 6, 13)]
    assert (np.diff(widths) <= 1e-9).all()


@pytest.mark.parametrize("width", [0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dof", [4, 1e6])
def test_with_one_error_it_is_imbens_and_manskis(width, dof):
    """Their equation 7, F(c + width / s) - F(-c) = 0.95, with t for the normal distribution."""
    t = t_distribution(dof)
    theirs = brentq(lambda c: t.cdf(c + width) - t.cdf(-c) - 0.95, 1, 3)
    assert critical_value(width, [1, 1], 1.0, dof) == pytest.approx(theirs, abs=1e-8)
    # with errors that differ theirs takes the larger: never too small
    assert critical_value(width, [1, 0.5], 1.0, dof) <= theirs + 1e-8


def test_the_quadrature_does_not_depend_on_its_nodes(monkeypatch):
    points = [
        (w, r, nu) for w in (0.0, 0.3, 1.5) for r in (-0.999, -0.5, 0.2, 0.99, 0.99999) for nu in (2, 4, 200)
    ]
    found = [critical_value(width, [1, 0.7], rho, dof) for width, rho, dof in points]
    monkeypatch.setattr(bounds, "_PANEL", bounds._unit_panel(500))
    finer = [critical_value(width, [1, 0.7], rho, dof) for width, rho, dof in points]
    np.testing.assert_allclose(found, finer, rtol=1e-6)


@pytest.mark.parametrize("correlation", [-0.7, 0.0, 0.5, 0.95])
@pytest.mark.parametrize("width", [0.0, 0.8])
def test_coverage_at_the_critical_value_by_simulation(correlation, width):
    """A million draws of the bivariate t with 4 degrees of freedom: 95 % within .001, four Monte Carlo errors."""
    random = np.random.default_rng(11)
    normal = random.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], 1_000_000)
    t = normal / np.sqrt(random.chisquare(4, (len(normal), 1)) / 4)
    errors = (1.0, 0.6)
    c = critical_value(width, errors, correlation, 4)
    at_lower = np.mean((t[:, 0] <= c) & (t[:, 1] >= -c - width / errors[1]))
    at_upper = np.mean((t[:, 0] <= c + width / errors[0]) & (t[:, 1] >= -c))
    assert min(at_lower, at_upper) == pytest.approx(0.95, abs=0.001)


def test_a_bound_that_is_known_stays_where_it_is():
    found = set_interval(0.0, 0.25, [[0, 0], [0, 0.01]], dof=4)
    assert found.low == 0.0
    assert found.critical == pytest.approx(t_distribution.ppf(0.95, 4))
    assert set_interval(0.0, 0.25, np.zeros((2, 2)), dof=4).high == 0.25


def test_a_width_within_its_own_error_counts_as_none():
    narrow = set_interval(0.30, 0.31, [[0.01, 0], [0, 0.01]], dof=1e6)
    assert narrow.critical == pytest.approx(critical_value(0.0, [0.1, 0.1], 0.0, 1e6))
    crossed = set_interval(0.31, 0.30, [[0.01, 0], [0, 0.01]], dof=1e6)
    assert crossed.critical == narrow.critical
    assert set_interval(0.9, 0.1, np.eye(2) * 1e-6, dof=9).low > 0.1  # low above high: contradicted


def test_coverage_of_the_whole_interval_at_either_end():
    """Bounds from five offices: covered in at least 90.7 % of 400 (95 less four Monte Carlo errors)."""
    random = np.random.default_rng(5)
    hits = np.zeros(2)
    for _ in range(400):
        offices = random.multivariate_normal([0.3, 0.4], [[0.01, 0.004], [0.004, 0.008]], 5)
        mean, covariance = offices.mean(axis=0), np.cov(offices.T) / 5
        found = set_interval(mean[0], mean[1], covariance, dof=4)
        hits += [found.low <= end <= found.high for end in (0.3, 0.4)]
    assert (hits / 400 >= 0.907).all()


@pytest.mark.parametrize("estimand", ["mean_treated", "all", "treated", "untreated"])
def test_unknown_outcomes_without_an_assumption_reach_every_way_they_could_be(estimand):
    """The ends are the least and the greatest of the bounds with the unknown outcomes filled in."""
    filled = [
        bound_average([40, 12 + first, 60, 9 + second], estimand)
        for first, second in itertools.product(range(9), range(13))
    ]
    ends = np.min(filled, axis=0)[0], np.max(filled, axis=0)[1]
    assert bound_average([40, 12, 60, 9], estimand, unknown=[8, 12]) == pytest.approx(ends)


@pytest.mark.parametrize("assumption", ["monotone_selection", "monotone_response", "both"])
def test_unknown_outcomes_are_like_the_known_ones_under_an_assumption(assumption):
    """Of 32 known 12 is of 40 15; of 48 known 12 is of 60 15."""
    for estimand in ("mean_treated", "all", "treated", "untreated"):
        found = bound_average([40, 12, 60, 12], estimand, assumption, unknown=[8, 12])
        assert found == pytest.approx(bound_average([40, 15, 60, 15], estimand, assumption))
