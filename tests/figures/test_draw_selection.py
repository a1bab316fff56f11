"""The split over the gates: points, joint intervals and ratios are the result's."""

from dataclasses import replace

import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.selection import describe_selection, selection_data
from se_outcomes.wording.words import speak

NUMBERS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "joint_low", "joint_high",
           "risk_ratio", "rr_conf_low", "rr_conf_high", "share")  # fmt: skip


def marks(ax):
    return [(line.get_marker(), line.get_xdata()[0]) for line in ax.lines if line.get_marker() in ("o", "s")]


def test_marks_are_the_log_risk_ratios(selection):
    expected = [
        ({"crude": "o", "office_standardised": "s"}[row.adjustment], row.estimate)
        for row in selection.estimates.itertuples()
    ]
    assert marks(so.draw_selection(selection)) == expected


def test_lines_are_the_joint_intervals(selection):
    spans = [
        tuple(line.get_xdata()) for line in so.draw_selection(selection).lines if line.get_linewidth() == 1.6
    ]
    drawn = [span for span in spans if len(span) == 2]
    assert drawn == list(selection.estimates[["joint_low", "joint_high"]].itertuples(index=False, name=None))
    gates = selection.estimates.query("term != 'net'")
    assert (gates["joint_low"] < gates["conf_low"]).all()  # so that these are not the single ones


def test_the_ratio_stands_beside(selection, read):
    row, words = selection.estimates.iloc[0], speak("nb")
    expected = f"{words.number(row['estimate'])} (forhold {words.number(row['risk_ratio'])})"
    assert expected in read(so.draw_selection(selection, language="nb"))


def test_merged_gates_are_one_row(merged_selection, read):
    ax = so.draw_selection(merged_selection)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Both gates"]
    assert len(marks(ax)) == 2
    assert "First gate" not in describe_selection(merged_selection)


def test_quarters_are_of_the_exposure_and_levels_stand_beside_it(selection, cases):
    assert so.draw_selection(selection).get_title(loc="left").replace("\n", " ") == (
        "Being referred and accepted, split by gate: highest quarter against lowest quarter of motivation"
    )
    by_sex = so.draw_selection(so.decompose_selection(cases, exposure="sex"), language="nb")
    assert by_sex.get_title(loc="left").replace("\n", " ") == (
        "Å bli henvist og tatt inn, delt på porter: kjønn, mann mot kvinne"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_withheld_rows_are_said_in_words(selection, merged_selection, withhold, language, read):
    said = {"en": "withheld", "nb": "holdt tilbake", "nn": "halde tilbake"}[language]
    rows = selection.estimates["term"] == "gate_1"
    result = replace(selection, estimates=withhold(selection.estimates, NUMBERS, rows))
    ax = so.draw_selection(result, language=language)
    assert read(ax).count(said) == 2
    assert len(marks(ax)) == 4
    alt = describe_selection(result, language)
    assert speak(language).say("gate_gate_1") not in alt
    assert "nan" not in alt
    for whole in (selection, merged_selection):
        nothing = replace(whole, estimates=withhold(whole.estimates, NUMBERS))
        assert marks(so.draw_selection(nothing, language=language)) == []
        assert not any(character.isdigit() for character in describe_selection(nothing, language))


def test_a_ratio_without_interval_is_drawn_without_a_line(selection, withhold):
    result = replace(selection, estimates=withhold(selection.estimates, ["joint_low", "joint_high"]))
    ax = so.draw_selection(result)
    assert len(marks(ax)) == 6
    assert [line for line in ax.lines if line.get_linewidth() == 1.6 and len(line.get_xdata()) == 2] == []
    assert ": :" not in describe_selection(result)
    assert " :" not in describe_selection(result)


def test_data_name_what_is_drawn(selection):
    data = selection_data(selection)
    assert data.columns.tolist()[:4] == ["gate", "adjustment", "log_risk_ratio", "conf_low"]
    assert data["log_risk_ratio"].tolist() == selection.estimates["estimate"].tolist()
    assert data.equals(selection_data(selection, "nb"))


def test_the_alt_text_has_every_ratio(selection):
    alt, words = describe_selection(selection, "nn"), speak("nn")
    for row in selection.estimates.itertuples():
        assert (
            f"{words.number(row.estimate)} {words.interval(row.joint_low, row.joint_high, words.number)}"
            in alt
        )
    assert "Første port: tilvising: " in alt
