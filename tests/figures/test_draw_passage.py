"""Share passing over the exposure: points, curve and levels are the result's, and no more."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.passage import describe_passage, passage_data


def points(ax):
    return np.vstack([np.asarray(collection.get_offsets()) for collection in ax.collections[1:]])


def test_points_are_the_bins(passages):
    referral = passages[0]
    assert points(so.draw_passage(referral)) == pytest.approx(referral.bins[["mean", "share"]].to_numpy())


def test_area_of_a_point_is_proportional_to_its_cases(passages):
    bins = passages[0].bins
    sizes = so.draw_passage(passages[0]).collections[1].get_sizes()
    assert sizes / sizes.max() == pytest.approx(bins["n"].to_numpy() / bins["n"].max())


def test_the_curve_is_the_results_between_the_outermost_means(passages):
    result = passages[2]
    low, high = result.bins["mean"].min(), result.bins["mean"].max()
    # otherwise this test would say nothing: the range goes beyond the means
    assert result.curve["value"].min() < low
    shown = result.curve.loc[result.curve["value"].between(low - 1e-9, high + 1e-9)]
    line = next(line for line in so.draw_passage(result).lines if len(line.get_xdata()) > 2)
    assert line.get_xydata() == pytest.approx(shown[["value", "estimate"]].to_numpy())
    data = passage_data(result).query("drawn == 'curve'")
    assert data["value"].to_numpy() == pytest.approx(shown["value"].to_numpy())
    assert data["conf_low"].to_numpy() == pytest.approx(shown["conf_low"].to_numpy())


def test_the_curve_reaches_a_mean_that_is_the_highest_value(passages):
    result = passages[0]
    assert [result.bins["mean"].max(), result.curve["value"].max()] == pytest.approx([10, 10])
    assert passage_data(result).query("drawn == 'curve'")["value"].max() == pytest.approx(10)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_single_persons_is_in_no_alt_text(passages, language):
    result = passages[2]
    lowest = f"{result.curve['value'].iloc[0]:.1f}"
    alt = describe_passage(result, language)
    assert lowest not in alt
    assert lowest.replace(".", ",") not in alt


def test_where_instruments_differ_the_axis_is_in_standard_deviations(passages):
    result = passages[0]
    result = replace(result, curve=result.curve.assign(value=np.nan))
    ax = so.draw_passage(result, language="nb")
    assert ax.get_xlabel() == "Motivasjon (standardavvik innenfor instrumentet)"
    assert points(ax) == pytest.approx(result.bins[["mean_scaled", "share"]].to_numpy())
    line = next(line for line in ax.lines if len(line.get_xdata()) > 2)
    assert line.get_xdata().min() >= result.bins["mean_scaled"].min() - 1e-9


def test_titles_and_axes_are_said_in_the_language(passages, by_level):
    ax = so.draw_passage(passages[0], language="nn")
    assert ax.get_title(loc="left") == "Del av målgruppa som blir tilvist, etter motivasjon"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Motivasjon (poeng)", "Del tilvist")
    ax = so.draw_passage(by_level, language="nb")
    assert ax.get_xlabel() == "Andel henvist"
    assert "Ungdomsskole" in [label.get_text() for label in ax.get_yticklabels()]


def test_levels_are_the_groups(by_level):
    ax = so.draw_passage(by_level)
    dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    spans = [tuple(line.get_xdata()) for line in ax.lines if len(line.get_xdata()) == 2]
    assert dots == pytest.approx(by_level.groups["estimate"].tolist())
    assert np.array(spans) == pytest.approx(by_level.groups[["conf_low", "conf_high"]].to_numpy())
    data = passage_data(by_level)
    assert data["drawn"].unique().tolist() == ["level"]
    assert data["share"].tolist() == by_level.groups["estimate"].tolist()
    heights = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert heights == sorted(heights, reverse=True)


def test_a_point_whose_cases_are_not_told_is_hollow_and_of_one_size(passages, withhold):
    result = passages[0]
    rows = [0, 3]
    result = replace(result, bins=withhold(result.bins, ["n", "n_passed"], rows))
    full, hollow = so.draw_passage(result).collections[1:]
    assert len(full.get_offsets()) == len(result.bins) - 2
    assert np.asarray(hollow.get_offsets()) == pytest.approx(
        result.bins.loc[rows, ["mean", "share"]].to_numpy()
    )
    assert hollow.get_facecolor()[0].tolist() == [1, 1, 1, 1]
    assert len(set(hollow.get_sizes())) == 1


def test_a_share_that_is_withheld_is_not_drawn_and_not_in_the_data(passages, withhold):
    result = passages[0]
    result = replace(result, bins=withhold(result.bins, ["mean", "mean_scaled", "share"], [2]))
    seen = passage_data(result).query("drawn == 'observed'")
    assert len(seen) == len(result.bins) - 1
    assert seen["share"].notna().all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_withheld_draws_words_and_no_number(passages, by_level, withhold_passage, language, read):
    said = {"en": "withheld", "nb": "holdt tilbake", "nn": "halde tilbake"}[language]
    for result in (passages[0], by_level):
        protected = withhold_passage(result)
        ax = so.draw_passage(protected, language=language)
        assert read(ax).count(said) == len(result.groups)
        assert not ax.lines
        assert passage_data(protected).empty
        alt = describe_passage(protected, language)
        assert alt.endswith(".")
        assert "nan" not in alt
        assert ":" not in alt


def test_a_level_without_an_interval_is_drawn_within_the_axes(by_level, withhold):
    result = replace(by_level, groups=withhold(by_level.groups, ["conf_low", "conf_high"]))
    ax = so.draw_passage(result)
    dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert len(dots) == len(result.groups)
    assert max(dots) <= ax.get_xlim()[1]
    assert "(" not in describe_passage(result).partition("interval: ")[2].replace("(not completed)", "")


def test_data_have_plain_columns(passages, by_level):
    for result in (passages[0], by_level):
        data = passage_data(result)
        assert data.columns.tolist() == [
            "drawn", "name", "value", "n", "n_passed", "share", "conf_low", "conf_high"
        ]  # fmt: skip
        pd.testing.assert_frame_equal(data, passage_data(result, "nn"))


def test_the_alt_text_has_the_shares_of_the_quarters(passages):
    groups = passages[0].groups.set_index("group")
    alt = describe_passage(passages[0], "nb")
    first = f"{100 * groups.loc['q1', 'estimate']:.1f}".replace(".", ",")
    assert f"Laveste fjerdedel: {first}\u00a0% (" in alt
    assert alt.startswith("Andel av målgruppen som henvises, etter motivasjon. ")
