"""What goes with placement before and after correcting for selection: the exposure's effect, and the open gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator

from se_outcomes.figures.frame import (
    BLUE,
    GREY,
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
from se_outcomes.study.selected_placement import SelectedPlacementResult
from se_outcomes.wording.words import Words, speak

_MARKS = {
    "naive": ("o", ORANGE, "white"),
    "corrected": ("s", BLUE, BLUE),
    "accepted": ("D", GREY, GREY),
    "open_gate_naive": ("o", ORANGE, "white"),
    "open_gate": ("s", BLUE, BLUE),
}


def draw_corrected_effects(
    result: SelectedPlacementResult, ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw the average marginal effect on placement, not corrected and corrected, in percentage points.

    A set without a best value is drawn as a line between two bars, without a mark.

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
    >>> ax = so.draw_corrected_effects(result)
    >>> ax.get_xlabel()
    'Percentage points per standard deviation'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = corrected_effects_data(result)
    names = [words.say(f"model_{model}") for model in data["model"]]
    ax = open_axes(ax, size=(7.2, 2.3))
    quieten(ax)
    _draw_rows(ax, data.rename(columns={"model": "row"}), names, lambda end: words.number(end, 1), words)
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    ax.margins(x=0.06)
    write_ticks(ax.xaxis, words)
    ax.set_xlabel(words.say("axis_points_per_sd"))
    title = words.say("title_corrected_effects", exposure=words.noun(result.specification.exposure))
    entitle(ax, with_cases(title, result, words), width=62)
    return ax


def draw_open_gate(result: SelectedPlacementResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw placement of the accepted beside that of everyone with the gate open, not corrected and corrected.

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
    >>> ax = so.draw_open_gate(result)
    >>> ax.get_xlabel()
    'Share in work'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = open_gate_data(result)
    names = [say_average(measure, result, words) for measure in data["measure"]]
    ax = open_axes(ax, size=(7.2, 2.9))
    quieten(ax)
    _draw_rows(ax, data.rename(columns={"measure": "row"}), names, words.percent, words)
    ax.set_xlim(0, min(1.0, 1.1 * np.nanmax([*data["estimate"], *data["conf_high"], 0.1])))
    ax.xaxis.set_major_formatter(as_percent(words))
    ax.set_xlabel(words.say("axis_share_placement"))
    entitle(ax, with_cases(words.say("title_open_gate"), result, words), width=60)
    return ax


def with_cases(title: str, result: SelectedPlacementResult, words: Words) -> str:
    """A title with the number of cases at risk, if that may be told."""
    n = result.glance()["n_cases"]
    if pd.isna(n):  # type: ignore[call-overload]
        return title
    return f"{title} ({words.say(f'among_{result.specification.at_risk}', n=words.count(n))})"


def write_ticks(axis: Axis, words: Words) -> None:
    """Round numbers along an axis, with a decimal only where they need one."""
    axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    whole = np.allclose(np.asarray(axis.get_ticklocs()) % 1, 0)
    axis.set_major_formatter(as_number(words, 0 if whole else 1))


def say_average(measure: str, result: SelectedPlacementResult, words: Words) -> str:
    """What a row of the result's averages is called."""
    return words.say(f"average_{measure}", everyone=words.say(f"everyone_{result.specification.at_risk}"))


def corrected_effects_data(result: SelectedPlacementResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: the effect in percentage points per SD, by model; a set has no estimate."""
    del language  # names and numbers of data are the same in every language
    rows = result.estimates.loc[result.estimates["measure"] == "ame"].reset_index(drop=True)
    numbers = {name: 100 * rows[name] for name in ("estimate", "conf_low", "conf_high")}
    return rows[
        ["model", "estimate", "conf_low", "conf_high", "p_value", "n_cases", "n_events", "n_offices"]
    ].assign(**numbers)


def open_gate_data(result: SelectedPlacementResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: shares placed, of the accepted and of everyone; a set has no estimate."""
    del language  # names and numbers of data are the same in every language
    levels = result.averages["measure"].isin(("accepted", "open_gate_naive", "open_gate"))
    return result.averages.loc[levels, ["measure", "estimate", "conf_low", "conf_high"]].reset_index(
        drop=True
    )


def describe_corrected_effects(result: SelectedPlacementResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    title = words.say("title_corrected_effects", exposure=words.noun(result.specification.exposure))
    data = corrected_effects_data(result)
    names = [words.say(f"model_{model}") for model in data["model"]]
    told = _tell(data, names, lambda end: words.number(end, 1), words)
    unit = words.say("axis_points_per_sd")
    return f"{with_cases(title, result, words)}." + (f" {unit}: {told}." if told else "")


def describe_open_gate(result: SelectedPlacementResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    data = open_gate_data(result)
    names = [say_average(measure, result, words) for measure in data["measure"]]
    told = _tell(data, names, words.percent, words)
    return f"{with_cases(words.say('title_open_gate'), result, words)}." + (f" {told}." if told else "")


def _tell(data: pd.DataFrame, names: list[str], form: Callable[[object], str], words: Words) -> str:
    """All rows that hold a number, in one line."""
    rows = zip(names, records(data), strict=True)
    return "; ".join(
        f"{name}: {_number(row, form, words)}"
        for name, row in rows
        if pd.notna(row.estimate) or pd.notna(row.conf_low)
    )


def _draw_rows(
    ax: Axes, data: pd.DataFrame, names: list[str], form: Callable[[object], str], words: Words
) -> None:
    """A row for each name, the first on top: mark, interval, and both in figures at the right."""
    for number, row in enumerate(records(data)):
        marker, colour, fill = _MARKS[row.row]
        is_set = pd.isna(row.estimate)
        if pd.notna(row.conf_low):
            ends = "|" if is_set else ""
            ax.plot([row.conf_low, row.conf_high], [-number] * 2, color=colour, linewidth=1.8, marker=ends,
                    markersize=11, markeredgewidth=1.8)  # fmt: skip
        if not is_set:
            ax.plot(row.estimate, -number, marker, color=colour, markerfacecolor=fill, markersize=7)
        ax.text(
            1.01, -number, _number(row, form, words), transform=ax.get_yaxis_transform(), fontsize=8.5, va="center",
            color=INK,
        )  # fmt: skip
    ax.set_yticks([-number for number in range(len(names))], [fold_text(name, 30) for name in names])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(0.4 - len(names), 0.6)


def _number(row, form: Callable[[object], str], words: Words) -> str:  # type: ignore[no-untyped-def]
    """An estimate with its interval; a set by its ends; or that nothing is told."""
    if pd.notna(row.estimate):
        interval = f" {words.interval(row.conf_low, row.conf_high, form)}" if pd.notna(row.conf_low) else ""
        return f"{form(row.estimate)}{interval}"
    if pd.notna(row.conf_low):
        return words.say("set_between", low=form(row.conf_low), high=form(row.conf_high))
    return words.say("withheld")
