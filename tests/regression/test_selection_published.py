"""The selection probit against the example of R's sampleSelection, its data made anew by R's random numbers.

The example (sampleSelection 1.2-12, its test of a binary outcome): ``set.seed(0)``; 500 pairs of normal errors with
correlation 0.7 (``mvtnorm::rmvnorm``, which multiplies standard normals by the symmetric root of the covariance);
``xs <- runif(500)``; ``xo <- runif(500)``; selected where 3 xs + e1 > 0, outcome 1 where -1 + 2 xo + e2 > 0. Its
stored output has log-likelihood -398.19 and rho 0.817; the digits below are those of ``selection()`` run in R 4.2.2.
"""

import numpy as np
import pytest
from scipy.special import ndtri

from se_outcomes.regression.selection_probit import fit_selection_probit

#: R's coefficients with standard errors from its Hessian; the last is rho itself.
GAMMA, GAMMA_ERROR = (-0.1223499, 3.3287041), (0.1324241, 0.3965244)
BETA, BETA_ERROR = (-1.0546957, 1.9873514), (0.1217222, 0.2322030)
RHO, RHO_ERROR = 0.8166769, 0.1448016
LOGLIK = -398.1909326


class RandomOfR:
    """R's default generator: Mersenne-Twister (Matsumoto & Nishimura 1998), normals by inversion of 53 bits."""

    def __init__(self, seed):
        scrambled = []
        for _ in range(50 + 625):
            seed = (69069 * seed + 1) % 2**32
            scrambled.append(seed)
        self.bits = np.random.RandomState()
        self.bits.set_state(("MT19937", np.array(scrambled[51:], dtype=np.uint32), 624))

    def uniform(self, n):
        return self.bits.randint(0, 2**32, size=n, dtype=np.uint64) * 2.0**-32

    def normal(self, n):
        high, low = self.uniform(2 * n).reshape(n, 2).T
        return ndtri((np.floor(high * 2**27) + low) / 2**27)


@pytest.fixture(scope="module")
def example():
    random, n = RandomOfR(0), 500
    values, vectors = np.linalg.eigh(np.array([[1.0, 0.7], [0.7, 1.0]]))
    errors = random.normal(2 * n).reshape(n, 2) @ (vectors * np.sqrt(values)) @ vectors.T
    xs, xo = random.uniform(n), random.uniform(n)
    selected = (3 * xs + errors[:, 0] > 0).astype(float)
    y = (-1 + 2 * xo + errors[:, 1] > 0).astype(float)
    ones = np.ones(n)
    return y, np.column_stack([ones, xo]), selected, np.column_stack([ones, xs])


def test_the_random_numbers_are_those_of_r():
    # rnorm(3) after set.seed(0)
    assert RandomOfR(0).normal(3) == pytest.approx([1.262954285, -0.326233361, 1.329799263], abs=1e-9)


def test_74_are_not_selected(example):
    assert (example[2] == 0).sum() == 74


def test_same_maximum(example):
    fit = fit_selection_probit(*example)
    assert fit.loglik == pytest.approx(LOGLIK, abs=1e-6)
    # R stops at a gradient of 1e-6 and prints seven decimals
    assert fit.gamma == pytest.approx(GAMMA, abs=2e-6)
    assert fit.beta == pytest.approx(BETA, abs=2e-6)
    assert fit.rho == pytest.approx(RHO, abs=2e-6)


def test_same_standard_errors(example):
    fit = fit_selection_probit(*example)
    errors = np.sqrt(np.diag(fit.covariance))
    assert errors[:4] == pytest.approx([*GAMMA_ERROR, *BETA_ERROR], rel=1e-4)
    assert errors[4] * (1 - fit.rho**2) == pytest.approx(RHO_ERROR, rel=1e-4)
