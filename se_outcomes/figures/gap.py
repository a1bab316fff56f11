"""What lies between those accepted and the rest: effect, and selection on recorded and on other grounds."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes

from se_outcomes.figures.corrected_effects import write_ticks
from se_outcomes.figures.frame import BLUE, GREY, INK, entitle, fold_text, open_axes, quieten
from se_outcomes.results import records
from se_outcomes.study.effect import EffectResult
from se_outcomes.study.two_gates import TwoGateResult
from se_outcomes.wording.estimates import say_estimate
from se_outcomes.wording.words import Words, speak

#: Fill and pattern of each step; the difference itself is empty.
_FILLS = {
    "effect": (BLUE, ""),
    "observed": ("#F3D5BF", "///"),
    "unobserved": ("#D9D9D9", "xx"),
    "total": ("white", ""),
    "model": ("white", ""),
    "raw": ("white", ""),
}
#: The parts that add up, in this order, and what they add up to.
PARTS, WHOLES = ("effect", "observed", "unobserved"), ("total", "model", "raw")


def draw_gap(result: TwoGateResult | EffectResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the accepted-versus-rest gap as steps: each part begins where the one before ends.

    Lines are the parts' intervals, at the end of their step. Where the outcome is known for the accepted only there
    is no effect among the parts, and the gap is to everyone with open gates. A set without a best value is told in
    figures only: where its step would begin or end is not known.

    Parameters
    ----------
    result : TwoGateResult or EffectResult
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
    >>> ax = so.draw_gap(so.estimate_effect(so.simulate_cases(1200, seed=1, outcome_observed="all").cases))
    >>> ax.get_xlabel()
    'Percentage points'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = gap_data(result)
    ax = open_axes(ax, size=(7.2, 1.25 + 0.5 * len(data)))
    quieten(ax)
    rows = list(records(data))
    for number, row in enumerate(rows):
        _draw_step(ax, row, -float(number), words)
    for number, (row, after) in enumerate(pairwise(rows)):
        if pd.notna(row.end) and after.part != "raw":
            ax.plot([row.end] * 2, [-number - 0.31, -number - 0.69], color=GREY, linewidth=1.0, zorder=1)
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    names = [fold_text(words.say(f"gap_{part}"), 28) for part in data["part"]]
    ax.set_yticks([-float(number) for number in range(len(rows))], names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(0.4 - len(rows), 0.6)
    ax.margins(x=0.06)
    write_ticks(ax.xaxis, words)
    ax.set_xlabel(words.say("axis_points"))
    entitle(ax, title_of(data, words), width=66)
    return ax


def title_of(data: pd.DataFrame, words: Words) -> str:
    """What the figure shows, in words."""
    return words.say("title_gap" if "effect" in set(data["part"]) else "title_gap_open")


def gap_data(result: TwoGateResult | EffectResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn, in percentage points: ``part, start, end, estimate, conf_low, conf_high``.

    The parts come first, each from where the one before ends; then the whole (``total``, or by the ``model``, and as
    observed: ``raw``), from zero. After a part that is withheld nothing is known of where the next begins.
    """
    del language  # names and numbers of data are the same in every language
    found = _parts_of(result)
    numbers = ["estimate", "conf_low", "conf_high"]
    shown = [part for part in (*PARTS, *WHOLES) if part in found.index]
    data = (100 * found.loc[shown, numbers].astype(float)).rename_axis("part").reset_index()
    is_part = data["part"].isin(PARTS)
    ends = data["estimate"].where(is_part, 0.0).cumsum(skipna=False).where(is_part, data["estimate"])
    starts = (ends - data["estimate"]).where(is_part, 0.0)
    data.insert(1, "start", starts)
    data.insert(2, "end", ends)
    return data


def describe_gap(result: TwoGateResult | EffectResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    data = gap_data(result)
    told = "; ".join(
        f"{words.say(f'gap_{row.part}')}: {_number(row, words)}"
        for row in records(data.dropna(subset=["estimate", "conf_low"], how="all"))
    )
    return f"{title_of(data, words)}." + (f" {words.say('axis_points')}: {told}." if told else "")


def _parts_of(result: TwoGateResult | EffectResult) -> pd.DataFrame:
    """Estimates by part, under the names of this figure."""
    if isinstance(result, EffectResult):
        names = {"gap": "total", "effect": "effect", "selection": "observed"}
        rows = result.gap
        if "method" in rows:
            rows = rows.loc[rows["method"] == "within"]
        return rows.assign(part=rows["part"].map(names)).set_index("part")
    names = {"gap": "model", "gap_raw": "raw"} | {f"gap_{part}": part for part in PARTS}
    rows = result.averages.loc[result.averages["measure"].isin(names)]
    return rows.assign(part=rows["measure"].map(names)).set_index("part")


def _draw_step(ax: Axes, row, place: float, words: Words) -> None:  # type: ignore[no-untyped-def]
    """A bar from start to end with its interval, and both in figures at the right."""
    label = words.say("withheld")
    if pd.notna(row.estimate) or pd.notna(row.conf_low):
        label = _number(row, words)
        if pd.notna(row.estimate) and pd.notna(row.start):
            fill, pattern = _FILLS[row.part]
            edge = INK if row.part in WHOLES else GREY
            ax.barh(place, row.estimate, left=row.start, height=0.62, color=fill, hatch=pattern, edgecolor=edge,
                    linewidth=1.0, zorder=2)  # fmt: skip
            if pd.notna(row.conf_low):
                ends = [row.start + row.conf_low, row.start + row.conf_high]
                ax.plot(ends, [place] * 2, color=INK, linewidth=1.6, marker="|", markersize=7, zorder=4)
    ax.text(1.01, place, label, transform=ax.get_yaxis_transform(), fontsize=8.5, va="center", color=INK)


def _number(row, words: Words) -> str:  # type: ignore[no-untyped-def]
    """An estimate with its interval, or a set by its ends."""
    if pd.isna(row.estimate):
        return words.say(
            "set_between", low=words.number(row.conf_low, 1), high=words.number(row.conf_high, 1)
        )
    return say_estimate(row.estimate, row.conf_low, row.conf_high, lambda end: words.number(end, 1), words)
