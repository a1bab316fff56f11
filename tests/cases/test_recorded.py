"""The population in its recorded cells: by hand, and the logits on them against textbook cases."""

import numpy as np
import pytest
from scipy.special import expit

from se_outcomes.cases.gate_model import UNDECIDED_SHARE, GateModel, Ruler, draw_offices
from se_outcomes.cases.population import Population, make_grid
from se_outcomes.cases.recorded import fit_pooled, mean, predict, record_population, served_first


def population_of(model, n_offices=3, seed=1, **recorded):
    offices = draw_offices(n_offices, model, np.random.default_rng(seed))
    return Population(model, offices, make_grid(model.ruler), **recorded)


@pytest.fixture(scope="module")
def population():
    return population_of(GateModel())


@pytest.fixture(scope="module")
def cells(population):
    return record_population(population)


class TestCells:
    def test_hold_everyone_once(self, population, cells):
        assert cells.eligible.shape == (3, 11 * 16)
        assert cells.eligible.sum(axis=1) == pytest.approx(population.offices.share, abs=1e-9)
        assert cells.rest + cells.accepted == pytest.approx(cells.eligible, abs=1e-12)

    def test_undecided_are_referred_and_not_accepted(self, population, cells):
        decided = (population.acceptance.at_risk * population.acceptance.chance).sum()
        assert cells.accepted.sum() == pytest.approx((1 - UNDECIDED_SHARE) * decided, abs=1e-12)
        assert cells.referred.sum() == pytest.approx(population.acceptance.at_risk.sum(), abs=1e-12)

    def test_placed_are_placed_with_or_without_support(self, population, cells):
        passage = population.placement_of_eligible
        placed = (passage.at_risk * passage.chance).sum()
        assert (cells.placed_accepted + cells.placed_rest).sum() == pytest.approx(placed, abs=1e-12)

    def test_quarter_and_motivation_are_those_of_the_value(self, population, cells):
        grid = population.grid
        assert cells.quarter.tolist() == np.repeat(grid.group, 16).tolist()
        assert cells.X[:, 1] == pytest.approx(np.repeat(grid.scaled, 16))
        assert (cells.X[:, 0] == 1).all()
        assert cells.X.shape[1] == 2 + 3 + 3

    def test_with_employability_are_the_same_cells_taken_apart(self, cells):
        apart = record_population(population_of(GateModel(), employability_recorded=True))
        assert apart.X.shape == (11 * 25 * 16, 9)
        for name in ("eligible", "accepted", "placed_rest"):
            together = getattr(apart, name).reshape(3, 11, 25, 16).sum(axis=2).reshape(3, -1)
            assert together == pytest.approx(getattr(cells, name), abs=1e-14)
        rows = apart.X.reshape(11, 25, 16, 9)
        assert rows[:, :, :, :8] == pytest.approx(
            np.broadcast_to(cells.X.reshape(11, 1, 16, 8), (11, 25, 16, 8))
        )
        assert rows[..., 8].mean(axis=(0, 2)) == pytest.approx(apart.X.reshape(11, 25, 16, 9)[0, :, 0, 8])


class TestFits:
    def test_pooled_logit_by_hand(self):
        """Shares 1/4 and 3/4: the log odds are -log 3 and log 3. A second set has 1/2 and 1/2."""
        found = fit_pooled(
            np.array([[4.0, 8.0], [2.0, 6.0]]),
            np.array([[1.0, 6.0], [1.0, 3.0]]),
            np.array([[1.0, 0.0], [1.0, 1.0]]),
        )
        assert found == pytest.approx(np.array([[-np.log(3), 2 * np.log(3)], [0, 0]]), abs=1e-12)

    def test_pooled_logit_without_a_maximum_is_refused(self):
        with pytest.raises((RuntimeError, np.linalg.LinAlgError)), np.errstate(all="ignore"):
            fit_pooled(np.array([[4.0, 6]]), np.array([[0.0, 6]]), np.array([[1.0, 0.0], [1.0, 1.0]]))

    def test_across_leaves_the_office_out(self, cells):
        """Each office's prediction is that of a logit on the two others; what is in the office does not matter."""
        found = predict(cells, "across")
        others = fit_pooled(
            cells.rest[[0, 2]].sum(axis=0)[None], cells.placed_rest[[0, 2]].sum(axis=0)[None], cells.X
        )
        assert found.without_se[1] == pytest.approx(expit(cells.X @ others[0]), abs=1e-10)

    def test_within_predicts_every_offices_own_mean(self, cells):
        """The score equations of a logit with office intercepts."""
        found = predict(cells, "within")
        assert (found.chance * cells.eligible).sum(axis=1) == pytest.approx(cells.capacity, abs=1e-10)
        assert (found.with_se * cells.accepted).sum(axis=1) == pytest.approx(
            cells.placed_accepted.sum(axis=1), abs=1e-10
        )
        assert (found.without_se * cells.rest).sum(axis=1) == pytest.approx(
            cells.placed_rest.sum(axis=1), abs=1e-10
        )

    def test_offices_that_are_alike_predict_each_other(self):
        cells = record_population(population_of(GateModel(variation=0.0)))
        across, within = cells.predictions["across"], cells.predictions["within"]
        for name in ("chance", "without_se", "with_se"):
            assert getattr(across, name) == pytest.approx(getattr(within, name), abs=1e-9)

    def test_of_one_office_there_is_nothing_across(self):
        assert set(record_population(population_of(GateModel(), n_offices=1)).predictions) == {"within"}

    def test_right_logits_predict_the_true_chances(self):
        """Motivation exact and employability recorded: placement is such a logit, in every cell."""
        model = GateModel(ruler=Ruler(rounded=False))
        cells = record_population(population_of(model, employability_recorded=True))
        found = predict(cells, "within")
        for name in ("without_se", "with_se"):
            true = getattr(cells, name) / cells.eligible
            assert mean(np.abs(getattr(found, name) - true), cells.eligible) < 1e-9


class TestServedFirst:
    def test_highest_score_first_and_a_part_of_the_last(self):
        """1.5 places: all of the second cell (1.0), a quarter of the first (0.5 of 2)."""
        found = served_first(np.array([[0.5, 0.9, 0.1]]), np.array([[2.0, 1.0, 3.0]]), np.array([1.5]))
        assert found == pytest.approx(np.array([[0.25, 1.0, 0.0]]))

    def test_each_office_has_its_own_places(self):
        found = served_first(np.array([[1.0, 2.0]] * 2), np.ones((2, 2)), np.array([2.0, 0.5]))
        assert found == pytest.approx(np.array([[1.0, 1.0], [0.0, 0.5]]))

    def test_a_cell_of_nobody_has_nobody_to_serve(self):
        found = served_first(np.array([[2.0, 1.0]]), np.array([[0.0, 1.0]]), np.array([1.0]))
        assert found.tolist() == [[0.0, 1.0]]
