"""Where each group is lost on the way to work: one bar a group, from not referred to in work."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from se_outcomes.figures.frame import (
    BLUE,
    GREY,
    INK,
    as_percent,
    entitle,
    fold_text,
    open_axes,
    quieten,
)
from se_outcomes.results import records
from se_outcomes.study.funnel import FunnelResult
from se_outcomes.study.losses import share_losses
from se_outcomes.wording.places import say_status
from se_outcomes.wording.words import Words, speak

#: Fill, pattern and colour of what is written in it: darker the further a case came, and a pattern for two of four.
_FILLS = {
    "not_referred": ("#FFFFFF", "", INK),
    "not_accepted": ("#F3D5BF", "///", INK),
    "not_placed": ("#A9CCE3", "..", INK),
    "placed": (BLUE, "", "#FFFFFF"),
}
#: A share is written in its part of the bar where that is at least as broad, in parts of the bar.
ROOM = 0.045


def draw_losses(result: FunnelResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw what becomes of each group's eligible: not referred, not accepted, not in work, in work.

    The shares that pass the stages are multiplied, so each bar is the whole group. Where a stage's share is
    withheld, the rest of the bar is empty and says so. Shares stand in their part of the bar where it is broad enough,
    that in work beside the bar where it is not.

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
    >>> ax = so.draw_losses(so.count_funnel(so.simulate_cases(400, seed=1).cases, by="motivation"))
    >>> ax.get_xlabel()
    'Share of the group'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = losses_data(result)
    groups = list(dict.fromkeys(data["group"]))
    ax = open_axes(ax, size=(7.2, 1.75 + 0.46 * len(groups)))
    quieten(ax)
    ax.set_xlim(0, 1)
    for number, group in enumerate(groups):
        _draw_bar(ax, data.loc[data["group"] == group], _place(number, group), words)
    ax.set_yticks(
        [_place(number, group) for number, group in enumerate(groups)],
        [fold_text(words.level(result.by or "", group), 22) for group in groups],
    )
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(_place(len(groups) - 1, groups[-1]) - 0.5, 0.5)
    ax.xaxis.set_major_formatter(as_percent(words))
    ax.set_xlabel(words.say("axis_share_of_group"))
    lines = _draw_key(ax, set(data["fate"]), words)
    entitle(ax, title_of(result, words), width=66, pad=10.0 + 14.0 * lines)  # above the key
    return ax


def title_of(result: FunnelResult, words: Words) -> str:
    """What the figure shows, in words."""
    if not result.by:
        return words.say("title_losses_all")
    is_quarter = "q1" in set(result.counts["group"])
    noun = words.noun(result.by.removesuffix("_group") if is_quarter else result.by)
    return words.say("title_losses", group=words.say("quarter_of", exposure=noun) if is_quarter else noun)


def losses_data(result: FunnelResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: ``group, fate, start, share`` of the bar; the whole last, groups in their order before."""
    del language  # names and numbers of data are the same in every language
    shares = share_losses(result)
    whole = shares["group"] == "all"
    return pd.concat([shares.loc[~whole], shares.loc[whole]], ignore_index=True)


def describe_losses(result: FunnelResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    said = [title_of(result, words) + "."]
    data = losses_data(result)
    fates = set(data["fate"])
    for group, rows in data.groupby("group", sort=False):
        told = [
            f"{say_status(row.fate, fates, words).lower()} {words.percent(row.share, 0)}"
            for row in records(rows.dropna(subset="share"))
        ]
        listed = ", ".join(told) or words.say("withheld")
        said.append(f"{words.level(result.by or '', str(group))}: {listed}.")
    return " ".join([*said, words.say("note_losses")])


def _place(number: int, group: str) -> float:
    """From the top down; the whole stands a little apart from the groups."""
    return -float(number) - (0.3 if group == "all" and number else 0.0)


def _draw_bar(ax: Axes, rows: pd.DataFrame, place: float, words: Words) -> None:
    shown = rows.dropna(subset="share")
    for row in records(shown):
        fill, pattern, colour = _FILLS[row.fate]
        ax.barh(
            place,
            row.share,
            left=row.start,
            height=0.72,
            color=fill,
            hatch=pattern,
            edgecolor=GREY,
            linewidth=0.8,
        )
        if row.share >= ROOM:
            ax.text(
                row.start + row.share / 2, place, words.percent(row.share, 0), ha="center", va="center", fontsize=9,
                color=colour, bbox={"facecolor": fill, "edgecolor": "none", "pad": 1.6} if pattern else None,
            )  # fmt: skip
        elif row.fate == "placed":
            ax.text(1.012, place, words.percent(row.share, 0), va="center", fontsize=9, color=INK)
    if len(shown) < len(rows):
        start = float(rows["start"].iloc[len(shown)])
        ax.barh(
            place,
            1 - start,
            left=start,
            height=0.72,
            color="white",
            edgecolor=GREY,
            linestyle="--",
            linewidth=0.8,
        )
        ax.text(
            (1 + start) / 2, place, words.say("withheld"), ha="center", va="center", fontsize=8.5, color=INK
        )


def _draw_key(ax: Axes, fates: Collection[str], words: Words) -> int:
    """What the parts of a bar are, above the axes in the order of the bar; how many lines of text that takes."""
    handles = [
        Patch(
            facecolor=fill, hatch=pattern, edgecolor=GREY, linewidth=0.8, label=say_status(fate, fates, words)
        )
        for fate, (fill, pattern, _) in _FILLS.items()
        if fate in fates
    ]
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.005), ncols=2, frameon=False, fontsize=8.5,
        labelcolor=INK, borderaxespad=0.0, labelspacing=0.35, columnspacing=1.4, handletextpad=0.6, handleheight=1.1,
    )  # fmt: skip
    return 2
