"""Share passing a gate over the exposure: what was seen, and the fitted curve with its band."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from se_outcomes.cases.schema import read_schema
from se_outcomes.figures.frame import (
    BLUE,
    INK,
    ORANGE,
    as_number,
    as_percent,
    entitle,
    fold_text,
    open_axes,
    quieten,
)
from se_outcomes.results import records
from se_outcomes.study.passage import PassageResult
from se_outcomes.wording.words import Words, speak

#: Area of a point for the largest bin, in square points; and of a point whose number of cases is not told.
LARGEST, UNTOLD = 240.0, 45.0


def draw_passage(result: PassageResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the share passing over a number (points, curve, band) or by level (points, intervals).

    Parameters
    ----------
    result : PassageResult
    ax : Axes, optional
        A new figure if absent.
    language : {"en", "nb", "nn"}

    Returns
    -------
    Axes

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import se_outcomes as so
    >>> ax = so.draw_passage(so.estimate_referral(so.simulate_cases(400, seed=1).cases))
    >>> ax.get_xlabel()
    'Motivation (points)'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    by_number = not result.curve.empty or bool(result.bins["mean"].notna().any())
    ax = open_axes(ax, size=(7.0, 4.2))
    quieten(ax)
    if by_number:
        _draw_over_number(result, ax, words)
    else:
        _draw_by_level(result, ax, words)
    entitle(ax, title_of(result, words), width=70 if by_number else 52)
    return ax


def title_of(result: PassageResult, words: Words) -> str:
    """What the figure shows, in words."""
    asked = result.specification
    return words.say(f"share_{asked.question}_{asked.at_risk}", exposure=words.noun(asked.exposure))


def passage_data(result: PassageResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: ``drawn`` ("observed", "curve" or "level"), where, how many, share and interval."""
    del language  # names and numbers of data are the same in every language
    along = _along(result)
    bins = result.bins.assign(drawn="observed").rename(columns={"bin": "name", along: "value"})
    curve = _between_bins(result).assign(drawn="curve").rename(columns={"estimate": "share"})
    curve = curve.assign(value=curve["value"] if along == "mean" else curve["scaled"])
    groups = result.groups.assign(drawn="level").rename(columns={"group": "name", "estimate": "share"})
    parts = [curve] if not curve.empty else []
    parts += [bins] if bins["value"].notna().any() or not curve.empty else [groups]
    columns = ["drawn", "name", "value", "n", "n_passed", "share", "conf_low", "conf_high"]
    data = pd.concat([part.reindex(columns=columns) for part in parts], ignore_index=True)
    return data.loc[data["share"].notna()].reset_index(drop=True)


def describe_passage(result: PassageResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    told = result.groups.dropna(subset="estimate")
    said = [title_of(result, words) + "."]
    if len(told):
        by = result.specification.exposure
        shares = [
            f"{words.level(by, row.group)}: {words.percent(row.estimate)}"
            + (
                f" {words.interval(row.conf_low, row.conf_high, words.percent)}"
                if pd.notna(row.conf_low)
                else ""
            )
            for row in records(told)
        ]
        said.append(words.say("alt_groups", shares="; ".join(shares)))
    curve = passage_data(result).query("drawn == 'curve'")
    if len(curve):
        first, last = curve.iloc[0], curve.iloc[-1]
        said.append(
            words.say(
                "alt_curve",
                low=words.number(first["value"], 1),
                low_share=words.percent(first["share"]),
                high=words.number(last["value"], 1),
                high_share=words.percent(last["share"]),
            )
        )
    return " ".join(said)


def _between_bins(result: PassageResult) -> pd.DataFrame:
    """The curve between the outermost bin means: the ends of its range are single persons' values."""
    means = result.bins["mean_scaled"].dropna()
    within = result.curve["scaled"].between(means.min() - 1e-9, means.max() + 1e-9)  # sums are not exact
    return result.curve.loc[within]


def _along(result: PassageResult) -> str:
    """The unit of the horizontal axis: the exposure's own, or its standard deviations where instruments differ."""
    several = not result.curve.empty and result.curve["value"].isna().all()
    return "mean_scaled" if several else "mean"


def _draw_over_number(result: PassageResult, ax: Axes, words: Words) -> None:
    data = passage_data(result)
    curve, seen = data.loc[data["drawn"] == "curve"], data.loc[data["drawn"] == "observed"]
    if len(curve):
        x, low, high = (curve[name].to_numpy(float) for name in ("value", "conf_low", "conf_high"))
        ax.fill_between(x, low, high, color=BLUE, alpha=0.18, linewidth=0)
        ax.plot(x, curve["share"], color=BLUE, linewidth=2)
    told = seen["n"].notna()
    size = LARGEST * seen["n"] / seen["n"].max() if told.any() else seen["n"]
    ax.scatter(
        seen["value"][told],
        seen["share"][told],
        s=size[told],
        facecolor=ORANGE,
        alpha=0.75,
        edgecolor="white",
        zorder=3,
    )
    ax.scatter(
        seen["value"][~told],
        seen["share"][~told],
        s=UNTOLD,
        facecolor="white",
        edgecolor=ORANGE,
        linewidth=1.5,
        zorder=3,
    )
    top = np.nanmax([*data["share"], *data["conf_high"], 0.1])
    ax.set_ylim(0, min(1.0, top * 1.06) if top < 0.94 else 1.02)
    ax.yaxis.set_major_formatter(as_percent(words))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    whole = np.allclose(np.asarray(ax.get_xticks()) % 1, 0)
    ax.xaxis.set_major_formatter(as_number(words, 0 if whole else 1))
    ax.set_xlabel(_axis_name(result, words))
    ax.set_ylabel(words.say(f"axis_share_{result.specification.question}"))
    _label_series(ax, curve, seen, words)


def _label_series(ax: Axes, curve: pd.DataFrame, seen: pd.DataFrame, words: Words) -> None:
    """A key where there is room: below what is drawn, else in the corner that the curve leaves free."""
    lowest = np.nanmin([*curve["conf_low"], *seen["share"], 1.0])
    below = lowest > 0.25 * ax.get_ylim()[1]
    rising = not len(curve) or curve["share"].iloc[-1] >= curve["share"].iloc[0]
    handles = []
    if len(seen):
        told = bool(seen["n"].notna().any())
        handles.append(
            Line2D([], [], linestyle="", marker="o", color=ORANGE, markerfacecolor=ORANGE if told else "white",
                   label=words.say("key_observed" if told else "key_observed_untold"))
        )  # fmt: skip
    if len(curve):
        handles.append(Line2D([], [], color=BLUE, linewidth=2, label=words.say("key_curve")))
    place: Literal["lower left", "upper left", "upper right"] = (
        "lower left" if below else "upper left" if rising else "upper right"
    )
    if handles:
        ax.legend(handles=handles, loc=place, frameon=False, fontsize=8.5, labelcolor=INK, borderaxespad=0.2)


def _draw_by_level(result: PassageResult, ax: Axes, words: Words) -> None:
    groups = result.groups
    by = result.specification.exposure
    places = np.arange(len(groups))[::-1]
    for place, row in zip(places, records(groups), strict=True):
        if pd.isna(row.estimate):
            ax.text(0.01, place, words.say("withheld"), va="center", fontsize=8.5, color=INK)
            continue
        ax.plot([row.conf_low, row.conf_high], [place, place], color=BLUE, linewidth=2)
        ax.plot(row.estimate, place, "o", color=BLUE, markersize=7)
        ax.annotate(
            words.percent(row.estimate),
            (row.estimate, place),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=INK,
        )
    ax.set_yticks(places, [fold_text(words.level(by, group), 30) for group in groups["group"]])
    ax.set_ylim(-0.6, len(groups) - 0.3)
    ax.set_xlim(0, min(1.0, 1.1 * np.nanmax([*groups["estimate"], *groups["conf_high"], 0.1])))
    ax.xaxis.set_major_formatter(as_percent(words))
    ax.set_xlabel(words.say(f"axis_share_{result.specification.question}"))


def _axis_name(result: PassageResult, words: Words) -> str:
    name = words.noun(result.specification.exposure)
    name = name[:1].upper() + name[1:]
    if _along(result) == "mean_scaled":
        return words.say("axis_scaled", exposure=name)
    column = read_schema()["cases"].columns.get(result.specification.exposure)
    return (
        words.say("axis_unit", exposure=name, unit=words.say(f"unit_{column.unit}"))
        if column and column.unit
        else name
    )
