"""What identifies a person, in a header and among the distinct values of a column; it is never repeated."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import bdtrc

from se_outcomes.cases.distinct import Distinct
from se_outcomes.cases.doubts import Doubt
from se_outcomes.cases.faults import Fault
from se_outcomes.cases.listed import Listed
from se_outcomes.cases.national_numbers import (
    CHANCE_NEW,
    CHANCE_OLD,
    are_national_numbers,
    find_candidates,
    have_date,
)
from se_outcomes.cases.values import fold

#: Above this length, and with this many words, a text is taken for free text.
LONG_TEXT, LONG_TEXT_WORDS = 80, 6

NO_SUCH_HEADER = "no column whose header says name, address, phone, e-mail or national identity number"
NO_NATIONAL_NUMBERS = "no national identity numbers"

#: Below this probability a code column's hits are more than chance.
_CHANCE = 1e-4
#: From this share of candidates among its values a column is one of codes; below it any hit is one too many.
_CODE_SHARE = 0.1

_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)*\.[a-zA-ZæøåÆØÅ]{2,}")
_PHONE = re.compile(
    r"(?<![\w+])(?:(?:\+|00)47[ \u00a0]?[2-9](?:[ \u00a0]?[0-9]){7}"
    r"|(?:\+47[ \u00a0]?)?[49][0-9]{2}[ \u00a0][0-9]{2}[ \u00a0][0-9]{3}"
    r"|[2-9][0-9](?:[ \u00a0][0-9]{2}){3}"
    r"|(?i:tlf|tel|mob|mobil|telefon|phone)[.:]?[ \u00a0]?[2-9][0-9]{7})(?![\w]|[.,-][0-9])"
)

_NAMES = (
    "name|names|navn|namn|firstname|surname|lastname|fullname|forename|fornavn|etternavn|mellomnavn|fornamn|"
    "etternamn"
)
_PLACES = "address|adress|adresse|adr|addr|gateadresse|postadresse|bostedsadresse|streetaddress|street"
_CONTACTS = (
    "phone|telephone|telefon|telefonnummer|telefonnr|phonenumber|tlf|tlfnr|mobil|mobile|mobilnr|mobilnummer|"
    "cellphone|email|mail|epost|epostadresse|emailaddress"
)
_NUMBERS = (
    "fodselsnummer|fødselsnummer|fodselsnr|fødselsnr|fnr|dnr|dnummer|personnummer|personnr|pnr|ssn|nin|"
    "nationalid|socialsecuritynumber|birthnumber|personalnumber|passport|passportnumber|passnummer|kontonummer|cpr"
)
_IDENTIFYING_WORD = re.compile(rf"{_NAMES}|{_PLACES}|{_CONTACTS}|{_NUMBERS}")
_IDENTIFYING_END = re.compile(
    r"\w+(?:navn|namn|adresse|telefon|fødselsnummer|fodselsnummer|personnummer|epost)"
)
#: Words that make a name the name of something else than a person.
_NOT_A_PERSON = re.compile(
    r"office|kontor|nav(?!n)|unit|enhet|eining|county|fylke|kommune|municipality|area|region|country|land|measure|"
    r"tiltak|instrument|provider|leverandør|programme|program|variable|variabel|file|fil|code|kode|status|scale|skala|"
    r"industry|næring|stage|trinn"
)

Test = Callable[[str], bool]


def find_in_values(
    distinct: Distinct | Listed, header: str, shown: str, table: str, n_values: int | None = None
) -> list[Fault | Doubt]:
    """Scan one column by its distinct values.

    Parameters
    ----------
    distinct : Distinct or Listed
    header, shown : str
        As it stands, and as it may be named.
    table : str
    n_values : int, optional
        How many values the column has, where those given are only the ones that need a closer look.
    """
    texts = [_digits_text(value) for value in distinct.values]
    found = []
    if is_identifying_header(header) and not only_flags(texts):
        filled = np.array([bool(text.strip()) for text in texts], dtype=bool)
        found.append(("identifying header", filled, NO_SUCH_HEADER))
    if (hits := _national_numbers(texts, n_values)) is not None:
        found.append(("national identity number", hits, NO_NATIONAL_NUMBERS))
    for rule, mark, test, expected in _CONTENT:
        if mark(texts):
            found.append((rule, np.array([test(text) for text in texts], dtype=bool), expected))
    return [
        fault
        for rule, chosen, expected in found
        for fault in distinct.accuse(chosen, identifying_fault(table, shown, rule, expected))
    ]


def identifying_fault(table: str, shown: str, rule: str, expected: str) -> Fault:
    """A fault of what identifies, still without its rows."""
    remedy = "Remove the column, or put a pseudonym without meaning in its place; then delete this file."
    return Fault(table, shown, f"identifying: {rule}", 0, "", expected, remedy)


def _digits_text(value: object) -> str:
    """A value as text; 1017012345.0 as its digits; dates, fractions and what cannot identify as ""."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        return str(int(value)) if np.isfinite(value) and value == int(value) else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else ""


# --- by header ------------------------------------------------------------------------------------


def is_identifying_header(header: str) -> bool:
    """Whether a header says name, address, phone, e-mail or national identity number of a person.

    Examples
    --------
    >>> [is_identifying_header(header) for header in ("Etternavn", "e-post", "office_name", "case_id")]
    [True, True, False, False]
    """
    spaced = re.sub(r"(?<=[a-zæøå])(?=[A-ZÆØÅ])", " ", header)  # firstName
    words = fold(re.sub(r"[^\w\s]", " ", spaced)).split()
    joined = "".join(words)
    if any(map(_NOT_A_PERSON.match, words)) and not re.search(_NUMBERS, joined):
        return False
    if _IDENTIFYING_WORD.fullmatch(joined) or any(_IDENTIFYING_WORD.fullmatch(word) for word in words):
        return True
    pairs = ["".join(pair) for pair in pairwise(words)]
    return any(_IDENTIFYING_WORD.fullmatch(pair) for pair in pairs) or any(
        _IDENTIFYING_END.fullmatch(word) for word in words
    )


def only_flags(texts: Sequence[str]) -> bool:
    """Whether a column holds nothing but yes and no: "has a phone" says no number."""
    return {text.strip().casefold() for text in texts} <= {
        "",
        "0",
        "1",
        "true",
        "false",
        "ja",
        "nei",
        "yes",
        "no",
    }


# --- by content -----------------------------------------------------------------------------------


def _national_numbers(texts: Sequence[str], n_values: int | None) -> np.ndarray | None:
    """Mask (u,) of the values with a national identity number, or None if no more than chance gives."""
    positions, digits = find_candidates(texts)
    passed = are_national_numbers(digits, rule="new")
    if not passed.any():
        return None
    hits = np.zeros(len(texts), dtype=bool)
    hits[positions[passed]] = True
    found = NumbersFound(
        sum(bool(text.strip()) for text in texts) if n_values is None else n_values,
        len(np.unique(positions)),
        int(have_date(digits).sum()),
        int(are_national_numbers(digits, rule="old").sum()),
        int(passed.sum()),
    )
    return None if found.are_chance() else hits


class NumbersFound(NamedTuple):
    """How many values a column has, and how many of them could be, are dated like, and are national numbers."""

    n_values: int
    n_candidates: int
    n_dated: int
    old: int
    new: int

    def are_chance(self) -> bool:
        """Whether the column is one of codes with no more hits than chance gives."""
        if self.n_candidates <= 1 or self.n_candidates < _CODE_SHARE * self.n_values:
            return False
        tails = [
            bdtrc(hits - 1, self.n_dated, chance) if hits else 1.0
            for hits, chance in ((self.old, CHANCE_OLD), (self.new, CHANCE_NEW))
        ]
        # a handful of codes cannot show what is chance: half of them being numbers is enough to refuse
        return not (min(tails) < _CHANCE or 2 * self.new >= self.n_candidates)


def _has(pattern: re.Pattern[str], needed: str = "") -> Callable[[Sequence[str]], bool]:
    def mark(texts: Sequence[str]) -> bool:
        together = "\x1e".join(texts)
        return (not needed or needed in together) and pattern.search(together) is not None

    return mark


def _is_long_text(text: str) -> bool:
    return len(text) > LONG_TEXT and len(text.split()) >= LONG_TEXT_WORDS


_CONTENT: tuple[tuple[str, Callable[[Sequence[str]], bool], Test, str], ...] = (
    (
        "e-mail address",
        _has(_EMAIL, "@"),
        lambda text: _EMAIL.search(text) is not None,
        "no e-mail addresses",
    ),
    ("phone number", _has(_PHONE), lambda text: _PHONE.search(text) is not None, "no phone numbers"),
    (
        "long text",
        lambda texts: max(map(len, texts), default=0) > LONG_TEXT,
        _is_long_text,
        f"no free text (more than {LONG_TEXT} characters)",
    ),
)
