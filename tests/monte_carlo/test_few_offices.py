"""Size and coverage with few offices: two cells in short, and the full table of ``few_offices.py`` (slow)."""

import os

import numpy as np
import pytest
from monte_carlo.few_offices import CELLS, METHODS, Cell, line, misses, office_sizes

#: In a worker of pytest-xdist the other cores have work of their own.
PROCESSES = 1 if "PYTEST_XDIST_WORKER" in os.environ else None


def test_offices_have_80_cases_on_average_and_differ_sevenfold():
    assert office_sizes(5).tolist() == [20, 50, 80, 110, 140]
    for n_offices in (8, 12, 30):
        sizes = office_sizes(n_offices)
        assert sizes.mean() == pytest.approx(80, rel=0.01)
        assert sizes.max() / sizes.min() == pytest.approx(7, rel=0.03)


@pytest.mark.parametrize(("exposure", "exposed"), [("continuous", None), ("binary", 2)])
def test_an_exposure_of_the_office_is_the_same_for_its_cases(exposure, exposed):
    cases = Cell(exposure, 5).design.draw(1, 0)
    values = [np.unique(cases.exposure[cases.office == office]) for office in range(5)]
    assert all(len(value) == 1 for value in values)
    sizes = np.bincount(cases.office, cases.counts)
    assert sizes.tolist() == office_sizes(5).tolist()
    if exposed is not None:
        assert sum(value[0] for value in values) == exposed


def test_every_method_finds_something():
    table = Cell("within", 8, intercepts=True).run(3, processes=1)
    assert all(table[method].rejected.n == 3 for method in METHODS)
    assert table.n_failed == 0


@pytest.mark.parametrize(
    ("cell", "replications"), [(Cell("continuous", 5), 200), (Cell("within", 8), 60)], ids=str
)
def test_two_cells_in_short(cell, replications):
    """With the first CV1 has to fail."""
    assert misses(cell, cell.run(replications, processes=1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.name}-{cell.n_offices}")
def test_the_table(cell):
    table = cell.run(2000, processes=PROCESSES)
    print(line(cell, table))
    assert misses(cell, table) == []
