"""How a file writes numbers and dates: decided from all its texts together, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from se_outcomes.cases.distinct import Distinct
from se_outcomes.cases.doubts import Doubt
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.listed import Listed
from se_outcomes.cases.mapping import ReadOptions
from se_outcomes.cases.values import date_order_evidence, decimal_evidence

Evidence = tuple[set[str], bool]


@dataclass(frozen=True)
class Notation:
    """How a column's texts are read.

    Attributes
    ----------
    decimal : str
        ``","`` or ``"."``.
    dates : str
        ``"dmy"``, ``"mdy"`` or ``"iso"``.
    doubtful : bool
        The column's texts contradict each other or leave it open, and a fault says so.
    """

    decimal: str = "."
    dates: str = "dmy"
    doubtful: bool = False


@dataclass(frozen=True)
class _Question:
    """One of the two questions a file must answer by its texts."""

    rule: str
    evidence: Callable[[Sequence[object]], Evidence]
    given: str | None
    fallback: str | None  # what the file's kind decides, if it does
    default: str  # where no text needs the answer
    open_remedy: str
    expected: str


def decide_notation(
    columns: Mapping[str, tuple[str, Distinct | Listed]],
    options: ReadOptions,
    delimiter: str | None,
    table: str,
) -> tuple[dict[str, Notation], list[Fault | Doubt]]:
    """Decide each column's decimal mark or order of day and month.

    A column that proves it by itself is read so; one that leaves it open follows the rest of the file where
    that is of one mind. In a comma-separated file a single comma cannot be a decimal mark.

    Parameters
    ----------
    columns : mapping of name to (type, Distinct or Listed)
    options : ReadOptions
        What is given there is not worked out.
    delimiter : str or None
    table : str
        For the faults.

    Returns
    -------
    notation : dict of name to Notation
    faults : list of Fault or Doubt
    """
    number = _Question(
        "decimal mark", decimal_evidence, options.decimal, "." if delimiter == "," else None, ".",
        'Say which: decimal = "," or decimal = "." under [read] in the mapping.',
        "one decimal mark, a comma or a point",
    )  # fmt: skip
    date = _Question(
        "order of day and month", date_order_evidence, options.dates, None, "dmy",
        'Say which: dates = "dmy" or dates = "mdy" under [read] in the mapping.',
        "dates of which day and month can be told apart (04/05/2021 is in April or in May)",
    )  # fmt: skip
    decided = {name: Notation() for name in columns}
    faults: list[Fault | Doubt] = []
    for question, types, key in ((number, ("number", "integer"), "decimal"), (date, ("date",), "dates")):
        asked = {name: distinct for name, (kind, distinct) in columns.items() if kind in types}
        answers = _answers(question, asked, table, faults)
        decided |= {
            name: Notation(**{key: answer or question.default}, doubtful=answer is None)
            for name, answer in answers.items()
        }
    return decided, faults


def _answers(
    question: _Question, columns: Mapping[str, Distinct | Listed], table: str, faults: list[Fault | Doubt]
) -> dict[str, str | None]:
    if question.given is not None:
        return dict.fromkeys(columns, question.given)
    evidence = {name: question.evidence(distinct.values) for name, distinct in columns.items()}
    of_file = set().union(*(proven for proven, _ in evidence.values()))
    shared = next(iter(of_file)) if len(of_file) == 1 else question.fallback
    answers: dict[str, str | None] = {}
    for name, (proven, open_) in evidence.items():
        answers[name] = next(iter(proven)) if len(proven) == 1 else (shared if open_ else question.default)
        if len(proven) > 1:
            answers[name] = None
            faults += _contradiction(question, columns[name], table, name, proven)
        elif answers[name] is None:
            open_values = [question.evidence([value])[1] for value in columns[name].values]
            fault = Fault(
                table, name, f"{question.rule}: open", 0, "", question.expected, question.open_remedy
            )
            faults += columns[name].accuse(np.array(open_values, dtype=bool), fault)
    return answers


def _contradiction(
    question: _Question, distinct: Distinct | Listed, table: str, name: str, proven: set[str]
) -> list[Fault | Doubt]:
    """A fault that points at the rows in the minority."""
    each = [question.evidence([value])[0] for value in distinct.values]
    proving = [np.array([answer in one for one in each], dtype=bool) for answer in sorted(proven)]
    fault = Fault(
        table,
        name,
        f"{question.rule}: mixed",
        0,
        "",
        "one way of writing throughout the column; these rows differ from the others",
        "Write all rows the same way.",
    )
    return distinct.accuse(min(proving, key=distinct.n_rows), fault)
