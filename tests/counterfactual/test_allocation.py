"""Rules of allocation: by hand, full to the last place in each office, and blind to the order of cells."""

import numpy as np
import pytest

from se_outcomes.counterfactual.allocation import crowd, serve_by_lot, serve_highest


def test_by_hand_with_counts_and_ties():
    """Office 0 has 3 + 2 + 4 cases and 4 places: 3 to the first cell, 1 among the 6 tied; office 1 has 1 of 2."""
    served = serve_highest([0.9, 0.5, 0.5, 0.3], [0, 0, 0, 1], [4, 1], counts=[3, 2, 4, 2])
    np.testing.assert_allclose(served, [1, 1 / 6, 1 / 6, 1 / 2])


def offices(seed=0, n=300):
    random = np.random.default_rng(seed)
    codes, counts = random.integers(0, 7, n), random.integers(1, 5, n)
    score = np.round(random.normal(size=n), 1)
    sizes = np.bincount(codes, counts)
    return score, codes, counts, np.floor(sizes * random.uniform(0, 1, 7))


@pytest.mark.parametrize("seed", range(6))
def test_every_place_is_filled_in_every_office(seed):
    score, codes, counts, capacity = offices(seed)
    for served in (
        serve_highest(score, codes, capacity, counts=counts),
        serve_by_lot(codes, capacity, counts=counts),
    ):
        assert ((served >= 0) & (served <= 1)).all()
        np.testing.assert_allclose(np.bincount(codes, counts * served), capacity, atol=1e-9)


def test_nobody_is_passed_over_for_a_lower_score():
    score, codes, counts, capacity = offices()
    served = serve_highest(score, codes, capacity, counts=counts)
    for office in range(7):
        mine = codes == office
        assert score[mine & (served > 0)].min() >= score[mine & (served < 1)].max()
        for value in np.unique(score[mine]):
            assert np.ptp(served[mine & (score == value)]) < 1e-12  # equals share alike


def test_order_and_grouping_of_cells_do_not_matter():
    score, codes, counts, capacity = offices()
    served = serve_highest(score, codes, capacity, counts=counts)
    order = np.random.default_rng(1).permutation(len(score))
    again = serve_highest(score[order], codes[order], capacity, counts=counts[order])
    np.testing.assert_allclose(again, served[order], atol=1e-12)
    rows = serve_highest(np.repeat(score, counts), np.repeat(codes, counts), capacity)
    np.testing.assert_allclose(rows, np.repeat(served, counts), atol=1e-12)


def test_none_and_all():
    score, codes, counts, _ = offices()
    sizes = np.bincount(codes, counts)
    assert (serve_highest(score, codes, np.zeros(7), counts=counts) == 0).all()
    np.testing.assert_allclose(serve_highest(score, codes, sizes, counts=counts), 1)
    # an office without cases (code 2) has no places
    np.testing.assert_allclose(serve_highest([1, 2, 3], [0, 3, 3], [1, 0, 0, 1]), [1, 0, 1])
    np.testing.assert_allclose(serve_by_lot([0, 3, 3], [1, 0, 0, 1]), [1, 0.5, 0.5])


def test_crowding_by_hand():
    np.testing.assert_allclose(crowd([0.4, 0.1, 0.2], [0.2, 0.1, 0.1], 0.5), [2**-0.5, 1, 2**-0.5])
    np.testing.assert_allclose(crowd([0.4], [0.2], 0.0), 1)
    np.testing.assert_allclose(crowd([0.4, 0.0], [0.0, 0.0], 1.0), [0, 1])


def test_impossible_requests_are_refused():
    with pytest.raises(ValueError, match="more than it has"):
        serve_highest([1, 2], [0, 0], [3])
    with pytest.raises(ValueError, match="codes from 0"):
        serve_by_lot([0, 5], [1])
    with pytest.raises(ValueError, match="zero or more"):
        crowd([1], [1], -0.5)
    with pytest.raises(ValueError, match="numbers"):
        serve_highest([np.nan], [0], [1])
