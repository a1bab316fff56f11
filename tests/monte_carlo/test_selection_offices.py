"""The selection probit across offices: a cell in short, and the full table of ``selection_offices.py`` (slow)."""

import os
from dataclasses import replace

import numpy as np
import pytest
from monte_carlo.harness import measured_share, run, share_within
from monte_carlo.selection_offices import CELLS, COVERED, OPEN_GATE, SLOPE_AT, Cell, line, misses, truth
from scipy.special import ndtr

#: In a worker of pytest-xdist the other cores have work of their own.
PROCESSES = 1 if "PYTEST_XDIST_WORKER" in os.environ else None


def test_the_truth_is_that_of_many_offices():
    cases = Cell(4000).design.draw(1, 0)
    # the outcome of everybody, whom the gate let through or not: an office's 100 cases share a deviation
    shares = cases.y.reshape(4000, 100).mean(axis=1)
    assert shares.mean() == pytest.approx(OPEN_GATE, abs=3 * shares.std() / np.sqrt(4000))
    assert truth(0.5)["ame"] == SLOPE_AT
    near = np.abs(cases.x) < 0.1
    assert cases.y[near].mean() == pytest.approx(ndtr(-0.2 / np.sqrt(1 + 0.3**2)), abs=0.01)


def test_every_method_finds_something():
    table = Cell(5).run(2, processes=1)
    assert all(table[name].covered.n == 2 for name in COVERED)
    only = Cell(5, rho=0.0).run(2, processes=1)
    assert set(only.rows) == {"rho = 0", "rho = 0, LR"}


def test_a_cell_in_short():
    """12 replications: the package's intervals cover; a fifth as wide they would not."""
    cell = Cell(5)
    table = run(cell.design, find_with_a_narrow_one, replications=12, seed=5, processes=1)
    narrow = table.rows.pop("narrow")
    found = [miss for miss in misses(cell, table) if "known to fail" not in miss]
    assert found == []
    assert not share_within(narrow.covered, (0.92, 1.0))


def find_with_a_narrow_one(cases):
    """What the package finds, and its interval of the open gate too narrow: the harness must be able to see it."""
    found = dict(Cell(5).find(cases))
    gate = found["open_gate"]
    middle, half = (gate.low + gate.high) / 2, (gate.high - gate.low) / 10
    return {**found, "narrow": replace(gate, low=middle - half, high=middle + half)}


def test_no_replication_is_outside_every_band():
    assert not share_within(measured_share(np.zeros(0)), (0.0, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_table(cell):
    table = cell.run(2000, processes=PROCESSES)
    print(line(cell, table))
    assert misses(cell, table) == []
