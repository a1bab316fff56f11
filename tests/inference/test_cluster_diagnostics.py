"""Cluster diagnostics: by hand, by formula, by property, by refusal."""

import numpy as np
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cluster_covariance
from se_outcomes.inference.cluster_diagnostics import diagnose_clusters, effective_clusters
from se_outcomes.regression.logit import fit_logit


def rows(n_offices=7, seed=3):
    random = np.random.default_rng(seed)
    office = np.repeat(np.arange(n_offices), random.integers(30, 200, n_offices))
    X = np.column_stack(
        [np.ones(len(office)), random.normal(size=len(office)), random.integers(0, 2, len(office))]
    )
    chance = 1 / (1 + np.exp(-(X @ [-0.4, 0.7, 0.3] + random.normal(0, 0.5, n_offices)[office])))
    return (random.random(len(office)) < chance).astype(float), X, office


def arrays(found):
    return np.concatenate(
        [
            found.leverage,
            found.partial_leverage,
            [found.effective, found.effective_slopes, found.effective_common, found.satterthwaite],
        ]
    )


def test_offices_alike_are_as_many_as_they_are():
    y, x, office = np.tile([0, 0, 1, 1], 6), np.tile([0, 1], 12), np.repeat(np.arange(6), 4)
    fit = fit_logit(y, np.column_stack([np.ones(24), x]), counts=np.tile([6, 4, 5, 7], 6), clusters=office)
    found = diagnose_clusters(fit, 1, constant=0)
    np.testing.assert_allclose(found.leverage, np.full(6, 2 / 6), rtol=1e-9)
    np.testing.assert_allclose(found.partial_leverage, np.full(6, 1 / 6), rtol=1e-9)
    assert (found.effective, found.effective_slopes) == (pytest.approx(6), pytest.approx(6))
    assert found.satterthwaite == pytest.approx(5, rel=1e-6)
    assert (found.n_clusters, found.smallest, found.median, found.largest_share) == (6, 22, 22, 1 / 6)


def test_one_office_with_all_the_variation_is_one():
    y, _, office = rows()
    x = np.where(office == 4, np.arange(len(y)) % 2, 0.0)
    found = diagnose_clusters(fit_logit(y, x[:, None], clusters=office, intercepts=office), 0)
    np.testing.assert_allclose(found.partial_leverage, np.arange(7) == 4, atol=1e-12)
    assert (found.effective, found.effective_slopes) == (pytest.approx(1), pytest.approx(1))
    assert found.satterthwaite <= 1e-6  # no other office to tell how its estimate varies


def test_a_mean_by_hand():
    """One column of ones and p = 1/2 in all: information n_g / 4; shares of cases; common deviations, their squares."""
    sizes = np.array([40, 10, 30, 20])
    fit = fit_logit(
        np.tile([1, 0], 4),
        np.ones((8, 1)),
        counts=np.repeat(sizes / 2, 2),
        clusters=np.repeat(np.arange(4), 2),
    )
    found = diagnose_clusters(fit, 0, constant=0)
    np.testing.assert_allclose(found.leverage, sizes / 100, rtol=1e-9)
    np.testing.assert_allclose(found.partial_leverage, sizes / 100, rtol=1e-9)
    assert found.effective == pytest.approx(100**2 / 3000)  # 16 + 1 + 9 + 4 hundreds
    assert found.effective_common == pytest.approx(3000**2 / (40**4 + 10**4 + 30**4 + 20**4))
    assert found.effective_slopes == pytest.approx(found.effective_common)
    assert (found.smallest, found.median, found.largest_share) == (10, 25, 0.4)


def test_formulas_on_the_rows():
    y, X, office = rows()
    fit = fit_logit(y, X, clusters=office)
    chance = 1 / (1 + np.exp(-X @ fit.beta))
    weight = chance * (1 - chance)
    inverse = np.linalg.inv((X * weight[:, None]).T @ X)
    hat = weight * np.einsum("ij,jk,ik->i", X, inverse, X)  # diagonal of the weighted projection
    along = X @ inverse[1]
    found = diagnose_clusters(fit, 1, constant=0)
    np.testing.assert_allclose(found.leverage, np.bincount(office, hat), rtol=1e-8)
    independent = np.bincount(office, weight * along**2)
    np.testing.assert_allclose(found.partial_leverage, independent / independent.sum(), rtol=1e-8)
    common = np.bincount(office, weight * along) ** 2
    for gamma, value in ((independent, found.effective), (common, found.effective_common)):
        assert value == pytest.approx(7 / (1 + gamma.var() / gamma.mean() ** 2), rel=1e-8)


def test_what_sums_to_what():
    y, X, office = rows()
    found = diagnose_clusters(fit_logit(y, X, clusters=office), 2, constant=0)
    assert found.leverage.sum() == pytest.approx(3, rel=1e-10)
    assert found.partial_leverage.sum() == pytest.approx(1, rel=1e-12)
    for value in (found.effective, found.effective_slopes, found.effective_common):
        assert 1 <= value <= 7
    fit = fit_logit(y, X, clusters=office).refit(restrict={1: 0.0})
    assert diagnose_clusters(fit, 2).leverage.sum() == pytest.approx(2, rel=1e-10)


def test_scaling_columns_changes_nothing():
    y, X, office = rows()
    one = diagnose_clusters(fit_logit(y, X, clusters=office), 1, constant=0)
    other = diagnose_clusters(fit_logit(y, X * [1, 1e4, 1e-5], clusters=office), 1, constant=0)
    np.testing.assert_allclose(arrays(one), arrays(other), rtol=1e-7)


def test_cells_are_as_good_as_rows():
    y, X, office = rows()
    X = X.round()
    cells, counts = np.unique(np.column_stack([office, X, y]), axis=0, return_counts=True)
    one = diagnose_clusters(fit_logit(y, X, clusters=office), 1, constant=0)
    fit = fit_logit(cells[:, -1], cells[:, 1:-1], counts=counts, clusters=cells[:, 0].astype(int))
    np.testing.assert_allclose(arrays(one), arrays(diagnose_clusters(fit, 1, constant=0)), rtol=1e-9)


def test_degrees_of_freedom_are_those_of_cr2():
    y, X, office = rows()
    fit = fit_logit(y, X, clusters=office)
    expected = cluster_covariance(fit, kind="CR2").dof[1]
    assert diagnose_clusters(fit, 1).satterthwaite == pytest.approx(expected, rel=1e-12)


def test_an_exposure_of_whole_offices_leans_on_the_treated():
    y, X, office = rows()
    treated = np.isin(office, (0, 1)).astype(float)
    fit = fit_logit(y, np.column_stack([X, treated]), clusters=office)
    within, between = diagnose_clusters(fit, 1, constant=0), diagnose_clusters(fit, 3, constant=0)
    assert between.effective < within.effective
    assert between.satterthwaite < 3 < within.satterthwaite


def test_intercepts_profiled_out_absorb_what_offices_share():
    y, X, office = rows()
    fit = fit_logit(y, X[:, 1:], clusters=office, intercepts=office)
    found = diagnose_clusters(fit, 0)
    assert found.effective_common is None
    assert found.leverage.sum() == pytest.approx(2, rel=1e-10)


def test_an_exposure_balanced_within_offices_does_not_see_what_they_share():
    y, x, office = np.tile([0, 1], 12), np.tile([0, 0, 1, 1], 6), np.repeat(np.arange(6), 4)
    counts = np.repeat(
        [11, 11, 13, 13, 17, 17, 19, 19, 23, 23, 29, 29], 2
    )  # p = 1/2 and x half and half, everywhere
    fit = fit_logit(y, np.column_stack([np.ones(24), x]), counts=counts, clusters=office)
    found = diagnose_clusters(fit, 1, constant=0)
    assert found.effective_common is None
    assert found.effective == pytest.approx(
        112**2 / 2310
    )  # information in proportion to cases: 11 + 13 + ...


def test_what_cannot_be_is_refused():
    y, X, office = rows()
    with pytest.raises(EstimationError) as refusal:
        diagnose_clusters(fit_logit(y, X), 1)
    assert refusal.value.reason == "one_office"
    fit = fit_logit(y, X, clusters=office)
    with pytest.raises(EstimationError, match="held at a value") as refusal:
        diagnose_clusters(fit.refit(restrict={1: 0.0}), 1)
    assert refusal.value.reason == "not_identified"
    with pytest.raises(ValueError, match="from 0 to 2"):
        diagnose_clusters(fit, 3)


def test_effective_number_is_between_one_and_all():
    random = np.random.default_rng(0)
    for _ in range(20):
        assert 1 <= effective_clusters(random.exponential(size=8)) <= 8
