"""Finding columns that identify people, by header and by content, wherever the rows are."""

from __future__ import annotations

from collections.abc import Sequence

from se_outcomes.cases.doubts import Doubt
from se_outcomes.cases.engine_column import EngineColumn
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.headers import known_spellings, shown_headers
from se_outcomes.cases.identifying import find_in_values
from se_outcomes.cases.identifying_rows import find_in_rows
from se_outcomes.cases.raw import Raw


def find_identifiers(raw: Raw, *, table: str = "cases", mapped: Sequence[str] = ()) -> list[Fault | Doubt]:
    """Scan every column for what identifies a person.

    Refused are: national identity numbers (in columns of codes more than chance gives, elsewhere any; a lost
    leading zero does not hide them), e-mail addresses, phone numbers, long text, and headers that say name,
    address, phone, e-mail or national identity number. Pseudonyms, SHA-256 among them, pass; so do
    organisation numbers, which have nine digits.

    Parameters
    ----------
    raw : Raw
        As read: columns left out of the analysis are scanned as well.
    table : str
        For the faults.
    mapped : sequence of str
        Headers that the mapping names; they may be shown.

    Returns
    -------
    list of Fault or Doubt
        At most one per column and kind. No value is in it, and no header that looks like one.

    References
    ----------
    Skatteetaten, "Nytt fødselsnummer fra 2032": both checksum rules.
    """
    shown = shown_headers(raw, known_spellings(mapped))
    faults: list[Fault | Doubt] = []
    for position, header in enumerate(raw.headers):
        column = raw.column(position)
        if isinstance(column, EngineColumn):
            faults += find_in_rows(column, header, shown[position], table)
        else:
            faults += find_in_values(column, header, shown[position], table)
    return faults
