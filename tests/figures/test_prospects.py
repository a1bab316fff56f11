"""The spread of the prospects: curves are the densities, medians stand on them."""

import numpy as np
import pytest
from hand_made import make_left_out

from se_outcomes.figures.prospects import describe_prospects, draw_prospects, prospects_data


def curves(ax):
    return [line for line in ax.lines if len(line.get_xdata()) > 100]


def medians(ax):
    return [
        (line.get_xdata()[0], line.get_ydata()[0], line.get_marker())
        for line in ax.lines
        if len(line.get_xdata()) == 1 and line.get_transform() == ax.transData
    ]


def test_curves_are_the_densities_each_with_a_line_of_its_own():
    result = make_left_out()
    ax = draw_prospects(result)
    for curve, status in zip(curves(ax), ("not_referred", "not_accepted", "accepted"), strict=True):
        expected = result.density.loc[result.density["status"] == status]
        np.testing.assert_array_equal(curve.get_xdata(), expected["value"])
        np.testing.assert_array_equal(curve.get_ydata(), expected["density"])
    assert len({line._unscaled_dash_pattern for line in curves(ax)}) == 3


def test_medians_stand_on_their_curves():
    result = make_left_out()
    for x, y, _ in medians(draw_prospects(result)):
        status = result.quantiles.set_index("p50").at[x, "status"]
        curve = result.density.loc[result.density["status"] == status]
        assert y == pytest.approx(np.interp(x, curve["value"], curve["density"]))
    assert len({marker for *_, marker in medians(draw_prospects(result))}) == 3


def test_names_stand_beside_with_the_best_prospects_on_top(read):
    ax = draw_prospects(make_left_out())
    assert [text for text in read(ax) if "half below" in text] == [
        "Accepted half below 34%",
        "Referred, not accepted half below 27%",
        "Not referred half below 22%",
    ]


def test_the_axis_ends_where_nothing_is_left():
    assert 0.55 < draw_prospects(make_left_out()).get_xlim()[1] < 0.85


def test_a_median_that_is_withheld_is_neither_drawn_nor_told(read):
    result = make_left_out()
    result.quantiles.loc[result.quantiles["status"] == "accepted", ["p10", "p50", "p90"]] = np.nan
    ax = draw_prospects(result)
    assert len(medians(ax)) == 2
    assert "Accepted" in read(ax)
    assert "Accepted" not in describe_prospects(result)


def test_a_density_that_is_withheld_is_not_drawn():
    result = make_left_out()
    result.density.loc[result.density["status"] == "accepted", "density"] = np.nan
    assert len(curves(draw_prospects(result))) == 2
    assert set(prospects_data(result)["status"]) == {"not_referred", "not_accepted"}


def test_the_words_say_which_prospects():
    assert (
        draw_prospects(make_left_out(density_of="with_se")).get_xlabel() == "Predicted chance of work with SE"
    )
    described = describe_prospects(make_left_out(), "nb")
    assert described.startswith("Beregnet sjanse for arbeid uten SE")
    assert "Tatt inn: halvparten under 34\u00a0%, åtte av ti mellom 24\u00a0% og 44\u00a0%" in described
