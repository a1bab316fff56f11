"""What the columns of a case file cannot say: who was observed, how the gates were recorded, what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from se_outcomes.cases.headers import suggest
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.errors import MappingError

#: The answers that are one of a few words.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "outcome_observed": ("all", "accepted"),
    "gates": ("separate", "merged"),
    "bypass": ("refused", "allowed"),
    "rating_after_gate": ("refuse", "keep"),
}
#: A century: beyond it there is no date to reckon with.
LONGEST_HORIZON = 36525
#: A text, or one by language.
Text = str | Mapping[str, str]
_TEXTS = ("outcome", "source", "title")
#: Settings that are lists of columns.
_COLUMNS = ("adjust_for", "exclusion", "exclusion_referral")


@dataclass(frozen=True)
class StudyPlan:
    """The ``[study]`` table of a mapping.

    Attributes
    ----------
    outcome_observed : {"all", "accepted"} or None
        For whom placement is known: everyone (a register) or those taken in. None: nobody has said.
    gates : {"separate", "merged"}
        Whether referral and acceptance are two records or one.
    bypass : {"refused", "allowed"}
        Whether someone can be accepted without a referral.
    outcome : str or None
        What counts as a placement, in words.
    horizon_days : int or None
        Within how many days of entry; cases followed for less are counted apart.
    exposure : str
        Column whose part in the gates is asked about.
    adjust_for : tuple of str
        Columns held constant in the adjusted models.
    exclusion : tuple of str
        Columns that move acceptance and not placement (such as the job specialist's caseload), for the model
        that corrects placement for selection.
    exclusion_referral : tuple of str
        Columns that move referral, and neither acceptance nor placement; ``"counsellor_leniency"`` is worked out from
        ``counsellor_id`` (the share that the counsellor referred of their other cases). For the model of both gates.
    rating_after_gate : {"refuse", "keep"}
        What to do with motivation that is dated after the gate it is to explain.
    source, title : str or None
        For the report: where the data come from, and what to call it.

    The texts ``outcome``, ``source`` and ``title`` may be given by language:
    ``outcome = {en = "...", nb = "...", nn = "..."}``.
    """

    outcome_observed: str | None = None
    gates: str = "separate"
    bypass: str = "refused"
    outcome: Text | None = None
    horizon_days: int | None = None
    exposure: str = "motivation"
    adjust_for: tuple[str, ...] = ()
    exclusion: tuple[str, ...] = ()
    exclusion_referral: tuple[str, ...] = ()
    rating_after_gate: str = "refuse"
    source: Text | None = None
    title: Text | None = None

    @classmethod
    def from_mapping(cls, table: Mapping[str, object]) -> StudyPlan:
        """Read the table and check all of it.

        Parameters
        ----------
        table : mapping
            Names as the attributes; ``None`` is as good as absent.

        Raises
        ------
        MappingError
            One line per problem.

        Examples
        --------
        >>> StudyPlan.from_mapping({"adjust_for": ["sex"], "horizon_days": 365}).adjust_for
        ('sex',)
        """
        known = {field.name for field in fields(cls)}
        problems = [
            f"[study] {name}: no such setting.{suggest(name, known)}" for name in table if name not in known
        ]
        given = {name: value for name, value in table.items() if name in known and value is not None}
        problems += [problem for name, value in given.items() if (problem := _problem(name, value))]
        if problems:
            raise MappingError("\n  - ".join(problems))
        for name in _COLUMNS:
            if name in given:
                listed = given[name]
                columns = [listed] if isinstance(listed, str) else list(listed)  # type: ignore[call-overload]
                given[name] = tuple(dict.fromkeys(columns))
        return cls(**given)  # type: ignore[arg-type]

    def text(self, name: str, language: str) -> str:
        """A text in a language; in another where it is given in one only; empty where it is not given.

        Examples
        --------
        >>> plan = StudyPlan(source={"en": "Register data", "nb": "Registerdata"})
        >>> plan.text("source", "nb"), plan.text("source", "nn"), plan.text("title", "en")
        ('Registerdata', 'Registerdata', '')
        """
        found = getattr(self, name)
        if found is None or isinstance(found, str):
            return found or ""
        order = [language, *{"nn": ["nb"], "nb": ["nn"]}.get(language, []), *LANGUAGES]
        return next(found[other] for other in order if other in found)

    def answered(self, **answers: str | None) -> StudyPlan:
        """The plan with the answers of a call in place of its own; ``None`` leaves one as it is.

        Raises
        ------
        MappingError
            Where an answer is none of :data:`CHOICES`.
        """
        given = {name: value for name, value in answers.items() if value is not None}
        problems = [
            _problem(name, value).removeprefix("[study] ")
            for name, value in given.items()
            if _problem(name, value)
        ]
        if problems:
            raise MappingError("\n  - ".join(["the options cannot be used:", *problems]))
        return replace(self, **given)  # type: ignore[arg-type]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_text_by_language(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and set(value) <= set(LANGUAGES)
        and all(_is_text(text) for text in value.values())
    )


def _problem(name: str, value: object) -> str:
    """What is wrong with a setting, or an empty text."""
    expected = ""
    if name in CHOICES and value not in CHOICES[name]:
        expected = "one of " + ", ".join(repr(choice) for choice in CHOICES[name])
    elif name in _TEXTS and not (_is_text(value) or _is_text_by_language(value)):
        expected = 'a text in quotes, or one for each language: {en = "...", nb = "...", nn = "..."}'
    elif name == "exposure" and not _is_text(value):
        expected = "the name of a column, in quotes"
    elif name == "horizon_days" and not (type(value) is int and 1 <= value <= LONGEST_HORIZON):
        expected = f"a whole number of days, from 1 to {LONGEST_HORIZON}"
    elif name in _COLUMNS and not (
        _is_text(value) or (isinstance(value, list | tuple) and all(_is_text(item) for item in value))
    ):
        expected = 'a list of columns, such as ["age_group", "sex"]'
    return f"[study] {name}: expected {expected}" if expected else ""
