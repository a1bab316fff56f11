"""Who is left out: what those not referred, not accepted and accepted are made up of."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from se_outcomes.figures.frame import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    as_percent,
    entitle,
    fold_text,
    open_axes,
    quieten,
)
from se_outcomes.results import records
from se_outcomes.study.left_out import LeftOutResult
from se_outcomes.wording.places import say_status, say_variable
from se_outcomes.wording.words import Words, speak

#: Hollow marks are drawn over the full one, so that each is seen where they meet.
_MARKS = {
    "not_referred": ("D", GREY, "none"),
    "not_accepted": ("o", ORANGE, "none"),
    "accepted": ("s", BLUE, BLUE),
}


def draw_left_out(result: LeftOutResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw a row for each level: its share of those not referred, not accepted and accepted.

    Parameters
    ----------
    result : LeftOutResult
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
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> ax = so.draw_left_out(so.estimate_left_out(cases))
    >>> ax.get_xlabel()
    'Share of each group in the key'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = left_out_data(result)
    places = _places(data, words)
    ax = open_axes(ax, size=(7.2, 1.3 - 0.235 * min(places.values(), default=0.0)))
    quieten(ax)
    for (variable, level), rows in data.groupby(["variable", "level"], sort=False):
        _draw_row(ax, rows, places[str(variable), str(level)], words)
    for variable in dict.fromkeys(data["variable"]):
        top = max(place for (name, _), place in places.items() if name == variable)
        ax.text(
            0.008, top + 1.0, say_variable(variable, words), transform=ax.get_yaxis_transform(), fontsize=9,
            fontweight="bold", color=INK, va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    ax.set_yticks(list(places.values()), [_say_level(*place, words) for place in places])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(min(places.values(), default=0.0) - 0.7, 0.6)
    ax.set_xlim(0, min(1.02, 1.08 * max(0.1, data["share"].max())) if data["share"].notna().any() else 1)
    ax.xaxis.set_major_formatter(as_percent(words))
    ax.xaxis.grid(True, color=GREY, alpha=0.25, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.set_xlabel(words.say("axis_share_of_status"))
    _draw_key(ax, set(data["status"]), words)
    entitle(ax, words.say("title_left_out"), width=66, pad=26.0)  # above the key
    return ax


def left_out_data(result: LeftOutResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: ``variable, level, status, n, share``, variable by variable."""
    del language  # names and numbers of data are the same in every language
    return result.composition[["variable", "level", "status", "n", "share"]].reset_index(drop=True)


def describe_left_out(result: LeftOutResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    said = [words.say("title_left_out") + "."]
    data = left_out_data(result)
    statuses = set(data["status"])
    for variable, rows in data.groupby("variable", sort=False):
        told = []
        for level, shares in rows.dropna(subset="share").groupby("level", sort=False):
            listed = ", ".join(
                f"{say_status(row.status, statuses, words).lower()} {words.percent(row.share, 0)}"
                for row in records(shares)
            )
            told.append(f"{words.level(str(variable), str(level))}: {listed}")
        if told:
            said.append(f"{say_variable(str(variable), words)}: {'; '.join(told)}.")
    return " ".join(said)


def _places(data: pd.DataFrame, words: Words) -> dict[tuple[str, str], float]:
    """From the top down, a line for the name of each variable above its levels, and room for long names of levels."""
    places, place, before = {}, 0.0, ""
    for variable, level in dict.fromkeys(zip(data["variable"], data["level"], strict=True)):
        if variable != before:
            place -= 1.0 if not before else 1.25
        more = 0.4 * _say_level(variable, level, words).count("\n")
        places[variable, level], before = place - more, variable
        place -= 1.0 + 2 * more
    return places


def _say_level(variable: str, level: str, words: Words) -> str:
    return fold_text(words.level(variable, level), 34)


def _draw_row(ax: Axes, rows: pd.DataFrame, place: float, words: Words) -> None:
    """Three marks on a line between the outer ones; where one is withheld, that is said."""
    told = rows.dropna(subset="share")
    if len(told) > 1:
        ax.plot([told["share"].min(), told["share"].max()], [place] * 2, color=GREY, linewidth=1.0, zorder=1)
    for row in records(told):
        marker, colour, fill = _MARKS[row.status]
        ax.plot(row.share, place, marker, color=colour, markerfacecolor=fill, markersize=6.5, markeredgewidth=1.5,
                clip_on=False, zorder=2 if row.status == "accepted" else 3)  # fmt: skip
    if len(told) < len(rows):
        ax.text(1.01, place, words.say("withheld"), transform=ax.get_yaxis_transform(), fontsize=8.5, va="center",
                color=INK)  # fmt: skip


def _draw_key(ax: Axes, statuses: Collection[str], words: Words) -> None:
    """What the marks are, above the axes."""
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markerfacecolor=fill, markersize=6.5,
               markeredgewidth=1.5, label=say_status(status, statuses, words))
        for status, (marker, colour, fill) in _MARKS.items()
        if status in statuses
    ]  # fmt: skip
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, fontsize=8.5,
        labelcolor=INK, borderaxespad=0.0, handletextpad=0.2, columnspacing=1.4,
    )  # fmt: skip
