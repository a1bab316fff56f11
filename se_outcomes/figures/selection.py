"""The log risk ratio of top against bottom, split over the gates."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from se_outcomes.figures.frame import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    as_number,
    entitle,
    fold_text,
    open_axes,
    quieten,
)
from se_outcomes.results import records
from se_outcomes.study.selection import SelectionResult
from se_outcomes.wording.words import Words, speak

_MARKS = {"crude": ("o", ORANGE, "white"), "office_standardised": ("s", BLUE, BLUE)}


def draw_selection(result: SelectionResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the gates' log risk ratios (with joint intervals) and the net, crude and standardised over offices.

    Parameters
    ----------
    result : SelectionResult
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
    >>> ax = so.draw_selection(so.decompose_selection(so.simulate_cases(1200, seed=1).cases))
    >>> ax.get_xlabel()
    'Log risk ratio'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = selection_data(result)
    terms, kinds = list(dict.fromkeys(data["gate"])), list(dict.fromkeys(data["adjustment"]))
    places = {term: -1.0 * number for number, term in enumerate(terms)}
    ax = open_axes(ax, size=(7.2, 1.6 + 0.62 * len(terms)))
    quieten(ax)
    for row in records(data):
        shift = 0.17 if len(kinds) > 1 else 0.0
        _draw_row(ax, row, places[row.gate] + (shift if row.adjustment == "crude" else -shift), words)
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    if "net" in places and len(terms) > 1:
        ax.axhline(places["net"] + 0.5, color=GREY, linewidth=0.8, linestyle=":")
    ax.set_yticks(
        [places[term] for term in terms], [fold_text(words.say(f"gate_{term}"), 24) for term in terms]
    )
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(min(places.values()) - 0.6, 0.7)
    ax.xaxis.set_major_formatter(as_number(words, 1))
    ax.set_xlabel(words.say("axis_log_ratio"))
    handles = [
        Line2D([], [], marker=_MARKS[kind][0], color=_MARKS[kind][1], markerfacecolor=_MARKS[kind][2], linewidth=1.6,
               label=words.say(f"adjustment_{kind}"))
        for kind in kinds
    ]  # fmt: skip
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, fontsize=8.5,
        borderaxespad=0.0,
    )  # fmt: skip
    entitle(ax, title_of(result, words), width=52, pad=24.0)  # above the key
    return ax


def title_of(result: SelectionResult, words: Words) -> str:
    """What the figure shows, in words."""
    by = result.specification.exposure
    quarters = {"q1", "q4"} >= {result.top, result.bottom}
    return words.say(
        "title_selection" if quarters else "title_selection_levels",
        exposure=words.noun(by),
        top=words.level_noun(by, result.top),
        bottom=words.level_noun(by, result.bottom),
    )


def selection_data(result: SelectionResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn, a row for each gate and adjustment."""
    del language  # names and numbers of data are the same in every language
    columns = [
        "estimate",
        "conf_low",
        "conf_high",
        "joint_low",
        "joint_high",
        "risk_ratio",
        "rr_conf_low",
        "rr_conf_high",
        "share",
    ]
    return result.estimates[["term", "adjustment", *columns]].rename(
        columns={"term": "gate", "estimate": "log_risk_ratio"}
    )


def describe_selection(result: SelectionResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    said = [title_of(result, words) + "."]
    for adjustment, rows in selection_data(result).groupby("adjustment", sort=False):
        told = [
            f"{words.say(f'gate_{row.gate}')}: {words.number(row.log_risk_ratio)}"
            + (
                f" {words.interval(row.joint_low, row.joint_high, words.number)}"
                if pd.notna(row.joint_low)
                else ""
            )
            for row in records(rows.dropna(subset="log_risk_ratio"))
        ]
        if told:
            said.append(f"{words.say(f'adjustment_{adjustment}')}: {'; '.join(told)}.")
    return " ".join(said)


def _draw_row(ax: Axes, row, place: float, words: Words) -> None:  # type: ignore[no-untyped-def]
    marker, colour, fill = _MARKS[row.adjustment]
    label = words.say("withheld")
    if pd.notna(row.log_risk_ratio):
        if pd.notna(row.joint_low):
            ax.plot([row.joint_low, row.joint_high], [place, place], color=colour, linewidth=1.6)
        ax.plot(row.log_risk_ratio, place, marker, color=colour, markerfacecolor=fill, markersize=6.5)
        label = (
            f"{words.number(row.log_risk_ratio)} {words.say('as_ratio', ratio=words.number(row.risk_ratio))}"
        )
    ax.text(1.01, place, label, transform=ax.get_yaxis_transform(), fontsize=8.5, va="center", color=INK)
