"""The flow of cases through the funnel, with those left out on the way."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from se_outcomes.figures.frame import BLUE, GREY, INK, PALE, entitle, fold_text, open_axes
from se_outcomes.study.funnel import FunnelResult
from se_outcomes.wording.words import Words, speak

WIDTH = 0.27
#: Columns of boxes: those who go on in the middle, those who do not at the sides.
LEFT, MIDDLE, RIGHT = 0.16, 0.5, 0.84


@dataclass(frozen=True)
class Box:
    """A box of the flow: which place, where, and where it comes from (a place, or nothing)."""

    place: str
    x: float
    row: int
    source: str = ""


SEPARATE = (
    Box("cases", MIDDLE, 0),
    Box("ineligible", LEFT, 1, "cases"),
    Box("followed", MIDDLE, 1, "cases"),
    Box("short_followup", RIGHT, 1, "cases"),
    Box("not_referred", LEFT, 2, "followed"),
    Box("referred", MIDDLE, 2, "followed"),
    Box("referral_unknown", RIGHT, 2, "followed"),
    Box("refused", LEFT, 3, "referred"),
    Box("accepted", MIDDLE, 3, "referred"),
    Box("undecided", RIGHT, 3, "referred"),
    Box("not_placed", LEFT, 4, "accepted"),
    Box("placed", MIDDLE, 4, "accepted"),
    Box("outcome_unknown", RIGHT, 4, "accepted"),
)
MERGED = (
    *SEPARATE[:4],
    Box("refused", LEFT, 2, "followed"),
    Box("accepted", MIDDLE, 2, "followed"),
    Box("undecided", RIGHT, 2, "followed"),
    Box("not_placed", LEFT, 3, "accepted"),
    Box("placed", MIDDLE, 3, "accepted"),
    Box("outcome_unknown", RIGHT, 3, "accepted"),
)
#: Those who go on; the others are drawn paler.
ON_THE_WAY = frozenset({"cases", "followed", "referred", "accepted", "placed"})


def draw_funnel(result: FunnelResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw the flow of all cases; places where nobody is left out are not drawn.

    Parameters
    ----------
    result : FunnelResult
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
    >>> ax = so.draw_funnel(so.count_funnel(so.simulate_cases(400, seed=1).cases))
    >>> any("400" in text.get_text() for text in ax.texts)
    True
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    n = funnel_data(result).set_index("place")["n"]
    boxes = {box.place: box for box in (MERGED if result.gates == "merged" else SEPARATE)}
    drawn = {
        place: box for place, box in boxes.items() if place in ON_THE_WAY or pd.isna(n[place]) or n[place] > 0
    }
    rows = 1 + max(box.row for box in boxes.values()) + (_has_bypassed(n))
    ax = open_axes(ax, size=(7.2, 0.5 + 1.05 * rows))
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    step = 1 / rows
    ax.set_ylim(-rows * step, -0.1 * step)
    for place, box in drawn.items():
        _draw_box(ax, box, place, _label(place_name(place, result, words), n[place], words), step)
        if box.source:
            _draw_arrow(ax, drawn[box.source], box, step)
    if _has_bypassed(n):
        note = _label(place_name("bypassed", result, words), n["bypassed"], words)
        _draw_box(ax, Box("bypassed", LEFT, rows - 1), "bypassed", note, step)
        ax.text(
            LEFT + WIDTH / 2 + 0.02,
            -(rows - 0.5) * step,
            fold_text(words.say("note_bypassed"), 60),
            va="center",
            fontsize=8.5,
            color=INK,
        )
    entitle(ax, words.say("title_funnel"))
    return ax


def place_name(place: str, result: FunnelResult, words: Words) -> str:
    """What a place is called; without a horizon nobody is followed for too short a time."""
    named = "eligible" if place == "followed" and result.horizon_days is None else place
    return words.say(f"place_{named}")


def funnel_data(result: FunnelResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: ``place, n``, all cases first."""
    del language  # names and numbers of data are the same in every language
    first = pd.DataFrame({"place": ["cases"], "n": [result.n_cases]})
    return pd.concat(
        [first, result.flow.astype({"n": first["n"].dtype if result.flow["n"].notna().all() else "float64"})],
        ignore_index=True,
    )


def describe_funnel(result: FunnelResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    data = funnel_data(result)
    shown = data.loc[data["n"].isna() | (data["n"] > 0) | data["place"].isin(ON_THE_WAY)]
    told = [words.say("withheld") if pd.isna(n) else words.count(n) for n in shown["n"]]
    places = [place_name(place, result, words) for place in shown["place"]]
    listed = "; ".join(f"{place}: {n}" for place, n in zip(places, told, strict=True))
    return f"{words.say('title_funnel')}. {listed}."


def _has_bypassed(n: pd.Series) -> bool:
    return "bypassed" in n and bool(pd.isna(n["bypassed"]) or n["bypassed"] > 0)


def _label(name: str, n: object, words: Words) -> str:
    return f"{fold_text(name, 25)}\n{words.count(n)}"


def _centre(box: Box, step: float) -> tuple[float, float]:
    return box.x, -(box.row + 0.5) * step


def _draw_box(ax: Axes, box: Box, place: str, label: str, step: float) -> None:
    x, y = _centre(box, step)
    height = step * 0.66
    main = place in ON_THE_WAY
    ax.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - height / 2), WIDTH, height, boxstyle="round,pad=0,rounding_size=0.012",
            facecolor=PALE if main else "white", edgecolor=BLUE if main else GREY, linewidth=1.4 if main else 1.0,
            linestyle="-" if main else "--",
        )
    )  # fmt: skip
    text, _, count = label.rpartition("\n")
    ax.text(x, y + height * 0.12, text, ha="center", va="center", fontsize=8.6, color=INK, linespacing=1.05)
    ax.text(x, y - height * 0.32, count, ha="center", va="center", fontsize=9.6, fontweight="bold", color=INK)


def _draw_arrow(ax: Axes, source: Box, box: Box, step: float) -> None:
    """Down where a case goes on; from the middle of the row to the side where it does not."""
    arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    (x0, y0), (x1, y1) = _centre(source, step), _centre(box, step)
    half = step * 0.33
    if box.x == source.x:
        ax.annotate("", (x1, y1 + half), (x0, y0 - half), arrowprops=arrow)
        return
    bend = y1 + half + step * 0.17
    ax.plot([x0, x1], [bend, bend], color=GREY, linewidth=1.1)
    ax.annotate("", (x1, y1 + half), (x1, bend), arrowprops=arrow)
