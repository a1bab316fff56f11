"""What a report is made of: headings, text, tables and figures, numbered as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import pandas as pd
from matplotlib.axes import Axes

from se_outcomes.cases.cases import Cases
from se_outcomes.report.answers import Answers
from se_outcomes.wording.words import WITHHELD, Words


@dataclass(frozen=True)
class Heading:
    """A section's heading; ``anchor`` is what the table of contents points to."""

    text: str
    anchor: str
    kind: str = "heading"


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str
    kind: str = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """A list without order."""

    items: tuple[str, ...]
    kind: str = "bullets"


@dataclass(frozen=True, eq=False)
class TableExhibit:
    """A table: text cells, the first ``n_names`` columns being the rows' names."""

    stem: str
    label: str
    caption: str
    cells: pd.DataFrame
    note: str
    n_names: int = 1
    kind: str = "table"


@dataclass(frozen=True, eq=False)
class FigureExhibit:
    """A figure: how to draw it, what it says in words, and the numbers behind it.

    Attributes
    ----------
    draw : callable
        Draws on new axes and returns them.
    data : DataFrame
        The numbers drawn, for a file.
    cells : DataFrame or None
        The same as text, where no table beside it has them.
    """

    stem: str
    label: str
    caption: str
    draw: Callable[[], Axes]
    alt: str
    data: pd.DataFrame
    note: str
    cells: pd.DataFrame | None = None
    cells_caption: str = ""
    kind: str = "figure"


Block = Heading | Paragraph | Bullets | TableExhibit | FigureExhibit


class Contents:
    """Blocks in the making: numbers the exhibits as they come."""

    def __init__(self, cases: Cases, answers: Answers, words: Words, min_cell: int) -> None:
        self.cases, self.answers, self.words, self.min_cell = cases, answers, words, min_cell
        self.blocks: list[Block] = []
        self._figures, self._tables = count(1), count(1)
        source = cases.plan.text("source", words.language) or words.say("source_unstated")
        self.source = words.say("source", source=source)

    def heading(self, key: str, heading: str | None = None) -> None:
        """Begin a section."""
        self.blocks.append(Heading(heading or self.words.say(f"heading_{key}"), key.replace("_", "-")))

    def paragraphs(self, *sentences: str) -> None:
        """One paragraph of several sentences, if there are any."""
        if sentences:
            self.blocks.append(Paragraph(" ".join(sentences)))

    def bullets(self, items: Sequence[str]) -> None:
        """A list."""
        self.blocks.append(Bullets(tuple(items)))

    def table(self, stem: str, caption: str, cells: pd.DataFrame, *notes: str, n_names: int = 1) -> None:
        """A table with its source and notes."""
        label = self.words.say("table", number=next(self._tables))
        if cells.map(lambda cell: WITHHELD in str(cell).split()).to_numpy().any():
            notes = (*notes, self.words.say("note_withheld"))
        self.blocks.append(
            TableExhibit(stem, label, caption, cells, " ".join([self.source, *notes]), n_names)
        )

    def figure(self, figure: FigureExhibit, n: object, *notes: str) -> None:
        """A figure with N, source and notes."""
        number = next(self._figures)
        told = [] if pd.isna(n) else [self.words.say("n_is", n=self.words.count(n))]  # type: ignore[call-overload]
        self.blocks.append(
            replace(
                figure,
                label=self.words.say("figure", number=number),
                note=" ".join([*told, self.source, *notes]),
                cells_caption=self.words.say("figure_data", number=number),
            )
        )
