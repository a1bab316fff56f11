"""The trivariate normal: by hand, by reference (nested quadrature), by property, by refusal."""

from itertools import combinations, permutations, product
from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from scipy.special import log_ndtr, ndtr

from se_outcomes.regression.bivariate_normal import (
    bivariate_normal_cdf,
    log_bivariate_normal_cdf,
    log_cdf_derivatives,
)
from se_outcomes.regression.trivariate_normal import (
    BLOCK,
    TAIL,
    from_partial,
    log_trivariate,
    trivariate_normal,
)

REFERENCE = np.loadtxt(
    Path(__file__).with_name("references") / "trivariate_normal.csv", delimiter=",", comments="#"
)
PAIRS = list(combinations(range(3), 2))
UPPER = np.triu_indices(6)

#: Ordinary, negative, mixed, steep; the last two are nearly singular (determinants 3e-4 and 4e-4).
MATRICES = [
    (0.3, 0.2, 0.4), (0.6, 0.3, 0.5), (-0.6, 0.3, -0.5), (0.9, 0.8, 0.85), (-0.4, -0.4, -0.4), (0.0, 0.5, 0.0),
    (0.0, 0.0, 0.0), (0.5, -0.3, 0.625), (1e-9, 0.7, -0.2), (0.99, 0.98, 0.985), (-0.4999, -0.4999, -0.4999),
]  # fmt: skip


def random_matrices(n, seed=1, most=0.95):
    parts = np.random.default_rng(seed).uniform(-most, most, (n, 3))
    return [(a, b, from_partial(a, b, p).value) for a, b, p in parts]


def places(n=200, seed=1, spread=1.5):
    return np.random.default_rng(seed).normal(0, spread, (3, n))


def matrix(rho):
    full = np.eye(3)
    for (i, j), value in zip(PAIRS, rho, strict=True):
        full[i, j] = full[j, i] = value
    return full


def by_two_integrals(limits, rho, panels=5, nodes=24):
    """P as the integral of phi(x) phi(z) Phi(.) over X1 = x and X2 = rho12 x + s z: no bivariate function."""
    point, weight = leggauss(nodes)
    edges = np.linspace(0, 1, panels + 1)
    unit = (edges[:-1, None] + (1 + point) / 2 / panels).ravel()
    weight = np.tile(weight / 2 / panels, panels)
    full, s = matrix(rho), np.sqrt(1 - rho[0] ** 2)
    b = (rho[2] - rho[0] * rho[1]) / s
    rest = np.sqrt(np.linalg.det(full)) / s

    def one(h):
        length = max(h[0] + 9.5, 0)
        x = h[0] - length * unit
        end = (h[1] - rho[0] * x) / s
        span = np.clip(end + 9.5, 0, 19)
        z = np.minimum(end, 9.5)[:, None] - span[:, None] * unit
        inner = np.exp(-(z**2) / 2) * ndtr((h[2] - rho[1] * x[:, None] - b * z) / rest)
        return length / (2 * np.pi) * (np.exp(-(x**2) / 2) * span * (inner @ weight)) @ weight

    return np.array([one(h) for h in limits.T])


def by_one_integral_in_logs(limits, rho, points=5_001):
    """log P as Simpson's integral of the log-concave phi(x) Phi2(. | x) over X1 = x."""
    s12, s13 = np.sqrt(1 - rho[0] ** 2), np.sqrt(1 - rho[1] ** 2)
    partial = (rho[2] - rho[0] * rho[1]) / (s12 * s13)
    weight = np.where(np.arange(points) % 2, 4.0, 2.0) / 3
    weight[[0, -1]] = 1 / 3

    def log_f(x, h):
        return (
            log_bivariate_normal_cdf((h[1] - rho[0] * x) / s12, (h[2] - rho[1] * x) / s13, partial) - x**2 / 2
        )

    def one(h):
        low, high = -100.0, h[0]
        for _ in range(8):
            x = np.linspace(low, high, 301)
            value = log_f(x, h)
            keep = np.flatnonzero(value > value.max() - 45)
            low, high = x[max(keep[0] - 1, 0)], x[min(keep[-1] + 1, 300)]
        x = np.linspace(low, high, points)
        value = log_f(x, h)
        step = (high - low) / (points - 1)
        return value.max() + np.log(np.exp(value - value.max()) @ weight * step / np.sqrt(2 * np.pi))

    return np.array([one(h) for h in limits.T])


# by hand


@pytest.mark.parametrize("rho", MATRICES + random_matrices(40, most=0.999))
def test_orthant_is_given_by_arcsines(rho):
    orthant = 1 / 8 + np.arcsin(rho).sum() / (4 * np.pi)
    assert trivariate_normal(0.0, 0.0, 0.0, *rho)[0] == pytest.approx(orthant, abs=2e-15)
    assert log_trivariate(0.0, 0.0, 0.0, *rho, order=0)[0][0] == pytest.approx(np.log(orthant), rel=1e-11)


def test_uncorrelated_is_the_product():
    limits = places(1000, spread=2.0)
    np.testing.assert_allclose(
        trivariate_normal(*limits, 0.0, 0.0, 0.0), ndtr(limits).prod(axis=0), atol=2e-16, rtol=0
    )
    value, gradient, hessian = log_trivariate(*(5 * limits), 0.0, 0.0, 0.0)
    np.testing.assert_allclose(value, log_ndtr(5 * limits).sum(axis=0), rtol=1e-11, atol=1e-15)
    mills = np.exp(-((5 * limits) ** 2) / 2 - log_ndtr(5 * limits)) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(gradient[:, :3], mills.T, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(gradient[:, 3], mills[0] * mills[1], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(hessian[:, 0, 1], 0, atol=1e-9)


def test_one_variable_independent_of_the_others():
    limits = places(1000, spread=2.0)
    for alone, rho in enumerate([(0.0, 0.0, -0.7), (0.0, -0.7, 0.0), (-0.7, 0.0, 0.0)]):
        one, other = np.delete(limits, alone, axis=0)
        expected = ndtr(limits[alone]) * bivariate_normal_cdf(one, other, -0.7)
        np.testing.assert_allclose(trivariate_normal(*limits, *rho), expected, atol=5e-16, rtol=0)


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.8, 0.95])
def test_equal_correlations_are_one_factor(rho):
    limits = places(50, spread=1.5)
    z, step = np.linspace(-9, 9, 6001, retstep=True)
    given = ndtr((limits[..., None] - np.sqrt(rho) * z) / np.sqrt(1 - rho)).prod(axis=0)
    # the trapezoidal rule is exact to rounding for a function that dies off at both ends
    expected = given @ np.exp(-(z**2) / 2) * step / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(trivariate_normal(*limits, rho, rho, rho), expected, atol=3e-15, rtol=0)


@pytest.mark.parametrize("rho", MATRICES)
def test_infinite_limits_leave_the_margin_or_nothing(rho):
    h, k, _ = places(100)
    for absent, pair in ((2, rho[0]), (1, rho[1]), (0, rho[2])):
        free = np.insert(np.stack([h, k]), absent, np.inf, axis=0)
        np.testing.assert_allclose(
            trivariate_normal(*free, *rho), bivariate_normal_cdf(h, k, pair), atol=2e-15, rtol=0
        )
        closed = np.insert(np.stack([h, k]), absent, -np.inf, axis=0)
        np.testing.assert_allclose(trivariate_normal(*closed, *rho), 0, atol=1e-15)


def test_from_partial_by_hand_and_always_positive_definite():
    assert from_partial(0.6, 0.8, 0.5).value == pytest.approx(0.48 + 0.5 * 0.48, rel=1e-15)
    assert from_partial(0.6, 0.8, 0.0).value == pytest.approx(0.48, rel=1e-15)
    for rho in random_matrices(300, most=0.999):
        assert np.linalg.eigvalsh(matrix(rho)).min() > 0


def test_from_partial_has_the_right_derivatives():
    step = 1e-5
    for at in np.random.default_rng(2).uniform(-0.9, 0.9, (40, 3)):
        found = from_partial(*at)
        np.testing.assert_array_equal(found.hessian, found.hessian.T)
        for i in range(3):
            up, down = (from_partial(*(at + sign * step * np.eye(3)[i])) for sign in (1, -1))
            assert (up.value - down.value) / (2 * step) == pytest.approx(found.gradient[i], abs=1e-8)
            np.testing.assert_allclose(
                (up.gradient - down.gradient) / (2 * step), found.hessian[i], atol=1e-7, rtol=1e-7
            )


# by reference


def reference_rows():
    """(limits, rho, rows of the reference) by matrix."""
    for rho in np.unique(REFERENCE[:, 3:6], axis=0):
        rows = REFERENCE[(REFERENCE[:, 3:6] == rho).all(axis=1)]
        yield rows[:, :3].T, tuple(rho), rows


def test_probability_and_logarithm_against_the_reference():
    for limits, rho, rows in reference_rows():
        np.testing.assert_allclose(trivariate_normal(*limits, *rho), np.exp(rows[:, 6]), atol=1e-15, rtol=0)
        (value,) = log_trivariate(*limits, *rho, order=0)
        np.testing.assert_allclose(value, rows[:, 6], rtol=2e-14, atol=1e-15, err_msg=str(rho))


def test_derivatives_against_the_reference():
    for limits, rho, rows in reference_rows():
        # the exponents of the tail are known to 1e-16 of their size, and multiplied by 1/determinant; the bulk
        # is known to 1e-15
        tail = 1e-14 + 4e-16 * np.abs(rows[:, 6]) / np.linalg.det(matrix(rho))
        noise = np.where(rows[:, 6] < np.log(TAIL), tail, 1e-14 + 1e-15 / np.exp(np.maximum(rows[:, 6], -12)))
        _, gradient, hessian = log_trivariate(*limits, *rho)
        for found, expected in ((gradient, rows[:, 7:13]), (hessian[:, *UPPER], rows[:, 13:])):
            # second derivatives are differences of products of the first
            scale = np.maximum(np.abs(expected), 1.0).max(axis=1)
            if found is not gradient:
                scale = np.maximum(scale, (np.abs(rows[:, 7:13]).max(axis=1) + 1) ** 2)
            error = np.abs(found - expected).max(axis=1) / scale
            assert (error <= noise).all(), (rho, error / noise)


@pytest.mark.parametrize("rho", MATRICES[:6] + random_matrices(8, most=0.8))
def test_probability_against_two_nested_integrals(rho):
    limits = places(12, seed=5)
    np.testing.assert_allclose(
        trivariate_normal(*limits, *rho), by_two_integrals(limits, rho), atol=1e-14, rtol=0
    )


@pytest.mark.parametrize("rho", [*MATRICES[:9], *random_matrices(4, seed=4, most=0.9)])
def test_tail_against_the_integral_in_logs(rho):
    limits = places(80, seed=6, spread=1.0) * np.repeat([3.0, 10.0], 40)
    (value,) = log_trivariate(*limits, *rho, order=0)
    some = np.flatnonzero(value < np.log(TAIL))[:: max(1, np.sum(value < np.log(TAIL)) // 6)]
    expected = by_one_integral_in_logs(limits[:, some], rho)
    np.testing.assert_allclose(value[some], expected, rtol=1e-11)


# by property


@pytest.mark.parametrize("rho", MATRICES[1::2])
def test_order_of_the_variables_does_not_matter(rho):
    limits = np.concatenate([places(30), places(12, seed=2, spread=8.0)], axis=1)
    probability, found, full = trivariate_normal(*limits, *rho), log_trivariate(*limits, *rho), matrix(rho)
    noise = 1e-11 / min(np.linalg.det(full), 0.1)
    for order in permutations(range(3)):
        turned = tuple(full[order[i], order[j]] for i, j in PAIRS)
        np.testing.assert_allclose(
            trivariate_normal(*limits[list(order)], *turned), probability, atol=3e-15, rtol=0
        )
        pairs = [3 + PAIRS.index(tuple(sorted((order[i], order[j])))) for i, j in PAIRS]
        index = [*order, *pairs]
        value, gradient, hessian = log_trivariate(*limits[list(order)], *turned)
        np.testing.assert_allclose(value, found[0], rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(gradient, found[1][:, index], rtol=noise, atol=noise)
        scale = 1 + np.abs(found[1]).max(axis=1) ** 2
        error = np.abs(hessian - found[2][:, index][:, :, index]).max(axis=(1, 2)) / scale
        assert error.max() < noise


@pytest.mark.parametrize("rho", MATRICES + random_matrices(20, most=0.999))
def test_both_sides_of_a_limit_add_up_to_the_margin(rho):
    limits, full = places(100), matrix(rho)
    for i in range(3):
        sign = np.where(np.arange(3) == i, -1.0, 1.0)
        other = tuple((full * np.outer(sign, sign))[pair] for pair in PAIRS)
        j, k = (m for m in range(3) if m != i)
        total = trivariate_normal(*limits, *rho) + trivariate_normal(*(sign[:, None] * limits), *other)
        np.testing.assert_allclose(
            total, bivariate_normal_cdf(limits[j], limits[k], full[j, k]), atol=5e-15, rtol=0
        )


@pytest.mark.parametrize(
    ("rho", "spread"), [*((rho, 1.2) for rho in MATRICES[:9]), *((rho, 5.0) for rho in MATRICES[:4])]
)
def test_derivatives_are_those_of_the_logarithm(rho, spread):
    at = np.concatenate([places(12, seed=3, spread=spread), np.repeat(np.array(rho)[:, None], 12, axis=1)])
    _, gradient, hessian = log_trivariate(*at[:3], *rho)
    np.testing.assert_array_equal(hessian, hessian.transpose(0, 2, 1))
    scale = 1 + np.abs(gradient).max(axis=1) ** 2
    for a in range(6):

        def moved(by, a=a):
            there = at + by * (np.arange(6) == a)[:, None]
            return log_trivariate(*there[:3], *there[3:, 0], order=1)

        step = 1e-4 if spread < 2 else 2e-5
        ends = [moved(by * step) for by in (-2, -1, 1, 2)]
        for part, expected in ((0, gradient[:, a]), (1, hessian[:, a])):
            two, one, plus, plus_two = (end[part] for end in ends)
            slope = (8 * (plus - one) - (plus_two - two)) / (12 * step)
            error = np.abs(slope - expected) / (scale if part == 0 else scale[:, None] ** 1.5)
            assert error.max() < 2e-8, (a, part)


@pytest.mark.parametrize("rho", [(0.3, 0.2, 0.4), (-0.6, 0.3, -0.5), (0.9, 0.8, 0.85)])
def test_tail_and_bulk_meet_without_a_step(rho):
    h = np.linspace(-4.6, -3.0, 3201)
    for other in (0.2, 3.0):
        (value,) = log_trivariate(h, other, 1.0, *rho, order=0)
        assert value.min() < np.log(TAIL) < value.max()
        assert np.abs(np.diff(value, 3)).max() < 3e-10


def test_far_tail_follows_the_smallest_limit_where_the_others_are_free():
    h = -np.logspace(0.5, 5, 20)
    for order in permutations([h, np.full(20, 50.0), np.full(20, 60.0)]):
        (value,) = log_trivariate(*order, 0.5, 0.3, 0.4, order=0)
        np.testing.assert_allclose(value, log_ndtr(h), rtol=1e-13)


def test_one_free_limit_leaves_the_bivariate_logarithm():
    h, k, _ = places(300, spread=5.0)
    value, gradient, hessian = log_trivariate(h, k, 60.0, -0.6, 0.3, 0.2)
    expected = log_cdf_derivatives(h, k, -0.6)
    np.testing.assert_allclose(value, expected.value, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(gradient[:, 3], expected.rho, rtol=1e-9, atol=1e-12)
    scale = 1 + np.abs(gradient).max(axis=1) ** 2
    assert (np.abs(hessian[:, 0, 3] - expected.h_rho) / scale).max() < 1e-9
    np.testing.assert_allclose(gradient[:, [2, 4, 5]], 0, atol=1e-100)


@pytest.mark.parametrize("rho", MATRICES)
def test_extreme_limits_give_finite_numbers(rho):
    sizes = [s * x for x in (0.0, 1e-300, 0.3, 5.1, 38, 1e3, 1e6) for s in (1, -1)]
    limits = np.array(list(product(sizes, repeat=3)))[::9].T
    value, gradient, hessian = log_trivariate(*limits, *rho)
    for column in (value, gradient, hessian):
        assert np.isfinite(column).all()
    smallest = log_ndtr(limits).min(axis=0)
    assert (value <= smallest * (1 - 1e-9) + 1e-15).all()
    assert (gradient >= 0).all()
    assert (hessian[:, range(3), range(3)] <= 0).all()
    probability = trivariate_normal(*limits, *rho)
    assert ((probability >= 0) & (probability <= 1)).all()


def test_concave_in_the_limits():
    for rho in MATRICES[:8]:
        _, gradient, hessian = log_trivariate(*places(300, spread=4.0), *rho)
        largest = np.linalg.eigvalsh(hessian[:, :3, :3])[:, -1]
        assert (largest <= 1e-11 * (1 + np.abs(gradient).max(axis=1) ** 2)).all()


def test_blocks_do_not_matter():
    limits = places(2 * BLOCK + 77, spread=1.5)
    together = (
        trivariate_normal(*limits, 0.5, -0.3, 0.2),
        *log_trivariate(*limits, 0.5, -0.3, 0.2),
    )
    some = np.random.default_rng(0).choice(limits.shape[1], 40, replace=False)
    for i in some:
        alone = (
            trivariate_normal(*limits[:, [i]], 0.5, -0.3, 0.2),
            *log_trivariate(*limits[:, [i]], 0.5, -0.3, 0.2),
        )
        for one, every in zip(alone, together, strict=True):
            np.testing.assert_allclose(one[0], every[i], rtol=1e-12, atol=1e-13)


def test_orders_numbers_and_no_rows():
    limits = places(50)
    full = log_trivariate(*limits, 0.5, 0.4, 0.3)
    assert [part.shape for part in full] == [(50,), (50, 6), (50, 6, 6)]
    for order in (0, 1):
        found = log_trivariate(*limits, 0.5, 0.4, 0.3, order=order)
        assert len(found) == order + 1
        for one, other in zip(found, full, strict=False):
            np.testing.assert_array_equal(one, other)
    assert trivariate_normal(0.0, [1.0, 2.0], [0.5, 0.1], 0.1, 0.2, 0.3).shape == (2,)
    assert [part.shape for part in log_trivariate([], [], [], 0.1, 0.2, 0.3)] == [(0,), (0, 6), (0, 6, 6)]


# by refusal


@pytest.mark.parametrize("function", [trivariate_normal, log_trivariate])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0, 0, 0.9, 0.9, -0.9), "positive definite.*rho23 = -0.9"),
        ((0, 0, 0, 1.0, 0.5, 0.5), "positive definite.*rho12 = 1.0"),
        ((0, 0, 0, 0.6, 1.5, 0.48), "positive definite"),
        ((0, 0, 0, 0.0, np.nan, 0.0), "positive definite.*nan"),
        (([0, np.nan], 0, 0, 0.1, 0.1, 0.1), "h1 must be .*found nan"),
        ((0, 0, np.nan, 0.1, 0.1, 0.1), "h3 must be .*found nan"),
        (([[0, 1]], 0, 0, 0.1, 0.1, 0.1), "one-dimensional"),
        (([0, 1], [0, 1, 2], 0, 0.1, 0.1, 0.1), "shape"),
    ],
)
def test_arguments_out_of_range_are_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


@pytest.mark.parametrize("rho", [(0.3, 0.2, 0.4), (-0.6, 0.3, -0.5), (0.0, 0.5, 0.0), (0.9, 0.8, 0.85)])
@pytest.mark.parametrize("spread", [1.0, 6.0])
def test_signs_by_row_turn_limits_and_correlations(rho, spread):
    limits, signs = places(160, spread=spread), np.repeat(list(product([1.0, -1.0], repeat=3)), 20, axis=0).T
    found = log_trivariate(*limits, *rho, signs=signs)
    for sign in product([1.0, -1.0], repeat=3):
        own = (signs == np.array(sign)[:, None]).all(axis=0)
        turn = np.append(sign, [sign[i] * sign[j] for i, j in PAIRS])
        expected = log_trivariate(*(limits[:, own].T * sign).T, *(turn[3:] * rho))
        turned = expected[0], expected[1] * turn, expected[2] * np.outer(turn, turn)
        for part, other in zip(found, turned, strict=True):
            np.testing.assert_allclose(part[own], other, rtol=1e-9, atol=1e-9 * np.abs(other).max())


def test_no_logarithm_at_infinity_no_other_sign_no_other_order_no_partial_of_one():
    with pytest.raises(ValueError, match=r"h2 must be finite and at most 1e\+06 in size; found inf"):
        log_trivariate(0.0, np.inf, 0.0, 0.1, 0.1, 0.1)
    with pytest.raises(ValueError, match="signs must be 1 or -1"):
        log_trivariate(0.0, 0.0, 0.0, 0.1, 0.1, 0.1, signs=[[1.0], [0.0], [1.0]])
    with pytest.raises(ValueError, match="order must be 0, 1 or 2; found 3"):
        log_trivariate(0.0, 0.0, 0.0, 0.1, 0.1, 0.1, order=3)
    with pytest.raises(ValueError, match=r"rho23_1 must be between -1 and 1, these excluded; found 1\.0"):
        from_partial(0.1, 0.1, 1.0)
