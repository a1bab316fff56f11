"""Average marginal effects across the gates and at work, in one forest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
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
from se_outcomes.study.passage import PassageResult
from se_outcomes.wording.words import Words, speak

_MARKS = {"crude": ("o", ORANGE, "white"), "adjusted": ("s", BLUE, BLUE)}


def draw_marginal_effects(
    results: PassageResult | Sequence[PassageResult], ax: Axes | None = None, *, language: str = "en"
) -> Axes:
    """Draw a row for each question and contrast, crude and adjusted, in percentage points.

    Parameters
    ----------
    results : PassageResult or sequence of them
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
    >>> ax = so.draw_marginal_effects(so.estimate_referral(so.simulate_cases(400, seed=1).cases))
    >>> ax.get_xlabel()
    'Percentage points'
    >>> plt.close(ax.figure)
    """
    words = speak(language)
    data = marginal_effects_data(results)
    rows = list(dict.fromkeys(zip(data["contrast"], data["question"], data["at_risk"], strict=True)))
    ax = open_axes(ax, size=(7.2, 1.3 + 0.52 * len(rows) + 0.3 * data["contrast"].nunique()))
    quieten(ax)
    places = _places(rows)
    kinds = list(dict.fromkeys(data["adjustment"]))
    for row in records(data):
        place = places[row.contrast, row.question, row.at_risk]
        shift = 0.17 if len(kinds) > 1 else 0.0
        _draw_row(ax, row, place + (shift if row.adjustment == "crude" else -shift), words)
    ax.axvline(0, color=GREY, linewidth=1, zorder=0)
    names = {row: fold_text(words.say(f"question_{row[1]}_{row[2]}"), 26) for row in rows}
    ax.set_yticks([places[row] for row in rows], [names[row] for row in rows])
    ax.tick_params(axis="y", length=0)
    exposure = _listed(results)[0].specification.exposure
    headings = {
        name: fold_text(words.contrast(name, exposure), 40) for name in dict.fromkeys(data["contrast"])
    }
    for contrast, heading in headings.items():
        top = max(places[row] for row in rows if row[0] == contrast)
        ax.text(
            0.012, top + 0.55, heading, transform=ax.get_yaxis_transform(), fontsize=9, fontweight="bold", color=INK,
            va="bottom", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    lines = next(iter(headings.values())).count("\n")
    ax.set_ylim(min(places.values()) - 0.6, max(places.values()) + 1.15 + 0.45 * lines)
    ax.xaxis.set_major_formatter(as_number(words))
    ax.set_xlabel(words.say("axis_points"))
    _key(ax, kinds, words)
    entitle(ax, words.say("title_marginal_effects", exposure=words.noun(exposure)), width=56)
    return ax


def marginal_effects_data(
    results: PassageResult | Sequence[PassageResult], language: str = "en"
) -> pd.DataFrame:
    """The numbers drawn: average marginal effects in percentage points, by question, contrast and adjustment."""
    del language  # names and numbers of data are the same in every language
    parts = []
    for result in _listed(results):
        rows = result.estimates.loc[result.estimates["measure"] == "ame"]
        numbers = {
            name: 100 * rows[name]
            for name in ("estimate", "conf_low", "conf_high", "cv1_conf_low", "cv1_conf_high")
        }
        asked = result.specification
        parts.append(
            rows[
                ["contrast", "adjustment", "p_value", "std_error_kind", "n_cases", "n_events", "n_offices"]
            ].assign(
                question=asked.question, at_risk=asked.at_risk, office_effects=asked.office_effects, **numbers
            )
        )
    data = pd.concat(parts, ignore_index=True)
    order = dict.fromkeys(["per_sd", "top_vs_bottom", *data["contrast"]])
    return data.sort_values(
        "contrast",
        key=lambda c: c.map({name: i for i, name in enumerate(order)}),
        kind="stable",
        ignore_index=True,
    )


def describe_marginal_effects(results: PassageResult | Sequence[PassageResult], language: str = "en") -> str:
    """The figure in words, for who cannot see it."""
    words = speak(language)
    exposure = _listed(results)[0].specification.exposure
    said = [words.say("title_marginal_effects", exposure=words.noun(exposure)) + "."]
    data = marginal_effects_data(results)
    for contrast, rows in data.groupby("contrast", sort=False):
        told = rows.dropna(subset="estimate")
        effects = [
            f"{words.say(f'question_{row.question}_{row.at_risk}')}, "
            f"{words.say(f'adjustment_{row.adjustment}').lower()}: "
            f"{_number(row, words)}"
            for row in records(told)
        ]
        if effects:
            said.append(f"{words.contrast(str(contrast), exposure)}: {'; '.join(effects)}.")
    return " ".join(said)


def _listed(results: PassageResult | Sequence[PassageResult]) -> list[PassageResult]:
    return [results] if isinstance(results, PassageResult) else list(results)


def _places(rows: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], float]:
    """From the top down, with room for a heading above each contrast."""
    places, place, before = {}, 0.0, ""
    for row in rows:
        if row[0] != before and before:
            place -= 0.75
        places[row], before = place, row[0]
        place -= 1.0
    return places


def _draw_row(ax: Axes, row, place: float, words: Words) -> None:  # type: ignore[no-untyped-def]
    marker, colour, fill = _MARKS[row.adjustment]
    label = words.say("withheld")
    if pd.notna(row.estimate):
        ax.plot([row.conf_low, row.conf_high], [place, place], color=colour, linewidth=1.6)
        ax.plot(row.estimate, place, marker, color=colour, markerfacecolor=fill, markersize=6.5)
        label = _number(row, words)
    ax.text(1.01, place, label, transform=ax.get_yaxis_transform(), fontsize=8, va="center", color=INK)


def _number(row, words: Words) -> str:  # type: ignore[no-untyped-def]
    """An effect with its interval, if it has one."""
    estimate = words.number(row.estimate, 1)
    if pd.isna(row.conf_low):
        return estimate
    return f"{estimate} {words.interval(row.conf_low, row.conf_high, lambda end: words.number(end, 1))}"


def _key(ax: Axes, kinds: Sequence[str], words: Words) -> None:
    handles = []
    for kind in kinds:
        marker, colour, fill = _MARKS[kind]
        handles.append(
            Line2D(
                [],
                [],
                marker=marker,
                color=colour,
                markerfacecolor=fill,
                linewidth=1.6,
                label=words.say(f"adjustment_{kind}"),
            )
        )
    ax.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8.5, handletextpad=0.5,
        borderaxespad=0.0,
    )  # fmt: skip
    limits = np.array(ax.get_xlim())
    ax.set_xlim(*(limits + np.array([-0.02, 0.02]) * np.ptp(limits)))
