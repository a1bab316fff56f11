"""The exposure's effect over the correlation of gate and placement, and which correlations the data allow."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from se_outcomes.figures.corrected_effects import corrected_effects_data, with_cases, write_ticks
from se_outcomes.figures.frame import BLUE, GREY, INK, ORANGE, as_number, entitle, open_axes, quieten
from se_outcomes.study.selected_placement import SelectedPlacementResult
from se_outcomes.wording.words import Words, speak

Floats = NDArray[np.float64]

#: Numbers that stand nearer to each other than this, in units of rho, are written at different heights.
NEAR = 0.35


def draw_rho_profile(
    result: SelectedPlacementResult, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw the average marginal effect as it would be for each correlation rho of gate and placement.

    Whole and dark where the data allow rho (a score bootstrap over offices does not reject it at 5 %; the bar at the
    bottom), dashed and pale elsewhere. Band: the office jackknife with rho held. Dotted lines stand where it begins or
    ceases to hold zero.

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
    >>> ax = so.draw_rho_profile(result)
    >>> ax.get_ylabel()
    'Percentage points per standard deviation'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = rho_profile_data(result).dropna(subset="ame")
    ax = open_axes(ax, size=(7.2, 4.6))
    quieten(ax)
    ax.set_xlim(-1, 1)
    if len(data):
        _draw_profile(ax, data, result.rho_sets)
        _set_heights(ax, data, len(result.breakdown) > 0)
        _draw_set(ax, result.rho_sets, words)
        _draw_breakdown(ax, result.breakdown, words)
        points = _draw_points(ax, result, words)
        lines = _draw_key(ax, _key_of_lines(result, words), points)
        write_ticks(ax.yaxis, words)
    else:
        ax.text(
            0,
            0.5,
            words.say("withheld"),
            transform=ax.get_xaxis_transform(),
            ha="center",
            fontsize=9,
            color=INK,
        )
        ax.set_yticks([])
        lines = 0
    ax.xaxis.set_major_formatter(as_number(words, 1))
    ax.set_xticks(np.linspace(-1, 1, 9)[::2])
    ax.set_xlabel(words.say("axis_rho"))
    ax.set_ylabel(words.say("axis_points_per_sd"))
    entitle(ax, title_of(result, words), width=66, pad=8.0 + 14.0 * lines)  # above the key
    return ax


def title_of(result: SelectedPlacementResult, words: Words) -> str:
    """What the figure shows, in words."""
    title = words.say("title_rho_profile", exposure=words.noun(result.specification.exposure))
    return with_cases(title, result, words)


def rho_profile_data(result: SelectedPlacementResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: for each rho its p-value, whether the data allow it, and the effect (percentage points)."""
    del language  # names and numbers of data are the same in every language
    profile = result.profile
    effects = {name: 100 * profile[name] for name in ("ame", "ame_low", "ame_high")}
    return profile[["rho", "p_value", "inside", "ame", "ame_low", "ame_high"]].assign(**effects)


def describe_rho_profile(result: SelectedPlacementResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    said = [title_of(result, words) + "."]
    data = rho_profile_data(result).dropna(subset="ame")
    if len(data):
        first, last = data.iloc[0], data.iloc[-1]
        said.append(
            words.say(
                "alt_rho_profile",
                low=words.number(first["rho"]),
                low_effect=words.number(first["ame"], 1),
                high=words.number(last["rho"]),
                high_effect=words.number(last["ame"], 1),
            )
        )
        if result.rho_sets:
            said.append(f"{_say_sets(result.rho_sets, words)}.")
        places = "; ".join(_at(rho, words) for rho in result.breakdown)
        said.append(f"{words.say('key_breakdown')}: {places}." if places else words.say("alt_no_breakdown"))
    return " ".join(said)


def _say_sets(sets: tuple[tuple[float, float], ...], words: Words) -> str:
    said = [words.say("from_to", low=words.number(low), high=words.number(high)) for low, high in sets]
    joint = f" {words.say('and')} "
    return f"{words.say('key_rho_allowed')}: {joint.join(said)}"


def _at(rho: float, words: Words) -> str:
    return words.say("at_rho", rho=words.number(rho))


def _draw_profile(ax: Axes, data: pd.DataFrame, sets: tuple[tuple[float, float], ...]) -> None:
    """The effect with its band: pale over all of rho, dark over the set."""
    rho, ame, low, high = (data[name].to_numpy(float) for name in ("rho", "ame", "ame_low", "ame_high"))
    ax.axhline(0, color=GREY, linewidth=1, zorder=0)
    ax.fill_between(rho, low, high, color=GREY, alpha=0.13, linewidth=0)
    ax.plot(rho, ame, color=GREY, linewidth=1.5, linestyle="--")
    for start, end in sets:
        x = _within(rho, start, end)
        if len(x) > 1:
            ax.fill_between(
                x, np.interp(x, rho, low), np.interp(x, rho, high), color=BLUE, alpha=0.25, linewidth=0
            )
            ax.plot(x, np.interp(x, rho, ame), color=BLUE, linewidth=2.4)


def _within(rho: Floats, start: float, end: float) -> Floats:
    """The grid between two ends, both of them with it as far as the grid goes."""
    start, end = max(start, rho[0]), min(end, rho[-1])
    return np.unique([start, *rho[(rho > start) & (rho < end)], end]) if start <= end else rho[:0]


def _set_heights(ax: Axes, data: pd.DataFrame, labelled: bool) -> None:
    """Room below for the bar of the set, and above for the numbers of the breakdown."""
    bottom = min(0.0, *data["ame_low"].fillna(data["ame"]))
    top = max(0.0, *data["ame_high"].fillna(data["ame"]))
    reach = (top - bottom) or 1.0
    ax.set_ylim(bottom - 0.2 * reach, top + (0.24 if labelled else 0.06) * reach)


def _draw_set(ax: Axes, sets: tuple[tuple[float, float], ...], words: Words) -> None:
    """The 95 % set as a bar along the bottom, named where there is room."""
    if not sets:
        return
    for low, high in sets:
        ax.plot([low, high], [0.03, 0.03], transform=ax.get_xaxis_transform(), color=BLUE, linewidth=6,
                solid_capstyle="butt", clip_on=False)  # fmt: skip
    middle = float(np.clip((sets[0][0] + sets[-1][1]) / 2, -0.42, 0.42))
    ax.text(
        middle, 0.055, _say_sets(sets, words), transform=ax.get_xaxis_transform(), ha="center", va="bottom",
        fontsize=8.5, color=INK,
    )  # fmt: skip


def _draw_breakdown(ax: Axes, breakdown: tuple[float, ...], words: Words) -> None:
    """Dotted lines with their rho at the top, one above the other where they are near."""
    before, step = -np.inf, 0
    for rho in sorted(breakdown):
        step = (step + 1) % 3 if rho - before < NEAR else 0
        before = rho
        height = 0.985 - 0.055 * step
        ax.plot([rho, rho], [0.12, height - 0.05], transform=ax.get_xaxis_transform(), color=INK, linewidth=1.3,
                linestyle=":")  # fmt: skip
        ax.text(
            float(np.clip(rho, -0.9, 0.9)), height, _at(rho, words), transform=ax.get_xaxis_transform(), ha="center",
            va="top", fontsize=8.5, color=INK, zorder=3, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip


def _key_of_lines(result: SelectedPlacementResult, words: Words) -> list[Line2D]:
    lines = [Line2D([], [], color=BLUE, linewidth=2.4, label=words.say("key_rho_inside"))]
    if not result.profile["inside"].all():
        lines.append(
            Line2D([], [], color=GREY, linewidth=1.5, linestyle="--", label=words.say("key_rho_outside"))
        )
    if result.breakdown:
        lines.append(
            Line2D([], [], color=INK, linewidth=1.3, linestyle=":", label=words.say("key_breakdown"))
        )
    return lines


def _draw_points(ax: Axes, result: SelectedPlacementResult, words: Words) -> list[Line2D]:
    """The effect without correction (rho = 0) and at the best rho: each of them with its name."""
    effects = corrected_effects_data(result).set_index("model")["estimate"]
    best = words.say("key_best", rho=words.number(result.rho))
    points = [
        (0.0, effects.get("naive", np.nan), "o", ORANGE, "white", words.say("key_naive")),
        (result.rho, effects.get("corrected", np.nan), "s", BLUE, BLUE, best),
    ]
    drawn: list[Line2D] = []
    for rho, effect, marker, colour, fill, label in points:
        if pd.notna(rho) and pd.notna(effect):
            drawn += ax.plot(
                rho, effect, linestyle="", marker=marker, color=colour, markerfacecolor=fill, markersize=7,
                markeredgewidth=1.6, zorder=4, clip_on=False, label=label,
            )  # fmt: skip
    return drawn


def _draw_key(ax: Axes, lines: list[Line2D], points: list[Line2D]) -> int:
    """What lines (left) and marks (right) mean, above the axes; how many lines of text that takes."""
    blank = [Line2D([], [], linestyle="", label="") for _ in lines[len(points) :]]
    ax.legend(
        handles=[*lines, *points, *blank], loc="lower left", bbox_to_anchor=(0.0, 1.005), ncols=2, frameon=False,
        fontsize=8.5, labelcolor=INK, borderaxespad=0.0, labelspacing=0.35, columnspacing=1.4, handletextpad=0.6,
    )  # fmt: skip
    return len(lines)
