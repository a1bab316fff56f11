"""What follows at each pair of correlations of the gates with placement, where the data do not tell them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from se_outcomes.figures.frame import BLUE, GREY, INK, as_number, entitle, open_axes, quieten
from se_outcomes.study.two_gates import TwoGateResult
from se_outcomes.wording.words import Words, speak

Floats = NDArray[np.float64]

#: From white to a blue on which white letters can be read.
SHADES = LinearSegmentedColormap.from_list("shades", ["#FFFFFF", BLUE])
#: From this share of the range of shades on, letters are white.
DARK = 0.55


def draw_correlation_grid(result: TwoGateResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw placement with the gates open at every pair of correlations that the offices do not reject.

    A number stands in each cell of the grid that is allowed; a dash where a joint score bootstrap over offices rejects
    the pair. The darker, the higher.

    Parameters
    ----------
    result : TwoGateResult
        With a grid: not identified, or asked for with ``grid=True``.
    ax : Axes, optional
        A new figure if absent.
    language : {"en", "nb", "nn"}

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        Where the result has no grid.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, gates="merged").cases
    >>> ax = so.draw_correlation_grid(so.estimate_two_gates(cases, exclusion_acceptance=()))
    >>> ax.get_xlabel()
    'Correlation of acceptance and placement on unrecorded grounds'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = correlation_grid_data(result)
    if data.empty:
        raise ValueError("the result has no grid: ask for it with estimate_two_gates(..., grid=True)")
    across, up = (np.unique(data[name]) for name in ("rho_acceptance", "rho_referral"))
    shares = data.pivot(index="rho_referral", columns="rho_acceptance", values="open_gate").to_numpy(float)
    ax = open_axes(ax, size=(7.2, 1.6 + 0.42 * len(up)))
    quieten(ax)
    _draw_cells(ax, shares, words)
    ax.set_xticks(np.arange(len(across)) + 0.5, [as_number(words, 2)(value, None) for value in across])
    ax.set_xlabel(words.say("axis_rho_acceptance" if len(up) > 1 else "axis_rho_acceptance_merged"))
    if len(up) > 1:
        ax.set_yticks(np.arange(len(up)) + 0.5, [as_number(words, 2)(value, None) for value in up])
        ax.set_ylabel(words.say("axis_rho_referral"))
    else:
        ax.set_yticks([])
    ax.tick_params(length=0)
    entitle(ax, words.say("title_correlation_grid"), width=68)
    return ax


def correlation_grid_data(result: TwoGateResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: the pair of correlations, and placement with the gates open where the pair is allowed."""
    del language  # names and numbers of data are the same in every language
    grid = result.grid
    names = ["open_gate", "open_gate_low", "open_gate_high"]
    kept = {name: grid[name].where(grid["inside"] == 1) for name in names}
    return grid[["rho_referral", "rho_acceptance"]].assign(**kept)


def describe_correlation_grid(result: TwoGateResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    title = words.say("title_correlation_grid")
    data = correlation_grid_data(result)
    told = data.dropna(subset="open_gate")
    if told.empty:
        return f"{title}."
    ends = {
        "low": words.percent(told["open_gate"].min(), 0),
        "high": words.percent(told["open_gate"].max(), 0),
    }
    return f"{title}. {words.say('alt_correlation_grid', n=len(told), of=len(data), **ends)}"


def _draw_cells(ax: Axes, shares: Floats, words: Words) -> None:
    """A square for each pair, with its number."""
    low, high = (np.nanmin(shares), np.nanmax(shares)) if np.isfinite(shares).any() else (0.0, 1.0)
    spread = max(high - low, 1e-9)
    ax.pcolormesh(
        np.ma.masked_invalid((shares - low) / spread),
        cmap=SHADES,
        vmin=0,
        vmax=1,
        edgecolors="white",
        linewidth=1.0,
    )
    ax.set_xlim(0, shares.shape[1])
    for (row, column), share in np.ndenumerate(shares):
        told = bool(np.isfinite(share))
        colour = "white" if told and (share - low) / spread > DARK else INK if told else GREY
        ax.text(
            column + 0.5,
            row + 0.5,
            words.percent(share, 0) if told else "–",
            ha="center",
            va="center",
            fontsize=8.5,
            color=colour,
        )
