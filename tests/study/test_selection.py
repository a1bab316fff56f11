"""The decomposition of selection: by hand, exact sums, and refusals."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.selection import decompose_selection

COLUMNS = ["office_id", "born_abroad", "motivation", "referred", "accepted", "placed"]


def office(name, abroad, home):
    """Rows of an office: (accepted, refused, not referred) of those born abroad and of the others."""
    rows = []
    for level, (accepted, refused, out) in ((True, abroad), (False, home)):
        rows += [
            (name, level, 5.0, True, True, False, accepted),
            (name, level, 5.0, True, False, False, refused),
        ]
        rows.append((name, level, 5.0, False, None, False, out))
    return rows


@pytest.fixture
def small(expand, make_cases):
    table = (
        office("a", (8, 8, 24), (20, 10, 30))
        + office("b", (6, 9, 15), (24, 12, 9))
        + office("c", (5, 5, 10), (10, 10, 20))
    )
    return make_cases(expand(table, COLUMNS), exposure="born_abroad")


def row_of(result, term, adjustment="crude"):
    return result.estimates.query("term == @term and adjustment == @adjustment").iloc[0]


def test_crude_by_hand(small):
    result = decompose_selection(small)
    assert (result.top, result.bottom) == ("true", "false")
    gate_1 = np.log((41 / 90) / (86 / 145))
    gate_2 = np.log((19 / 41) / (54 / 86))
    assert row_of(result, "gate_1").estimate == pytest.approx(gate_1)
    assert row_of(result, "gate_2").estimate == pytest.approx(gate_2)
    assert row_of(result, "net").risk_ratio == pytest.approx((19 / 90) / (54 / 145))


def test_standardised_by_hand(small):
    """Gate 1, weights 100, 75, 60 of 235."""
    result = decompose_selection(small)
    abroad = (100 * 16 / 40 + 75 * 15 / 30 + 60 * 10 / 20) / 235
    home = (100 * 30 / 60 + 75 * 36 / 45 + 60 * 20 / 40) / 235
    found = row_of(result, "gate_1", "office_standardised")
    assert found.estimate == pytest.approx(np.log(abroad / home))


def test_errors_are_the_office_jackknife_by_hand(small):
    offices = np.array([[16 / 40, 30 / 60], [15 / 30, 36 / 45], [10 / 20, 20 / 40]])
    n = np.array([[40, 60], [30, 45], [20, 40]])

    def log_ratio(keep):
        share = (offices[keep] * n[keep]).sum(axis=0) / n[keep].sum(axis=0)
        return np.log(share[0] / share[1])

    full = log_ratio([0, 1, 2])
    left = np.array([log_ratio(keep) for keep in ([1, 2], [0, 2], [0, 1])])
    expected = np.sqrt(2 / 3 * ((left - full) ** 2).sum())
    assert row_of(decompose_selection(small), "gate_1").std_error == pytest.approx(expected)


def test_parts_add_up_and_the_nets_error_comes_from_the_joint_covariance(cases):
    result = decompose_selection(cases)
    for adjustment in ("crude", "office_standardised"):
        parts = [row_of(result, term, adjustment) for term in ("gate_1", "gate_2", "net")]
        assert parts[0].estimate + parts[1].estimate == pytest.approx(parts[2].estimate, abs=1e-12)
        assert parts[0].share + parts[1].share == pytest.approx(1)
        assert parts[2].std_error ** 2 == pytest.approx(result.covariance[adjustment].sum())
    rates = result.rates.query("adjustment == 'crude' and group == 'q4'").set_index("gate")
    assert rates["rate"]["net"] == pytest.approx(rates["rate"]["gate_1"] * rates["rate"]["gate_2"])


def test_joint_intervals_are_wider_for_the_gates_and_not_for_the_net(cases):
    result = decompose_selection(cases)
    gate, net = row_of(result, "gate_1"), row_of(result, "net")
    assert gate.joint_low < gate.conf_low < gate.conf_high < gate.joint_high
    assert (net.joint_low, net.joint_high) == (net.conf_low, net.conf_high)


def test_shares_of_a_net_of_about_nothing_are_missing(make_frame, make_cases):
    frame = make_frame()
    frame["motivation"] = np.random.default_rng(1).integers(0, 11, len(frame)).astype(float)
    result = decompose_selection(make_cases(frame))
    net = row_of(result, "net")
    assert net.conf_low < 0 < net.conf_high
    assert result.estimates.query("adjustment == 'crude'")["share"].isna().all()


def test_undecided_cases_are_in_gate_1_only(make_frame, make_cases):
    frame = make_frame()
    whole = decompose_selection(make_cases(frame))
    frame.loc[frame.index[frame["referred"].astype(bool)][:50], "accepted"] = pd.NA
    result = decompose_selection(make_cases(frame))
    assert row_of(result, "gate_1").estimate == pytest.approx(row_of(whole, "gate_1").estimate)
    assert any("Undecided" in warning for warning in result.warnings)


def test_merged_gates_give_the_net_only(make_frame, make_cases):
    frame = make_frame()
    merged = decompose_selection(make_cases(frame, gates="merged"))
    assert set(merged.estimates["term"]) == {"net"}
    assert any("merged" in refusal for refusal in merged.refusals)
    assert row_of(merged, "net").estimate == pytest.approx(
        row_of(decompose_selection(make_cases(frame)), "net").estimate
    )


def test_row_order_and_labels_change_nothing(make_frame, make_cases):
    frame = make_frame()
    shuffled = frame.sample(frac=1, random_state=2)
    shuffled["office_id"] = shuffled["office_id"].str[::-1]
    one, other = (decompose_selection(make_cases(f)).estimates for f in (frame, shuffled))
    pd.testing.assert_frame_equal(one, other, rtol=1e-8)


def test_protocol(cases):
    result = decompose_selection(cases)
    assert isinstance(result, Result)
    assert list(result.tidy().columns[:7]) == list(TIDY_COLUMNS)
    assert "q4 against q1" in result.summary()
    assert result.glance()["dof"] == 5


# by refusal


def test_an_empty_cell(expand, make_cases):
    table = office("a", (0, 8, 24), (20, 10, 30)) + office("b", (0, 9, 15), (24, 12, 9))
    with pytest.raises(EstimationError, match="passing acceptance") as refusal:
        decompose_selection(make_cases(expand(table, COLUMNS)), exposure="born_abroad")
    assert refusal.value.reason == "empty_cell"


def test_an_office_without_one_of_the_groups(expand, make_cases):
    table = (
        office("a", (8, 8, 24), (20, 10, 30))
        + office("b", (6, 9, 15), (24, 12, 9))
        + office("c", (0, 0, 0), (10, 9, 8))
    )
    result = decompose_selection(make_cases(expand(table, COLUMNS)), exposure="born_abroad")
    assert set(result.estimates["adjustment"]) == {"crude"}
    assert any("1 of 3 offices" in refusal for refusal in result.refusals)


def test_a_group_that_passes_in_one_office_only_has_no_interval(expand, make_cases):
    table = (
        office("a", (8, 8, 24), (20, 10, 30))
        + office("b", (0, 9, 15), (24, 12, 9))
        + office("c", (0, 5, 6), (10, 9, 8))
    )
    result = decompose_selection(make_cases(expand(table, COLUMNS)), exposure="born_abroad")
    assert np.isfinite(row_of(result, "gate_2").estimate)
    assert np.isnan(row_of(result, "gate_2").std_error)
    assert any("No interval is given (crude)" in refusal for refusal in result.refusals)


def test_one_office(make_frame, make_cases):
    with pytest.raises(EstimationError) as refusal:
        decompose_selection(make_cases(make_frame(300, 1)))
    assert refusal.value.reason == "one_office"


def test_constant_exposure(make_frame, make_cases):
    with pytest.raises(EstimationError) as refusal:
        decompose_selection(make_cases(make_frame().assign(motivation=5.0)))
    assert refusal.value.reason in ("exposure_constant", "empty_cell")


def test_a_gate_that_everybody_passes_has_no_test(expand, make_cases):
    table = office("a", (8, 0, 24), (20, 0, 30)) + office("b", (6, 0, 15), (24, 0, 9))
    result = decompose_selection(make_cases(expand(table, COLUMNS)), exposure="born_abroad")
    row = row_of(result, "gate_2")
    assert row.estimate == 0
    assert np.isnan(row.p_value)
    assert any("A gate has no test (crude)" in refusal for refusal in result.refusals)
