"""Separation by linear programming, against brute force and against what a fit does."""

from itertools import product

import numpy as np
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.regression.logit import fit_logit
from se_outcomes.regression.separation import find_separating_columns


def test_quasi_complete_separation_names_the_level_alone():
    X = np.column_stack([np.ones(7), [0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1]]).astype(float)
    assert find_separating_columns([0, 1, 0, 1, 1, 1, 1], X).tolist() == [False, False, True]


def test_complete_separation_by_a_threshold_names_constant_and_slope():
    X = np.column_stack([np.ones(6), np.arange(6.0)])
    assert find_separating_columns([0, 0, 0, 1, 1, 1], X).tolist() == [True, True]


def test_overlap_is_no_separation():
    X = np.column_stack([np.ones(6), np.arange(6.0)])
    assert not find_separating_columns([0, 0, 1, 0, 1, 1], X).any()


def test_separation_within_every_group_is_found_though_pooled_data_overlap():
    x, group = np.array([0.0, 1, 2, 3, 2, 3, 4, 5]), np.array([0, 0, 0, 0, 1, 1, 1, 1])
    y = [0, 0, 1, 1, 0, 0, 1, 1]
    assert not find_separating_columns(y, np.column_stack([np.ones(8), x])).any()
    assert find_separating_columns(y, x[:, None], group).tolist() == [True]


def test_the_scale_of_a_column_does_not_matter():
    X = np.column_stack([np.ones(6), np.arange(6.0) * 1e-9])
    assert find_separating_columns([0, 0, 0, 1, 1, 1], X).all()
    assert not find_separating_columns([0, 0, 1, 0, 1, 1], X).any()


def separates_by_brute_force(y, X):
    """Some direction of a fine grid on the sphere has (2y - 1) x'd >= 0 everywhere and > 0 somewhere.

    With integer X of entries up to 2 in three columns every extreme ray of the cone is a cross product of two
    rows, so those, their negatives and the axes are enough.
    """
    signed = X * (2 * y - 1)[:, None]
    rays = [np.cross(a, b) for a, b in product([*signed, *np.eye(3)], repeat=2)] + [*np.eye(3)]
    # sums of two rays reach the inside of the cone
    rays = [ray for ray in rays if np.abs(ray).sum() > 0]
    return any(
        (signed @ (s * ray) >= -1e-12).all() and (signed @ ray != 0).any() for ray in rays for s in (1, -1)
    )


def test_verdicts_are_those_of_brute_force_and_of_the_fit():
    random = np.random.default_rng(11)
    verdicts = []
    for _ in range(150):
        n = random.integers(6, 14)
        X = np.column_stack([np.ones(n), random.integers(0, 3, n), random.integers(0, 2, n)]).astype(float)
        y = random.integers(0, 2, n).astype(float)
        if np.linalg.matrix_rank(X) < 3 or y.min() == y.max():
            continue
        found = find_separating_columns(y, X).any()
        assert found == separates_by_brute_force(y, X)
        if found:
            with pytest.raises(EstimationError, match="separate"):
                fit_logit(y, X)
        else:
            assert np.isfinite(fit_logit(y, X).beta).all()
        verdicts.append(found)
    assert 20 < sum(verdicts) < len(verdicts) - 20  # both verdicts were put to the test


def test_the_verdict_costs_little_where_cells_are_many():
    """The last Newton step runs along the separating direction: no linear programme is needed to name it."""
    random = np.random.default_rng(0)
    X = np.column_stack([random.normal(size=20_000), *(random.random((3, 20_000)) < 0.2)])
    office = random.integers(0, 10, 20_000)
    y = np.where(X[:, 2] == 1, 1.0, random.random(20_000) < 0.4)
    with pytest.raises(EstimationError) as refusal:
        fit_logit(y, X, clusters=office, intercepts=office)
    assert refusal.value.details["columns"] == (2,)
