"""Everything that is said to a reader in English, bokmål or nynorsk: sentences, numbers and names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import numpy as np
import pandas as pd

from se_outcomes.cases.schema import LANGUAGES, read_code_list, read_schema
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice

#: What stands for a number that is withheld, or does not exist (Statistics Norway's sign for withheld).
WITHHELD = ":"
#: Columns whose levels have names, with capitals of their own.
NAMES = frozenset({"county", "measure_code"})
_NO_BREAK, _MINUS = "\u00a0", "\u2212"


@dataclass(frozen=True)
class Words:
    """One language.

    Attributes
    ----------
    language : {"en", "nb", "nn"}
    """

    language: str

    def say(self, key: str, **parts: str | int) -> str:
        """A text with its gaps filled.

        Parameters
        ----------
        key : str
            As in the wording files.
        parts : str or int
            Text as it is; whole numbers as counts. Other numbers must come formatted.

        Raises
        ------
        KeyError
            Where there is no such text.
        TypeError
            On a number that nobody has formatted.

        Examples
        --------
        >>> speak("nb").say("table", number=2)
        'Tabell 2'
        """
        texts = read_texts()
        if key not in texts:
            raise KeyError(f"no text {key!r} in the wording")
        return texts[key][self.language].format(
            **{name: self._part(name, part) for name, part in parts.items()}
        )

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in read_texts()

    def _part(self, name: str, part: object) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, int | np.integer) and not isinstance(part, bool):
            return self.count(int(part))
        raise TypeError(f"{name} is a {type(part).__name__}: format it before it is said")

    # --- numbers ----------------------------------------------------------------------------------

    def count(self, n: object) -> str:
        """A whole number with its thousands set apart; a colon where it is missing.

        Examples
        --------
        >>> speak("en").count(12034), speak("nn").count(12034), speak("en").count(float("nan"))
        ('12,034', '12\\xa0034', ':')
        """
        return WITHHELD if _is_missing(n) else f"{round(float(n)):,}".replace(",", self._thousands)  # type: ignore[arg-type]

    def number(self, value: object, decimals: int = 2) -> str:
        """A number with so many decimals; a colon where it is missing.

        Examples
        --------
        >>> speak("nb").number(-0.4567), speak("en").number(float("inf"))
        ('−0,46', '∞')
        """
        if _is_missing(value):
            return WITHHELD
        number = float(value)  # type: ignore[arg-type]
        if np.isinf(number):
            return "∞" if number > 0 else f"{_MINUS}∞"
        text = f"{number:,.{decimals}f}"
        if float(text.replace(",", "")) == 0:
            text = text.lstrip("-")
        whole, _, fraction = text.replace("-", _MINUS).partition(".")
        return whole.replace(",", self._thousands) + (self._decimal + fraction if fraction else "")

    def percent(self, share: object, decimals: int = 1) -> str:
        """A share in per cent; a colon where it is missing.

        Examples
        --------
        >>> speak("en").percent(0.3651), speak("nb").percent(0.3651, 0)
        ('36.5%', '37\\xa0%')
        """
        if _is_missing(share):
            return WITHHELD
        number = self.number(100 * float(share), decimals)  # type: ignore[arg-type]
        return f"{number}%" if self.language == "en" else f"{number}{_NO_BREAK}%"

    def points(self, difference: object, decimals: int = 1) -> str:
        """A difference of shares in percentage points, without the unit; a colon where it is missing."""
        return WITHHELD if _is_missing(difference) else self.number(100 * float(difference), decimals)  # type: ignore[arg-type]

    def interval(self, low: object, high: object, form: Callable[[object], str]) -> str:
        """An interval in brackets, its ends written by ``form``; a colon where an end is missing.

        Examples
        --------
        >>> words = speak("nb")
        >>> words.interval(1.234, 3.4, words.number)
        '(1,23 til 3,40)'
        """
        if _is_missing(low) or _is_missing(high):
            return WITHHELD
        to = "to" if self.language == "en" else "til"
        return f"({form(low)} {to} {form(high)})"

    def p_value(self, p: object) -> str:
        """A p-value to three decimals, never as zero.

        Examples
        --------
        >>> speak("en").p_value(0.0421), speak("nn").p_value(1e-9)
        ('p = 0.042', 'p < 0,001')
        """
        if _is_missing(p):
            return WITHHELD
        if float(p) < 0.001:  # type: ignore[arg-type]
            return f"p < {self.number(0.001, 3)}"
        return f"p = {self.number(p, 3)}"

    @property
    def _decimal(self) -> str:
        return "." if self.language == "en" else ","

    @property
    def _thousands(self) -> str:
        return "," if self.language == "en" else _NO_BREAK

    # --- names ------------------------------------------------------------------------------------

    def column(self, name: str) -> str:
        """What a column is called: its title in the schema, else its own name.

        Examples
        --------
        >>> speak("nb").column("age_group"), speak("en").column("locus_of_control")
        ('Aldersgruppe', 'locus_of_control')
        """
        columns = read_schema()["cases"].columns
        return columns[name].title[self.language] if name in columns else name

    def noun(self, name: str) -> str:
        """What a column is called inside a sentence.

        Examples
        --------
        >>> speak("en").noun("motivation"), speak("nn").noun("age_group")
        ('motivation', 'aldersgruppe')
        """
        key = f"name_{name}"
        return self.say(key) if self.has(key) else _inside(self.column(name), name)

    def nouns(self, names: tuple[str, ...]) -> str:
        """Several columns in a row, the last after an "and"."""
        return self.listed([self.noun(name) for name in names])

    def listed(self, said: Sequence[str]) -> str:
        """Texts in a row, the last after an "and".

        Examples
        --------
        >>> speak("nb").listed(["en", "to", "tre"])
        'en, to og tre'
        """
        return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} {self.say('and')} {said[-1]}"

    def level(self, column: str, level: str) -> str:
        """What a level of a column is called.

        Examples
        --------
        >>> speak("en").level("motivation_group", "q1"), speak("nb").level("born_abroad", "true")
        ('Lowest quarter', 'Ja')
        """
        if self.has(f"level_{level}"):
            return self.say(f"level_{level}")
        code_list = (
            columns[column].code_list if column in (columns := read_schema()["cases"].columns) else None
        )
        titles = {code.code: code.title for code in read_code_list(code_list)} if code_list else {}
        return titles[level][self.language] if level in titles else level

    def level_noun(self, column: str, level: str) -> str:
        """What a level of a column is called inside a sentence.

        Examples
        --------
        >>> speak("nb").level_noun("motivation_group", "q1"), speak("nb").level_noun("county", "Oslo")
        ('laveste fjerdedel', 'Oslo')
        """
        called = self.level(column, level)
        return called if column in NAMES else _inside(called, level)

    def contrast(self, contrast: str, exposure: str) -> str:
        """What a contrast is called: per standard deviation, top against bottom, or two levels.

        Examples
        --------
        >>> speak("en").contrast("per_sd", "motivation"), speak("nn").contrast("male_vs_female", "sex")
        ('Per standard deviation', 'Mann mot kvinne')
        """
        if self.has(f"contrast_{contrast}"):
            return self.say(f"contrast_{contrast}")
        level, _, reference = contrast.partition("_vs_")
        return self.say(
            "contrast_levels",
            level=self.level(exposure, level),
            reference=self.level_noun(exposure, reference),
        )

    # --- what results say -------------------------------------------------------------------------

    def notice(self, notice: Notice) -> str:
        """A notice in this language; an empty text for one that is not for readers of a report."""
        if not self.has(notice.key):
            return ""
        parts = {name: self._notice_part(name, part) for name, part in notice.parts.items()}
        said = self.say(notice.key, **parts)
        return said[:1].upper() + said[1:]

    def _notice_part(self, name: str, part: object) -> str:
        if name == "exposure":
            return self.noun(str(part))
        if name == "who":
            return self.say(str(part))
        if name == "columns":
            return self.nouns(tuple(re.split(", | and ", str(part))))
        if name == "question":
            return self.say(f"asked_{part}")
        if isinstance(part, float):
            return self.number(
                part, 3 if name in ("smallest", "range_estimate", "range_low", "range_high") else 2
            )
        return self._part(name, part)

    def refusal(self, refusal: EstimationError, exposure: str) -> str:
        """Why a question has no answer."""
        columns = refusal.details.get("columns", refusal.details.get("column", ()))
        named = (columns,) if isinstance(columns, str) else tuple(columns)  # type: ignore[arg-type]
        parts = {"exposure": self.noun(exposure), "columns": self.nouns(named) if named else ""}
        said = self.say(f"refusal_{refusal.reason}", **parts)
        return said[:1].upper() + said[1:]


@cache
def speak(language: str) -> Words:
    """The words of a language.

    Raises
    ------
    ValueError
        On a language that is not there.
    """
    if language not in LANGUAGES:
        raise ValueError(f"the language must be one of {', '.join(LANGUAGES)}; got {language!r}")
    return Words(language)


@cache
def read_texts() -> Mapping[str, Mapping[str, str]]:
    """Every text by key and language, from the TOML files of this folder.

    Raises
    ------
    ValueError
        Where two files have the same key.
    """
    texts: dict[str, Mapping[str, str]] = {}
    for path in sorted(files("se_outcomes.wording").iterdir(), key=lambda path: path.name):
        if path.name.endswith(".toml"):
            found = tomllib.loads(path.read_text(encoding="utf-8"))
            if twice := texts.keys() & found.keys():
                raise ValueError(f"{path.name} repeats {', '.join(sorted(twice))}")
            texts |= found
    return MappingProxyType(texts)


def _inside(title: str, code: str) -> str:
    """A title inside a sentence: without its capital, unless that is of an abbreviation or of the code itself."""
    return title if title[1:2].isupper() or title == code else title[:1].lower() + title[1:]


def _is_missing(value: object) -> bool:
    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]
