"""Naive and corrected in one forest, and placement with the gate open: marks, intervals and words are the result's."""

from itertools import combinations
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.corrected_effects import (
    corrected_effects_data,
    describe_corrected_effects,
    describe_open_gate,
    open_gate_data,
)
from se_outcomes.results import Specification

INTERVAL = ["conf_low", "conf_high"]
FIGURES = [so.draw_corrected_effects, so.draw_open_gate]
WORDS = [describe_corrected_effects, describe_open_gate]


def answer(kind="point", at_risk="referred"):
    """A result by hand: told in full, as a set ("set"), without intervals ("bare") or withheld ("withheld")."""
    effects = pd.DataFrame(
        [
            ("ame", "naive", 0.0921, 0.0604, 0.1238),
            ("ame", "corrected", 0.0333, -0.0109, 0.0624),
            ("coefficient", "naive", 0.24, 0.15, 0.33),
            ("coefficient", "corrected", 0.09, -0.03, 0.17),
        ],
        columns=["measure", "model", "estimate", *INTERVAL],
    ).assign(p_value=[0.01, np.nan, 0.01, np.nan], n_cases=1234, n_events=300, n_offices=5)
    averages = pd.DataFrame(
        [
            ("accepted", 0.4659, 0.4046, 0.5273),
            ("open_gate_naive", 0.4204, 0.3725, 0.4783),
            ("open_gate", 0.3340, 0.2844, 0.4883),
            ("gap", 0.1319, -0.0837, 0.1631),
        ],
        columns=["measure", "estimate", *INTERVAL],
    ).assign(n_cases=1234)
    n = 1234
    if kind == "set":
        effects.loc[effects["model"] == "corrected", "estimate"] = np.nan
        averages.loc[2:, "estimate"] = np.nan
    if kind in ("bare", "withheld"):
        for frame in (effects, averages):
            frame[[*INTERVAL, *(["estimate"] if kind == "withheld" else [])]] = np.nan
        n = np.nan
    return SimpleNamespace(
        specification=Specification("selected_placement", "placed", at_risk, "motivation"),
        estimates=effects,
        averages=averages,
        glance=lambda: {"n_cases": n, "n_events": 300, "n_offices": 5},
    )


def marks(ax):
    return [
        (line.get_marker(), line.get_xdata()[0]) for line in ax.lines if line.get_marker() in ("o", "s", "D")
    ]


def spans(ax):
    drawn = [line for line in ax.lines if line.get_transform() == ax.transData and len(line.get_xdata()) == 2]
    return [tuple(line.get_xdata()) for line in drawn]


def test_marks_and_lines_are_the_effects_in_points():
    ax = so.draw_corrected_effects(answer())
    assert marks(ax) == [("o", pytest.approx(9.21)), ("s", pytest.approx(3.33))]
    assert np.array(spans(ax)) == pytest.approx(np.array([(6.04, 12.38), (-1.09, 6.24)]))


def test_marks_and_lines_are_the_shares():
    result = answer()
    ax = so.draw_open_gate(result)
    assert marks(ax) == [("D", 0.4659), ("o", 0.4204), ("s", 0.3340)]
    assert spans(ax) == list(result.averages.loc[:2, INTERVAL].itertuples(index=False, name=None))


def test_a_set_is_a_line_between_bars_without_a_mark(read):
    result = answer("set")
    effects, gate = so.draw_corrected_effects(result), so.draw_open_gate(result)
    assert [marker for marker, _ in marks(effects)] == ["o"]
    assert [marker for marker, _ in marks(gate)] == ["D", "o"]
    assert (len(spans(effects)), len(spans(gate))) == (2, 3)
    assert [line.get_marker() for line in (*effects.lines, *gate.lines)].count("|") == 2
    assert "−1.1 to 6.2, no single value" in read(effects)
    assert "28.4% to 48.8%, no single value" in read(gate)
    assert "Corrected for selection: −1.1 to 6.2, no single value" in describe_corrected_effects(result)


def test_numbers_stand_beside_in_the_language(read):
    assert "3,3 (−1,1 til 6,2)" in read(so.draw_corrected_effects(answer(), language="nn"))
    assert "33,4\u00a0% (28,4\u00a0% til 48,8\u00a0%)" in read(so.draw_open_gate(answer(), language="nb"))


@pytest.mark.parametrize(
    ("at_risk", "language", "n"),
    [
        ("referred", "en", "(N = 1,234 referred)"),
        ("eligible", "nb", "(N = 1\u00a0234 i målgruppen)"),
        ("referred", "nn", "(N = 1\u00a0234 tilviste)"),
    ],
)
def test_the_title_says_of_how_many(at_risk, language, n):
    for draw in FIGURES:
        title = draw(answer(at_risk=at_risk), language=language).get_title(loc="left")
        assert " ".join(title.split("\n")).endswith(n)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("draw", "rows"), [(so.draw_corrected_effects, 2), (so.draw_open_gate, 3)])
def test_withheld_is_said_in_place_of_each_number(draw, rows, language, read):
    said = {"en": "withheld", "nb": "holdt tilbake", "nn": "halde tilbake"}[language]
    ax = draw(answer("withheld"), language=language)
    assert read(ax).count(said) == rows
    assert marks(ax) == spans(ax) == []
    for describe in WORDS:
        assert not any(character.isdigit() for character in describe(answer("withheld"), language))


def test_an_estimate_without_interval_is_drawn_without_a_line(read):
    ax = so.draw_corrected_effects(answer("bare"))
    assert len(marks(ax)) == 2
    assert spans(ax) == []
    assert "3.3" in read(ax)
    assert " :" not in describe_open_gate(answer("bare"))


def test_data_are_the_same_in_every_language():
    assert corrected_effects_data(answer(), "nb").equals(corrected_effects_data(answer()))
    assert corrected_effects_data(answer())["estimate"].tolist() == pytest.approx([9.21, 3.33])
    assert open_gate_data(answer(), "nn").equals(open_gate_data(answer()))
    assert open_gate_data(answer())["measure"].tolist() == ["accepted", "open_gate_naive", "open_gate"]


def test_the_alt_text_has_every_number():
    assert describe_corrected_effects(answer(), "nb").endswith(
        "Prosentpoeng per standardavvik: Ikke korrigert: 9,2 (6,0 til 12,4); "
        "Korrigert for seleksjon: 3,3 (−1,1 til 6,2)."
    )
    assert "if everyone referred were accepted: corrected for selection: 33.4% (28.4% to 48.8%)." in (
        describe_open_gate(answer())
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("at_risk", ["referred", "eligible"])
@pytest.mark.parametrize("kind", ["point", "set", "withheld"])
@pytest.mark.parametrize("draw", FIGURES)
def test_every_text_can_be_read(draw, kind, at_risk, language, texts_of):
    ax = draw(answer(kind, at_risk), language=language)
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts_of(ax)]
    canvas = ax.figure.bbox
    for what, box in boxes:
        assert canvas.x0 <= box.x0 < box.x1 <= canvas.x1, what
        assert canvas.y0 <= box.y0 < box.y1 <= canvas.y1, what
    for (one, box), (other, second) in combinations(boxes, 2):
        assert not box.padded(-0.5).overlaps(second.padded(-0.5)), (one, other)


@pytest.mark.parametrize("draw", FIGURES)
def test_draws_on_the_axes_given_and_refuses_another_language(draw):
    figure, ax = plt.subplots()
    assert draw(answer(), ax) is ax
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="en, nb, nn"):
        draw(None, language="sv")
