"""The look that all figures share: colours that everyone can tell apart, quiet axes, a title in words."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from se_outcomes.wording.words import Words

# Okabe & Ito's colours; every one is used with a marker or a line style of its own, never alone.
BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#007A5A", "#6B6B6B", "#1A1A1A"
PALE = "#CFE3F1"
TEXT_SIZE = 9.0


def open_axes(ax: Axes | None, *, size: tuple[float, float]) -> Axes:
    """The axes given, or new ones of a fitting size in inches."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=size, layout="constrained")[1]


def quieten(ax: Axes) -> None:
    """Take off the frame that says nothing, and make text one size."""
    sns.despine(ax=ax)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(GREY)
    ax.tick_params(labelsize=TEXT_SIZE, colors=INK, length=3)
    ax.xaxis.label.set_fontsize(TEXT_SIZE)
    ax.yaxis.label.set_fontsize(TEXT_SIZE)


def entitle(ax: Axes, text: str, *, width: int = 70, pad: float = 6.0) -> None:
    """A title in words, left of the axes, on as many lines as it takes."""
    ax.set_title(fold_text(text, width), loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=pad)


def fold_text(text: str, width: int) -> str:
    """A label on as few lines as the width allows, all of them about as long.

    Examples
    --------
    >>> fold_text("Followed for too short a time", 25).split("\\n")
    ['Followed for too', 'short a time']
    """
    folds = [textwrap.wrap(text, narrow, break_long_words=False) for narrow in range(1, width + 1)]
    return "\n".join(next(lines for lines in folds if len(lines) == len(folds[-1])))


def as_percent(words: Words) -> FuncFormatter:
    """Ticks of shares, written as per cent."""
    return FuncFormatter(lambda share, _: words.percent(share, 0))


def as_number(words: Words, decimals: int = 0) -> FuncFormatter:
    """Ticks of numbers in the language's way of writing."""
    return FuncFormatter(lambda value, _: words.number(value, decimals))
