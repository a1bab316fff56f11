"""Creaming and targeting at the gates: marks, intervals and ratios are the result's, and the two are never mixed."""

import numpy as np
import pytest
from hand_made import make_creaming

from se_outcomes.figures.creaming import creaming_data, describe_creaming, draw_creaming


def marks(ax):
    return [
        (line.get_marker(), line.get_xdata()[0], line.get_ydata()[0])
        for line in ax.lines
        if len(line.get_xdata()) == 1
    ]


def spans(ax):
    return [
        tuple(line.get_xdata())
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_transform() == ax.transData and line.get_linewidth() == 1.8
    ]


def test_marks_and_lines_by_hand():
    ax = draw_creaming(make_creaming())
    assert [x for _, x, _ in marks(ax)] == pytest.approx([2.1, 0.6, 2.7])
    assert np.array(spans(ax)) == pytest.approx(np.array([(0.8, 3.4), (-0.4, 1.6), (1.2, 4.2)]))
    assert [label.get_text() for label in ax.get_yticklabels()][-1] == "Both gates"


def test_creaming_and_targeting_stand_apart_with_marks_of_their_own(read):
    ax = draw_creaming([make_creaming(), make_creaming("gain")])
    by_marker = {marker: [y for one, _, y in marks(ax) if one == marker] for marker in ("s", "o")}
    assert all(one > other for one, other in zip(by_marker["s"], by_marker["o"], strict=True))
    assert {"Creaming: work without SE", "Targeting: gain of SE"} <= set(read(ax))
    assert creaming_data([make_creaming(), make_creaming("gain")])["basis"].unique().tolist() == [
        "without_se",
        "gain",
    ]


@pytest.mark.parametrize(
    ("basis", "title"),
    [
        ("without_se", "Creaming at the gates, by predicted work without SE"),
        ("with_se", "Creaming at the gates, by predicted work with SE"),
        ("gain", "Targeting at the gates, by the predicted gain of SE"),
    ],
)
def test_the_title_names_the_index(basis, title):
    assert " ".join(draw_creaming(make_creaming(basis)).get_title(loc="left").split("\n")) == title
    assert ("Creaming" in describe_creaming(make_creaming(basis))) == (basis != "gain")


def test_the_ratio_stands_under_the_number(read):
    assert "2,1 (0,8 til 3,4) forholdstall 0,31" in read(draw_creaming(make_creaming(), language="nb"))
    assert "First gate: referral: 2.1 (0.8 to 3.4), ratio 0.31" in describe_creaming(make_creaming())


def test_a_ratio_that_is_withheld_is_left_out(read):
    result = make_creaming()
    result.estimates.loc[result.estimates["measure"] == "ratio", "estimate"] = np.nan
    ax = draw_creaming(result)
    assert "2.1 (0.8 to 3.4)" in read(ax)
    assert not any("atio" in text for text in read(ax))
    assert "atio" not in describe_creaming(result)


def test_an_index_that_is_withheld_has_no_mark(read):
    result = make_creaming()
    result.estimates.loc[result.estimates["gate"] == "gate_2", ["estimate", "conf_low", "conf_high"]] = np.nan
    ax = draw_creaming(result)
    assert len(marks(ax)) == len(spans(ax)) == 2
    assert read(ax).count("withheld") == 1


def test_merged_gates_are_one_row_called_acceptance():
    ax = draw_creaming(make_creaming(merged=True))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Acceptance"]
