"""What holds for every figure of who is taken and who is left: legible, on its axes, silent about what is withheld."""

import re
from dataclasses import replace
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hand_made import make_creaming, make_effect, make_left_out, make_policies, make_two_gates
from matplotlib.colors import to_rgb

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures import creaming, gap, left_out, losses, policies, prospects
from se_outcomes.study.creaming import estimate_creaming, estimate_targeting
from se_outcomes.study.effect import estimate_effect
from se_outcomes.study.left_out import estimate_left_out
from se_outcomes.study.policies import estimate_policies

SMALLEST, CONTRAST = 8.0, 4.5  # points; WCAG 2.1 AA for text


def blank(result):
    """A result of which no number may be told."""
    told = {name: value for name, value in vars(result).items() if isinstance(value, pd.DataFrame)}
    for name, frame in told.items():
        columns = frame.select_dtypes("number").columns.difference(["value", "crowding"])
        told[name] = frame.astype(dict.fromkeys(columns, "float64")).assign(**dict.fromkeys(columns, np.nan))
    return replace(result, **told)


def both(**how):
    return [make_creaming(**how), make_creaming("gain", **how)]


FIGURES = {
    "prospects": (prospects.draw_prospects, make_left_out),
    "prospects_merged": (prospects.draw_prospects, lambda: make_left_out(merged=True, density_of="with_se")),
    "prospects_withheld": (prospects.draw_prospects, lambda: blank(make_left_out())),
    "left_out": (left_out.draw_left_out, make_left_out),
    "left_out_merged": (left_out.draw_left_out, lambda: make_left_out(merged=True)),
    "left_out_withheld": (left_out.draw_left_out, lambda: blank(make_left_out())),
    "gap": (gap.draw_gap, make_two_gates),
    "gap_accepted": (gap.draw_gap, lambda: make_two_gates("accepted")),
    "gap_effect": (gap.draw_gap, make_effect),
    "gap_withheld": (gap.draw_gap, lambda: blank(make_two_gates())),
    "policies": (policies.draw_policies, make_policies),
    "policies_withheld": (policies.draw_policies, lambda: blank(make_policies())),
    "creaming": (creaming.draw_creaming, make_creaming),
    "creaming_with_se": (creaming.draw_creaming, lambda: make_creaming("with_se")),
    "targeting": (creaming.draw_creaming, lambda: make_creaming("gain")),
    "creaming_merged": (creaming.draw_creaming, lambda: make_creaming(merged=True)),
    "creaming_and_targeting": (creaming.draw_creaming, both),
    "creaming_withheld": (creaming.draw_creaming, lambda: [blank(one) for one in both()]),
}
WITHHELD = [name for name in FIGURES if name.endswith("withheld")]
MODULES = {
    "losses": losses,
    "prospects": prospects,
    "left_out": left_out,
    "gap": gap,
    "policies": policies,
    "creaming": creaming,
}


@pytest.fixture(scope="module")
def groups(cases):
    return so.count_funnel(cases, by="motivation")


def make(name, groups):
    return groups if name == "losses" else FIGURES[name][1]()


def holds(outer, inner):
    across = outer.x0 <= inner.x0 and inner.x1 <= outer.x1
    return across and outer.y0 <= inner.y0 and inner.y1 <= outer.y1


def luminance(colour):
    channels = np.array(to_rgb(colour))
    return np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]


def contrast(text, ax):
    """WCAG's contrast of a text with white, or with the bar that it stands in."""
    box = text.get_bbox_patch()
    ground = "white" if box is None else box.get_facecolor()
    if box is None and text.get_transform() == ax.transData:
        centre = text.get_window_extent().get_points().mean(axis=0)
        ground = next((bar.get_facecolor() for bar in ax.patches if bar.contains_point(centre)), ground)
    dark, light = sorted((luminance(text.get_color()), luminance(ground)))
    return (light + 0.05) / (dark + 0.05)


def is_legible(ax, texts_of):
    texts = texts_of(ax)
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        what = text.get_text()
        assert holds(ax.figure.bbox, box), f"{what!r} is cut off"
        assert text.get_fontsize() >= SMALLEST, f"{what!r} is small"
        assert contrast(text, ax) >= CONTRAST, f"{what!r} is pale"
    for (one, box), (other, second) in combinations(zip(texts, boxes, strict=True), 2):
        assert not box.padded(-0.5).overlaps(second.padded(-0.5)), (one.get_text(), other.get_text())
    width, height = ax.figure.get_size_inches()
    assert width == pytest.approx(7.2)
    assert 1.5 <= height <= 9.5


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FIGURES)
def test_every_text_can_be_read(name, language, texts_of):
    draw, make_result = FIGURES[name]
    is_legible(draw(make_result(), language=language), texts_of)


@pytest.fixture(scope="module")
def of_cases(cases):
    """Name of a figure -> what draws it, and of what: answers of simulated cases."""
    return {
        "left_out": (left_out.draw_left_out, estimate_left_out(cases)),
        "prospects": (prospects.draw_prospects, estimate_left_out(cases)),
        "gap": (gap.draw_gap, estimate_effect(cases)),
        "policies": (policies.draw_policies, estimate_policies(cases)),
        "policies_by_level": (
            policies.draw_policies,
            estimate_policies(cases, exposure="education_level", adjust_for=()),
        ),
        "creaming": (creaming.draw_creaming, [estimate_creaming(cases), estimate_targeting(cases)]),
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name", ["left_out", "prospects", "gap", "policies", "policies_by_level", "creaming"]
)
def test_every_text_can_be_read_of_cases_too(name, language, of_cases, texts_of):
    draw, result = of_cases[name]
    is_legible(draw(result, language=language), texts_of)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("by", ["motivation", "education_level", None])
def test_every_text_of_the_losses_can_be_read(by, language, cases, merged_cases, texts_of):
    for some in (cases, merged_cases):
        is_legible(losses.draw_losses(so.count_funnel(some, by=by), language=language), texts_of)


@pytest.mark.parametrize("name", MODULES)
def test_draws_on_the_axes_given_and_opens_no_other(name, groups):
    figure, ax = plt.subplots()
    assert getattr(MODULES[name], f"draw_{name}")(make(name, groups), ax) is ax
    assert plt.get_fignums() == [figure.number]
    assert figure.axes == [ax]


@pytest.mark.parametrize("name", MODULES)
def test_another_language_is_refused_before_a_figure_is_opened(name):
    for verb in ("draw", "describe"):
        with pytest.raises(ValueError, match="en, nb, nn"):
            getattr(MODULES[name], f"{verb}_{name}")(None, language="sv")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", MODULES)
def test_data_are_the_same_in_every_language(name, groups):
    data = getattr(MODULES[name], f"{name}_data")
    result = make(name, groups)
    assert data(result, "nb").equals(data(result))
    assert len(data(result)) > 0


@pytest.mark.parametrize("name", MODULES)
def test_drawing_changes_no_setting_of_matplotlib(name, groups):
    before = dict(plt.rcParams)
    getattr(MODULES[name], f"draw_{name}")(make(name, groups))
    assert dict(plt.rcParams) == before


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", WITHHELD)
def test_what_is_withheld_is_told_nowhere(name, language, read):
    draw, make_result = FIGURES[name]
    ax = draw(make_result(), language=language)
    said = {"en": "withheld", "nb": "holdt tilbake", "nn": "halde tilbake"}[language]
    assert said in read(ax)
    assert not [text.get_text() for text in ax.texts if re.search(r"\d+[.,%]", text.get_text())]
    describe = getattr(MODULES[name.removesuffix("_withheld")], f"describe_{name.removesuffix('_withheld')}")
    assert not re.search(r"\d|nan", describe(make_result(), language))


@pytest.mark.parametrize("name", [*FIGURES, "losses"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_alt_text_has_no_number_that_nobody_wrote(name, language, groups):
    result = make(name, groups)
    stem = {"targeting": "creaming"}.get(name) or next(stem for stem in MODULES if name.startswith(stem))
    described = getattr(MODULES[stem], f"describe_{stem}")(result, language)
    assert described.endswith(".")
    assert not re.search(r"\bnan\b|None|_|: :|;\.", described)
    decimal = r"\d,\d(?!\d\d)" if language == "en" else r"\d\.\d"
    assert not re.search(decimal, described)
