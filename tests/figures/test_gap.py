"""The gap as steps: each begins where the one before ends, and the last ends where the whole does."""

import numpy as np
import pytest
from hand_made import make_effect, make_two_gates

from se_outcomes.figures.gap import describe_gap, draw_gap, gap_data

ALL = ["effect", "observed", "unobserved", "model", "raw"]


def bars(ax):
    return [(bar.get_x(), bar.get_width()) for bar in ax.patches]


def spans(ax):
    return [tuple(line.get_xdata()) for line in ax.lines if line.get_marker() == "|"]


def test_steps_by_hand():
    data = gap_data(make_two_gates())
    assert data["part"].tolist() == ALL
    assert data["start"].tolist() == pytest.approx([0, 13, 20, 0, 0])
    assert data["end"].tolist() == pytest.approx([13, 20, 25, 25, 26])
    ax = draw_gap(make_two_gates())
    assert np.array(bars(ax)) == pytest.approx(np.array([(0, 13), (13, 7), (20, 5), (0, 25), (0, 26)]))
    assert np.array(spans(ax)) == pytest.approx(np.array([(6, 20), (17, 23), (18, 32), (20, 30), (21, 31)]))


def test_a_negative_part_steps_back():
    result = make_two_gates()
    rows = result.averages["measure"].isin(["gap_observed", "gap_unobserved"])
    result.averages.loc[rows, "estimate"] = [-0.04, 0.16]
    assert bars(draw_gap(result))[:3] == [pytest.approx(step) for step in [(0, 13), (13, -4), (9, 16)]]


def test_of_an_effect_there_are_two_parts_and_the_whole():
    data = gap_data(make_effect())
    assert data["part"].tolist() == ["effect", "observed", "total"]
    assert data["end"].tolist() == pytest.approx([13, 26, 26])


def test_without_outcomes_for_all_there_is_no_effect():
    data = gap_data(make_two_gates("accepted"))
    assert data["part"].tolist() == ["observed", "unobserved", "model"]
    assert data["end"].tolist() == pytest.approx([5, 9, 9])
    assert "everyone with open gates" in describe_gap(make_two_gates("accepted"))
    assert "the others" in describe_gap(make_two_gates())


def test_after_a_part_that_is_withheld_no_step_is_drawn(read):
    result = make_two_gates()
    result.averages.loc[
        result.averages["measure"] == "gap_observed", ["estimate", "conf_low", "conf_high"]
    ] = np.nan
    ax = draw_gap(result)
    assert bars(ax) == [pytest.approx(step) for step in [(0, 13), (0, 25), (0, 26)]]
    assert read(ax).count("withheld") == 1
    assert "5.0 (−2.0 to 12.0)" in read(ax)


def test_a_set_is_told_by_its_ends_and_not_drawn(read):
    result = make_two_gates()
    result.averages.loc[result.averages["measure"] == "gap_unobserved", "estimate"] = np.nan
    ax = draw_gap(result)
    assert bars(ax) == [pytest.approx(step) for step in [(0, 13), (13, 7), (0, 25), (0, 26)]]
    assert "−2.0 to 12.0, no single value" in read(ax)
    assert "Selection on what is not recorded: −2.0 to 12.0, no single value" in describe_gap(result)


def test_numbers_stand_beside_in_the_language(read):
    assert "5,0 (−2,0 til 12,0)" in read(draw_gap(make_two_gates(), language="nn"))
    assert "Seleksjon på det som ikke er registrert: 5,0 (−2,0 til 12,0)" in describe_gap(
        make_two_gates(), "nb"
    )


def test_parts_differ_in_pattern_too():
    hatches = [bar.get_hatch() for bar in draw_gap(make_two_gates()).patches[:3]]
    assert len(set(hatches)) == 3
