"""From the words and codes people write to the schema's codes, where only one is meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from se_outcomes.cases.schema import Column, read_code_list
from se_outcomes.cases.values import fold


@dataclass(frozen=True)
class CodeLookup:
    """The schema's code of a text: the code itself, else an alias or title in any language, else None.

    A spelling that stands for two codes (Arena's VARIG covers two groups) belongs to neither.
    """

    codes: frozenset[str]
    spellings: Mapping[str, str]

    def get(self, text: str) -> str | None:
        """The code that ``text`` stands for, or None."""
        return text if text in self.codes else self.spellings.get(fold(text))


def code_lookup(column: Column) -> CodeLookup:
    """Build the lookup of a column that has a list of allowed codes."""
    codes = frozenset(column.allowed or ())
    words: dict[str, set[str]] = {}
    for entry in read_code_list(column.code_list) if column.code_list else ():
        for spelling in (*entry.aliases, *entry.title.values()):
            if entry.code in codes:
                words.setdefault(fold(spelling), set()).add(entry.code)
    own: dict[str, set[str]] = {}
    for code in codes:
        own.setdefault(fold(code), set()).add(code)
    # a code's own name goes before another code's alias
    claims = {**words, **own}
    return CodeLookup(
        codes, {spelling: next(iter(found)) for spelling, found in claims.items() if len(found) == 1}
    )
