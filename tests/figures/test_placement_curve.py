"""Placement over motivation, naive and corrected: curves, bands and labels are the result's."""

from itertools import combinations
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.placement_curve import describe_placement_curve, placement_curve_data
from se_outcomes.results import Specification

#: Share of the naive and of the corrected model at the lowest and the highest value.
ENDS = {"apart": ((0.3, 0.6), (0.2, 0.3)), "together": ((0.3, 0.5), (0.2, 0.5)), "low": ((0.1, 0.02), (0.4, 0.01)),
        "high": ((0.2, 0.97), (0.3, 0.99))}  # fmt: skip


def answer(ends="apart", kind="point", scaled=False, exposure="motivation"):
    """A result by hand, five points a curve: in full, as a set ("set"), without band ("bare") or withheld."""
    value = np.linspace(0, 10, 5)
    parts = []
    for model, (first, last) in zip(("naive", "corrected"), ENDS[ends], strict=True):
        estimate = np.linspace(first, last, 5)
        parts.append(
            pd.DataFrame({"value": value, "scaled": (value - 5) / 2, "model": model, "estimate": estimate,
                          "conf_low": np.maximum(estimate - 0.05, 0), "conf_high": np.minimum(estimate + 0.07, 1)})
        )  # fmt: skip
    curve = pd.concat(parts, ignore_index=True)
    if kind == "set":
        curve.loc[curve["model"] == "corrected", "estimate"] = np.nan
    if kind in ("bare", "withheld"):
        curve[["conf_low", "conf_high", *(["estimate"] if kind == "withheld" else [])]] = np.nan
    if scaled:
        curve["value"] = np.nan
    return SimpleNamespace(
        specification=Specification("selected_placement", "placed", "referred", exposure),
        curve=curve,
        glance=lambda: {"n_cases": 1234},
    )


def curves(ax, width=2.2):
    return [
        line for line in ax.lines if line.get_linewidth() == width and line.get_transform() == ax.transData
    ]


def test_curves_are_the_shares_in_styles_of_their_own():
    naive, corrected = curves(so.draw_placement_curve(answer()))
    assert naive.get_ydata().tolist() == np.linspace(0.3, 0.6, 5).tolist()
    assert corrected.get_ydata().tolist() == np.linspace(0.2, 0.3, 5).tolist()
    assert naive.get_linestyle() != corrected.get_linestyle()


def test_bands_are_the_intervals():
    ax = so.draw_placement_curve(answer())
    edges = [line.get_ydata()[-1] for line in curves(ax, 0.8)]
    assert edges == pytest.approx([0.55, 0.67, 0.25, 0.37])
    assert len(ax.collections) == 2


def test_a_set_is_a_band_without_a_line(read):
    ax = so.draw_placement_curve(answer(kind="set"))
    assert len(curves(ax)) == 1
    assert len(curves(ax, 0.8)) == 4
    assert "Corrected for selection 95% set, no single line" in read(ax)
    assert "15.0% to 27.0%, no single value at 0.0" in describe_placement_curve(answer(kind="set"))


@pytest.mark.parametrize("ends", ENDS)
def test_labels_are_in_the_order_of_the_curves(ends):
    ax = so.draw_placement_curve(answer(ends))
    heights = {text.get_text().split("\n")[0]: text.get_position()[1] for text in ax.texts}
    naive, corrected = heights["Not corrected"], heights["Corrected for"]
    last = {"naive": ENDS[ends][0][1], "corrected": ENDS[ends][1][1]}
    assert ends == "together" or (naive > corrected) == (last["naive"] > last["corrected"])
    assert naive != corrected


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["point", "set", "withheld"])
@pytest.mark.parametrize("ends", ENDS)
def test_every_text_can_be_read(ends, kind, language, texts_of):
    ax = so.draw_placement_curve(answer(ends, kind), language=language)
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(ax)]
    canvas = ax.figure.bbox
    for what, box in boxes:
        assert canvas.x0 <= box.x0 < box.x1 <= canvas.x1, what
        assert canvas.y0 <= box.y0 < box.y1 <= canvas.y1, what
    for (one, box), (other, second) in combinations(boxes, 2):
        assert not box.padded(-0.5).overlaps(second.padded(-0.5)), (one, other)


def test_the_axis_has_the_unit_or_standard_deviations():
    assert so.draw_placement_curve(answer(), language="nb").get_xlabel() == "Motivasjon (poeng)"
    ax = so.draw_placement_curve(answer(scaled=True))
    assert ax.get_xlabel() == "Motivation (standard deviations within the instrument)"
    assert ax.get_xlim() == (-2.5, 2.5)
    assert so.draw_placement_curve(answer(exposure="self_rating")).get_xlabel() == "Self_rating"


@pytest.mark.parametrize(
    ("language", "said"), [("en", "withheld"), ("nb", "holdt tilbake"), ("nn", "halde tilbake")]
)
def test_withheld_is_said(language, said, read):
    ax = so.draw_placement_curve(answer(kind="withheld"), language=language)
    assert said in read(ax)
    assert len(ax.lines) == len(ax.collections) == 0
    assert describe_placement_curve(answer(kind="withheld"), language).count(":") == 0


def test_a_curve_without_band_promises_none(read):
    ax = so.draw_placement_curve(answer(kind="bare"))
    assert len(curves(ax)) == 2
    assert "Not corrected" in read(ax)
    assert "(" not in describe_placement_curve(answer(kind="bare")).partition(").")[2]


def test_the_alt_text_has_the_ends():
    assert describe_placement_curve(answer(), "nb").endswith(
        "Korrigert for seleksjon: 20,0\u00a0% (15,0\u00a0% til 27,0\u00a0%) ved 0,0; "
        "30,0\u00a0% (25,0\u00a0% til 37,0\u00a0%) ved 10,0."
    )


def test_data_are_the_same_in_every_language():
    data = placement_curve_data(answer())
    assert data.columns.tolist() == ["model", "value", "estimate", "conf_low", "conf_high"]
    assert data.equals(placement_curve_data(answer(), "nn"))
    assert placement_curve_data(answer(kind="withheld")).empty


def test_draws_on_the_axes_given_and_refuses_another_language():
    figure, ax = plt.subplots()
    assert so.draw_placement_curve(answer(), ax) is ax
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="en, nb, nn"):
        so.draw_placement_curve(None, language="sv")
