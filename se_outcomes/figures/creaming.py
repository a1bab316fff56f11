"""How much better the prospects are of those who pass a gate than of those who come to it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from se_outcomes.figures.corrected_effects import write_ticks
from se_outcomes.figures.frame import BLUE, GREY, INK, ORANGE, entitle, fold_text, open_axes, quieten
from se_outcomes.results import records
from se_outcomes.study.creaming import CreamingResult
from se_outcomes.wording.estimates import say_estimate
from se_outcomes.wording.places import say_gate
from se_outcomes.wording.words import Words, speak

_MARKS = {"without_se": ("s", BLUE, BLUE), "with_se": ("s", BLUE, BLUE), "gain": ("o", ORANGE, "white")}


def draw_creaming(
    results: CreamingResult | Sequence[CreamingResult], ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw the index at each gate in percentage points, with its interval, and the ratio to the greatest possible.

    Parameters
    ----------
    results : CreamingResult or sequence of them
        Creaming, targeting, or the two together.
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
    >>> ax = so.draw_creaming(so.estimate_creaming(so.simulate_cases(1200, seed=1, outcome_observed="all").cases))
    >>> [label.get_text() for label in ax.get_yticklabels()][-1]
    'Both gates'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = creaming_data(results)
    bases, gates = list(dict.fromkeys(data["basis"])), list(dict.fromkeys(data["gate"]))
    step = 1.0 if len(bases) == 1 else 1.6
    places = {gate: -step * number for number, gate in enumerate(gates)}
    ax = open_axes(ax, size=(7.2, 1.35 + 0.55 * step * len(gates) + (0.25 if len(bases) > 1 else 0)))
    quieten(ax)
    for row in records(data):
        shift = 0.0 if len(bases) == 1 else 0.36 - 0.72 * bases.index(row.basis)
        _draw_row(ax, row, places[row.gate] + shift, words)
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    if len(gates) > 1:
        ax.axhline(places[gates[-1]] + step / 2, color=GREY, linewidth=0.8, linestyle=":")
    names = [fold_text(say_gate(gate, gates, words), 24) for gate in gates]
    ax.set_yticks(list(places.values()), names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(min(places.values()) - step / 2 - 0.1, step / 2 + 0.1)
    ax.margins(x=0.08)
    write_ticks(ax.xaxis, words)
    label = fold_text(words.say("axis_index"), 70)
    note = fold_text(words.say("note_ratio"), 70) if data["ratio"].notna().any() else ""
    ax.set_xlabel(f"{label}\n{note}".strip())
    if len(bases) > 1:
        _draw_key(ax, bases, words)
    entitle(ax, title_of(data, words), width=66, pad=6.0 if len(bases) == 1 else 24.0)  # above the key
    return ax


def title_of(data: pd.DataFrame, words: Words) -> str:
    """What the figure shows, in words."""
    bases = list(dict.fromkeys(data["basis"]))
    if len(bases) > 1:
        return words.say("title_creaming_and_targeting")
    if bases == ["gain"]:
        return words.say("title_targeting")
    return words.say("title_creaming", how=words.say(f"how_{bases[0]}"))


def creaming_data(results: CreamingResult | Sequence[CreamingResult], language: str = "en") -> pd.DataFrame:
    """The numbers drawn: by basis and gate the index in percentage points, and the ratio with its interval."""
    del language  # names and numbers of data are the same in every language
    parts = []
    for result in results if isinstance(results, Sequence) else [results]:
        numbers = ["estimate", "conf_low", "conf_high"]
        rows = result.estimates.set_index("gate")
        points = rows.loc[rows["measure"] == "points"]
        ratio = rows.loc[rows["measure"] == "ratio", numbers]
        part = (100 * points[numbers].astype(float)).join(
            ratio.astype(float).set_axis(["ratio", "ratio_low", "ratio_high"], axis=1)
        )
        kept = ["n_at_risk", "n_passed", "n_offices"]
        part = part.join(points[kept]).reset_index()
        part.insert(0, "basis", result.basis)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def describe_creaming(results: CreamingResult | Sequence[CreamingResult], language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    data = creaming_data(results)
    gates = list(dict.fromkeys(data["gate"]))
    said = [title_of(data, words) + "."]
    for basis, rows in data.dropna(subset="estimate").groupby("basis", sort=False):
        told = []
        for row in records(rows):
            ratio = _ratio(row, words)
            told.append(
                f"{say_gate(row.gate, gates, words)}: {_number(row, words)}" + (f", {ratio}" if ratio else "")
            )
        said.append(f"{words.say(f'index_{basis}')}, {words.say('axis_points').lower()}: {'; '.join(told)}.")
    return " ".join([*said, words.say("note_ratio") + "."] if data["ratio"].notna().any() else said)


def _draw_row(ax: Axes, row, place: float, words: Words) -> None:  # type: ignore[no-untyped-def]
    """Mark and interval; at the right both in figures, and the ratio under them."""
    marker, colour, fill = _MARKS[row.basis]
    label = words.say("withheld")
    if pd.notna(row.estimate):
        if pd.notna(row.conf_low):
            ax.plot([row.conf_low, row.conf_high], [place] * 2, color=colour, linewidth=1.8)
        ax.plot(row.estimate, place, marker, color=colour, markerfacecolor=fill, markersize=7)
        label = "\n".join(filter(None, (_number(row, words), _ratio(row, words))))
    ax.text(1.01, place, label, transform=ax.get_yaxis_transform(), fontsize=8.5, va="center", color=INK)


def _number(row, words: Words) -> str:  # type: ignore[no-untyped-def]
    return say_estimate(row.estimate, row.conf_low, row.conf_high, lambda end: words.number(end, 1), words)


def _ratio(row, words: Words) -> str:  # type: ignore[no-untyped-def]
    """The ratio in words; nothing where it is withheld."""
    return "" if pd.isna(row.ratio) else words.say("ratio", ratio=words.number(row.ratio))


def _draw_key(ax: Axes, bases: Sequence[str], words: Words) -> None:
    """What the marks are, above the axes."""
    handles = [
        Line2D([], [], marker=_MARKS[basis][0], color=_MARKS[basis][1], markerfacecolor=_MARKS[basis][2],
               linewidth=1.8, markersize=7, label=words.say(f"index_{basis}"))
        for basis in bases
    ]  # fmt: skip
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False, fontsize=8.5,
        labelcolor=INK, borderaxespad=0.0,
    )  # fmt: skip
