"""Predicted placement over the exposure, as the accepted tell it and corrected for selection."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from se_outcomes.cases.schema import read_schema
from se_outcomes.figures.corrected_effects import with_cases, write_ticks
from se_outcomes.figures.frame import (
    BLUE,
    INK,
    ORANGE,
    as_percent,
    entitle,
    fold_text,
    open_axes,
    quieten,
)
from se_outcomes.study.selected_placement import SelectedPlacementResult
from se_outcomes.wording.words import Words, speak

_LINES = {"naive": (ORANGE, (0, (5, 2))), "corrected": (BLUE, "-")}
#: Labels stand at least this part of the axes apart.
APART = 0.17


def draw_placement_curve(
    result: SelectedPlacementResult, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw the share that would be placed at each value of the exposure, not corrected and corrected.

    A set without a best value is drawn as a band with edges, without a line through it.

    Parameters
    ----------
    result : SelectedPlacementResult
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
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="accepted").cases
    >>> result = so.estimate_selected_placement(cases, exclusion=("caseload_at_referral",))
    >>> ax = so.draw_placement_curve(result)
    >>> ax.get_xlabel()
    'Motivation (points)'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = placement_curve_data(result)
    ax = open_axes(ax, size=(7.2, 4.2))
    quieten(ax)
    for model, curve in data.groupby("model", sort=False):
        _draw_curve(ax, curve, *_LINES[str(model)])
    top = max(0.1, *data[["estimate", "conf_high"]].max().fillna(0))
    ax.set_ylim(0, min(1.02, 1.06 * top))
    if len(data):
        ax.set_xlim(data["value"].min(), data["value"].max())
        write_ticks(ax.xaxis, words)
        _label_curves(ax, data, words)
    else:
        ax.text(0.5, 0.5, words.say("withheld"), transform=ax.transAxes, ha="center", fontsize=9, color=INK)
        ax.set_xticks([])
    ax.yaxis.set_major_formatter(as_percent(words))
    ax.set_xlabel(_axis_name(result, words))
    ax.set_ylabel(words.say("axis_share_placement"))
    entitle(ax, title_of(result, words), width=64)
    return ax


def title_of(result: SelectedPlacementResult, words: Words) -> str:
    """What the figure shows, in words."""
    title = words.say("title_placement_curve", exposure=words.noun(result.specification.exposure))
    return with_cases(title, result, words)


def placement_curve_data(result: SelectedPlacementResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: ``model, value`` (in SDs where instruments differ), share and interval."""
    del language  # names and numbers of data are the same in every language
    curve = result.curve
    curve = curve.assign(value=curve["scaled"] if _is_scaled(result) else curve["value"])
    told = curve[["estimate", "conf_low"]].notna().any(axis=1)
    return curve.loc[told, ["model", "value", "estimate", "conf_low", "conf_high"]].reset_index(drop=True)


def describe_placement_curve(result: SelectedPlacementResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    said = [title_of(result, words) + "."]
    for model, curve in placement_curve_data(result).groupby("model", sort=False):
        ends = "; ".join(
            words.say("alt_at", value=words.number(row["value"], 1), share=_say_share(row, words))
            for row in (curve.iloc[0], curve.iloc[-1])
        )
        said.append(f"{words.say(f'model_{model}')}: {ends}.")
    return " ".join(said)


def _say_share(row: pd.Series, words: Words) -> str:
    if pd.isna(row["estimate"]):
        return words.say(
            "set_between", low=words.percent(row["conf_low"]), high=words.percent(row["conf_high"])
        )
    share = words.percent(row["estimate"])
    if pd.isna(row["conf_low"]):
        return share
    return f"{share} {words.interval(row['conf_low'], row['conf_high'], words.percent)}"


def _is_scaled(result: SelectedPlacementResult) -> bool:
    """Whether the exposure can be drawn in standard deviations only: instruments differ."""
    return not result.curve.empty and bool(result.curve["value"].isna().all())


def _draw_curve(ax: Axes, curve: pd.DataFrame, colour: str, style: object) -> None:
    x, low, high = (curve[name].to_numpy(float) for name in ("value", "conf_low", "conf_high"))
    ax.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    for edge in (low, high):
        ax.plot(x, edge, color=colour, linewidth=0.8, linestyle=style)
    if curve["estimate"].notna().any():
        ax.plot(x, curve["estimate"], color=colour, linewidth=2.2, linestyle=style)


def _label_curves(ax: Axes, data: pd.DataFrame, words: Words) -> None:
    """Each model's name at the right end of its curve (or of its band), with a piece of its line."""
    ends = {str(model): curve.iloc[-1] for model, curve in data.groupby("model", sort=False)}
    heights = {}
    for model, end in ends.items():
        middle = (end["conf_low"] + end["conf_high"]) / 2 if pd.isna(end["estimate"]) else end["estimate"]
        heights[model] = float(middle) / ax.get_ylim()[1]
    for model, height in _set_apart(heights).items():
        colour, style = _LINES[model]
        is_set = pd.isna(ends[model]["estimate"])
        ax.plot([1.015, 1.07], [height, height], transform=ax.transAxes, color=colour, linestyle=style,
                linewidth=0.8 if is_set else 2.2, clip_on=False)  # fmt: skip
        name = fold_text(words.say(f"model_{model}"), 16)
        has_band = pd.notna(ends[model]["conf_low"])
        band = fold_text(words.say("label_set" if is_set else "label_band"), 16) if has_band else ""
        ax.text(
            1.08, height, f"{name}\n{band}".strip(), transform=ax.transAxes, va="center", fontsize=8.5, color=INK
        )  # fmt: skip


def _set_apart(heights: Mapping[str, float]) -> dict[str, float]:
    """Heights in the same order, moved so that labels do not meet and stay beside the axes.

    Examples
    --------
    >>> {name: round(height, 3) for name, height in _set_apart({"naive": 0.5, "corrected": 0.52}).items()}
    {'naive': 0.425, 'corrected': 0.595}
    """
    names = sorted(heights, key=lambda name: heights[name])
    places = np.clip([heights[name] for name in names], APART / 2, 1 - APART / 2)
    if len(names) == 2 and places[1] - places[0] < APART:
        middle = float(np.clip(places.mean(), APART, 1 - APART))
        places = np.array([middle - APART / 2, middle + APART / 2])
    return dict(zip(names, places.tolist(), strict=True))


def _axis_name(result: SelectedPlacementResult, words: Words) -> str:
    exposure = result.specification.exposure
    name = words.noun(exposure)
    name = name[:1].upper() + name[1:]
    if _is_scaled(result):
        return words.say("axis_scaled", exposure=name)
    column = read_schema()["cases"].columns.get(exposure)
    if column is None or not column.unit:
        return name
    return words.say("axis_unit", exposure=name, unit=words.say(f"unit_{column.unit}"))
