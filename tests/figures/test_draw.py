"""Every figure draws the numbers of its result: in its data, in its marks and in its words; three languages."""

import re
import warnings
from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection, PolyCollection

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.funnel import describe_funnel, funnel_data
from se_outcomes.figures.marginal_effects import describe_marginal_effects, marginal_effects_data
from se_outcomes.figures.passage import describe_passage, passage_data
from se_outcomes.figures.selection import describe_selection, selection_data
from se_outcomes.wording.words import speak

mpl.use("agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def cases():
    """1,200 cases in five offices, values missing."""
    return so.simulate_cases(1200, seed=1, missing=True).cases


@pytest.fixture(scope="module")
def merged_cases():
    return so.simulate_cases(800, seed=3, gates="merged").cases


@pytest.fixture(scope="module")
def funnel(cases):
    return so.count_funnel(cases)


@pytest.fixture(scope="module")
def referral(cases):
    return so.estimate_referral(cases)


@pytest.fixture(scope="module")
def passages(cases, referral):
    return [
        referral,
        so.estimate_acceptance(cases),
        so.estimate_placement(cases),
        so.estimate_placement(cases, at_risk="eligible"),
    ]


@pytest.fixture(scope="module")
def by_level(cases):
    """Referral by level of education."""
    return so.estimate_referral(cases, exposure="education_level", adjust_for=())


@pytest.fixture(scope="module")
def selection(cases):
    return so.decompose_selection(cases)


@pytest.fixture(scope="module")
def results(cases, merged_cases, funnel, referral, passages, by_level, selection):
    """Name of a figure -> what draws it, and of what."""
    return {
        "funnel": (so.draw_funnel, funnel),
        "funnel_withheld": (so.draw_funnel, replace(funnel, flow=blank(funnel.flow))),
        "funnel_merged": (so.draw_funnel, so.count_funnel(merged_cases)),
        "passage": (so.draw_passage, referral),
        "passage_of_accepted": (so.draw_passage, passages[2]),
        "passage_merged": (so.draw_passage, so.estimate_acceptance(merged_cases, adjust_for=())),
        "passage_untold": (so.draw_passage, without_counts(referral)),
        "passage_withheld": (so.draw_passage, withheld_passage(referral)),
        "levels": (so.draw_passage, by_level),
        "levels_withheld": (so.draw_passage, withheld_passage(by_level)),
        "effects": (so.draw_marginal_effects, passages),
        "effects_one": (so.draw_marginal_effects, referral),
        "effects_levels": (so.draw_marginal_effects, by_level),
        "effects_withheld": (so.draw_marginal_effects, [withheld_passage(result) for result in passages]),
        "selection": (so.draw_selection, selection),
        "selection_merged": (so.draw_selection, so.decompose_selection(merged_cases)),
        "selection_levels": (so.draw_selection, so.decompose_selection(cases, exposure="age_group")),
        "selection_withheld": (so.draw_selection, withheld_selection(selection)),
    }


FIGURES = (
    "funnel", "funnel_withheld", "funnel_merged", "passage", "passage_of_accepted", "passage_merged", "passage_untold",
    "passage_withheld", "levels", "levels_withheld", "effects", "effects_one", "effects_levels", "effects_withheld",
    "selection", "selection_merged", "selection_levels", "selection_withheld",
)  # fmt: skip


def blank(frame):
    """A frame of which no number may be told."""
    numbers = frame.select_dtypes("number").columns
    return frame.astype(dict.fromkeys(numbers, "float64")).assign(**dict.fromkeys(numbers, np.nan))


def withheld_passage(result):
    return replace(
        result,
        estimates=blank(result.estimates),
        curve=result.curve.iloc[:0],
        bins=blank(result.bins),
        groups=blank(result.groups),
    )


def without_counts(result):
    """A result whose shares are told and whose counts are not."""
    return replace(result, bins=result.bins.assign(n=np.nan, n_passed=np.nan))


def withheld_selection(result):
    return replace(result, estimates=blank(result.estimates), rates=blank(result.rates))


def words_on(ax):
    """All texts on the axes that are no tick or title, line breaks as spaces."""
    return [" ".join(text.get_text().split("\n")) for text in ax.texts if text.get_text()]


def marks(ax):
    """(x, y, marker) of every single point drawn as a line's marker."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_marker())
        for line in ax.lines
        if line.get_marker() not in ("None", "", None) and len(line.get_xdata()) == 1
    ]


def intervals(ax):
    """(low, high, y) of every horizontal line between two numbers of the axes."""
    found = []
    for line in ax.lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        of_data = line.get_transform() == ax.transData
        if of_data and len(x) == 2 and y[0] == y[1] and line.get_marker() in ("None", ""):
            found.append((x[0], x[1], y[0]))
    return found


def numbers_in(text, language):
    """The numbers in a text, read as a reader of the language would."""
    thousands, decimal = (",", r"\.") if language == "en" else ("\u00a0", ",")
    found = re.findall(rf"−?(?:\d{{1,3}}(?:{thousands}\d{{3}})+|\d+)(?:{decimal}\d+)?", text)
    return [float(one.replace("−", "-").replace(thousands, "").replace(",", ".")) for one in found]


def ticks_of(axis):
    return [" ".join(label.get_text().split("\n")) for label in axis.get_ticklabels()]


# --- every figure -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FIGURES)
def test_everything_written_lies_on_the_canvas(name, language, results):
    draw, result = results[name]
    ax = draw(result, language=language)
    figure = ax.figure
    figure.draw_without_rendering()
    canvas = figure.bbox
    title = ax.title if ax.get_title() else ax._left_title
    legend = ax.get_legend()
    texts = [*ax.texts, title, *([] if legend is None else legend.get_texts())]
    for text in (text for text in texts if text.get_text()):
        box = text.get_window_extent()
        assert canvas.x0 <= box.x0 < box.x1 <= canvas.x1, text.get_text()
        assert canvas.y0 <= box.y0 < box.y1 <= canvas.y1, text.get_text()
    everything = ax.get_tightbbox()  # ticks, names of axes and marks too
    assert canvas.x0 - 0.5 <= everything.x0 < everything.x1 <= canvas.x1 + 0.5
    assert canvas.y0 - 0.5 <= everything.y0 < everything.y1 <= canvas.y1 + 0.5
    assert (ax.get_title(loc="left") + ax.get_title()).strip()


@pytest.mark.parametrize("name", FIGURES)
def test_draws_on_the_axes_given_and_nowhere_else(name, results):
    draw, result = results[name]
    figure, (left, right) = plt.subplots(1, 2)
    before = len(right.get_children())
    assert draw(result, left) is left
    assert plt.get_fignums() == [figure.number]
    assert len(right.get_children()) == before
    assert not right.lines
    assert not right.texts
    assert not right.get_title(loc="left")
    assert left.has_data() or left.texts


@pytest.mark.parametrize("name", FIGURES)
def test_without_axes_one_figure_is_opened_and_no_number_missing_is_written(name, results):
    draw, result = results[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = draw(result)
        ax.figure.canvas.draw()
    assert plt.get_fignums() == [ax.figure.number]
    assert ax.figure.axes == [ax]
    written = [*words_on(ax), *ticks_of(ax.xaxis), *ticks_of(ax.yaxis), ax.get_title(loc="left")]
    assert not [text for text in written if re.search(r"\b(nan|none|na)\b", text, re.I)]


@pytest.mark.parametrize(
    "name", [name for name in FIGURES if name.endswith("withheld") and "funnel" not in name]
)
@pytest.mark.parametrize(
    ("language", "said"), [("en", "withheld"), ("nb", "holdt tilbake"), ("nn", "halde tilbake")]
)
def test_withheld_is_said_in_the_place_of_each_number(name, language, said, results):
    draw, result = results[name]
    ax = draw(result, language=language)
    frame = {
        "passage_withheld": lambda: result.groups,
        "levels_withheld": lambda: result.groups,
        "effects_withheld": lambda: marginal_effects_data(result),
        "selection_withheld": lambda: result.estimates,
    }[name]()
    assert words_on(ax).count(said) == len(frame) > 0
    assert marks(ax) == []
    assert not [text for text in words_on(ax) if re.search(r"\d[.,]\d", text)]


# --- funnel -----------------------------------------------------------------------------------------


def counts_by_name(ax):
    """What each box is called -> what stands in it, by what stands under what."""
    bold = [text for text in ax.texts if text.get_fontweight() == "bold"]
    light = [text for text in ax.texts if text.get_fontweight() != "bold" and text.get_text()]
    found = {}
    for count in bold:
        x, y = count.get_position()
        above = [text for text in light if text.get_position()[0] == x and text.get_position()[1] > y]
        name = min(above, key=lambda text: text.get_position()[1])
        found[" ".join(name.get_text().split("\n"))] = count.get_text()
    return found


def with_flow(funnel, **numbers):
    flow = funnel.flow.set_index("place").astype({"n": "float64"})
    for place, n in numbers.items():
        flow.loc[place, "n"] = n
    return replace(funnel, flow=flow.reset_index())


def test_funnel_data_is_the_flow_after_all_cases(funnel):
    data = funnel_data(funnel)
    assert data.iloc[0].tolist() == ["cases", 1200]
    pd.testing.assert_frame_equal(
        data.iloc[1:].reset_index(drop=True), funnel.flow, check_dtype=False, obj="flow of the funnel"
    )
    pd.testing.assert_frame_equal(data, funnel_data(funnel, "nn"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_funnel_writes_each_number_in_its_box(language, funnel):
    n = funnel.flow.set_index("place")["n"]
    ax = so.draw_funnel(funnel, language=language)
    names = {
        "en": [
            "All cases",
            "Referred",
            "Not referred",
            "Not decided",
            "Not accepted",
            "Accepted",
            "Placed in work",
        ],
        "nb": [
            "Alle saker",
            "Henvist",
            "Ikke henvist",
            "Ikke avgjort",
            "Ikke tatt inn",
            "Tatt inn",
            "I arbeid",
        ],
        "nn": [
            "Alle saker",
            "Tilvist",
            "Ikkje tilvist",
            "Ikkje avgjord",
            "Ikkje teken inn",
            "Teken inn",
            "I arbeid",
        ],
    }[language]
    found = counts_by_name(ax)
    expected = [1200, *n[["referred", "not_referred", "undecided", "refused", "accepted", "placed"]]]
    assert [numbers_in(found[name], language) for name in names] == [[float(one)] for one in expected]
    drawn = 1 + int((n > 0).sum())
    assert len(found) == len(ax.patches) == drawn  # nobody is in the others
    assert found[names[0]] == ("1,200" if language == "en" else "1\u00a0200")


@pytest.mark.parametrize("language", LANGUAGES)
def test_funnel_shows_who_is_left_out_only_where_somebody_is(language, funnel):
    words = speak(language)
    full = with_flow(funnel, bypassed=23, referral_unknown=7, outcome_unknown=1003)
    found = counts_by_name(so.draw_funnel(full, language=language))
    for place, n in (("bypassed", 23), ("referral_unknown", 7), ("outcome_unknown", 1003)):
        name = words.say(f"place_{place}")
        assert numbers_in(found[name], language) == [float(n)]
        assert name not in counts_by_name(so.draw_funnel(funnel, language=language))
    nobody = with_flow(funnel, placed=0, refused=0)
    found = counts_by_name(so.draw_funnel(nobody, language=language))
    assert found[words.say("place_placed")] == "0"  # the way goes on
    assert words.say("place_refused") not in found


@pytest.mark.parametrize("language", LANGUAGES)
def test_funnel_withheld_keeps_its_boxes(language, funnel):
    words = speak(language)
    hidden = with_flow(funnel, refused=np.nan, undecided=np.nan, bypassed=np.nan)
    found = counts_by_name(so.draw_funnel(hidden, language=language))
    told_of = {
        words.say(f"place_{place}"): found[words.say(f"place_{place}")] for place in ("refused", "undecided")
    }
    assert set(told_of.values()) <= {":", words.say("withheld")}
    assert words.say("place_bypassed") in found
    assert numbers_in(found[words.say("place_accepted")], language) == [249.0]
    described = describe_funnel(hidden, language)
    assert words.say("place_refused") in described
    assert "nan" not in described.lower()


def test_funnel_of_merged_gates_has_no_referral(merged_cases):
    result = so.count_funnel(merged_cases)
    found = counts_by_name(so.draw_funnel(result))
    n = result.flow.set_index("place")["n"]
    assert "Referred" not in found
    assert "Not referred" not in found
    assert numbers_in(found["Accepted"], "en") == [float(n["accepted"])]
    assert numbers_in(found["Not accepted"], "en") == [float(n["refused"])]
    assert numbers_in(found["All cases"], "en") == [800.0]


def test_funnel_without_a_horizon_does_not_speak_of_one(funnel):
    found = counts_by_name(so.draw_funnel(replace(funnel, horizon_days=None)))
    assert "In the target group" in found
    assert not any("long enough" in name for name in found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_funnel_in_words_has_all_that_is_drawn(language, funnel):
    described = describe_funnel(funnel, language)
    for name, n in counts_by_name(so.draw_funnel(funnel, language=language)).items():
        assert f"{name}: {n}" in described
    assert described.startswith(speak(language).say("title_funnel"))


# --- passage over a number --------------------------------------------------------------------------


def points_of(ax):
    """Collections of points with something in them."""
    return [one for one in ax.collections if isinstance(one, PathCollection) and len(one.get_offsets())]


def test_passage_data_is_that_of_the_result(referral):
    data = passage_data(referral)
    seen, curve = data.query("drawn == 'observed'"), data.query("drawn == 'curve'")
    np.testing.assert_array_equal(
        seen[["value", "share", "n", "n_passed"]], referral.bins[["mean", "share", "n", "n_passed"]]
    )
    whole = referral.curve.set_index("value").loc[curve["value"].tolist()]
    np.testing.assert_array_equal(
        curve[["share", "conf_low", "conf_high"]], whole[["estimate", "conf_low", "conf_high"]]
    )
    assert len(curve) > 10
    means = referral.bins["mean"]
    assert means.min() - 1e-6 <= curve["value"].min() < curve["value"].max() <= means.max() + 1e-6
    pd.testing.assert_frame_equal(data, passage_data(referral, "nb"))


@pytest.mark.parametrize("which", range(4))
def test_passage_draws_curve_band_and_points(which, passages):
    result = passages[which]
    ax = so.draw_passage(result)
    data = passage_data(result)
    curve, seen = data.query("drawn == 'curve'"), data.query("drawn == 'observed'")
    lines = [line for line in ax.lines if len(line.get_xdata()) == len(curve)]
    assert len(lines) == 1
    np.testing.assert_allclose(lines[0].get_xydata(), curve[["value", "share"]])
    bands = [one for one in ax.collections if isinstance(one, PolyCollection)]
    assert len(bands) == 1
    corners = {(round(x, 9), round(y, 9)) for x, y in bands[0].get_paths()[0].vertices}
    for end in ("conf_low", "conf_high"):
        assert {(round(x, 9), round(y, 9)) for x, y in curve[["value", end]].to_numpy()} <= corners
    (points,) = points_of(ax)
    np.testing.assert_allclose(points.get_offsets(), seen[["value", "share"]])
    np.testing.assert_allclose(points.get_sizes() / points.get_sizes().max(), seen["n"] / seen["n"].max())
    low, high = ax.get_ylim()
    assert low == 0
    assert data[["share", "conf_high"]].max(axis=None) <= high


@pytest.mark.parametrize(
    ("language", "name", "share", "title"),
    [
        (
            "en",
            "Motivation (points)",
            "Share referred",
            "Share of the target group that is referred, by motivation",
        ),
        ("nb", "Motivasjon (poeng)", "Andel henvist", "Andel av målgruppen som henvises, etter motivasjon"),
        ("nn", "Motivasjon (poeng)", "Del tilvist", "Del av målgruppa som blir tilvist, etter motivasjon"),
    ],
)
def test_passage_is_named_in_the_language(language, name, share, title, referral):
    ax = so.draw_passage(referral, language=language)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (name, share)
    assert " ".join(ax.get_title(loc="left").split("\n")) == title
    ax.figure.canvas.draw()
    sign = "%" if language == "en" else "\u00a0%"
    assert all(re.fullmatch(rf"\d+{sign}", label) for label in ticks_of(ax.yaxis))


def test_passage_draws_hollow_points_of_one_size_where_counts_are_not_told(referral):
    bins = referral.bins.astype({"n": "float64"})
    bins.loc[[0, 3], "n"] = np.nan
    hollow, full = sorted(
        points_of(so.draw_passage(replace(referral, bins=bins))), key=lambda one: len(one.get_offsets())
    )
    np.testing.assert_allclose(hollow.get_offsets(), bins.loc[[0, 3], ["mean", "share"]])
    np.testing.assert_allclose(full.get_offsets(), bins.drop(index=[0, 3])[["mean", "share"]])
    assert set(hollow.get_sizes()) == {45.0}
    assert hollow.get_facecolor()[0].tolist() == [1, 1, 1, 1]
    (untold,) = points_of(so.draw_passage(without_counts(referral)))
    np.testing.assert_allclose(untold.get_offsets(), referral.bins[["mean", "share"]])


def test_passage_leaves_out_a_bin_that_is_withheld(referral):
    bins = referral.bins.copy()
    bins.loc[2, ["mean", "mean_scaled", "share"]] = np.nan
    hidden = replace(referral, bins=bins)
    (points,) = points_of(so.draw_passage(hidden))
    np.testing.assert_allclose(points.get_offsets(), bins.drop(index=2)[["mean", "share"]])
    assert len(passage_data(hidden).query("drawn == 'observed'")) == len(bins) - 1


def test_passage_over_several_instruments_is_in_standard_deviations(referral):
    several = replace(referral, curve=referral.curve.assign(value=np.nan))
    ax = so.draw_passage(several)
    assert ax.get_xlabel() == "Motivation (standard deviations within the instrument)"
    (points,) = points_of(ax)
    np.testing.assert_allclose(points.get_offsets(), referral.bins[["mean_scaled", "share"]])


@pytest.mark.parametrize("language", LANGUAGES)
def test_passage_in_words(language, referral):
    words, groups = speak(language), referral.groups
    described = describe_passage(referral, language)
    for row in groups.itertuples():
        level = words.level("motivation", row.group)
        after = described.partition(f"{level}: ")[2]
        told = numbers_in(after, language)[:3]
        np.testing.assert_allclose(
            told, 100 * np.array([row.estimate, row.conf_low, row.conf_high]), atol=0.05001
        )
    curve = passage_data(referral).query("drawn == 'curve'")
    last = numbers_in(described, language)[-4:]
    ends = [(100 * row["share"], row["value"]) for _, row in curve.iloc[[0, -1]].iterrows()]
    assert sorted(np.round(last, 1)) == pytest.approx(sorted(np.round(np.ravel(ends), 1)), abs=0.1001)
    assert "nan" not in describe_passage(withheld_passage(referral), language).lower()


# --- passage by level -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_levels_draw_shares_and_intervals(language, by_level):
    ax = so.draw_passage(by_level, language=language)
    groups = by_level.groups
    places = dict(zip(ticks_of(ax.yaxis), ax.get_yticks(), strict=True))
    at = [places[speak(language).level("education_level", group)] for group in groups["group"]]
    assert at == sorted(at, reverse=True)  # the first on top
    np.testing.assert_allclose(
        [(x, y) for x, y, _ in marks(ax)], list(zip(groups["estimate"], at, strict=True))
    )
    ends = list(zip(groups["conf_low"], groups["conf_high"], at, strict=True))
    np.testing.assert_allclose(intervals(ax), ends)
    written = [numbers_in(text, language) for text in words_on(ax)]
    np.testing.assert_allclose(np.ravel(written), 100 * groups["estimate"], atol=0.05001)
    assert ax.get_xlim()[1] >= groups["conf_high"].max()
    data = passage_data(by_level)
    assert set(data["drawn"]) == {"level"}
    np.testing.assert_array_equal(
        data[["share", "conf_low", "conf_high"]], groups[["estimate", "conf_low", "conf_high"]]
    )


def test_levels_withhold_one_and_keep_the_others(by_level):
    groups = by_level.groups.copy()
    groups.loc[1, ["estimate", "conf_low", "conf_high", "n", "n_passed"]] = np.nan
    hidden = replace(by_level, groups=groups)
    ax = so.draw_passage(hidden, language="nb")
    assert words_on(ax).count("holdt tilbake") == 1
    assert [x for x, _, _ in marks(ax)] == groups["estimate"].dropna().tolist()
    assert len(passage_data(hidden)) == len(groups) - 1
    level = speak("nb").level("education_level", groups.at[1, "group"])
    assert level in ticks_of(ax.yaxis)
    assert level not in describe_passage(hidden, "nb")


def test_levels_without_intervals_are_still_on_the_axes(by_level):
    groups = by_level.groups.assign(estimate=[0.35, 0.62, 0.41, 0.9], conf_low=np.nan, conf_high=np.nan)
    ax = so.draw_passage(replace(by_level, groups=groups))
    low, high = ax.get_xlim()
    assert len(marks(ax)) == 4
    assert all(low <= x <= high for x, _, _ in marks(ax))
    assert "90.0%" in words_on(ax)


# --- marginal effects -------------------------------------------------------------------------------


def test_marginal_effects_data_is_in_percentage_points(passages):
    data = marginal_effects_data(passages)
    assert data["contrast"].tolist() == 8 * ["per_sd"] + 8 * ["top_vs_bottom"]
    keys = ["contrast", "adjustment"]
    percents = ["estimate", "conf_low", "conf_high", "cv1_conf_low", "cv1_conf_high"]
    for result in passages:
        asked = result.specification
        mine = data.loc[(data["question"] == asked.question) & (data["at_risk"] == asked.at_risk)]
        mine = mine.set_index(keys).sort_index()
        ame = result.estimates.query("measure == 'ame'").set_index(keys).sort_index()
        pd.testing.assert_frame_equal(mine[percents], 100 * ame[percents])
        pd.testing.assert_frame_equal(mine[["p_value", "n_cases"]], ame[["p_value", "n_cases"]])


@pytest.mark.parametrize("language", LANGUAGES)
def test_marginal_effects_draw_points_intervals_and_numbers(language, passages):
    ax = so.draw_marginal_effects(passages, language=language)
    data = marginal_effects_data(passages)
    drawn = marks(ax)
    np.testing.assert_allclose([x for x, _, _ in drawn], data["estimate"])
    assert [marker for _, _, marker in drawn] == [
        "o" if kind == "crude" else "s" for kind in data["adjustment"]
    ]
    np.testing.assert_allclose([ends[:2] for ends in intervals(ax)], data[["conf_low", "conf_high"]])
    assert [y for _, y, _ in drawn] == [y for _, _, y in intervals(ax)]
    labels = {text.get_position()[1]: text.get_text() for text in ax.texts if text.get_position()[0] > 1}
    told = [numbers_in(labels[y], language) for _, y, _ in drawn]
    np.testing.assert_allclose(told, data[["estimate", "conf_low", "conf_high"]], atol=0.05001)
    xlim = ax.get_xlim()
    assert xlim[0] < data["conf_low"].min()
    assert xlim[1] > data["conf_high"].max()
    names = [
        speak(language).say(f"question_{r.specification.question}_{r.specification.at_risk}")
        for r in passages
    ]
    assert ticks_of(ax.yaxis) == 2 * names
    assert speak(language).say("contrast_per_sd") in words_on(ax)


def test_marginal_effects_rows_stand_under_their_question(passages):
    ax = so.draw_marginal_effects(passages)
    ticks = list(ax.get_yticks())
    for number, (_, y, marker) in enumerate(marks(ax)):
        row = min(ticks, key=lambda tick: abs(tick - y))
        assert abs(row - y) < 0.3
        assert (y > row) == (marker == "o")  # crude above adjusted
        assert ticks.index(row) == number // 2


def test_marginal_effects_withhold_one_and_keep_the_others(passages):
    estimates = passages[0].estimates.copy()
    rows = estimates["contrast"] == "top_vs_bottom"
    estimates.loc[rows, estimates.select_dtypes("number").columns] = np.nan
    some = [replace(passages[0], estimates=estimates), *passages[1:]]
    ax = so.draw_marginal_effects(some, language="nn")
    assert words_on(ax).count("halde tilbake") == 2
    assert len(marks(ax)) == len(marginal_effects_data(some)) - 2 == 14
    described = describe_marginal_effects(some, "nn")
    assert described.count("Tilvising, av målgruppa") == 2
    assert "nan" not in described.lower()


@pytest.mark.parametrize("language", LANGUAGES)
def test_marginal_effects_in_words(language, passages):
    described = describe_marginal_effects(passages, language)
    told = numbers_in(described, language)
    data = marginal_effects_data(passages)
    near = iter(told)
    for value in data[["estimate", "conf_low", "conf_high"]].to_numpy().ravel():
        assert any(abs(one - value) <= 0.05001 for one in near), value  # in this order


def test_marginal_effects_of_levels_name_both_levels(by_level):
    ax = so.draw_marginal_effects(by_level, language="nb")
    data = marginal_effects_data(by_level)
    np.testing.assert_allclose([x for x, _, _ in marks(ax)], data["estimate"])
    headings = [text for text in words_on(ax) if " mot " in text]
    assert len(set(headings)) == len(data) == 3
    assert all(text.lower().endswith(" mot ungdomsskole") for text in headings)


# --- selection --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_selection_draws_the_gates_and_the_net(language, selection):
    ax = so.draw_selection(selection, language=language)
    data, words = selection_data(selection), speak(language)
    np.testing.assert_array_equal(data["log_risk_ratio"], selection.estimates["estimate"])
    np.testing.assert_array_equal(
        data[["joint_low", "risk_ratio"]], selection.estimates[["joint_low", "risk_ratio"]]
    )
    np.testing.assert_allclose([x for x, _, _ in marks(ax)], data["log_risk_ratio"])
    np.testing.assert_allclose([ends[:2] for ends in intervals(ax)], data[["joint_low", "joint_high"]])
    assert [y for _, y, _ in marks(ax)] == [y for _, _, y in intervals(ax)]
    labels = {text.get_position()[1]: text.get_text() for text in ax.texts}
    told = [numbers_in(labels[y], language) for _, y, _ in marks(ax)]
    np.testing.assert_allclose(told, data[["log_risk_ratio", "risk_ratio"]], atol=0.00501)
    assert ticks_of(ax.yaxis) == [words.say(f"gate_{gate}") for gate in ("gate_1", "gate_2", "net")]
    assert ax.get_xlabel() == words.say("axis_log_ratio")
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == [words.say("adjustment_crude"), words.say("adjustment_office_standardised")]


def test_selection_of_merged_gates_has_the_net_alone(merged_cases):
    result = so.decompose_selection(merged_cases)
    ax = so.draw_selection(result, language="nb")
    assert ticks_of(ax.yaxis) == ["Begge portene"]
    np.testing.assert_allclose([x for x, _, _ in marks(ax)], result.estimates["estimate"])


def test_selection_without_an_interval_draws_the_point(selection):
    estimates = selection.estimates.copy()
    estimates.loc[1, ["conf_low", "conf_high", "joint_low", "joint_high", "rr_conf_low", "rr_conf_high"]] = (
        np.nan
    )
    bare = replace(selection, estimates=estimates)
    ax = so.draw_selection(bare)
    assert len(marks(ax)) == 6
    assert len(intervals(ax)) == 5
    assert "nan" not in describe_selection(bare).lower()


def test_selection_withholds_one_and_keeps_the_others(selection):
    estimates = selection.estimates.copy()
    estimates.loc[2, estimates.select_dtypes("number").columns] = np.nan
    hidden = replace(selection, estimates=estimates)
    ax = so.draw_selection(hidden)
    assert words_on(ax).count("withheld") == 1
    assert len(marks(ax)) == 5
    assert describe_selection(hidden).count("Both gates") == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_selection_in_words(language, selection):
    told = iter(numbers_in(describe_selection(selection, language), language))
    for value in selection.estimates[["estimate", "joint_low", "joint_high"]].to_numpy().ravel():
        assert any(abs(one - value) <= 0.00501 for one in told), value
    assert "nan" not in describe_selection(withheld_selection(selection), language).lower()
