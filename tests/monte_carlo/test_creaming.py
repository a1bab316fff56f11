"""Who is taken, what SE does, and both gates: cells in short, and the full table of ``creaming.py`` (slow)."""

import os
from dataclasses import replace

import pytest
from monte_carlo.creaming import (
    CELLS,
    COVERAGE_FIVE,
    KNOWN_TO_FAIL,
    REPLICATIONS,
    Cell,
    counting_untold,
    find_effects,
    line,
    misses,
    tell_truth,
)
from monte_carlo.harness import Measured, run, share_within

#: In a worker of pytest-xdist the other cores have work of their own.
PROCESSES = 1 if "PYTEST_XDIST_WORKER" in os.environ else None


def test_the_truth_is_that_of_the_model():
    """The figures of the plain model: an effect of 13 points on the accepted behind a gap of 26."""
    truth = tell_truth(())
    assert truth["effect within accepted effect causal"] == pytest.approx(0.13, abs=0.01)
    assert truth["effect none naive effect"] == pytest.approx(0.26, abs=0.01)
    assert truth["effect within all effect causal"] == pytest.approx(0.11, abs=0.01)
    # what is recorded cannot tell that effect
    assert truth["effect within all effect"] > 0.18


def test_every_method_finds_something():
    found = {}
    for asked in ("both", "lottery"):
        table = Cell(asked, 1200, 5).run(2, processes=1)
        assert table.failed == {}
        found |= {(asked, name): row.covered.n for name, row in table.rows.items()}
    # a ratio is not told where the predictions differ by noise alone, as they often do at this size
    told = {n for (asked, name), n in found.items() if asked == "lottery" or not name.endswith("ratio")}
    assert told == {2}
    assert 0 < found["both", "creaming both ratio"] <= 2


def test_effects_in_short():
    """Ten replications: the effect on what is recorded covers its own value; the raw gap does not cover the effect."""
    design = Cell("effects", 1200, 5).design
    table = run(design, find_with_a_narrow_one, replications=10, seed=7, processes=1)
    for name in ("within accepted", "across accepted", "within overlap", "policy need_first"):
        assert share_within(table[name].covered, COVERAGE_FIVE), name
    for name in ("naive", "narrow"):
        assert not share_within(table[name].covered, COVERAGE_FIVE), name


def find_with_a_narrow_one(cases):
    """What the package finds, and one of its intervals too narrow: the harness must be able to see it."""
    found = dict(find_effects(cases))
    one = found["within overlap"]
    middle, half = (one.low + one.high) / 2, (one.high - one.low) / 10
    return {**found, "narrow": replace(one, low=middle - half, high=middle + half)}


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_table(cell):
    table = cell.run(REPLICATIONS[cell.asked], processes=PROCESSES)
    print(line(cell, table))
    assert misses(cell, table) == []


def test_what_is_not_told_is_not_wrong():
    assert counting_untold(Measured(0.5, 0.25, 4), 100).value == 0.98
    assert counting_untold(Measured(float("nan"), float("nan"), 0), 100).value == 1.0


def test_what_must_fail_is_in_the_table():
    rows = Cell("effects", 600, 5).run(1, processes=1).rows
    assert set(KNOWN_TO_FAIL) <= set(rows)
