"""Reading delimited text: encoding, delimiter and shape are worked out from the file, or refused."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from se_outcomes.cases.faults import Fault, fault_in_rows
from se_outcomes.cases.mapping import ReadOptions
from se_outcomes.cases.raw import Raw, make_raw, unreadable
from se_outcomes.cases.values import fold

DELIMITERS = (";", ",", "\t", "|")

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: How files of other kinds begin, whatever their ending says.
_MAGIC = (
    (b"PK\x03\x04", "a workbook or a zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    (b"PAR1", "a Parquet file"),
    (b"$FL2", "an SPSS file"),
    (b"$FL3", "an SPSS file"),
    (b"<stata_dta>", "a Stata file"),
    (b"%PDF", "a PDF file"),
    (b"\x1f\x8b", "a compressed file"),
)
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
# What Norwegian letters become when a file in another old encoding (cp850, Macintosh) is read as cp1252.
_STRANGE_LETTERS = re.compile(r"[A-Za-z][›†¾¿Œ¯®‹„‘][a-z]|[›†¾¿¯®][a-z]{2}")
_LONGEST_HEADER = 100_000
_ENCODING_REMEDY = 'Save it as UTF-8, or name its encoding: encoding = "cp1252" under [read] in the mapping.'


def read_delimited(path: Path, options: ReadOptions, known: frozenset[str]) -> Raw:
    """Read a delimited file as text.

    Parameters
    ----------
    path : Path
    options : ReadOptions
        What is given there is not worked out.
    known : frozenset of str
        Headers that would be recognised, folded: they tell the delimiter from a character inside a header.

    Returns
    -------
    Raw
        Every column categorical: a text is kept once, however many rows bear it.

    Raises
    ------
    UnreadableError
        With the faults that keep the file from being a table.
    """
    text = _decoded(path.read_bytes(), options.encoding)
    text, delimiter = _without_separator_line(text, options.delimiter)
    header_line = _first_record(text)
    delimiter = delimiter or _delimiter(header_line, known)
    headers = next(csv.reader([header_line], delimiter=delimiter), [])
    if len(headers) == 1 and any(mark in header_line for mark in DELIMITERS):
        raise unreadable(
            "delimiter",
            f"several columns separated by {_named(delimiter)}",
            "Give the delimiter that the file uses, or leave it out and it is worked out.",
        )
    data = text.encode("utf-8")
    n_rows = _check_shape(data, delimiter, len(headers))
    if n_rows == 0:
        raise unreadable(
            "no rows", "one row per case below the header", "Export the file again with its rows."
        )
    frame = _frame(data[len(header_line.encode("utf-8")) + 1 :], delimiter, len(headers))
    if len(frame) != n_rows:
        raise _quotes_fault()
    if '"' in text:
        _check_swallowed(frame, delimiter)
    return make_raw([frame[i] for i in frame.columns], headers, path.name, delimiter=delimiter)


# --- bytes to text --------------------------------------------------------------------------------


def _decoded(data: bytes, encoding: str | None) -> str:
    """Decode the file and make its line ends \\n; refuse what is no text."""
    if not data.removeprefix(codecs.BOM_UTF8).strip():
        raise unreadable("empty file", "a header line and one row per case", "Export the file again.")
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            raise unreadable(
                "not a text file", f"delimited text, but this is {kind}", "Give the file its right ending."
            )
    text = _decode_as(data, encoding) if encoding else _decode_by_look(data)
    # a DOS end-of-file mark, and line ends of Windows and old Macintosh
    text = text.removeprefix("\ufeff").rstrip("\x1a")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    _refuse_control_characters(text)
    return text


def _decode_as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except ValueError:
        raise unreadable("encoding", f"text in {codecs.lookup(encoding).name}", _ENCODING_REMEDY) from None


def _decode_by_look(data: bytes) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _decode_as(data, name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if b"\x00" in data:
        raise unreadable(
            "not a text file",
            "delimited text without NUL bytes",
            "Export it again; UTF-16 needs its byte order mark.",
        )
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = "a¿a"
    if _STRANGE_LETTERS.search(text):
        raise unreadable("encoding", "text in UTF-8 or cp1252", _ENCODING_REMEDY)
    return text


def _refuse_control_characters(text: str) -> None:
    if "\x00" in text:
        rows = _rows_of(text, re.compile("\x00"))
        raise unreadable(
            "NUL bytes", "text without NUL bytes", "The file is damaged: export it again.", **rows
        )
    if "\ufffd" in text:
        rows = _rows_of(text, re.compile("\ufffd"))
        raise unreadable(
            "encoding", "text in which no character was lost", "Export it again, as UTF-8.", **rows
        )
    if _CONTROL.search(text):
        rows = _rows_of(text, _CONTROL)
        raise unreadable(
            "control characters",
            "text without control characters",
            "The file is damaged: export it again.",
            **rows,
        )


def _rows_of(text: str, pattern: re.Pattern[str]) -> dict:
    """Count the lines with a character, and name the first as data rows (the header line is none)."""
    lines = [number for number, line in enumerate(text.split("\n")) if pattern.search(line)]
    rows = [number for number in lines if number > 0]
    return {"n_rows": len(rows), "rows": ", ".join(map(str, rows[:5]))}


# --- text to columns ------------------------------------------------------------------------------


def _without_separator_line(text: str, delimiter: str | None) -> tuple[str, str | None]:
    """Take off the line ``sep=;`` that Excel reads and writes; it names the delimiter."""
    match = re.match(r'"?sep=([;,\t|])"?\n', text, re.IGNORECASE)
    return (text[match.end() :], delimiter or match[1]) if match else (text, delimiter)


def _first_record(text: str) -> str:
    end = text.find("\n")
    while 0 <= end < _LONGEST_HEADER and text.count('"', 0, end) % 2:
        end = text.find("\n", end + 1)
    line = text if end < 0 else text[:end]
    if not line.strip(" ;,\t|"):
        raise unreadable(
            "header", "the column names in the first line", "Take off empty lines above the header."
        )
    if len(line) > _LONGEST_HEADER or line.count('"') % 2:
        raise _quotes_fault()
    return line


def _delimiter(header_line: str, known: frozenset[str]) -> str:
    """Tell the delimiter by the headers it makes: most known names, else most names; a tie is refused."""
    scores = {}
    for mark in DELIMITERS:
        fields = next(csv.reader([header_line], delimiter=mark), [])
        scores[mark] = (sum(fold(name) in known for name in fields), len(fields))
    best = max(scores.values())
    marks = [mark for mark, score in scores.items() if score == best]
    if best[1] == 1:
        return ";"
    if len(marks) > 1:
        raise unreadable(
            "delimiter",
            "one delimiter (; , tab or |)",
            'Name it: delimiter = ";" under [read] in the mapping.',
        )
    return marks[0]


def _check_shape(data: bytes, delimiter: str, n_columns: int) -> int:
    """Count the fields of every record without reading them; refuse ragged rows. Return how many."""
    counts = fields_per_record(data, ord(delimiter))
    if counts is None:
        raise _quotes_fault()
    rows = counts[1:]
    remedy = f"Look for line breaks, and for {_named(delimiter)} inside a value without quotes around it."
    faults = [
        fault_in_rows("cases", "", f"ragged rows: {what}", mask, f"{n_columns} fields in every row", remedy)
        for mask, what in ((rows < n_columns, "too few fields"), (rows > n_columns, "too many fields"))
        if mask.any()
    ]
    if faults:
        raise _several(faults)
    return len(rows)


def _several(faults: list[Fault]) -> Exception:
    error = unreadable("", "", "")
    error.faults = tuple(faults)
    return error


def fields_per_record(data: bytes, delimiter: int, chunk: int = 1 << 24) -> np.ndarray | None:
    """Fields of every record (r,), blank lines at the end left away; None where a quote is left open."""
    data = data.rstrip(b"\n")
    inside, seen, ends = 0, 0, [np.array([-1])]
    for start in range(0, len(data), chunk):
        part = np.frombuffer(data, np.uint8, count=min(chunk, len(data) - start), offset=start)
        marks = (part == delimiter) | (part == ord("\n"))
        quotes = part == ord('"')
        if inside or quotes.any():
            marks &= ((np.cumsum(quotes, dtype=np.int64) + inside) & 1) == 0
            inside = (inside + int(quotes.sum())) & 1
        # delimiters and line ends in one row: between two line ends stand as many marks as a record has
        # fields
        closes = part[marks] == ord("\n")
        ends.append(np.flatnonzero(closes) + seen)
        seen += len(closes)
    if inside:
        return None
    return np.diff(np.concatenate([*ends, [seen]]))


def _frame(data: bytes, delimiter: str, n_columns: int) -> pd.DataFrame:
    """Parse all fields as text, each column categorical in order of appearance."""
    try:
        frame = pd.read_csv(
            io.BytesIO(data.rstrip(b"\n") + b"\n"),
            sep=delimiter,
            header=None,
            names=list(range(n_columns)),
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            encoding="utf-8",
            index_col=False,
        )
    except (ValueError, pd.errors.ParserError):
        # the parser's own message quotes the file
        raise _quotes_fault() from None
    columns = {}
    for name in list(frame.columns):
        codes, categories = pd.factorize(frame.pop(name).to_numpy(dtype=object))
        columns[name] = pd.Categorical.from_codes(
            codes, categories=pd.Index(categories, dtype=object), validate=False
        )
    return pd.DataFrame(columns)


def _check_swallowed(frame: pd.DataFrame, delimiter: str) -> None:
    """Refuse values with a line end and as many delimiters as a row has: a stray quote swallowed rows."""
    for name in frame.columns:
        for value in frame[name].cat.categories:
            if "\n" in value and value.count(delimiter) >= max(len(frame.columns) - 1, 1):
                raise _quotes_fault()


def _quotes_fault() -> Exception:
    return unreadable(
        "quotes",
        'every quoted value closed by a second "',
        'Look for a single " inside a value, and double it.',
    )


def _named(delimiter: str) -> str:
    return {";": "semicolons", ",": "commas", "\t": "tabs", "|": "vertical bars"}[delimiter]
