import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.decomposition.log_risk_ratio import gate_log_risk_ratios, standardised_rates
from se_outcomes.study.suppression_directions import Pointer


@pytest.fixture(scope="module")
def suppressed(tmp_path_factory):
    cases = so.simulate_cases(700, n_offices=4, seed=3).cases
    path = so.write_tally(
        cases,
        tmp_path_factory.mktemp("tally") / "tally.csv",
        columns=["motivation", "sex"],
        numbers="quarters",
        fine=True,
    )
    return so.load_tally(path).suppressed


def pointer_to(suppressed, exposure):
    return Pointer(suppressed.cases(suppressed.central()), suppressed, exposure, ())


def log_ratio(pointer, names, ends, n, office):
    """The sum of the log ratios by the package's own estimator, from counts by office, end and stage."""
    at_risk = np.zeros((office.max() + 1, 2, len(names)))
    passed = np.zeros_like(at_risk)
    for s, name in enumerate(names):
        inside, event = pointer.stage(name)
        for c, end in enumerate((1, -1)):
            chosen = n * inside * (ends == end)
            at_risk[:, c, s] = np.bincount(office, chosen, len(at_risk))
            passed[:, c, s] = np.bincount(office, chosen * event, len(at_risk))
    return gate_log_risk_ratios(standardised_rates(at_risk, passed)).sum()


@pytest.mark.parametrize("within_offices", [True, False])
@pytest.mark.parametrize("names", [("referral", "acceptance"), ("referral",), ("admission",)])
@pytest.mark.parametrize("exposure", ["motivation", "sex"])
def test_a_direction_of_a_ratio_is_its_derivative(suppressed, exposure, names, within_offices):
    pointer = pointer_to(suppressed, exposure)
    offices = np.unique(pointer.frame["office_id"].astype(str), return_inverse=True)[1]
    office = offices if within_offices else np.zeros_like(offices)
    central = suppressed.central()
    for ends in pointer.ends():
        told = pointer.log_ratio(names, ends, within_offices=within_offices)(central)
        n, step = pointer.n(central), 1e-4
        for cell in range(len(central)):
            moved = []
            for sign in (1, -1):
                near = n.copy()
                near[pointer.hidden][cell] += sign * step
                moved.append(log_ratio(pointer, names, ends, near, office))
            assert told[cell] == pytest.approx((moved[0] - moved[1]) / (2 * step), abs=1e-6)
        assert np.abs(told).max() > 1e-4


def test_ends_are_as_recorded_and_as_other_limits_would_have_them(suppressed):
    pointer = pointer_to(suppressed, "motivation")
    groups = pointer.text("motivation_group")
    first, *moved = pointer.ends()
    assert (first == np.select([groups == "q4", groups == "q1"], [1, -1], 0)).all()
    assert moved
    for ends in moved:
        # whole values are moved, from the middle to an end or back
        values = pointer.scaled[ends != first]
        assert len(values)
        assert pointer.scaled[ends == 1].min() > pointer.scaled[ends == -1].max()
    text = pointer_to(suppressed, "sex").text("sex")
    (levels,) = pointer_to(suppressed, "sex").ends()
    assert {(str(level), end) for level, end in zip(text, levels, strict=True)} == {
        ("male", 1.0),
        ("female", -1.0),
    } | ({("missing", 0.0)} if "missing" in set(text) else set())


@pytest.mark.parametrize("within_offices", [True, False])
def test_a_completion_in_a_direction_moves_the_ratio_that_way(suppressed, within_offices):
    pointer = pointer_to(suppressed, "motivation")
    offices = np.unique(pointer.frame["office_id"].astype(str), return_inverse=True)[1]
    office = offices if within_offices else np.zeros_like(offices)
    names, central = ("referral", "acceptance"), suppressed.central()
    for ends in pointer.ends():
        direction = pointer.log_ratio(names, ends, within_offices=within_offices)(central)
        high, middle, low = (
            log_ratio(pointer, names, ends, pointer.n(n), office)
            for n in (suppressed.complete(direction), central, suppressed.complete(-direction))
        )
        assert high > middle + 0.05
        assert low < middle - 0.05
