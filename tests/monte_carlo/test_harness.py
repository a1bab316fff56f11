"""The harness measures what it says, on means of normal values, whose sizes and coverages are known."""

import math
import os
from functools import partial

import numpy as np
import pytest
from monte_carlo.few_offices import Cell, compare_methods
from monte_carlo.harness import (
    Design,
    Finding,
    Measured,
    attempt,
    counting_failures,
    mean_within,
    measured_sd,
    run,
    share_within,
    tabulate,
)
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from se_outcomes.errors import EstimationError


def simulate_sample(generator, *, size, mean=0.0):
    return generator.normal(mean, 1.0, size)


def t_and_z(sample):
    """The mean with t and, wrongly, with the normal distribution."""
    estimate, error = float(sample.mean()), float(sample.std(ddof=1)) / math.sqrt(len(sample))
    dof, found = len(sample) - 1, {}
    references = {"t": (partial(stdtr, dof), stdtrit(dof, 0.975)), "z": (ndtr, ndtri(0.975))}
    for name, (below, quantile) in references.items():
        low, high = estimate - quantile * error, estimate + quantile * error
        found[name] = Finding("mean", estimate, low, high, 2 * below(-abs(estimate) / error))
    return found


FIVE = Design("five values", simulate_sample, {"mean": 0.0}, {"size": 5})


@pytest.fixture(scope="module")
def table():
    return run(FIVE, t_and_z, replications=2000, seed=1, processes=1)


def test_size_coverage_bias_and_spread_are_the_known_ones(table):
    row = table["t"]
    assert share_within(row.rejected, (0.05, 0.05))
    assert share_within(row.covered, (0.95, 0.95))
    assert mean_within(row.bias, (0.0, 0.0))
    assert mean_within(row.sd, (1 / math.sqrt(5), 1 / math.sqrt(5)))
    expected_width = 2 * stdtrit(4, 0.975) / math.sqrt(5) * math.sqrt(2 / 4) * math.gamma(2.5) / math.gamma(2)
    assert mean_within(row.width, (expected_width, expected_width))
    assert row.rejected.n == row.covered.n == table.replications == 2000
    assert table.n_failed == 0


def test_it_finds_a_method_that_fails(table):
    expected = 2 * float(stdtr(4, ndtri(0.025)))  # .122
    assert share_within(table["z"].rejected, (expected, expected))
    assert not share_within(table["z"].rejected, (0.035, 0.075))
    assert not share_within(table["z"].covered, (0.93, 0.965))


def test_bias_is_from_the_truth_of_the_design():
    shifted = Design("shifted", simulate_sample, {"mean": 2.5}, {"size": 400, "mean": 3.0})
    row = run(shifted, t_and_z, replications=50, seed=1, processes=1)["t"]
    assert row.bias.value == pytest.approx(0.5, abs=0.03)
    assert row.mean.value == pytest.approx(row.bias.value + 2.5)
    assert row.covered.value == 0


def test_errors_are_those_of_repeated_runs():
    tables = [run(FIVE, t_and_z, replications=100, seed=seed, processes=1)["t"] for seed in range(200)]
    for name in ("rejected", "covered", "bias", "width", "sd"):
        measured = [getattr(row, name) for row in tables]
        spread = np.std([one.value for one in measured], ddof=1)
        assert np.mean([one.error for one in measured]) == pytest.approx(spread, rel=0.15)


def test_the_error_of_a_standard_deviation_of_normal_values():
    values = np.random.default_rng(0).normal(0, 3, 100_000)
    assert measured_sd(values).error == pytest.approx(3 / math.sqrt(2 * len(values)), rel=0.03)
    assert measured_sd(np.ones(4)) == Measured(0.0, 0.0, 4)


# ------------------------------------------------------------------------------------------------ common numbers


def test_estimators_see_the_same_data():
    seen = {"first": [], "second": []}

    def look(sample, *, name, uses=0):
        seen[name].append(sample.tolist())
        np.random.default_rng(uses).normal(size=uses)  # an estimator's own draws change nothing
        return {}

    run(FIVE, partial(look, name="first"), replications=7, seed=3, processes=1)
    run(FIVE, partial(look, name="second", uses=9), replications=5, seed=3, processes=1)
    assert seen["second"] == seen["first"][:5]
    assert seen["first"][4] == FIVE.draw(3, 4).tolist()
    assert seen["first"][4] == np.random.default_rng([3, 4]).normal(size=5).tolist()
    assert len({tuple(sample) for sample in seen["first"]}) == 7


def test_another_seed_is_other_data():
    assert FIVE.draw(1, 2).tolist() != FIVE.draw(2, 1).tolist()


def test_the_number_of_processes_changes_nothing():
    cell = Cell("continuous", 5)
    environment = dict(os.environ)
    tables = [run(cell.design, compare_methods, replications=10, seed=1, processes=n) for n in (1, 2)]
    assert dict(os.environ) == environment
    for method in ("ML", "CV1", "CV3", "CR2"):
        assert tables[0][method] == tables[1][method]
    assert tables[0]["WCLR-S webb"].rejected == tables[1]["WCLR-S webb"].rejected


# ------------------------------------------------------------------------------------------------ failures


def refuse(sample, *, below=-0.3):
    """Fails as a whole where the first value is high; one of two methods fails where the mean is low."""
    if sample[0] > 1:
        raise EstimationError("High.", reason="not_converged")

    def careful():
        if sample.mean() < below:
            raise EstimationError("Low.", reason="separation")
        return Finding("mean", float(sample.mean()))

    return {"plain": Finding("mean", float(sample.mean())), "careful": attempt("mean", careful)}


def test_failures_are_counted_by_reason():
    samples = [FIVE.draw(5, number) for number in range(200)]
    high = sum(sample[0] > 1 for sample in samples)
    low = sum(sample[0] <= 1 and sample.mean() < -0.3 for sample in samples)
    found = run(FIVE, refuse, replications=200, seed=5, processes=1)
    assert high > 0 < low
    assert found.failed == {"not_converged": high}
    assert found["plain"].failed == {"not_converged": high}
    assert found["careful"].failed == {"not_converged": high, "separation": low}
    assert found["plain"].bias.n == 200 - high
    assert found["careful"].bias.n == 200 - high - low
    assert found.n_failed == 2 * high + low


def test_a_table_of_nothing_but_failures():
    found = tabulate(FIVE, ["separation", "collinearity", "separation"])
    assert found.failed == {"separation": 2, "collinearity": 1}
    assert found.rows == {}
    assert found.n_failed == found.replications == 3


def test_a_name_that_a_replication_lacks_is_a_failure_there():
    found = tabulate(FIVE, [{"a": Finding("mean", 1.0)}, {"b": Finding("mean", 2.0)}])
    assert found["a"].failed == found["b"].failed == {"absent": 1}


def test_an_error_that_is_not_an_estimation_error_is_not_caught():
    with pytest.raises(ZeroDivisionError):
        run(FIVE, lambda sample: {"a": Finding("mean", 1 / 0)}, replications=2, seed=1, processes=1)


# ------------------------------------------------------------------------------------------------ what is missing


def test_what_a_method_does_not_say_is_not_measured():
    row = tabulate(FIVE, [{"a": Finding("mean", p_value=p)} for p in (0.01, 0.2)])["a"]
    assert row.rejected == Measured(0.5, math.sqrt(0.125), 2)
    assert row.covered.n == row.bias.n == row.width.n == row.sd.n == 0
    assert not share_within(row.covered, (0.0, 1.0))
    assert row.failed == {}


def test_without_a_truth_there_is_a_mean_and_no_bias():
    row = tabulate(FIVE, [{"df": Finding("degrees of freedom", value)} for value in (3.0, 5.0)])["df"]
    assert row.mean == Measured(4.0, 1.0, 2)
    assert row.bias.n == 0


def test_an_infinite_interval_covers_and_has_infinite_width():
    row = tabulate(FIVE, [{"a": Finding("mean", 1.0, -math.inf, high)} for high in (-1.0, math.inf)])["a"]
    assert row.covered.value == 0.5
    assert row.width.value == math.inf


def test_bands_allow_two_monte_carlo_errors():
    at_the_end = 0.07 + 2 * math.sqrt(0.07 * 0.93 / 2000)
    assert share_within(Measured(at_the_end - 1e-6, 0.0, 2000), (0.035, 0.07))
    assert not share_within(Measured(at_the_end + 1e-6, 0.0, 2000), (0.035, 0.07))
    assert not share_within(Measured(0.02, 0.0, 2000), (0.035, 0.07))
    assert share_within(Measured(0.02, 0.0, 100), (0.035, 0.07))
    assert mean_within(Measured(0.0119, 0.001, 10), (-0.01, 0.01))
    assert not mean_within(Measured(-0.0121, 0.001, 10), (-0.01, 0.01))
    assert not mean_within(Measured(math.nan, math.nan, 0), (-1.0, 1.0))


def test_failures_can_be_held_against_a_method():
    share = Measured(0.05, 0.01, 95)
    assert counting_failures(share, {"separation": 5}, happened=True).value == pytest.approx(0.0975)
    assert counting_failures(share, {"separation": 5}, happened=False).value == pytest.approx(0.0475)
    assert counting_failures(share, {}, happened=True).value == 0.05
    nothing = counting_failures(Measured(math.nan, math.nan, 0), {"separation": 5}, happened=True)
    assert (nothing.value, nothing.n) == (1.0, 5)
