"""Overlap: sizes and cuts by hand, and the cut against a search."""

import numpy as np
import pytest

from se_outcomes.counterfactual.overlap import crump_alpha, look_at_overlap


def test_sizes_and_shares_by_hand():
    """Treated weigh 2, 2 and 10: 14^2 / 108; untreated 2, 2, 1 / 0.99 twice."""
    found = look_at_overlap([1, 1, 1, 0, 0, 0], [0.5, 0.5, 0.1, 0.5, 0.5, 0.01], counts=[1, 1, 1, 1, 1, 2])
    assert found.ess_treated == pytest.approx(14**2 / 108)
    little = 1 / 0.99
    assert found.ess_untreated == pytest.approx((4 + 2 * little) ** 2 / (8 + 2 * little**2))
    assert (found.share_below, found.share_above) == (pytest.approx(2 / 7), 0.0)
    assert found.largest_weight_share == pytest.approx(10 / 14)


def test_equal_chances_lose_nothing():
    found = look_at_overlap([1, 0, 0, 1], [0.3] * 4)
    assert (found.ess_treated, found.ess_untreated) == (pytest.approx(2), pytest.approx(2))
    assert (found.alpha, found.share_kept) == (0.0, 1.0)


def variance(chance, counts, alpha):
    kept = (chance >= alpha) & (chance <= 1 - alpha)
    return (counts[kept] / (chance[kept] * (1 - chance[kept]))).sum() / counts[kept].sum() ** 2


@pytest.mark.parametrize("seed", range(8))
def test_the_cut_has_the_least_variance_of_all_cuts(seed):
    random = np.random.default_rng(seed)
    chance, counts = random.beta(0.4, 0.9, 400), random.integers(1, 4, 400).astype(float)
    alpha = crump_alpha(chance, counts=counts)
    assert alpha > 0.02
    best = min(variance(chance, counts, cut) for cut in np.linspace(0, 0.45, 4001))
    assert variance(chance, counts, alpha) <= best * (1 + 1e-12)
    k = 1 / (chance * (1 - chance))
    gamma = 1 / (alpha * (1 - alpha))
    assert gamma == pytest.approx(2 * np.average(k[k <= gamma], weights=counts[k <= gamma]))


def test_cells_and_rows_agree():
    random = np.random.default_rng(2)
    chance, treated = random.beta(0.5, 1, 60), random.integers(0, 2, 60)
    counts = random.integers(1, 5, 60)
    by_rows = look_at_overlap(np.repeat(treated, counts), np.repeat(chance, counts))
    by_cells = look_at_overlap(treated, chance, counts=counts)
    for name in (
        "ess_treated",
        "ess_untreated",
        "share_below",
        "largest_weight_share",
        "alpha",
        "share_kept",
    ):
        assert getattr(by_cells, name) == pytest.approx(getattr(by_rows, name))


def test_a_group_without_cases_has_no_size():
    assert look_at_overlap([1, 1], [0.4, 0.6]).ess_untreated == 0.0


def test_certainty_is_refused():
    with pytest.raises(ValueError, match="above 0 and below 1"):
        look_at_overlap([1, 0], [1.0, 0.5])
