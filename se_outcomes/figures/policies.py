"""Rules of admission in a plane: how many get work, and who is let in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from se_outcomes.figures.corrected_effects import write_ticks
from se_outcomes.figures.frame import (
    BLUE,
    GREEN,
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
from se_outcomes.study.policies import PolicyResult
from se_outcomes.wording.words import Words, speak

Floats = NDArray[np.float64]

#: Mark, colour and fill of each policy.
MARKS = {
    "status_quo": ("D", INK, INK),
    "open_gate": ("*", GREEN, GREEN),
    "lottery": ("o", GREY, "white"),
    "highest_prospects": ("^", ORANGE, ORANGE),
    "need_first": ("v", BLUE, BLUE),
    "largest_gain": ("s", BLUE, "white"),
}
#: Whose inclusion is drawn, if it is there: the lowest quarter of the exposure; else the first group told.
GROUP = "q1"
#: How far from its point a label may stand, in points, nearest first; and in how many directions.
DISTANCES, DIRECTIONS = (0, 6, 14, 24, 36, 50, 66, 84, 104), 24


def draw_policies(result: PolicyResult, ax: Axes | None = None, *, language: str = "en") -> Axes:
    """Draw each policy as a point: how many are placed, less today, over the share of the lowest quarter let in.

    Crosses are intervals. All but the open gate fill the places that there are today.

    Parameters
    ----------
    result : PolicyResult
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
    >>> ax = so.draw_policies(so.estimate_policies(so.simulate_cases(1200, seed=1, outcome_observed="all").cases))
    >>> ax.get_xlabel()
    'Share accepted of the lowest quarter of motivation'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = policies_data(result)
    told = data.dropna(subset=["included", "estimate"])
    ax = open_axes(ax, size=(7.2, 4.8))
    quieten(ax)
    ax.axhline(0, color=GREY, linewidth=1, zorder=0)
    for row in records(told):
        _draw_point(ax, row)
    _set_limits(ax, told)
    ax.xaxis.set_major_formatter(as_percent(words))
    write_ticks(ax.yaxis, words)
    ax.set_xlabel(fold_text(axis_name(result, data, words), 70))
    ax.set_ylabel(fold_text(words.say("axis_policy_placed"), 50))
    entitle(ax, words.say("title_policies"), width=66)
    if told.empty:
        ax.text(0.5, 0.6, words.say("withheld"), transform=ax.transAxes, ha="center", fontsize=9, color=INK)
    _label_points(ax, told, words)
    return ax


def axis_name(result: PolicyResult, data: pd.DataFrame, words: Words) -> str:
    """Whose inclusion is drawn, in words."""
    exposure = result.specification.exposure
    group = str(data["group"].iloc[0]) if len(data) else GROUP
    return words.say(
        "axis_policy_inclusion", group=words.level_noun(exposure, group), exposure=words.noun(exposure)
    )


def policies_data(result: PolicyResult, language: str = "en") -> pd.DataFrame:
    """The numbers drawn: by policy the placed less today (percentage points), and the share let in of ``group``."""
    del language  # names and numbers of data are the same in every language
    numbers = ["estimate", "conf_low", "conf_high"]
    values = result.values.loc[result.values["measure"] == "difference"].set_index("policy")[numbers]
    inclusion = result.inclusion
    groups = list(dict.fromkeys(inclusion["group"]))
    group = GROUP if GROUP in groups or not groups else groups[0]
    included = inclusion.loc[inclusion["group"] == group].set_index("policy")[numbers]
    included = included.astype(float).set_axis(["included", "included_low", "included_high"], axis=1)
    data = (100 * values.astype(float)).join(included).reset_index()
    data.insert(1, "group", group)
    return data


def describe_policies(result: PolicyResult, language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    data = policies_data(result)
    told = [
        f"{words.say(f'policy_{row.policy}')}: {words.percent(row.included, 0)}, {_signed(row.estimate, words)}"
        for row in records(data.dropna(subset=["included", "estimate"]))
    ]
    axes = f"{axis_name(result, data, words)}; {words.say('axis_policy_placed')}"
    return f"{words.say('title_policies')}." + (f" {axes}. {'; '.join(told)}." if told else "")


def _signed(points: float, words: Words) -> str:
    """A difference with its sign, zero without."""
    number = words.number(points, 1)
    return f"+{number}" if points > 0 and float(f"{points:.1f}") > 0 else number


def _draw_point(ax: Axes, row) -> None:  # type: ignore[no-untyped-def]
    marker, colour, fill = MARKS[row.policy]
    cross: dict[str, Any] = {"color": colour, "linewidth": 1.4, "alpha": 0.75, "zorder": 2}
    if pd.notna(row.included_low):
        ax.plot([row.included_low, row.included_high], [row.estimate] * 2, **cross)
    if pd.notna(row.conf_low):
        ax.plot([row.included] * 2, [row.conf_low, row.conf_high], **cross)
    ax.plot(
        row.included, row.estimate, marker, color=colour, markerfacecolor=fill, markersize=11 if marker == "*" else 8,
        markeredgewidth=1.5, zorder=3,
    )  # fmt: skip


def _set_limits(ax: Axes, data: pd.DataFrame) -> None:
    """Zero to a little more than everyone; all crosses, with room for labels."""
    if data.empty:
        return
    ax.set_xlim(-0.03, max(0.3, 1.06 * data[["included", "included_high"]].max().max()))
    ends = data[["estimate", "conf_low", "conf_high"]].to_numpy(float)
    low, high = min(0.0, np.nanmin(ends)), max(0.0, np.nanmax(ends))
    reach = max(high - low, 1.0)
    ax.set_ylim(low - 0.16 * reach, high + 0.1 * reach)


@dataclass
class Taken:
    """What is drawn already, as boxes in pixels: marks and names, which a name must not meet; and lines, if it can."""

    solid: list[Bbox]
    lines: list[Bbox]


def _label_points(ax: Axes, data: pd.DataFrame, words: Words) -> None:
    """Each policy's name beside its point, where it meets no other name, point or cross; else with a line to it."""
    figure = ax.get_figure()
    assert figure is not None
    figure.draw_without_rendering()  # type: ignore[union-attr]  # lays the axes out: labels are fitted in pixels
    scale = figure.dpi / 72
    marks = [_mark_box(ax, row, scale) for row in records(data)]
    taken = Taken(list(marks), [box for row in records(data) for box in _cross_boxes(ax, row, scale)])
    for row, mark in zip(records(data), marks, strict=True):
        numbers = f"{words.percent(row.included, 0)}, {_signed(row.estimate, words)}"
        text = ax.annotate(
            f"{words.say(f'policy_{row.policy}')}: {numbers}", (row.included, row.estimate), xytext=(0, 0),
            textcoords="offset points", ha="center", va="center", fontsize=8.5, color=INK, zorder=5,
        )  # fmt: skip
        point = _centre(mark)
        size = text.get_window_extent()
        places = _places(point, size.width, size.height, scale)
        best = min(places, key=lambda place: _cost(place, mark, taken, ax.bbox, scale))
        text.set_position(tuple((_centre(best) - point) / scale))
        text.set_in_layout(False)
        taken.solid.append(best)
        leader = _leader(point, best, scale)
        if leader is not None:
            ax.plot(*ax.transData.inverted().transform(leader).T, color=GREY, linewidth=0.8, zorder=1)
            taken.lines += _along(leader)


def _centre(box: Bbox) -> Floats:
    return np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])


def _mark_box(ax: Axes, row, scale: float) -> Bbox:  # type: ignore[no-untyped-def]
    """The box that a point takes."""
    x, y = ax.transData.transform((row.included, row.estimate))
    return Bbox.from_bounds(x - 6 * scale, y - 6 * scale, 12 * scale, 12 * scale)


def _cross_boxes(ax: Axes, row, scale: float) -> Iterator[Bbox]:  # type: ignore[no-untyped-def]
    """The boxes that the lines of a point's cross take."""
    x, y = ax.transData.transform((row.included, row.estimate))
    ends = ax.transData.transform([(row.included_low, row.conf_low), (row.included_high, row.conf_high)])
    if np.isfinite(ends[:, 0]).all():
        yield Bbox([[ends[0, 0], y - scale], [ends[1, 0], y + scale]])
    if np.isfinite(ends[:, 1]).all():
        yield Bbox([[x - scale, ends[0, 1]], [x + scale, ends[1, 1]]])


def _places(point: Floats, width: float, height: float, scale: float) -> Iterator[Bbox]:
    """Boxes around a point, the nearest first, beginning at its right."""
    for distance in DISTANCES:
        for angle in np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False):
            away = (9 + distance) * scale
            across, up = np.cos(angle) * (away + width / 2), np.sin(angle) * (away + height / 2)
            yield Bbox.from_bounds(point[0] + across - width / 2, point[1] + up - height / 2, width, height)


def _cost(place: Bbox, mark: Bbox, taken: Taken, inside: Bbox, scale: float) -> float:
    """How bad a place is: outside the axes, on marks or names, its line over another mark, on lines, and far away."""
    leaves = place.x0 < inside.x0 or place.x1 > inside.x1 or place.y0 < inside.y0 or place.y1 > inside.y1
    padded = place.padded(2.5 * scale)
    solid = sum(padded.overlaps(box) for box in taken.solid)
    lines = sum(padded.overlaps(box) for box in taken.lines)
    cost = 2000.0 * leaves + 500.0 * solid + 20.0 * lines
    leader = _leader(_centre(mark), place, scale)
    if leader is None:
        return cost
    spots = np.linspace(leader[0], leader[1], 25)[:, None]
    ends = np.array([box.extents for box in taken.solid if box is not mark])
    crossed = (
        ((ends[:, :2] <= spots) & (spots <= ends[:, 2:])).all(axis=2).any(axis=0).sum() if len(ends) else 0
    )
    return cost + 30.0 * crossed + 0.2 * float(np.hypot(*(leader[1] - leader[0]))) / scale


def _leader(point: Floats, place: Bbox, scale: float) -> Floats | None:
    """Both ends of the line from a point to a name that stands away from it; none where it stands beside."""
    near = np.clip(point, [place.x0 - 3, place.y0 - 3], [place.x1 + 3, place.y1 + 3])
    return None if np.hypot(*(near - point)) <= 16 * scale else np.array([point, near])


def _along(leader: Floats) -> list[Bbox]:
    """Small boxes along a line."""
    return [Bbox.from_bounds(x, y, 1, 1) for x, y in np.linspace(leader[0], leader[1], 25)]
