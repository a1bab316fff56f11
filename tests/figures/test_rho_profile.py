"""The profile over rho: line, band, set and the places where the conclusion changes are the result's."""

from itertools import combinations
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.rho_profile import describe_rho_profile, rho_profile_data
from se_outcomes.results import Specification

SETS = ((-0.4, 0.6),)


def answer(rho=0.25, sets=SETS, breakdown=(0.3,), told=True):
    """A result by hand: the effect rises by 6 points from rho = -1 to 1, and is 1 without correction."""
    at = np.linspace(-0.95, 0.95, 39)
    ame = 0.01 + 0.03 * at
    profile = pd.DataFrame({"rho": at, "p_value": np.exp(-12 * (at - 0.1) ** 2), "ame": ame, "ame_low": ame - 0.02,
                            "ame_high": ame + 0.02, "inside": (at > -0.4) & (at < 0.6)})  # fmt: skip
    corrected = np.nan if np.isnan(rho) else 0.01 + 0.03 * rho
    estimates = pd.DataFrame(
        {"measure": "ame", "model": ["naive", "corrected"], "estimate": [0.01, corrected], "conf_low": -0.03,
         "conf_high": 0.05, "p_value": np.nan, "n_cases": 1234, "n_events": 300, "n_offices": 5}
    )  # fmt: skip
    if not told:
        profile[["p_value", "ame", "ame_low", "ame_high"]] = np.nan
    return SimpleNamespace(
        specification=Specification("selected_placement", "placed", "referred", "motivation"),
        profile=profile,
        estimates=estimates,
        rho=rho,
        rho_sets=sets,
        breakdown=breakdown,
        glance=lambda: {"n_cases": 1234},
    )


CASES = {
    "point": answer(),
    "set": answer(rho=np.nan, breakdown=(-0.45, -0.2)),
    "edge": answer(rho=1.0, sets=((-0.05, 1.0),)),
    "other_edge": answer(rho=-1.0, sets=((-1.0, -0.8),), breakdown=(-0.97, 0.98)),
    "two_sets": answer(sets=((-1.0, -0.7), (0.2, 0.9)), breakdown=()),
    "many": answer(breakdown=(-0.6, -0.5, -0.4, 0.1)),
    "withheld": answer(told=False, sets=(), breakdown=()),
}


def line_of(ax, width):
    return [
        line for line in ax.lines if line.get_linewidth() == width and line.get_transform() == ax.transData
    ]


def test_the_effect_is_drawn_over_all_rho_and_again_over_the_set():
    ax = so.draw_rho_profile(answer())
    (everywhere,), (inside,) = line_of(ax, 1.5)[:1], line_of(ax, 2.4)
    assert everywhere.get_ydata() == pytest.approx(1 + 3 * np.linspace(-0.95, 0.95, 39))
    assert inside.get_xdata()[[0, -1]].tolist() == [-0.4, 0.6]
    assert inside.get_ydata() == pytest.approx(1 + 3 * inside.get_xdata())
    assert everywhere.get_linestyle() != inside.get_linestyle()


def test_the_bar_is_the_set():
    for name, result in CASES.items():
        bars = [
            tuple(line.get_xdata()) for line in so.draw_rho_profile(result).lines if line.get_linewidth() == 6
        ]
        assert bars == list(result.rho_sets), name


def test_dotted_lines_are_where_the_conclusion_changes(read):
    for name, result in CASES.items():
        ax = so.draw_rho_profile(result)
        dotted = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
        assert dotted == sorted(result.breakdown), name
        assert ("95% band begins or ceases to include zero" in read(ax)) == bool(result.breakdown)
    assert "ρ = −0,45" in read(so.draw_rho_profile(CASES["set"], language="nb"))


def test_marks_are_the_two_effects():
    def marks(result):
        lines = so.draw_rho_profile(result).lines
        return [
            (line.get_marker(), *line.get_xdata(), *line.get_ydata())
            for line in lines
            if line.get_marker() in "os"
        ]

    assert marks(CASES["point"]) == [("o", 0.0, 1.0), ("s", 0.25, pytest.approx(1.75))]
    assert marks(CASES["set"]) == [("o", 0.0, 1.0)]
    assert marks(CASES["edge"])[1] == ("s", 1.0, pytest.approx(4.0))
    assert marks(CASES["withheld"]) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CASES)
def test_every_text_can_be_read(name, language, texts_of):
    ax = so.draw_rho_profile(CASES[name], language=language)
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(ax)]
    canvas = ax.figure.bbox
    for what, box in boxes:
        assert canvas.x0 <= box.x0 < box.x1 <= canvas.x1, what
        assert canvas.y0 <= box.y0 < box.y1 <= canvas.y1, what
    for (one, box), (other, second) in combinations(boxes, 2):
        assert not box.padded(-0.5).overlaps(second.padded(-0.5)), (one, other)


@pytest.mark.parametrize(("language", "tick"), [("en", "−0.5"), ("nb", "−0,5"), ("nn", "−0,5")])
def test_ticks_are_in_the_language(language, tick, read):
    assert tick in read(so.draw_rho_profile(answer(), language=language))


@pytest.mark.parametrize(
    ("language", "said"), [("en", "withheld"), ("nb", "holdt tilbake"), ("nn", "halde tilbake")]
)
def test_withheld_is_said(language, said, read):
    ax = so.draw_rho_profile(CASES["withheld"], language=language)
    assert said in read(ax)
    assert len(ax.lines) == len(ax.collections) == 0
    assert "ρ = " not in describe_rho_profile(CASES["withheld"], language)


def test_the_alt_text_tells_ends_set_and_changes():
    alt = describe_rho_profile(answer(), "nn")
    assert "ved ρ = −0,95 til " in alt
    assert "ρ som dataa tillèt (95\u00a0%): −0,40 til 0,60." in alt
    assert alt.endswith("ρ = 0,30.")
    both = describe_rho_profile(CASES["two_sets"])
    assert "−1.00 to −0.70 and 0.20 to 0.90." in both
    assert both.endswith("is the same for every ρ.")


def test_data_are_in_points_and_the_same_in_every_language():
    data = rho_profile_data(answer())
    assert data.columns.tolist() == ["rho", "p_value", "inside", "ame", "ame_low", "ame_high"]
    assert data["ame"].to_numpy() == pytest.approx(1 + 3 * data["rho"].to_numpy())
    assert data.equals(rho_profile_data(answer(), "nb"))


def test_draws_on_the_axes_given_and_refuses_another_language():
    figure, ax = plt.subplots()
    assert so.draw_rho_profile(answer(), ax) is ax
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="en, nb, nn"):
        so.draw_rho_profile(None, language="sv")
