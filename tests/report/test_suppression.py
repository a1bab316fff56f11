"""The suppression plan: by hand, against an attacker who tries every table, and by property."""

import numpy as np
import pytest

from se_outcomes.errors import DisclosureError
from se_outcomes.report.suppression import Published, plan_suppression


def published(cells, sets, shares=(), known=(), rank=None, share_rank=None):
    n = len(cells)
    return Published(
        cells=np.array(cells, dtype=float),
        sets=np.array(sets, dtype=bool).reshape(-1, n),
        shares=np.array(shares, dtype=np.int64).reshape(-1, 2),
        known=np.array(known, dtype=bool).reshape(-1, n),
        rank=np.zeros(len(sets), dtype=np.int64) if rank is None else np.array(rank),
        share_rank=np.zeros(len(shares), dtype=np.int64) if share_rank is None else np.array(share_rank),
    )


def two_way(table):
    """Cells of a table, and the sets of its cells, rows, columns and total."""
    rows, columns = table.shape
    place = np.arange(rows * columns).reshape(rows, columns)
    sets = [np.isin(place.ravel(), [cell]) for cell in place.ravel()]
    sets += [np.isin(place.ravel(), place[i]) for i in range(rows)]
    sets += [np.isin(place.ravel(), place[:, j]) for j in range(columns)]
    sets.append(np.ones(rows * columns, dtype=bool))
    return table.ravel(), np.array(sets)


# by hand


def test_nothing_small_nothing_withheld():
    cells, sets = two_way(np.array([[10, 20], [30, 40]]))
    assert not plan_suppression(published(cells, sets), 5).counts.any()


def test_one_small_cell_takes_a_rectangle_with_it():
    """In a 2 x 2 table with its margins one cell tells all four: all four must go, or margins."""
    cells, sets = two_way(np.array([[2, 20], [30, 40]]))
    withheld = plan_suppression(published(cells, sets, rank=[0] * 4 + [1] * 5), 5).counts
    assert withheld[:4].all()
    assert not withheld[4:].any()


def test_the_lower_rank_goes_first():
    sets = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    for spared in (1, 2):
        rank = [0, 0, 0, 9]
        rank[spared] = 5
        withheld = plan_suppression(published([3, 50, 60], sets, rank=rank), 5).counts
        assert withheld.tolist() == [True, spared != 1, spared != 2, False]


def test_the_smallest_of_a_rank_goes_first():
    sets = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    assert plan_suppression(published([3, 60, 50], sets, rank=[0, 0, 0, 9]), 5).counts.tolist() == [
        True, False, True, False,
    ]  # fmt: skip


def test_a_difference_of_two_nested_counts_is_seen():
    """400 eligible, 398 of them with a value: neither is small, the two without are."""
    withheld = plan_suppression(published([398, 2], [[1, 1], [1, 0]]), 5).counts
    assert withheld.sum() == 1


def test_a_difference_of_three_counts_is_seen():
    """All less two groups leaves the few of a third that is published nowhere."""
    withheld = plan_suppression(published([100, 80, 3], [[1, 1, 1], [1, 0, 0], [0, 1, 0]]), 5).counts
    assert withheld.sum() == 1


@pytest.mark.parametrize("part", [0, 3, 40])
def test_a_share_of_none_few_or_all_is_withheld_with_its_count(part):
    """40 at risk, of whom 0, 3 or all 40 passed."""
    plan = plan_suppression(published([part, 40 - part], [[1, 1], [1, 0]], shares=[(0, 1)]), 5)
    assert plan.counts.tolist() == [False, True]
    assert plan.shares.tolist() == [True]


def test_zero_without_a_share_may_be_told():
    assert not plan_suppression(published([0, 40], [[1, 1], [1, 0]]), 5).counts.any()


def test_a_share_survives_the_count_that_protects_others():
    """12 of 20 in a group beside 3 of 30: the 12 goes, "60 per cent" of the 20 stays only if it hides enough."""
    sets = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0], [1, 0, 1, 0], [1, 1, 1, 1]])
    shares = [(0, 1), (2, 3)]
    plan = plan_suppression(published([12, 8, 3, 27], sets, shares=shares, rank=[1, 0, 1, 0, 2, 2]), 5)
    assert plan.counts[3]
    assert plan.shares[1]
    # with 60 per cent of 20 known to half a per cent the 12 is known, and so is the 3 out of 15
    assert plan.counts[1]
    assert plan.shares[0] or plan.counts[0] or plan.counts[4]


def test_what_is_known_and_cannot_be_withheld_is_refused():
    with pytest.raises(DisclosureError, match="known from elsewhere"):
        plan_suppression(published([3, 40], [[1, 1]], known=[[1, 0]]), 5)


def test_a_larger_threshold_withholds_no_less():
    random = np.random.default_rng(3)
    for _ in range(10):
        cells, sets = two_way(random.integers(0, 30, (3, 4)))
        small, large = (plan_suppression(published(cells, sets), threshold).counts for threshold in (3, 10))
        values = np.array(sets) @ cells
        assert (small & (values > 0) & (values < 3)).sum() == ((values > 0) & (values < 3)).sum()
        assert (large & (values > 0) & (values < 10)).sum() == ((values > 0) & (values < 10)).sum()


# against an attacker


def tables_that_agree(cells, sets, plan, most):
    """Every table (m, n) of whole numbers up to ``most`` with all that is told about the true one."""
    kept = np.array(sets)[~plan.counts].astype(np.float32)
    told = kept @ np.array(cells, dtype=np.float32)
    rest = np.indices((most + 1,) * (len(cells) - 1)).reshape(len(cells) - 1, -1)
    found = []
    for first in range(most + 1):
        tables = np.vstack([np.full((1, rest.shape[1]), first), rest])
        found.append(tables[:, (kept @ tables.astype(np.float32) == told[:, None]).all(axis=0)].T)
    return np.vstack(found)


@pytest.mark.parametrize("seed", range(12))
def test_an_attacker_with_all_tables_cannot_tell_that_a_small_cell_is_small(seed):
    """2 x 3 tables with margins; their matrices are totally unimodular, so whole numbers tell no more."""
    random = np.random.default_rng(seed)
    table = random.integers(0, 9, (2, 3))
    if table.sum() < 6:
        table += 2
    cells, sets = two_way(table)
    plan = plan_suppression(published(cells, sets), 3)
    values = np.array(sets) @ cells
    sensitive = np.flatnonzero((values > 0) & (values < 3))
    agreeing = tables_that_agree(cells, sets, plan, int(cells.max()) + 4)
    assert (agreeing == cells).all(axis=1).any()
    assert ((agreeing @ sets.T).max(axis=0)[sensitive] >= 3).all()


def test_the_attack_succeeds_where_only_the_small_cell_is_withheld():
    """The check can fail: primary suppression alone is undone by subtraction."""
    cells, sets = two_way(np.array([[2, 6], [7, 8]]))
    plan = plan_suppression(published(cells, sets), 3)
    plan.counts[:] = False
    plan.counts[0] = True
    assert tables_that_agree(cells, sets, plan, 10).tolist() == [[2, 6, 7, 8]]


def test_row_order_of_cells_and_repeats_change_nothing():
    cells, sets = two_way(np.array([[2, 20, 9], [30, 4, 11]]))
    order = np.random.default_rng(0).permutation(len(cells))
    one = plan_suppression(published(cells, sets), 5).counts
    assert plan_suppression(published(cells[order], sets[:, order]), 5).counts.sum() == one.sum()
    split = plan_suppression(published([*cells, 0, 0], np.hstack([sets, sets[:, :2]])), 5).counts
    assert split.tolist() == one.tolist()
