"""The cluster jackknife of functionals, by hand and by property."""

import numpy as np
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.inference.jackknife import jackknife, jackknife_covariance
from se_outcomes.regression.logit import fit_logit


def offices(n_offices=4):
    """Cells by hand: offices with 10 to 20 cases, one exposure."""
    random = np.random.default_rng(8)
    y, x, office = np.meshgrid([0, 1], [0, 1], np.arange(n_offices), indexing="ij")
    counts = random.integers(3, 9, y.size)
    return y.ravel(), x.ravel().astype(float)[:, None], counts, office.ravel()


def test_mean_of_equal_clusters_has_its_classical_variance():
    values = np.array([2.0, 3.0, 7.0, 8.0])
    without = (values.sum() - values) / 3
    found = jackknife_covariance([values.mean()], without[:, None])[0, 0]
    assert found == pytest.approx(values.var(ddof=1) / 4)


def test_it_is_centred_at_the_estimate_not_at_the_mean_of_the_replicates():
    assert jackknife_covariance([0.0], [[1.0], [1.0]])[0, 0] == pytest.approx(0.5 * 2)


def test_a_functional_is_replicated_with_its_covariance():
    y, X, counts, office = offices()
    fit = fit_logit(y, X, counts=counts, clusters=office, intercepts=office)
    found = jackknife(lambda refit: np.array([refit.beta[0], 2 * refit.beta[0]]), fit)
    np.testing.assert_allclose(found.covariance, found.covariance[0, 0] * np.array([[1, 2], [2, 4]]))
    assert found.replicates.shape == (4, 2)
    assert found.dof == 3


def test_replicates_have_lost_their_office():
    y, X, counts, office = offices()
    fit = fit_logit(y, X, counts=counts, clusters=office, intercepts=office)
    sizes = jackknife(lambda refit: np.array([float(refit.n_cases)]), fit).replicates.ravel()
    np.testing.assert_array_equal(sizes, counts.sum() - np.bincount(office, counts))


def test_the_linear_form_is_close_where_offices_are_many():
    y, X, counts, office = offices(40)
    fit = fit_logit(y, X, counts=counts, clusters=office, intercepts=office)
    one, other = (jackknife(lambda refit: refit.beta, fit, kind=kind).std_error for kind in ("CV3", "CV3L"))
    np.testing.assert_allclose(one, other, rtol=0.02)


def test_one_cluster_is_refused():
    with pytest.raises(EstimationError, match="one cluster"):
        jackknife_covariance([1.0], [[1.0]])
