"""Translating one's own column names and codes to the schema's: a TOML file or a dict.

The file says once what the data cannot: which column is which, what the codes mean, how the text is to be
read, and in ``[study]`` what was observed for whom.

.. code-block:: toml

    [columns]                       # schema's column = "header of your file"
    motivation = "search_share"
    [codes.sex]                     # "code of your file" = "schema's code"; "" means missing
    "1" = "male"
    [constants]                     # a column your file does not have
    office_id = "Boston"
    [extra]                         # your own columns to keep: number, text, boolean or date
    locus_control = "number"
    [read]                          # only where the file does not show it by itself
    decimal = ","
    [study]
    outcome_observed = "all"
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from se_outcomes.cases.codes import code_lookup
from se_outcomes.cases.headers import suggest
from se_outcomes.cases.schema import Column, read_schema
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.cases.values import (
    clean_text,
    is_missing,
    parse_booleans,
    parse_dates,
    parse_numbers,
    text_of,
)
from se_outcomes.errors import MappingError

EXTRA_TYPES = ("number", "text", "boolean", "date")
_TABLES = ("columns", "codes", "constants", "extra", "read", "study")
_DELIMITERS = {"tab": "\t", "\\t": "\t"}


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read where it does not show it by itself; None means "work it out, or refuse".

    Attributes
    ----------
    delimiter : str, optional
        One of ``;``, ``,``, ``|``, a tab.
    encoding : str, optional
        Such as ``"utf-8"`` or ``"cp1252"``.
    decimal : str, optional
        ``","`` or ``"."``.
    dates : str, optional
        ``"dmy"``, ``"mdy"`` or ``"iso"``.
    sheet : str or int, optional
        Sheet of a workbook, by name or number counted from 1.
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    dates: str | None = None
    sheet: str | int | None = None

    def problems(self) -> list[str]:
        """Say what is wrong with the options; empty when nothing is."""
        found = []
        allowed = {"delimiter": (";", ",", "\t", "|"), "decimal": (",", "."), "dates": ("dmy", "mdy", "iso")}
        for name, choices in allowed.items():
            if (value := getattr(self, name)) is not None and value not in choices:
                found.append(f"[read] {name}: expected one of {_listed(choices)}")
        if self.encoding is not None and not _is_encoding(self.encoding):
            found.append("[read] encoding: expected the name of an encoding, such as utf-8 or cp1252")
        if self.sheet is not None and (
            not isinstance(self.sheet, str | int) or self.sheet is True or self.sheet == 0
        ):
            found.append("[read] sheet: expected a sheet's name, or its number counted from 1")
        return found


@dataclass(frozen=True)
class Translation:
    """A mapping that has been read and found sound.

    Attributes
    ----------
    columns : mapping of str to str
        Column of the schema -> header in the file.
    codes : mapping of str to mapping
        Column of the schema (or header of an [extra] column) -> code in the file -> code of the schema.
    constants : mapping of str to object
        Column of the schema -> its value in every row.
    extra : mapping of str to str
        Header in the file -> ``"number"``, ``"text"``, ``"boolean"`` or ``"date"``.
    study : StudyPlan
    read : ReadOptions
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    study: StudyPlan = field(default_factory=StudyPlan)
    read: ReadOptions = field(default_factory=ReadOptions)


def read_mapping(mapping: Mapping[str, object] | str | Path | Translation | None = None) -> Translation:
    """Read a mapping and check all of it.

    Parameters
    ----------
    mapping : dict, path of a TOML file, or None
        See the head of this module for the tables.

    Returns
    -------
    Translation

    Raises
    ------
    MappingError
        Naming everything that is wrong at once.

    Examples
    --------
    >>> read_mapping({"columns": {"motivation": "search_share"}}).columns["motivation"]
    'search_share'
    >>> read_mapping({"columns": {"motivasion": "search_share"}})
    Traceback (most recent call last):
    ...
    se_outcomes.errors.MappingError: the mapping cannot be used:
      - [columns] motivasion: no such column in the schema. Did you mean 'motivation'?
    """
    if isinstance(mapping, Translation):
        return mapping
    tables = _read_tables(mapping)
    problems = [f"[{name}]: no such table.{suggest(name, _TABLES)}" for name in tables if name not in _TABLES]
    for name in _TABLES:
        if not isinstance(tables.get(name, {}), Mapping):
            problems.append(f"[{name}]: expected a table of names and values")
            tables = {**tables, name: {}}
    columns, codes = _columns(tables, problems), _codes(tables, problems)
    constants, extra = _constants(tables, problems), _extra(tables, problems)
    problems += [
        f"[constants] {name}: also in [columns]; keep one of them" for name in constants if name in columns
    ]
    read, study = _read_options(tables, problems), _study(tables, problems)
    if problems:
        raise MappingError("\n  - ".join(["the mapping cannot be used:", *problems]))
    return Translation(columns, codes, constants, extra, study, read)


def _read_tables(mapping: Mapping[str, object] | str | Path | None) -> Mapping[str, object]:
    if mapping is None:
        return {}
    if isinstance(mapping, Mapping):
        return {str(name): table for name, table in mapping.items()}
    if not isinstance(mapping, str | Path):
        raise MappingError("the mapping cannot be used: expected a dict or the path of a TOML file")
    path = Path(mapping)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise MappingError(f"the mapping cannot be used: there is no readable file {path.name!r}") from None
    except UnicodeDecodeError:
        raise MappingError(f"the mapping {path.name!r} cannot be used: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"the mapping {path.name!r} is not TOML: {error}") from None


def _columns(tables: Mapping, problems: list[str]) -> dict[str, str]:
    columns = {}
    for name, header in tables.get("columns", {}).items():
        if (column := _column(name, "columns", problems)) is None:
            continue
        if not isinstance(header, str) or not header.strip():
            problems.append(f"[columns] {name}: expected the header of a column of your file, in quotes")
            continue
        columns[column.name] = clean_text(header)
    twice = {header for header in columns.values() if list(columns.values()).count(header) > 1}
    for header in sorted(twice):
        names = _listed(name for name, other in columns.items() if other == header)
        problems.append(f"[columns]: {names} are all taken from the same header; give each its own")
    return columns


def _codes(tables: Mapping, problems: list[str]) -> dict[str, dict[str, object]]:
    codes: dict[str, dict[str, object]] = {}
    # an [extra] column that is one of the schema's is a problem of its own, told there
    extra = set(tables.get("extra", {})) - set(read_schema()["cases"].columns)
    for name, table in tables.get("codes", {}).items():
        if not isinstance(table, Mapping):
            problems.append(f"[codes.{name}]: expected a table of codes of your file and codes of the schema")
            continue
        column = None if name in extra else _column(name, "codes", problems)
        if column is None and name not in extra:
            continue
        codes[name] = {clean_text(str(code)): target for code, target in table.items()}
        for target in table.values():
            if column is not None and (expected := _not_a_value(target, column)):
                problems.append(f"[codes.{name}]: a code is translated to something else than {expected}")
                break
    return codes


def _constants(tables: Mapping, problems: list[str]) -> dict[str, object]:
    constants = {}
    for name, value in tables.get("constants", {}).items():
        if (column := _column(name, "constants", problems)) is None:
            continue
        if expected := _not_a_value(value, column):
            problems.append(f"[constants] {name}: expected {expected}")
        constants[column.name] = value
    return constants


def _extra(tables: Mapping, problems: list[str]) -> dict[str, str]:
    names = read_schema()["cases"].columns
    extra = {}
    for header, kind in tables.get("extra", {}).items():
        if kind not in EXTRA_TYPES:
            problems.append(f"[extra] {header}: expected one of {_listed(EXTRA_TYPES)}")
        elif header in names:
            problems.append(f"[extra] {header}: is a column of the schema already; leave it out of [extra]")
        else:
            extra[clean_text(header)] = kind
    return extra


def _read_options(tables: Mapping, problems: list[str]) -> ReadOptions:
    known = {option.name for option in fields(ReadOptions)}
    given = dict(tables.get("read", {}))
    problems += [
        f"[read] {name}: no such option.{suggest(name, known)}" for name in given if name not in known
    ]
    if isinstance(given.get("delimiter"), str):
        given["delimiter"] = _DELIMITERS.get(given["delimiter"], given["delimiter"])
    options = ReadOptions(**{name: value for name, value in given.items() if name in known})
    problems += options.problems()
    return options


def _study(tables: Mapping, problems: list[str]) -> StudyPlan:
    try:
        return StudyPlan.from_mapping(tables.get("study", {}))
    except MappingError as error:
        problems.append(str(error))
        return StudyPlan()


def _column(name: str, table: str, problems: list[str]) -> Column | None:
    columns = read_schema()["cases"].columns
    if name not in columns:
        problems.append(f"[{table}] {name}: no such column in the schema.{suggest(name, columns)}")
    return columns.get(name)


def _not_a_value(value: object, column: Column) -> str:
    """What a value for the column would have to be, or an empty text if it is one ("" stands for missing)."""
    if is_missing(value):
        return ""
    if not isinstance(value, str | int | float | bool | dt.date):
        return "a plain value"
    if column.allowed:
        sound = code_lookup(column).get(clean_text(text_of(value))) is not None
        return "" if sound else f"one of {_listed(column.allowed)}"
    parsers = {
        "boolean": (parse_booleans, "true or false"),
        "date": (lambda values: parse_dates(values, "iso"), "a date written 2021-05-04"),
        "number": (lambda values: parse_numbers(values, "."), "a number with a decimal point"),
        "integer": (lambda values: parse_numbers(values, "."), "a whole number"),
    }
    if column.type not in parsers:
        return ""
    parse, expected = parsers[column.type]
    return "" if parse([value])[1][0] else expected


def _is_encoding(name: object) -> bool:
    try:
        "a".encode(str(name))
    except (LookupError, ValueError):
        return False
    return True


def _listed(choices: Iterable[object]) -> str:
    return ", ".join(repr(choice) for choice in choices)
