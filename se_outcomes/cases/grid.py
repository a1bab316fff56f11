"""Numbers of very many different values, on an engine: rounded to a grid so fine that no estimate feels it.

A tally has one cell for each value, so a number that hardly ever repeats would be a tally of all rows. Rounding to a
step h leaves each value at most h / 2 off. Within a step the roundings average out, so a slope is off by at most about
h² / (12 s²) of itself, with s the standard deviation: h² / 12 is the variance of what is rounded off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import narwhals as nw

from se_outcomes.cases.rows import PANDAS, Rows
from se_outcomes.results import Notice

#: A number with more different values than this among the first rows is put on a grid.
MOST_EXACT, FIRST_ROWS = 2_000, 200_000
#: Steps to a standard deviation, at least.
STEPS = 40


@dataclass(frozen=True)
class Grid:
    """The step that a number is rounded to, and its standard deviation, both in the number's own unit."""

    step: float
    sd: float

    @property
    def shift(self) -> float:
        """By how much a value may be off, in standard deviations."""
        return self.step / (2 * self.sd)

    @property
    def attenuation(self) -> float:
        """By what part of itself a slope may be off, to first order."""
        return (self.step / self.sd) ** 2 / 12

    @property
    def near(self) -> float:
        """What part of the cases lies within a step of a cut, at the density that a normal distribution has at most."""
        return 0.4 * self.step / self.sd


def find_grids(rows: Rows) -> dict[str, Grid]:
    """The grid of each number that needs one; in memory none does.

    Parameters
    ----------
    rows : Rows
        Typed columns.
    """
    numbers = [name for name, kind in rows.schema.items() if kind.is_numeric()]
    if rows.engine is PANDAS or not numbers:
        return {}
    told = rows.head(FIRST_ROWS).ask({name: nw.col(name).n_unique() for name in numbers}, "looking ahead")
    many = [name for name in numbers if told[name] > MOST_EXACT]
    spread = rows.ask({name: nw.col(name).std() for name in many}, "looking at the spread of numbers")
    return {name: Grid(_nice(spread[name] / STEPS), float(spread[name])) for name in many if spread[name]}


def round_to(grids: Mapping[str, Grid]) -> dict[str, nw.Expr]:
    """Each number on its grid."""
    return {name: (nw.col(name) / grid.step).round() * grid.step for name, grid in grids.items()}


def say_grids(grids: Mapping[str, Grid]) -> Iterator[Notice]:
    """What is to be known of rounded numbers."""
    for name, grid in grids.items():
        yield Notice(
            "rounded_number",
            "{column} has more than {most} different values and is rounded to steps of {step}: a value is off by at "
            "most {shift} standard deviations, a slope by at most about {percent} per cent of itself, and about {near} "
            "per cent of the cases, those next to a cut between quarters, may be in the neighbouring quarter.",
            column=name,
            most=MOST_EXACT,
            step=f"{grid.step:g}",
            shift=f"{grid.shift:.3f}",
            percent=f"{100 * grid.attenuation:.3f}",
            near=f"{100 * grid.near:.1f}",
        )


def _nice(step: float) -> float:
    """The greatest of 1, 2 and 5 times a power of ten that is no more than the step."""
    power = 10.0 ** math.floor(math.log10(step))
    return max(one * power for one in (1, 2, 5) if one * power <= step * (1 + 1e-12))
