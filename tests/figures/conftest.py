"""Results to draw, and what of a figure a reader sees."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import se_outcomes as so

mpl.use("agg")
NUMBERS = (
    "estimate",
    "conf_low",
    "conf_high",
    "cv1_conf_low",
    "cv1_conf_high",
    "std_error",
    "statistic",
    "p_value",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Every figure in English and bokmål; nynorsk, which is as long, with the long runs."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if parameters.get("language") == "nn" and item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure open."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def cases():
    """1,200 cases in five offices, values missing."""
    return so.simulate_cases(1200, seed=1, missing=True).cases


@pytest.fixture(scope="session")
def merged_cases():
    """1,200 cases whose gates are recorded as one."""
    return so.simulate_cases(1200, seed=1, gates="merged").cases


@pytest.fixture(scope="session")
def funnel(cases):
    return so.count_funnel(cases)


@pytest.fixture(scope="session")
def merged_funnel(merged_cases):
    return so.count_funnel(merged_cases)


@pytest.fixture(scope="session")
def passages(cases):
    """Referral, acceptance, placement of the accepted and of the eligible, by motivation."""
    return [
        so.estimate_referral(cases),
        so.estimate_acceptance(cases),
        so.estimate_placement(cases),
        so.estimate_placement(cases, at_risk="eligible"),
    ]


@pytest.fixture(scope="session")
def by_level(cases):
    """Referral by level of education: long names, no number."""
    return so.estimate_referral(cases, exposure="education_level", adjust_for=())


@pytest.fixture(scope="session")
def selection(cases):
    return so.decompose_selection(cases)


@pytest.fixture(scope="session")
def merged_selection(merged_cases):
    return so.decompose_selection(merged_cases)


@pytest.fixture(scope="session")
def withhold():
    """``withhold(frame, columns, rows)``: the frame with the columns missing, everywhere or in some rows."""

    def withheld(frame, columns, rows=slice(None)):
        frame = frame.reset_index(drop=True).astype(dict.fromkeys(columns, "float64"))
        frame.loc[rows, list(columns)] = np.nan
        return frame

    return withheld


@pytest.fixture(scope="session")
def withhold_passage(withhold):
    """``withhold_passage(result)``: a result of which no number may be told."""

    def withheld(result):
        return replace(
            result,
            estimates=withhold(result.estimates, NUMBERS),
            curve=result.curve.iloc[:0],
            bins=withhold(result.bins, ("low", "high", "mean", "mean_scaled", "n", "n_passed", "share")),
            groups=withhold(result.groups, ("estimate", "conf_low", "conf_high", "n", "n_passed")),
        )

    return withheld


def _ticks(axis):
    low, high = sorted(axis.get_view_interval())
    within = [low - 1e-9 <= place <= high + 1e-9 for place in axis.get_ticklocs()]
    labels = axis.get_ticklabels()
    return [label for label, seen in zip(labels, within, strict=True) if seen]


@pytest.fixture(scope="session")
def texts_of():
    """``texts_of(ax)``: every text that is drawn, after drawing."""

    def drawn(ax):
        ax.figure.canvas.draw()
        texts = [*ax.texts, ax.title, ax._left_title, ax._right_title]
        if ax.axison:
            texts += [ax.xaxis.label, ax.yaxis.label, *_ticks(ax.xaxis), *_ticks(ax.yaxis)]
        if ax.get_legend() is not None:
            texts += ax.get_legend().get_texts()
        return [text for text in texts if text.get_text().strip() and text.get_visible()]

    return drawn


@pytest.fixture(scope="session")
def read(texts_of):
    """``read(ax)``: all that is written on a figure, line breaks as spaces."""

    def words(ax):
        return [" ".join(text.get_text().split("\n")) for text in texts_of(ax)]

    return words
