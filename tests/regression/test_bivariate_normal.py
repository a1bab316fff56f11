"""The bivariate normal: by hand, by reference (25-digit quadrature), by property, by refusal."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_ndtr, ndtr

from se_outcomes.regression.bivariate_normal import (
    BLOCK,
    LogCdf,
    bivariate_normal_cdf,
    bivariate_normal_density,
    cdf_unchecked,
    log_bivariate_normal_cdf,
    log_bivariate_normal_density,
    log_cdf_derivatives,
)

REFERENCE = np.loadtxt(
    Path(__file__).with_name("references") / "bivariate_normal.csv", delimiter=",", comments="#"
)
H, K, RHO = REFERENCE[:, :3].T
EXPECTED = LogCdf(*REFERENCE[:, 3:].T)
STEEP = np.abs(RHO) > 0.95
FAR = EXPECTED.value < np.log(1e-5)


def places(n=4000, seed=1, spread=2.0, rho=None):
    random = np.random.default_rng(seed)
    correlation = random.uniform(-0.97, 0.97, n) if rho is None else rho * random.choice([-1.0, 1.0], n)
    return random.normal(0, spread, n), random.normal(0, spread, n), correlation


def extremes(limits, correlations):
    return np.array(list(product(limits, limits, correlations))).T


# the smallest, the usual and the largest
LIMITS = [
    s * x for x in (0.0, 1e-300, 1e-8, 0.3, 3, 5.1, 8, 13, 38, 40, 100, 1e3, 1e5, 1e10, 1e50) for s in (1, -1)
]
CORRELATIONS = [
    s * r for r in (0.0, 1e-300, 0.3, 0.9, 0.999, 0.99999, 1 - 1e-12, np.nextafter(1, 0)) for s in (1, -1)
]


# by hand


def test_uncorrelated_is_the_product():
    h, k, _ = places()
    np.testing.assert_array_equal(bivariate_normal_cdf(h, k, 0.0), ndtr(h) * ndtr(k))
    np.testing.assert_allclose(
        log_bivariate_normal_cdf(10 * h, 10 * k, 0.0),
        log_ndtr(10 * h) + log_ndtr(10 * k),
        rtol=1e-10,
        atol=1e-15,
    )


def test_perfect_correlation_is_the_smaller_limit_or_the_band():
    h, k, _ = places()
    np.testing.assert_allclose(bivariate_normal_cdf(h, k, 1.0), ndtr(np.minimum(h, k)), atol=1e-16)
    band = np.maximum(ndtr(h) - ndtr(-k), 0)
    np.testing.assert_allclose(bivariate_normal_cdf(h, k, -1.0), band, atol=1e-16)
    np.testing.assert_allclose(log_bivariate_normal_cdf(h, k, 1.0), log_ndtr(np.minimum(h, k)), rtol=1e-14)
    logarithm = log_bivariate_normal_cdf(h, k, -1.0)
    np.testing.assert_array_equal(np.isneginf(logarithm), h + k <= 0)
    np.testing.assert_allclose(np.exp(logarithm), band, atol=1e-15)


def test_almost_perfect_correlation_comes_close_to_perfect():
    h, k, _ = places()
    for rho in (1 - 1e-13, np.nextafter(1, 0)):
        np.testing.assert_allclose(
            bivariate_normal_cdf(h, k, rho), bivariate_normal_cdf(h, k, 1.0), atol=1e-7
        )
        np.testing.assert_allclose(
            bivariate_normal_cdf(h, k, -rho), bivariate_normal_cdf(h, k, -1.0), atol=1e-7
        )


def test_quadrant_is_given_by_the_arcsine():
    rho = np.concatenate(
        [np.linspace(-1, 1, 2001), 1 - np.logspace(-16, -1, 50), np.logspace(-16, -1, 50) - 1]
    )
    quadrant = 0.25 + np.arcsin(rho) / (2 * np.pi)
    np.testing.assert_allclose(bivariate_normal_cdf(0.0, 0.0, rho), quadrant, atol=5e-16, rtol=0)


def test_infinite_limits_leave_the_margin_or_nothing():
    h = np.array([-np.inf, -40.0, -6.0, 0.0, 1.0, 40.0, np.inf])
    for rho in (-1.0, -0.6, 0.0, 0.3, 0.99, 1.0):
        np.testing.assert_array_equal(bivariate_normal_cdf(h, np.inf, rho), ndtr(np.clip(h, -40, 40)))
        np.testing.assert_array_equal(bivariate_normal_cdf(-np.inf, h, rho), np.zeros(7))
        np.testing.assert_allclose(
            log_bivariate_normal_cdf(np.inf, h, rho), log_ndtr(h), rtol=1e-13, atol=1e-16
        )
        assert np.isneginf(log_bivariate_normal_cdf(h, -np.inf, rho)).all()


def test_density_by_hand():
    rho = 0.6
    expected = np.exp(-(1.0 - 2 * rho * 1.0 * -0.5 + 0.25) / (2 * 0.64)) / (2 * np.pi * 0.8)
    assert bivariate_normal_density(1.0, -0.5, rho)[0] == pytest.approx(expected, rel=1e-15)
    assert log_bivariate_normal_density(1.0, -0.5, rho)[0] == pytest.approx(np.log(expected), rel=1e-15)
    assert log_bivariate_normal_density(-50.0, -50.0, 0.0)[0] == pytest.approx(
        -2500 - np.log(2 * np.pi), rel=1e-15
    )


# by reference


def test_probability_to_1e_15():
    np.testing.assert_allclose(bivariate_normal_cdf(H, K, RHO), np.exp(EXPECTED.value), atol=5e-16, rtol=0)


def test_logarithm_in_the_bulk_and_both_tails():
    value = log_bivariate_normal_cdf(H, K, RHO)
    np.testing.assert_allclose(value[FAR], EXPECTED.value[FAR], rtol=2e-15)
    np.testing.assert_allclose(value[~FAR], EXPECTED.value[~FAR], rtol=1e-12, atol=1e-16)
    np.testing.assert_array_equal(log_cdf_derivatives(H, K, RHO).value, value)


@pytest.mark.parametrize("name", ["h", "k", "rho"])
def test_first_derivatives(name):
    found, expected = getattr(log_cdf_derivatives(H, K, RHO), name), getattr(EXPECTED, name)
    np.testing.assert_allclose(found[FAR], expected[FAR], rtol=1e-13, atol=1e-200)
    np.testing.assert_allclose(found[~FAR], expected[~FAR], rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", ["hh", "hk", "kk", "h_rho", "k_rho", "rho_rho"])
def test_second_derivatives(name):
    found, expected = getattr(log_cdf_derivatives(H, K, RHO), name), getattr(EXPECTED, name)
    # beyond |rho| = 0.95 the terms grow with 1/(1 - rho^2) while their difference does not
    for rows, tolerance in ((~FAR, 1e-10), (FAR & ~STEEP, 2e-10), (FAR & STEEP, 2e-8)):
        error = np.abs(found - expected)[rows] / np.maximum(1.0, np.abs(expected[rows]))
        assert error.max() <= tolerance


def test_every_correlation_alone_and_among_others_gives_the_same():
    together = bivariate_normal_cdf(H, K, RHO), *log_cdf_derivatives(H, K, RHO)
    for rho in np.unique(RHO):
        rows = rho == RHO
        alone = bivariate_normal_cdf(H[rows], K[rows], rho), *log_cdf_derivatives(H[rows], K[rows], rho)
        for one, all_rows in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, all_rows[rows])


# by property


@pytest.mark.parametrize("rho", [None, 0.2, 0.7, 0.95, 0.9999])
def test_exchanging_and_reflecting(rho):
    h, k, rho = places(rho=rho)
    probability = bivariate_normal_cdf(h, k, rho)
    np.testing.assert_array_equal(bivariate_normal_cdf(k, h, rho), probability)
    np.testing.assert_allclose(probability + bivariate_normal_cdf(h, -k, -rho), ndtr(h), atol=1e-15, rtol=0)
    complement = 1 - ndtr(-h) - ndtr(-k) + bivariate_normal_cdf(-h, -k, rho)
    np.testing.assert_allclose(probability, complement, atol=1e-15, rtol=0)


def test_exchanging_the_limits_exchanges_the_derivatives():
    h, k, rho = places(spread=6.0)
    found, turned = log_cdf_derivatives(h, k, rho), log_cdf_derivatives(k, h, rho)
    for one, other in (("h", "k"), ("hh", "kk"), ("h_rho", "k_rho")):
        np.testing.assert_allclose(getattr(found, one), getattr(turned, other), rtol=1e-10, atol=1e-10)


def test_rises_in_each_argument():
    grid = np.linspace(-12, 6, 600)
    for rho in (-0.9, 0.0, 0.5, 0.99):
        for other in (-9.0, -1.0, 2.0):
            assert (np.diff(log_bivariate_normal_cdf(grid, other, rho)) > -1e-14).all()
    rho = np.linspace(-0.9999, 0.9999, 600)
    for h, k in ((-9.0, -8.0), (-1.0, 0.5), (-6.0, 6.5)):
        assert (np.diff(log_bivariate_normal_cdf(h, k, rho)) > -1e-14).all()


def test_tail_and_bulk_meet_without_a_step():
    for rho in (-0.9, -0.3, 0.3, 0.9):
        h = np.linspace(-6, -2, 20001)
        steps = np.diff(log_bivariate_normal_cdf(h, 0.2, rho))
        assert np.abs(np.diff(steps)).max() < 1e-6
        assert np.abs(np.diff(steps, 2)).max() < 1e-9


def test_derivatives_are_those_of_the_logarithm():
    h, k, rho = places(n=1500, spread=1.5, seed=3)
    rho = 0.9 * rho
    found, step = log_cdf_derivatives(h, k, rho), 1e-5

    def difference(part, dh, dk, drho):
        up = log_cdf_derivatives(h + step * dh, k + step * dk, rho + step * drho)
        down = log_cdf_derivatives(h - step * dh, k - step * dk, rho - step * drho)
        return (getattr(up, part) - getattr(down, part)) / (2 * step)

    tests = {
        "h": ("value", 1, 0, 0), "k": ("value", 0, 1, 0), "rho": ("value", 0, 0, 1), "hh": ("h", 1, 0, 0),
        "hk": ("h", 0, 1, 0), "kk": ("k", 0, 1, 0), "h_rho": ("h", 0, 0, 1), "k_rho": ("k", 0, 0, 1),
        "rho_rho": ("rho", 0, 0, 1),
    }  # fmt: skip
    for name, how in tests.items():
        np.testing.assert_allclose(getattr(found, name), difference(*how), rtol=2e-6, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("rho", [0.3, None])
def test_blocks_do_not_matter(rho):
    h, k, rho = places(n=50_000, rho=rho, spread=3.0)
    assert len(h) > 3 * BLOCK
    some = np.random.default_rng(0).choice(len(h), 400, replace=False)
    together = bivariate_normal_cdf(h, k, rho), *log_cdf_derivatives(h, k, rho)
    alone = [
        (bivariate_normal_cdf(h[[i]], k[[i]], rho[i]), *log_cdf_derivatives(h[[i]], k[[i]], rho[i]))
        for i in some
    ]
    for column, by_row in zip(together, zip(*alone, strict=True), strict=True):
        np.testing.assert_array_equal(np.ravel(by_row), column[some])


def test_concave_in_the_limits():
    for found in (
        log_cdf_derivatives(*places(n=20_000, spread=4.0)),
        log_cdf_derivatives(*extremes(LIMITS, CORRELATIONS)),
    ):
        assert (found.hh <= 0).all()
        assert (found.kk <= 0).all()
        assert (np.abs(found.hk) <= np.sqrt(-found.hh) * np.sqrt(-found.kk) * (1 + 1e-15)).all()


def test_extreme_arguments_give_finite_numbers():
    h, k, rho = extremes(LIMITS, CORRELATIONS)
    for column in (*log_cdf_derivatives(h, k, rho), log_bivariate_normal_density(h, k, rho)):
        assert np.isfinite(column).all()
    value = log_bivariate_normal_cdf(h, k, rho)
    assert np.isfinite(value).all()
    assert (value <= np.minimum(log_ndtr(h), log_ndtr(k)) * (1 - 1e-14) + 1e-15).all()
    probability = bivariate_normal_cdf(h, k, rho)
    assert ((probability >= 0) & (probability <= 1)).all()


def test_far_tail_follows_the_smaller_limit_where_the_other_is_free():
    h = -np.logspace(0.5, 20, 100)
    np.testing.assert_allclose(log_bivariate_normal_cdf(h, 50.0, 0.7), log_ndtr(h), rtol=1e-14)
    # given X = h the other is at 0.7 h, far below -0.1 h
    np.testing.assert_allclose(log_bivariate_normal_cdf(10 * h, h, 0.7), log_ndtr(10 * h), rtol=1e-14)


def test_numbers_and_no_rows():
    assert bivariate_normal_cdf(0.0, [1.0, 2.0], [0.5]).shape == (2,)
    assert log_bivariate_normal_cdf(0, 0, 0).shape == (1,)
    assert all(column.shape == (0,) for column in log_cdf_derivatives([], [], 0.5))
    assert bivariate_normal_cdf([], [], []).shape == (0,)


# by refusal


@pytest.mark.parametrize(
    "function",
    [bivariate_normal_cdf, log_bivariate_normal_cdf, log_bivariate_normal_density, log_cdf_derivatives],
)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 0.0, 1.5), "rho must be .*1.*found 1.5"),
        (([0.0, 0.0], 0.0, [0.5, -1.01]), "found -1.01"),
        ((0.0, 0.0, np.nan), "rho must be .*found nan"),
        (([0.0, np.nan], 0.0, 0.5), "h must be .*found nan"),
        ((0.0, np.nan, 0.5), "k must be .*found nan"),
        (([[0.0, 1.0]], 0.0, 0.5), "one-dimensional"),
        (([0.0, 1.0], [0.0, 1.0, 2.0], 0.5), "shape"),
    ],
)
def test_arguments_out_of_range_are_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_no_density_and_no_derivatives_at_perfect_correlation_or_infinity():
    for function in (log_cdf_derivatives, bivariate_normal_density):
        with pytest.raises(ValueError, match=r"between -1 and 1, these excluded; found -1\.0"):
            function(0.0, 0.0, -1.0)
        with pytest.raises(ValueError, match=r"h must be finite and at most 1e\+50 in size; found inf"):
            function(np.inf, 0.0, 0.5)
    with pytest.raises(ValueError, match="k must be finite"):
        log_bivariate_normal_cdf(0.0, -1e60, 0.5)


@pytest.mark.parametrize("rho", [0.6, -0.6, 0.0, 1.0, -1.0])
def test_unchecked_with_signs_it_is_the_same(rho):
    h, k, sign = np.random.default_rng(1).normal(0, 3, (3, 200))
    h[:2], sign = (50.0, -50.0), np.sign(sign)
    np.testing.assert_array_equal(cdf_unchecked(h, k, rho, sign), bivariate_normal_cdf(h, k, sign * rho))
