"""The probit on cells, against statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import ndtri

from se_outcomes.regression.probit import PROBIT, fit_probit


def test_constant_alone_is_the_quantile_of_the_share():
    fit = fit_probit([1, 0], [[1.0], [1.0]], counts=[30, 70])
    assert fit.beta[0] == pytest.approx(ndtri(0.3), abs=1e-12)


def test_as_statsmodels():
    random = np.random.default_rng(4)
    X = np.column_stack([np.ones(800), random.normal(size=800)])
    y = (X @ [0.2, 0.6] + random.normal(size=800) > 0).astype(float)
    oracle = sm.Probit(y, X).fit(disp=False, tol=1e-14)
    fit = fit_probit(y, X)
    np.testing.assert_allclose(fit.beta, oracle.params, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, oracle.cov_params(), atol=1e-9)
    assert fit.loglik == pytest.approx(oracle.llf, abs=1e-8)


def test_derivatives_hold_into_the_tail():
    margin = np.array([-30.0, -8.0, -1.0, 0.0, 1.0, 8.0])
    step = 1e-5
    slope = (PROBIT.loglik(margin + step) - PROBIT.loglik(margin - step)) / (2 * step)
    np.testing.assert_allclose(PROBIT.score(margin), slope, rtol=1e-6, atol=1e-12)
    curvature = (PROBIT.score(margin - step) - PROBIT.score(margin + step)) / (2 * step)
    np.testing.assert_allclose(PROBIT.weight(margin), curvature, rtol=1e-4, atol=1e-12)
