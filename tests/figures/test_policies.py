"""The policy plane: points and crosses are the result's, and names meet nothing however near the points are."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hand_made import make_policies
from matplotlib.text import Annotation

from se_outcomes.figures.policies import describe_policies, draw_policies, policies_data


def labels(ax):
    ax.figure.canvas.draw()
    return [text for text in ax.texts if isinstance(text, Annotation)]


def points(ax):
    drawn = [line for line in ax.lines if line.get_marker() not in ("None", "")]
    return {line.get_marker(): (line.get_xdata()[0], line.get_ydata()[0]) for line in drawn}


def test_points_and_crosses_by_hand():
    ax = draw_policies(make_policies())
    assert points(ax)["^"] == pytest.approx((0.15, -0.6))
    assert points(ax)["*"] == pytest.approx((1.0, 8.4))
    assert points(ax)["D"] == pytest.approx((0.065, 0.0))
    lines = [
        np.array(line.get_xydata())
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_alpha() == 0.75
    ]
    assert len(lines) == 2 * 6 - 2  # today has no interval upwards, the open gate none across
    assert any(np.allclose(line, [(0.24, -0.9), (0.24, 0.5)]) for line in lines)
    assert any(np.allclose(line, [(0.18, -0.2), (0.30, -0.2)]) for line in lines)


def test_each_policy_has_a_mark_of_its_own():
    assert len(points(draw_policies(make_policies()))) == 6


def test_the_first_group_told_stands_in_for_the_lowest_quarter():
    result = make_policies()
    inclusion = result.inclusion.loc[result.inclusion["group"] == "lowest_prospects"]
    result = replace(result, inclusion=inclusion)
    assert policies_data(result)["group"].unique().tolist() == ["lowest_prospects"]
    assert "lowest quarter of prospects" in describe_policies(result)


@pytest.mark.parametrize("spread", [0.0, 0.001, 0.01])
def test_names_meet_nothing_however_near_the_points_are(spread):
    result = make_policies()
    near = result.inclusion["policy"] != "open_gate"
    number = np.arange(len(result.inclusion))
    result.inclusion.loc[near, "estimate"] = 0.2 + spread * number[near]
    result.inclusion.loc[near, ["conf_low", "conf_high"]] = np.nan
    differences = (result.values["measure"] == "difference") & (result.values["policy"] != "open_gate")
    result.values.loc[differences, ["estimate", "conf_low", "conf_high"]] = [0.0, np.nan, np.nan]
    ax = draw_policies(result)
    boxes = [text.get_window_extent() for text in labels(ax)]
    assert len(boxes) == 6
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 for box in boxes)


def test_names_keep_off_the_points():
    ax = draw_policies(make_policies())
    spots = [ax.transData.transform(point) for point in points(ax).values()]
    for box in (text.get_window_extent() for text in labels(ax)):
        assert not any(box.contains(*spot) for spot in spots)


def test_a_policy_that_is_withheld_is_left_out():
    result = make_policies()
    chosen = (result.values["policy"] == "lottery") & (result.values["measure"] == "difference")
    result.values.loc[chosen, "estimate"] = np.nan
    assert len(points(draw_policies(result))) == 5
    assert "Lottery" not in describe_policies(result)


def test_the_alt_text_says_both_numbers_of_each():
    described = describe_policies(make_policies(), "nb")
    assert "Størst behov først: 33\u00a0%, +0,3;" in described
    assert "I dag: 6\u00a0%, 0,0;" in described
    assert "laveste fjerdedel av motivasjon" in described
