"""The schema: what every column, code and rule means, read from ``data_schema/`` and from nowhere else.

The files are Data Package and Table Schema (version 2) descriptors. What the standard has no word for (role,
unit, titles in three languages, rules across columns) stands under the key ``x-se-outcomes``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

EXTENSION = "x-se-outcomes"
LANGUAGES = ("en", "nb", "nn")
_PACKAGE = "datapackage.json"
_NO_TEXT: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name, table : str
    type : str
        ``string``, ``integer``, ``number``, ``boolean`` or ``date``.
    role : str
        What the column is to the study: ``id``, ``cluster``, ``gatekeeper``, ``exposure``, ``gate``,
        ``outcome``, ``competing_outcome``, ``covariate``, ``moderator``, ``date`` or ``meta``.
    required : bool
        The file must have the column. Its values may be missing, unless a rule ``not_missing`` names it.
    needed_by : tuple of str
        Questions that are left out where the column is.
    unit : str or None
        Of a number: ``points``, ``percent``, ``weeks``, ``months``, ``minutes``, ``clients`` or ``year``.
    allowed : tuple of str or None
        The codes a text may have.
    minimum, maximum : float or None
        Bounds of a number, themselves allowed.
    pattern : str or None
        Regular expression that the whole of a text must match.
    code_list : str or None
        What :func:`read_code_list` calls the codes.
    title, description : mapping
        By language: ``en``, ``nb``, ``nn``.
    derived_from : tuple of str
        Columns from which the values are worked out where the file does not have the column itself.
    """

    name: str
    table: str
    type: str
    role: str
    required: bool
    needed_by: tuple[str, ...]
    unit: str | None
    allowed: tuple[str, ...] | None
    minimum: float | None
    maximum: float | None
    pattern: str | None
    code_list: str | None
    title: Mapping[str, str]
    description: Mapping[str, str]
    derived_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule across the columns or rows of a table; ``kind`` says how it is to be read.

    Attributes
    ----------
    name : str
    kind : str
        ``unique``, ``not_missing``, ``order`` (no date before one that stands earlier in ``columns``),
        ``requires`` (the first true only where the second is), ``between`` (value, least, most) or
        ``not_after`` (the first date not after the second).
    columns : tuple of str
    severity : str
        ``fault`` or ``warning``.
    unless : tuple of str
        Under which answers of the study plan the rule does not hold: ``bypass`` (acceptance without referral
        is allowed), ``merged`` (the gates are recorded as one).
    options : mapping
        What a kind needs besides.
    expected, remedy : str
        For the message, in English: what should have been there, and what to do.
    title : mapping
        The rule in words, by language.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    severity: str
    unless: tuple[str, ...]
    options: Mapping[str, object]
    expected: str
    remedy: str
    title: Mapping[str, str] = field(default_factory=lambda: _NO_TEXT)


@dataclass(frozen=True)
class Code:
    """One code of a code list.

    Attributes
    ----------
    code : str
    aliases : tuple of str
        Other spellings that mean this code and no other: older codes, codes of other systems.
    title : mapping
        By language.
    facts : mapping of str to str
        What else is known of the code, such as ``regime`` or ``arena_code``.
    """

    code: str
    aliases: tuple[str, ...]
    title: Mapping[str, str]
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """One table of the data package: its columns in order, and its rules."""

    name: str
    title: Mapping[str, str]
    description: Mapping[str, str]
    columns: Mapping[str, Column]
    rules: tuple[Rule, ...]
    required: bool


@cache
def read_schema() -> Mapping[str, Table]:
    """Read the tables of the data package.

    Returns
    -------
    mapping of str to Table
        ``cases``, ``motivation_assessments``, ``employer_contacts``, ``job_spells``, in this order.

    Examples
    --------
    >>> import se_outcomes as so
    >>> tables = so.read_schema()
    >>> [column.name for column in tables["cases"].columns.values() if column.required]
    ['case_id', 'office_id', 'motivation', 'referred', 'accepted', 'placed']
    >>> tables["cases"].columns["referred"].title["nn"]
    'Tilvist til jobbspesialist'
    """
    tables = {}
    for resource in read_document(_PACKAGE)["resources"]:
        table = _table(resource["name"], read_document(resource["schema"]))
        tables[table.name] = table
    return MappingProxyType(tables)


@cache
def read_code_list(name: str) -> tuple[Code, ...]:
    """Read a code list.

    Parameters
    ----------
    name : str
        As in :attr:`Column.code_list`, such as ``"effort_group"``.

    Returns
    -------
    tuple of Code
        In the list's own order.

    Raises
    ------
    KeyError
        Where there is no such list.

    Examples
    --------
    >>> import se_outcomes as so
    >>> [code.code for code in so.read_code_list("provision")]
    ['inhouse', 'supplier', 'none']
    """
    if name not in code_list_names():
        raise KeyError(f"there is no code list {name!r}; there are: {', '.join(code_list_names())}")
    return tuple(
        Code(
            code=entry["code"],
            aliases=tuple(entry.get("aliases", ())),
            title=MappingProxyType(entry["titles"]),
            facts=MappingProxyType(entry.get("facts", {})),
        )
        for entry in read_document(f"codes/{name}.json")["codes"]
    )


@cache
def code_list_names() -> tuple[str, ...]:
    """Every code list that :func:`read_code_list` knows, sorted."""
    return tuple(
        sorted(
            path.name.removesuffix(".json")
            for path in schema_folder().joinpath("codes").iterdir()
            if path.name.endswith(".json")
        )
    )


def read_document(path: str) -> dict:
    """Read one JSON file of ``data_schema/`` as it stands."""
    return json.loads(schema_folder().joinpath(*path.split("/")).read_text(encoding="utf-8"))


def schema_folder() -> Traversable:
    """The folder ``data_schema``: inside the installed package, or beside it in the work tree."""
    package = files("se_outcomes")
    for folder in (package / "data_schema", package / ".." / "data_schema"):
        if (folder / _PACKAGE).is_file():
            return folder
    raise FileNotFoundError(
        "data_schema/ is neither inside the package nor beside it; install the package anew"
    )


def _table(name: str, document: dict) -> Table:
    extension = document[EXTENSION]
    columns = {entry["name"]: _column(name, entry) for entry in document["fields"]}
    return Table(
        name=name,
        title=MappingProxyType(extension["titles"]),
        description=MappingProxyType(extension["descriptions"]),
        columns=MappingProxyType(columns),
        rules=tuple(_rule(entry) for entry in extension["rules"]),
        required=extension["required"],
    )


def _column(table: str, entry: dict) -> Column:
    constraints, extension = entry.get("constraints", {}), entry[EXTENSION]
    allowed = constraints.get("enum")
    return Column(
        name=entry["name"],
        table=table,
        type=entry["type"],
        role=extension["role"],
        required=extension["required"],
        needed_by=tuple(extension["needed_by"]),
        unit=extension.get("unit"),
        allowed=None if allowed is None else tuple(allowed),
        minimum=constraints.get("minimum"),
        maximum=constraints.get("maximum"),
        pattern=constraints.get("pattern"),
        code_list=extension.get("code_list"),
        title=MappingProxyType(extension["titles"]),
        description=MappingProxyType(extension["descriptions"]),
        derived_from=tuple(extension.get("derived_from", ())),
    )


def _rule(entry: dict) -> Rule:
    return Rule(
        name=entry["name"],
        kind=entry["kind"],
        columns=tuple(entry["columns"]),
        severity=entry["severity"],
        unless=tuple(entry.get("unless", ())),
        options=MappingProxyType(entry.get("options", {})),
        expected=entry["expected"],
        remedy=entry["remedy"],
        title=MappingProxyType(entry["titles"]),
    )
