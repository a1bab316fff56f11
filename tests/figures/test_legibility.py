"""What an evaluator needs of any figure: every text on the canvas, none on another, large and dark enough."""

from dataclasses import replace
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures import frame

SMALLEST, CONTRAST = 8.0, 4.5  # points; WCAG 2.1 AA for text


def with_bypass(funnel):
    flow = funnel.flow.copy()
    flow.loc[flow["place"].isin(["bypassed", "referral_unknown", "outcome_unknown"]), "n"] = 23
    return replace(funnel, flow=flow)


FIGURES = {
    "funnel": lambda get, language: so.draw_funnel(get("funnel"), language=language),
    "funnel_full": lambda get, language: so.draw_funnel(with_bypass(get("funnel")), language=language),
    "funnel_merged": lambda get, language: so.draw_funnel(get("merged_funnel"), language=language),
    "referral": lambda get, language: so.draw_passage(get("passages")[0], language=language),
    "acceptance": lambda get, language: so.draw_passage(get("passages")[1], language=language),
    "placement": lambda get, language: so.draw_passage(get("passages")[2], language=language),
    "placement_eligible": lambda get, language: so.draw_passage(get("passages")[3], language=language),
    "levels": lambda get, language: so.draw_passage(get("by_level"), language=language),
    "levels_withheld": lambda get, language: so.draw_passage(
        get("withhold_passage")(get("by_level")), language=language
    ),
    "effects": lambda get, language: so.draw_marginal_effects(get("passages"), language=language),
    "effects_withheld": lambda get, language: so.draw_marginal_effects(
        [get("withhold_passage")(result) for result in get("passages")], language=language
    ),
    "effects_one": lambda get, language: so.draw_marginal_effects(get("passages")[0], language=language),
    "effects_levels": lambda get, language: so.draw_marginal_effects(get("by_level"), language=language),
    "selection": lambda get, language: so.draw_selection(get("selection"), language=language),
    "selection_merged": lambda get, language: so.draw_selection(get("merged_selection"), language=language),
}


def holds(outer, inner):
    """Whether a box is wholly within another."""
    across = outer.x0 <= inner.x0 and inner.x1 <= outer.x1
    return across and outer.y0 <= inner.y0 and inner.y1 <= outer.y1


def contrast(text):
    """Contrast ratio of a text with white, by WCAG's relative luminance."""
    channels = np.array(to_rgb(text.get_color()))
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FIGURES)
def test_every_text_can_be_read(name, language, request, texts_of):
    ax = FIGURES[name](request.getfixturevalue, language)
    texts = texts_of(ax)
    boxes = [text.get_window_extent() for text in texts]
    canvas = ax.figure.bbox
    for text, box in zip(texts, boxes, strict=True):
        what = text.get_text()
        assert holds(canvas, box), f"{what!r} is cut off"
        assert text.get_fontsize() >= SMALLEST, f"{what!r} is small"
        assert contrast(text) >= CONTRAST, f"{what!r} is pale"
    for (one, box), (other, second) in combinations(zip(texts, boxes, strict=True), 2):
        assert not box.padded(-0.5).overlaps(second.padded(-0.5)), (one.get_text(), other.get_text())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["funnel_full", "funnel_merged"])
def test_texts_of_the_flow_stay_in_their_boxes(name, language, request, texts_of):
    ax = FIGURES[name](request.getfixturevalue, language)
    labels = [text.get_window_extent() for text in texts_of(ax)]
    for patch in ax.patches:
        box = patch.get_window_extent()
        inside = [label for label in labels if label.overlaps(box.padded(-2))]
        assert len(inside) == 2  # what the place is called, and how many
        for label in inside:
            assert holds(box, label)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_of_a_size_for_a_page(name, request):
    ax = FIGURES[name](request.getfixturevalue, "nb")
    width, height = ax.figure.get_size_inches()
    assert 6.5 <= width <= 7.5
    assert 1.5 <= height <= 9.5


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_character_is_in_the_font(name, language, request):
    # a missing glyph is a warning of the renderer, and warnings are errors
    FIGURES[name](request.getfixturevalue, language).figure.canvas.draw()


def test_draws_on_the_axes_given_and_opens_no_other(funnel, passages, selection):
    for draw, result in (
        (so.draw_funnel, funnel),
        (so.draw_passage, passages[0]),
        (so.draw_marginal_effects, passages),
        (so.draw_selection, selection),
    ):
        figure, ax = plt.subplots()
        assert draw(result, ax) is ax
        assert plt.get_fignums() == [figure.number]
        plt.close(figure)


def test_drawing_changes_no_setting_of_matplotlib(funnel, passages, selection):
    before = dict(plt.rcParams)
    so.draw_funnel(funnel)
    so.draw_passage(passages[0])
    so.draw_marginal_effects(passages)
    so.draw_selection(selection)
    assert dict(plt.rcParams) == before


@pytest.mark.parametrize(
    "draw", [so.draw_funnel, so.draw_passage, so.draw_marginal_effects, so.draw_selection]
)
def test_another_language_is_refused_before_a_figure_is_opened(draw):
    with pytest.raises(ValueError, match="en, nb, nn"):
        draw(None, language="sv")
    assert plt.get_fignums() == []


def test_colours_that_carry_meaning_differ_in_marker_too(passages):
    ax = so.draw_marginal_effects(passages)
    marks = {
        (line.get_color(), line.get_marker()) for line in ax.lines if line.get_marker() not in ("None", None)
    }
    assert len({colour for colour, _ in marks}) == len({marker for _, marker in marks}) == 2


def test_fold_text_keeps_every_word():
    long = "Universitets- og høgskoleutdanning, lavere nivå mot Ungdomsskole"
    folded = frame.fold_text(long, 20)
    assert folded.split() == long.split()
    assert max(map(len, folded.split("\n"))) <= 22
