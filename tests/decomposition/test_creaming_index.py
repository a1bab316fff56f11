"""The creaming index: by hand, exact sums, against every possible ranking, and refusals."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from se_outcomes.decomposition.creaming_index import (
    creaming_index,
    offices_with_choice,
    spread_noise,
    take_best_first,
)

EXACT = 1e-12


def drawn(seed, n=60, n_offices=4):
    """Prospects with ties, fractional cells, and two successive gates."""
    random = np.random.default_rng(seed)
    p = random.integers(1, 9, n) / 10
    offices = np.concatenate([np.arange(n_offices), random.integers(0, n_offices, n - n_offices)])
    eligible = random.integers(1, 6, n) * random.choice([1.0, 0.5], n)
    referred = eligible * random.random(n)
    return p, offices, eligible, referred, referred * random.random(n)


def index(p, at_risk, passed, offices, spread=0.2):
    return creaming_index(p, at_risk, passed, offices, spread=spread)


def test_two_offices_by_hand():
    p, offices = [0.1, 0.3, 0.2, 0.6], [0, 0, 1, 1]
    found = index(p, [10, 10, 10, 10], [4, 6, 2, 3], offices, spread=0.05)
    passed_0, passed_1 = (0.4 + 1.8) / 10, (0.4 + 1.8) / 5
    at_risk_0, at_risk_1, everyone = 0.2, 0.4, 0.3
    mean_passed = (10 * passed_0 + 5 * passed_1) / 15
    within = (10 * (passed_0 - at_risk_0) + 5 * (passed_1 - at_risk_1)) / 15
    greatest = (10 * (0.3 - at_risk_0) + 5 * (0.6 - at_risk_1)) / 15
    assert found.points == pytest.approx(mean_passed - everyone, abs=EXACT)
    assert found.sd == pytest.approx((mean_passed - everyone) / 0.05, abs=EXACT)
    assert found.within == pytest.approx(within, abs=EXACT)
    assert found.between == pytest.approx((2 / 3 - 1 / 2) * (at_risk_0 - at_risk_1), abs=EXACT)
    assert found.greatest == pytest.approx(greatest, abs=EXACT)
    assert found.ratio == pytest.approx(within / greatest, abs=EXACT)


@pytest.mark.parametrize("seed", range(20))
def test_points_are_the_covariance_by_the_pass_rate(seed):
    p, offices, eligible, referred, _ = drawn(seed)
    rate = referred / eligible
    mean_p, mean_rate = np.average(p, weights=eligible), np.average(rate, weights=eligible)
    covariance = np.average((p - mean_p) * (rate - mean_rate), weights=eligible)
    assert index(p, eligible, referred, offices).points == pytest.approx(covariance / mean_rate, abs=EXACT)


@pytest.mark.parametrize("seed", range(20))
def test_gates_and_parts_add_up(seed):
    p, offices, eligible, referred, accepted = drawn(seed)
    first, second = index(p, eligible, referred, offices), index(p, referred, accepted, offices)
    both = index(p, eligible, accepted, offices)
    assert first.points + second.points == pytest.approx(both.points, abs=EXACT)
    for found in (first, second, both):
        assert found.within + found.between == pytest.approx(found.points, abs=EXACT)
        assert abs(found.within) <= found.greatest + EXACT or found.ratio < 0


@given(st.integers(0, 10_000))
def test_a_perfect_ranking_is_one_whoever_wins_a_tie(seed):
    p, offices, eligible, _, _ = drawn(seed)
    random = np.random.default_rng(seed)
    places = np.bincount(offices, eligible) * random.uniform(0.1, 0.9, 4)
    passed = take_best_first(p, eligible, offices, places)
    for office in range(4):  # cells that tie at the last place share it in another way
        last = passed * (offices == office) > 0
        tied = (offices == office) & (p == p[last].min())
        passed[tied] = eligible[tied] * passed[tied].sum() / eligible[tied].sum()
    assert index(p, eligible, passed, offices).ratio == pytest.approx(1, abs=EXACT)


def test_the_greatest_part_is_that_of_the_best_of_all_choices():
    random = np.random.default_rng(3)
    p, offices = random.random(12), np.repeat([0, 1], 6)
    places = (2, 4)
    ways = [list(combinations(np.flatnonzero(offices == g), places[g])) for g in (0, 1)]
    found = []
    for first in ways[0]:
        for second in ways[1]:
            passed = np.zeros(12)
            passed[[*first, *second]] = 1
            found.append(index(p, np.ones(12), passed, offices))
    assert max(one.within for one in found) == pytest.approx(found[0].greatest, abs=EXACT)
    assert max(one.ratio for one in found) == pytest.approx(1, abs=EXACT)
    # over all choices alike, which is a lottery, the part within is nothing
    assert np.mean([one.within for one in found]) == pytest.approx(0, abs=EXACT)


def test_the_same_rate_for_all_in_an_office_is_no_choice_within_it():
    p, offices, eligible, _, _ = drawn(5)
    rate = np.array([0.2, 0.5, 0.7, 0.9])[offices]
    found = index(p, eligible, eligible * rate, offices)
    assert found.within == pytest.approx(0, abs=EXACT)
    assert found.ratio == pytest.approx(0, abs=EXACT)
    assert found.between == pytest.approx(found.points, abs=EXACT)


def test_all_or_none_leaves_no_ratio():
    found = index([0.1, 0.4, 0.2, 0.9], [1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1])
    assert (found.within, found.greatest) == (0.0, 0.0)
    assert np.isnan(found.ratio)
    assert found.between == pytest.approx(-0.15, abs=EXACT)


@pytest.mark.parametrize("seed", range(5))
def test_order_names_and_splitting_of_cells_change_nothing(seed):
    p, offices, eligible, referred, _ = drawn(seed)
    asked = vars(index(p, eligible, referred, offices))
    order = np.random.default_rng(seed).permutation(len(p))
    shuffled = vars(index(p[order], eligible[order], referred[order], 3 - offices[order]))
    halves = [np.tile(array, 2) for array in (p, eligible / 2, referred / 2, offices)]
    split = vars(index(*halves))
    assert shuffled == pytest.approx(asked, abs=EXACT)
    assert split == pytest.approx(asked, abs=EXACT)


def test_prospects_move_and_stretch():
    p, offices, eligible, referred, _ = drawn(1)
    asked = index(p, eligible, referred, offices)
    moved = index(2 * p + 5, eligible, referred, offices, spread=0.4)
    assert moved.points == pytest.approx(2 * asked.points, abs=1e-11)
    assert (moved.sd, moved.ratio) == pytest.approx((asked.sd, asked.ratio), abs=1e-11)


def test_offices_with_a_choice():
    p, offices = [0.1, 0.2, 0.1, 0.2, 0.3, 0.3], [0, 0, 1, 1, 2, 2]
    assert offices_with_choice(p, np.ones(6), [1, 0, 1, 1, 1, 0], offices).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"p": [0.1, 0.2]}, "must be"),
        ({"p": [np.nan, 0.2, 0.3]}, "finite"),
        ({"passed": [2, 0, 0]}, "between 0 and"),
        ({"passed": [-1, 0, 1]}, "between 0 and"),
        ({"passed": [0, 0, 0]}, "nobody passes"),
        ({"spread": 0.0}, "above zero"),
    ],
)
def test_refusals(changes, said):
    asked = {"p": [0.1, 0.2, 0.3], "at_risk": [1, 1, 1], "passed": [1, 0, 0], "offices": [0, 0, 1]}
    with pytest.raises(ValueError, match=said):
        creaming_index(**{**asked, "spread": 0.1, **changes})


def test_prospects_of_cells_that_are_not_at_risk_do_not_matter():
    asked = index([0.1, 0.4], [1, 1], [0, 1], [0, 0])
    assert vars(index([0.1, np.nan, 0.4], [1, 0, 1], [0, 0, 1], [0, 0, 0])) == pytest.approx(vars(asked))


# ------------------------------------------------------------------------------------------------ noise


def noisy(seed, k=3, n=40):
    """Cells with prospects that are linear in k columns, and a covariance of the coefficients."""
    random = np.random.default_rng(seed)
    X, root = random.normal(size=(n, k)), random.normal(size=(k, k)) / 5
    return X, random.integers(1, 5, n).astype(float), random.integers(0, 3, n), root @ root.T, random


def test_noise_is_the_trace_less_what_lies_along_the_prospects():
    """By matrices over all cells, office by office."""
    X, n, offices, V, random = noisy(1)
    p = X @ [1.0, -0.5, 0.2] + random.normal(size=3)[offices]
    found = spread_noise(p, n, offices, X, V)
    square = across = 0.0
    for office in range(3):
        rows = offices == office
        w = n[rows]
        centre = np.eye(len(w)) - np.outer(np.ones(len(w)), w) / w.sum()
        q, J, W = centre @ p[rows], centre @ X[rows], np.diag(w)
        off = np.eye(len(w)) - np.outer(q, q) @ W / (q @ W @ q)
        square += q @ W @ q
        across += np.trace(W @ off @ J @ V @ J.T @ off.T)
    assert found.share == pytest.approx(across / square, rel=1e-10)


def test_the_share_restores_the_length():
    """Prospects with drawn noise: their mean spread, the noise out, is the true one; a single column needs nothing."""
    X, n, offices, _, random = noisy(2, k=6)
    offices, V, true = np.zeros_like(offices), 0.02 * np.eye(6), np.array([0.6, -0.5, 0.3, 0.4, 0.2, -0.3])
    centred = X - np.average(X, axis=0, weights=n)

    def length(beta):
        return np.sqrt(n @ (centred @ beta) ** 2)

    draws = random.multivariate_normal(true, V, size=2000)
    raw = np.array([length(beta) for beta in draws]) / length(true)
    shares = np.array([spread_noise(X @ beta, n, offices, X, V).share for beta in draws])
    error = raw.std() / np.sqrt(2000)
    assert raw.mean() > 1 + 8 * error
    assert (raw * np.sqrt(1 - shares)).mean() == pytest.approx(1, abs=2.5 * error)
    assert spread_noise(2 * X[:, 0], n, offices, X[:, :1], [[0.5]]).share == pytest.approx(0, abs=1e-12)


def test_noise_does_not_hang_on_how_coefficients_are_written():
    X, n, offices, V, random = noisy(3)
    turn = random.normal(size=(3, 3))
    one = spread_noise(X @ [1.0, 2.0, 3.0], n, offices, X, V)
    back = np.linalg.inv(turn)
    other = spread_noise(X @ [1.0, 2.0, 3.0], n, offices, X @ turn, back @ V @ back.T)
    assert (one.share, one.p_value) == pytest.approx((other.share, other.p_value), rel=1e-8)


def test_the_p_value_of_noise_alone():
    """Five per cent of spreads of nothing but noise are below five per cent."""
    X, n, offices, V, random = noisy(4, k=5)
    draws = random.multivariate_normal(np.zeros(5), V, size=3000)
    p_values = np.array([spread_noise(X @ beta, n, offices, X, V).p_value for beta in draws])
    assert np.mean(p_values < 0.05) == pytest.approx(0.05, abs=0.015)


def test_coefficients_apart_add_to_the_squares():
    X, n, offices, V, _ = noisy(5)
    p = X @ [1.0, 1.0, 1.0]
    least, more = (spread_noise(p, n, offices, X, V, apart=apart) for apart in ([], [2.0, 1.0]))
    square = 0.0
    for office in range(3):
        rows = offices == office
        square += n[rows] @ (p[rows] - np.average(p[rows], weights=n[rows])) ** 2
    assert more.share - least.share == pytest.approx(3.0 / square)
    drowned = spread_noise(p, n, offices, X, V, apart=[square, square])
    assert least.p_value < 0.001
    assert drowned.p_value > 0.5


def test_without_spread_or_noise():
    flat = spread_noise([0.2, 0.2], [3, 1], [0, 0], [[1.0], [2.0]], [[1.0]])
    assert np.isnan(flat.share)
    assert flat.p_value == 1
    certain = spread_noise([0.2, 0.3], [3, 1], [0, 0], [[1.0], [2.0]], [[0.0]])
    assert (certain.share, certain.p_value) == (0, 0)
