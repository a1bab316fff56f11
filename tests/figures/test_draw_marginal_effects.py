"""The forest: rows in order, every number the result's times a hundred, withheld rows in words."""

from dataclasses import replace

import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.marginal_effects import describe_marginal_effects, marginal_effects_data
from se_outcomes.wording.words import speak


def ame(result):
    return result.estimates.query("measure == 'ame'")


def marks(ax):
    """Marker to the places along the axis, in the order drawn."""
    found = {}
    for line in ax.lines:
        if line.get_marker() in ("o", "s"):
            found.setdefault(line.get_marker(), []).append(line.get_xdata()[0])
    return found


@pytest.mark.parametrize(("marker", "adjustment"), [("o", "crude"), ("s", "adjusted")])
def test_marks_are_the_average_marginal_effects_in_points(passages, marker, adjustment):
    expected = []
    for contrast in ("per_sd", "top_vs_bottom"):
        for result in passages:
            rows = ame(result).set_index(["adjustment", "contrast"])
            expected.append(100 * rows.loc[(adjustment, contrast), "estimate"])
    assert marks(so.draw_marginal_effects(passages))[marker] == pytest.approx(expected)


def test_lines_are_the_intervals(passages):
    ax = so.draw_marginal_effects(passages)
    spans = {tuple(np.round(line.get_xdata(), 9)) for line in ax.lines if line.get_linewidth() == 1.6}
    data = marginal_effects_data(passages)
    assert {tuple(row) for row in data[["conf_low", "conf_high"]].to_numpy().round(9)} <= spans


def test_the_numbers_beside_are_those_drawn(passages, read):
    row = ame(passages[1]).query("adjustment == 'crude' and contrast == 'per_sd'").iloc[0]
    words = speak("nb")
    assert (
        f"{words.points(row['estimate'])} {words.interval(row['conf_low'], row['conf_high'], words.points)}"
        in read(so.draw_marginal_effects(passages, language="nb"))
    )


def test_there_is_a_row_for_each_question_under_each_contrast(passages, read):
    ax = so.draw_marginal_effects(passages, language="nb")
    labels = [" ".join(label.get_text().split("\n")) for label in ax.get_yticklabels()]
    assert labels == [
        "Henvisning, av målgruppen",
        "Inntak, av de henviste",
        "Arbeid, av dem som er tatt inn",
        "Arbeid, av målgruppen",
    ] * 2  # fmt: skip
    assert {"Per standardavvik", "Høyeste mot laveste fjerdedel"} <= set(read(ax))
    assert list(ax.get_yticks()) == sorted(ax.get_yticks(), reverse=True)


def test_zero_is_marked_and_within(passages):
    ax = so.draw_marginal_effects(passages[0])
    low, high = ax.get_xlim()
    assert low < 0 < high
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.lines)


def test_one_result_and_a_list_of_one_are_the_same(passages):
    one, many = marginal_effects_data(passages[0]), marginal_effects_data(passages[:1])
    assert one.equals(many)
    assert marks(so.draw_marginal_effects(passages[0])) == marks(so.draw_marginal_effects(passages[:1]))


def test_levels_are_compared_by_name(by_level, read):
    written = read(so.draw_marginal_effects(by_level, language="nb"))
    assert "Videregående, grunnutdanning (ikke fullført) mot ungdomsskole" in written
    assert "Justert" not in written  # nothing was adjusted for


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_withheld_row_is_said_in_words(passages, withhold_passage, language, read):
    said = {"en": "withheld", "nb": "holdt tilbake", "nn": "halde tilbake"}[language]
    results = [withhold_passage(passages[0]), *passages[1:]]
    ax = so.draw_marginal_effects(results, language=language)
    assert read(ax).count(said) == 4  # two contrasts, crude and adjusted
    assert sum(map(len, marks(ax).values())) == 12
    alt = describe_marginal_effects(results, language)
    assert speak(language).say("question_referral_eligible") not in alt
    assert "nan" not in alt


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_withheld_has_no_mark(passages, withhold_passage, language):
    results = [withhold_passage(result) for result in passages]
    assert marks(so.draw_marginal_effects(results, language=language)) == {}
    alt = describe_marginal_effects(results, language)
    assert not any(character.isdigit() for character in alt)


def test_an_effect_without_interval_stands_alone(passages, withhold):
    result = replace(passages[0], estimates=withhold(passages[0].estimates, ["conf_low", "conf_high"]))
    assert ": :" not in describe_marginal_effects(result)
    assert "(" not in describe_marginal_effects(result)


def test_data_are_in_points_and_say_what_they_are_of(passages):
    data = marginal_effects_data(passages)
    assert data["contrast"].unique().tolist() == ["per_sd", "top_vs_bottom"]
    assert len(data) == 16
    row = data.query("question == 'placement' and at_risk == 'eligible' and contrast == 'per_sd'").iloc[0]
    expected = ame(passages[3]).query("contrast == 'per_sd'").iloc[0]
    assert row["estimate"] == pytest.approx(100 * expected["estimate"])
    assert row["n_cases"] == expected["n_cases"]


def test_the_alt_text_has_every_effect(passages):
    alt, words = describe_marginal_effects(passages, "nn"), speak("nn")
    for estimate in marginal_effects_data(passages)["estimate"]:
        assert words.number(estimate, 1) in alt
    assert "Tilvising, av målgruppa, ujustert: " in alt
