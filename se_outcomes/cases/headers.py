"""Whose column is it: matching a file's headers to the schema, and when a header may be shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from se_outcomes.cases.raw import Raw
from se_outcomes.cases.schema import Table, read_schema
from se_outcomes.cases.values import clean_text, fold

#: What a header looks like: a word first, then words, digits and a little punctuation.
_WORDS = re.compile(r"[^\W\d_][\w .%()/?&+\-]*")
_PERSON = re.compile(r"[A-ZÆØÅÉÖÄ][a-zæøåéöäü\-]+(?: [A-ZÆØÅÉÖÄ][\w.\-]*)+")
_DIGITS = re.compile(r"[0-9]{5,}|[0-9][0-9 .\-/]{6,}[0-9]")
_MAX_LENGTH = 40


@dataclass(frozen=True)
class HeaderMatch:
    """Which column of the file is which column of the schema.

    Attributes
    ----------
    positions : dict of str to int
        Column of the schema -> position in the file.
    twice : dict of str to list of int
        Columns of the schema that more than one column of the file claims.
    unused : list of int
        Positions that no column of the schema and no [extra] column claims.
    """

    positions: Mapping[str, int] = field(default_factory=dict)
    twice: Mapping[str, Sequence[int]] = field(default_factory=dict)
    unused: Sequence[int] = ()


def column_names(table: Table) -> dict[str, str]:
    """Every accepted spelling of a column (name, titles; folded) -> its name; spellings of two left out."""
    found: dict[str, set[str]] = {}
    for name, column in table.columns.items():
        for spelling in (name, *column.title.values()):
            found.setdefault(fold(spelling), set()).add(name)
    names = {spelling: next(iter(claims)) for spelling, claims in found.items() if len(claims) == 1}
    return names | {fold(name): name for name in table.columns}


def match_headers(
    headers: Sequence[str],
    table: Table,
    columns: Mapping[str, str],
    extra: Iterable[str],
    constants: Iterable[str],
) -> HeaderMatch:
    """Match the file's headers to the schema's columns.

    A column named in the mapping is taken from there and nowhere else; any other header that is a column's
    name or its title in English, bokmål or nynorsk is that column. Case, blanks, underscores and hyphens do
    not count.
    """
    spellings = column_names(table)
    mapped: dict[str, str] = {header: name for name, header in columns.items()}
    kept = {clean_text(header) for header in extra}
    claims: dict[str, list[int]] = {}
    unused = []
    for position, header in enumerate(headers):
        name = mapped.get(header)
        if name is None and header not in kept:
            by_spelling = spellings.get(fold(header))
            # a mapped or constant column is not also found by its spelling: the mapping has the last word
            name = by_spelling if by_spelling not in {*columns, *constants} else None
        if name is not None:
            claims.setdefault(name, []).append(position)
        elif header not in kept:
            unused.append(position)
    return HeaderMatch(
        positions={name: claim[0] for name, claim in claims.items()},
        twice={name: claim for name, claim in claims.items() if len(claim) > 1},
        unused=unused,
    )


def known_spellings(mapped: Iterable[str]) -> frozenset[str]:
    """Every header that would be recognised, folded: columns of all tables, and the mapping's own."""
    tables = read_schema().values()
    return frozenset(spelling for table in tables for spelling in column_names(table)) | {
        fold(header) for header in mapped
    }


def looks_like_header(header: str) -> bool:
    """Whether a header may be shown: not a number, date, e-mail, code, name of a person or sentence."""
    return (
        0 < len(header) <= _MAX_LENGTH
        and _WORDS.fullmatch(header) is not None
        and _DIGITS.search(header) is None
        and _PERSON.fullmatch(header) is None
        and len(header.split()) <= 5
    )


def shown_headers(raw: Raw, known: frozenset[str]) -> list[str]:
    """How each column may be named in a message: its header, or "column 7".

    A header is shown if it is known (schema, mapping), or if it looks like one, the first line is a header
    at all (most of the known columns would otherwise be missing too) and no cell of its own column says the
    same.
    """
    n_known = sum(fold(header) in known for header in raw.headers)
    shown = []
    for position, header in enumerate(raw.headers):
        show = fold(header) in known or (
            n_known >= 2 and looks_like_header(header) and not raw.says(position, header)
        )
        shown.append(header if show else f"column {position + 1}")
    return shown


def suggest(name: str, candidates: Iterable[str]) -> str:
    """Return " Did you mean x?" for the nearest candidate, or an empty text."""
    folded = {fold(candidate): candidate for candidate in candidates}
    near = difflib.get_close_matches(fold(str(name)), folded, n=1, cutoff=0.75)
    return f" Did you mean {folded[near[0]]!r}?" if near else ""
