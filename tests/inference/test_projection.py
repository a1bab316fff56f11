"""Projected sets: by hand, by property, by refusal."""

import numpy as np
import pytest
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.projection import accepted_intervals, design_effect, project
from se_outcomes.regression.logit import fit_logit


def test_intervals_by_hand():
    t = [0.0, 1, 2, 3, 4, 5, 6]
    assert accepted_intervals(t, [0.01, 0.09, 0.09, 0.01, 0.01, 0.09, 0.01], alpha=0.05) == (
        (0.5, 2.5),
        (4.5, 5.5),
    )
    assert accepted_intervals(t, [1.0] * 7) == ((0.0, 6.0),)
    assert accepted_intervals(t, [0.5, 0.05, 0, 0, 0, 0, 0], alpha=0.05) == ((0.0, 1.0),)
    # a value that is just not accepted parts two intervals
    assert len(accepted_intervals(t, [0.5, 0.5, 0.04, 0.5, 0.5, 0.5, 0.5], alpha=0.05)) == 2


def test_all_rejected():
    with pytest.raises(EstimationError) as refusal:
        accepted_intervals([0.0, 1.0], [0.01, 0.02])
    assert refusal.value.reason == "not_identified"


def test_projection_is_the_union_of_the_intervals():
    t = np.linspace(-2, 2, 9)
    values = np.column_stack([np.sin(t), t**2])
    errors = np.column_stack([0.1 + 0 * t, 0.2 + 0.01 * t])
    low, high = project(t, values, errors, [(-1.0, -0.5), (0.5, 1.0)], dof=4, alpha=0.04)
    reach = t_distribution.ppf(0.98, 4)
    assert low == pytest.approx([np.sin(-1) - reach * 0.1, 0.25 - reach * 0.205], abs=1e-2)
    assert high == pytest.approx([np.sin(1) + reach * 0.1, 1 + reach * 0.21], abs=1e-3)
    fine = np.linspace(-1, -0.5, 7)
    for value in fine:  # no interval sticks out
        assert low[0] <= np.sin(value) - reach * 0.1 + 1e-3
        assert high[0] >= np.sin(value) + reach * 0.1 - 1e-3


def test_more_accepted_is_wider():
    t, values = np.linspace(-2, 2, 9), np.linspace(-1, 1, 9)[:, None]
    errors = np.full((9, 1), 0.1)
    low, high = project(t, values, errors, [(-0.5, 0.5)], dof=9, alpha=0.05)
    wider = project(t, values, errors, [(-1.5, 0.5)], dof=9, alpha=0.05)
    assert wider[0] < low
    assert wider[1] == pytest.approx(high)


def test_design_effect():
    random = np.random.default_rng(0)
    office = np.repeat(np.arange(8), 100)
    independent = (random.random(800) < 0.4).astype(float)
    apart = (random.random(800) < np.where(office % 2 == 0, 0.2, 0.6)).astype(float)
    X = np.ones((800, 1))
    small, large = (design_effect(fit_logit(y, X, clusters=office), 0) for y in (independent, apart))
    assert 1.0 <= small < 3.0
    # offices of 100 with an intraclass correlation of about 4/21 - a design effect near 1 + 99 * .17
    assert 10 < large < 25
    fit = fit_logit(apart, X, clusters=office)
    cv1 = cluster_covariance(fit, kind="CV1").covariance[0, 0]
    assert large == pytest.approx(cv1 / fit.covariance[0, 0], rel=1e-12)
