"""How the prospects of work are spread, by how far cases came."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

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
from se_outcomes.wording.places import say_status
from se_outcomes.wording.words import Words, speak

#: Colour, dashes and mark of the median.
_LINES = {
    "not_referred": (GREY, (0, (1.5, 1.5)), "D"),
    "not_accepted": (ORANGE, (0, (5, 2)), "o"),
    "accepted": (BLUE, "-", "s"),
}
#: Labels stand at least this part of the axes apart.
APART = 0.19


def draw_prospects(result: LeftOutResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the density of predicted placement for each place at the gates, with its median marked.

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
    >>> ax = so.draw_prospects(so.estimate_left_out(cases))
    >>> ax.get_xlabel()
    'Predicted chance of work without SE'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = prospects_data(result)
    ax = open_axes(ax, size=(7.2, 3.9))
    quieten(ax)
    ax.set_yticks([])
    middles = _middles(result)
    for status, curve in data.groupby("status", sort=False):
        _draw_curve(ax, str(status), curve, middles.get(str(status), np.nan))
    if len(data):
        ax.set_xlim(0, _right_end(data))
        ax.set_ylim(0, 1.06 * data["density"].max())
        _label_curves(ax, data, middles, words)
    else:
        ax.text(0.5, 0.5, words.say("withheld"), transform=ax.transAxes, ha="center", fontsize=9, color=INK)
        ax.set_xticks([])
    ax.xaxis.set_major_formatter(as_percent(words))
    ax.set_xlabel(words.say(f"prospects_{result.density_of}"))
    ax.set_ylabel(words.say("axis_density"))
    entitle(ax, title_of(result, words), width=66)
    return ax


def title_of(result: LeftOutResult, words: Words) -> str:
    """What the figure shows, in words."""
    return words.say("title_prospects", prospects=words.say(f"prospects_{result.density_of}"))


def prospects_data(result: LeftOutResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: ``status, value, density``, without what is withheld."""
    del language  # names and numbers of data are the same in every language
    return result.density.dropna(subset="density").reset_index(drop=True)


def describe_prospects(result: LeftOutResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    statuses = set(result.quantiles["status"])
    told = [
        words.say(
            "alt_quantiles",
            status=say_status(row.status, statuses, words),
            **{name: words.percent(part, 0) for name, part in
               (("middle", row.p50), ("low", row.p10), ("high", row.p90))},
        )
        for row in records(result.quantiles.dropna(subset="p50"))
    ]  # fmt: skip
    return f"{title_of(result, words)}." + (f" {'; '.join(told)}." if told else "")


def _middles(result: LeftOutResult) -> dict[str, float]:
    """The median of each place, where it is told."""
    told = result.quantiles.dropna(subset="p50")
    return dict(zip(told["status"], told["p50"].astype(float), strict=True))


def _right_end(data: pd.DataFrame) -> float:
    """Where the last density has fallen to next to nothing, or one."""
    seen = data.loc[data["density"] > 0.005 * data["density"].max(), "value"]
    return float(min(1.0, seen.max() + 0.02))


def _draw_curve(ax: Axes, status: str, curve: pd.DataFrame, middle: float) -> None:
    colour, style, marker = _LINES[status]
    value, density = curve["value"].to_numpy(float), curve["density"].to_numpy(float)
    ax.plot(value, density, color=colour, linewidth=2.2, linestyle=style)
    if np.isfinite(middle):
        height = float(np.interp(middle, value, density))
        ax.plot([middle, middle], [0, height], color=colour, linewidth=1.0, linestyle=style)
        ax.plot(middle, height, marker, color=colour, markersize=7, markeredgecolor="white", zorder=4)


def _label_curves(ax: Axes, data: pd.DataFrame, middles: Mapping[str, float], words: Words) -> None:
    """Each place's name at the right, with a piece of its line: those with the best prospects on top."""
    statuses = sorted(dict.fromkeys(data["status"]), key=lambda status: -middles.get(status, np.nan))
    for number, status in enumerate(statuses):
        colour, style, marker = _LINES[status]
        height = 0.88 - APART * number
        ax.plot([1.015, 1.085], [height] * 2, transform=ax.transAxes, color=colour, linestyle=style, linewidth=2.2,
                clip_on=False)  # fmt: skip
        label = fold_text(say_status(status, statuses, words), 18)
        if status in middles:
            ax.plot(1.05, height, marker, transform=ax.transAxes, color=colour, markersize=7, markeredgecolor="white",
                    clip_on=False)  # fmt: skip
            label += "\n" + words.say("half_below", value=words.percent(middles[status], 0))
        ax.text(1.1, height, label, transform=ax.transAxes, va="center", fontsize=8.5, color=INK)
