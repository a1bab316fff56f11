"""Whatever is in a file: a clear error or a right load, no other exception, and no value in what is said."""

import csv
import io
import random
import re
import warnings

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest

from se_outcomes.cases.load import load_cases
from se_outcomes.errors import CaseFileError

HEADER = [
    "case_id",
    "office_id",
    "entry_date",
    "eligible",
    "motivation",
    "referred",
    "referral_date",
    "accepted",
    "decision_date",
    "placed",
    "birth_year",
    "sex",
    "caseload_at_referral",
    "note",
]

#: Stands in cells that no message may repeat.
SECRETS = ("Xqhemmelig", "17912099997", "kari.nordmann@example.no", "9876543,21")


def sound_rows(n=60):
    """Cases by hand: every third is not referred, every fourth of the others not accepted."""
    rows = []
    for i in range(n):
        referred, accepted, day = i % 3 > 0, i % 4 > 0, f"{1 + i % 28:02d}"
        row = {
            "case_id": f"{i + 1:05d}",
            "office_id": f"03{i % 5:02d}",
            "entry_date": f"{day}.03.2021",
            "eligible": "ja",
            "motivation": f"{i % 10},{i % 7}",
            "referred": "ja" if referred else "nei",
            "referral_date": f"{day}.04.2021" if referred else "",
            "accepted": ("ja" if accepted else "nei") if referred else "",
            "decision_date": f"{day}.05.2021" if referred else "",
            "placed": "ja" if i % 5 == 0 else "nei",
            "birth_year": str(1960 + i % 40),
            "sex": "kvinne" if i % 2 else "mann",
            "caseload_at_referral": str(12 + i % 8) if referred else "",
            "note": "møtt" if i % 2 else "",
        }
        rows.append([row[name] for name in HEADER])
    return rows


def as_text(rows, header=HEADER, delimiter=";", end="\r\n"):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator=end).writerows([header, *rows])
    return buffer.getvalue()


def said(error):
    return f"{error}\n{error!r}\n{error.args}\n{error.faults.to_string()}"


def load(path, secrets=SECRETS, **options):
    """Load a file; what is said about it, in an error or a warning, is searched for the secrets."""
    cases, error = None, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            cases = load_cases(path, **{"outcome_observed": "all", **options})
        except CaseFileError as refused:
            error = refused
    told = said(error) if error is not None else f"{cases!r}\n{cases}\n" + "\n".join(cases.warnings)
    told += "\n".join(str(warning.message) for warning in caught)
    for secret in secrets:
        assert secret not in told
    if error is not None:
        assert len(error.faults) > 0
        # a reader's own error quotes the file: it may not come out above ours in a traceback
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
    return cases, told


def rules_of(tmp_path, content, name="cases.csv", **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(CaseFileError) as caught:
        load_cases(path, outcome_observed="all", **options)
    for secret in SECRETS:
        assert secret not in said(caught.value)
    faults = caught.value.faults
    return list(zip(faults["column"], faults["rule"], faults["n_rows"], strict=True))


def changed(row, column, value, n=60):
    rows = sound_rows(n)
    rows[row][HEADER.index(column)] = value
    return as_text(rows)


# --- by hand --------------------------------------------------------------------------------------


def counted(cases):
    """What a file says, whatever its format: how many of each gate and office."""
    return cases.tally(["office_id", "referred", "accepted", "placed", "sex"])


@pytest.fixture
def expected(tmp_path):
    path = tmp_path / "expected.csv"
    path.write_text(as_text(sound_rows()), encoding="utf-8", newline="")
    return counted(load_cases(path, outcome_observed="all"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize(("delimiter", "end"), [(";", "\r\n"), (";", "\n"), ("\t", "\n"), ("|", "\r")])
def test_sound_file_in_every_dress_is_the_same_file(tmp_path, expected, encoding, delimiter, end):
    path = tmp_path / "cases.csv"
    path.write_bytes(as_text(sound_rows(), delimiter=delimiter, end=end).encode(encoding))
    cases, _ = load(path)
    assert cases.n_cases == 60
    pd.testing.assert_frame_equal(counted(cases), expected)


def test_comma_file_with_iso_dates_is_the_same_file(tmp_path, expected):
    rows = [
        [re.sub(r"^(\d\d)\.(\d\d)\.(\d{4})$", r"\3-\2-\1", cell).replace(",", ".") for cell in row]
        for row in sound_rows()
    ]
    path = tmp_path / "cases.csv"
    path.write_text(as_text(rows, delimiter=","), encoding="utf-8", newline="")
    pd.testing.assert_frame_equal(counted(load(path)[0]), expected)


def test_workbook_stata_and_spss_are_the_same_file(tmp_path, expected):
    rows, numbers = sound_rows(), ("motivation", "birth_year", "caseload_at_referral")
    frame = pd.DataFrame(rows, columns=HEADER)
    for name in numbers:
        frame[name] = pd.to_numeric(frame[name].str.replace(",", "."))
    frame["sex"] = frame["sex"].map({"mann": 1.0, "kvinne": 2.0})
    labels = {"sex": {1: "Mann", 2: "Kvinne"}}
    pyreadstat.write_dta(frame, str(tmp_path / "cases.dta"), variable_value_labels=labels)
    pyreadstat.write_sav(frame, str(tmp_path / "cases.sav"), variable_value_labels=labels)
    book = openpyxl.Workbook()
    for row in [HEADER, *rows]:
        book.active.append(row)
    book.save(tmp_path / "cases.xlsx")
    for name in ("cases.dta", "cases.sav", "cases.xlsx"):
        pd.testing.assert_frame_equal(counted(load(tmp_path / name)[0]), expected)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty file"),
        (as_text([]), "no rows"),
        (as_text(sound_rows()).replace("\r\n", "\r\n\x00", 3), "NUL bytes"),
        (b"PK\x03\x04" + bytes(200), "not a text file"),
        (as_text(sound_rows()).replace("møtt", "mott").encode("utf-16")[2:], "NUL bytes"),
        (as_text(sound_rows()).replace("møtt", "Troms›flaks"), "control characters"),
    ],
)
def test_files_that_are_no_table(tmp_path, content, rule):
    if rule == "control characters":
        content = content.encode("utf-8").replace("›".encode(), b"\xc2\x9b")
    assert [(column, told) for column, told, _ in rules_of(tmp_path, content)] == [("", rule)]


def test_wrong_delimiter_and_wrong_encoding_said_in_the_call(tmp_path):
    assert [rule for _, rule, _ in rules_of(tmp_path, as_text(sound_rows()), delimiter=",")] == ["delimiter"]
    assert [
        rule for _, rule, _ in rules_of(tmp_path, as_text(sound_rows()).encode("cp1252"), encoding="utf-8")
    ] == ["encoding"]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("motivation", "Xqhemmelig", "not a number"),
        ("motivation", "7.5", "decimal mark: mixed"),
        ("entry_date", "31.02.2021", "not a date"),
        ("entry_date", "Xqhemmelig", "not a date"),
        ("entry_date", "04/05/2021", "order of day and month: open"),
        ("entry_date", "04.05.21", "not a date"),
        ("referred", "kanskje", "not true or false"),
        ("sex", "Xqhemmelig", "code not in the list"),
        ("birth_year", "1980,5", "not a whole number"),
        ("note", "ringte 17912099997 i går", "identifying: national identity number"),
        ("note", "7912099997", None),
        ("note", "kari.nordmann@example.no", "identifying: e-mail address"),
        ("office_id", "17912099997", "identifying: national identity number"),
    ],
)
def test_one_bad_cell_is_told_by_its_column_and_row(tmp_path, column, value, rule):
    path = tmp_path / "cases.csv"
    path.write_text(changed(40, column, value), encoding="utf-8", newline="")
    cases, told = load(path)
    if rule is None:
        assert cases.n_cases == 60
    else:
        assert cases is None
        assert [
            told
            for found, told, n_rows in rules_of(tmp_path, changed(40, column, value))
            if (found, n_rows) == (column, 1)
        ] == [rule]
        assert "first: 41" in told


def test_duplicate_ids_and_dates_in_the_wrong_order(tmp_path):
    assert ("case_id", 2) in [
        (column, n) for column, _, n in rules_of(tmp_path, changed(40, "case_id", "00001"))
    ]
    ordered = rules_of(tmp_path, changed(40, "referral_date", "01.01.2020"))
    assert any("order" in rule and n == 1 for _, rule, n in ordered)


def test_national_numbers_with_lost_zeros(tmp_path):
    rows = sound_rows()
    # synthetic numbers of Skatteetaten's documentation, and one whose zero a spreadsheet took
    for i, number in enumerate(
        ["17912099997", "29822099635", "5840399895", "12829499914", "57912075186", "45840375084"]
    ):
        rows[i][0] = number
    content = as_text(rows)
    assert ("case_id", "identifying: national identity number", 6) in rules_of(tmp_path, content)


def test_every_fault_at_once(tmp_path):
    rows = sound_rows()
    rows[3][HEADER.index("motivation")] = "Xqhemmelig"
    rows[4][HEADER.index("sex")] = "Xqhemmelig"
    rows[5][HEADER.index("entry_date")] = "Xqhemmelig"
    rows[6][HEADER.index("note")] = "17912099997"
    header = ["fornavn" if name == "office_id" else name for name in HEADER]
    told = {column for column, _, _ in rules_of(tmp_path, as_text(rows, header))}
    assert {"motivation", "sex", "entry_date", "note", "fornavn", "office_id"} <= told


@pytest.mark.parametrize("secret", [*SECRETS, "12.03.1980", "Kari Nordmann"])
def test_header_that_is_a_value_is_not_repeated(tmp_path, secret):
    header = [secret if name == "note" and secret != "Xqhemmelig" else name for name in HEADER]
    path = tmp_path / "cases.csv"
    path.write_text(as_text(sound_rows(), header), encoding="utf-8", newline="")
    load(path, secrets=[secret])


def test_file_without_its_header_line(tmp_path):
    rows = sound_rows()
    rows[0][-1] = "Xqhemmelig"
    path = tmp_path / "cases.csv"
    path.write_text("\n".join(as_text(rows).splitlines()[1:]), encoding="utf-8")
    cases, told = load(path, secrets=[cell for cell in rows[0] if len(cell) > 4])
    assert cases is None
    assert "cases.case_id" in told


def test_many_rows_with_one_bad_row(tmp_path):
    n = 200_000
    office = np.char.add("03", np.char.zfill((np.arange(n) % 50).astype(str), 2))
    frame = pd.DataFrame({"case_id": np.arange(1, n + 1).astype(str), "office_id": office})
    frame["eligible"] = frame["placed"] = "ja"
    frame["motivation"] = np.where(np.arange(n) % 2, "7,5", "3,25")
    frame["referred"] = frame["accepted"] = "ja"
    frame.loc[165_431, "motivation"] = "Xqhemmelig"
    content = frame.to_csv(sep=";", index=False)
    path = tmp_path / "cases.csv"
    path.write_text(content, encoding="utf-8")
    cases, told = load(path)
    assert cases is None
    assert "cases.motivation: expected a number (1 row; first: 165432)" in told
    path.write_text(content.replace(";Xqhemmelig;", ";7,5;ja;"), encoding="utf-8")
    cases, told = load(path)
    assert cases is None
    assert "(1 row; first: 165432)" in told


def test_paths_that_are_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv", tmp_path / "none", str(tmp_path / "x.docx")):
        with pytest.raises(CaseFileError, match="1 fault"):
            load_cases(path)


# --- generated corruption -------------------------------------------------------------------------


INSERTED = ['"', ";", ",", "\n", "\r\n", "\t", "\x00", "'", "\\", "\ufffd", "\u00a0", *SECRETS]
ODD_CELLS = [
    *SECRETS,
    "",
    "NA",
    " ",
    "-1",
    "1e99",
    "9" * 400,
    "31.12.9999",
    "0",
    "ja",
    '"',
    "=1+1",
    "1 234",
    "1,234",
]
LINE_ENDS = ["\n", "\r", "\n\r", " \r\n", ";\r\n", ""]


def corrupt_text(draw, text):
    """Do to a file one of the things that happen to files."""
    corrupt = draw.choice([_corrupt_characters, _corrupt_lines, _corrupt_cells, _corrupt_cells])
    return corrupt(draw, text)


def _corrupt_characters(draw, text):
    at = draw.randrange(len(text))
    return draw.choice(
        [
            text[:at] + text[at + draw.randrange(1, 40) :],
            text[:at] + draw.choice(INSERTED) + text[at:],
            text[:at],
            text[at:],
            text.replace("\r\n", draw.choice(LINE_ENDS), draw.randrange(1, 70)),
        ]
    )


def _corrupt_lines(draw, text):
    lines = text.split("\r\n")
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(5)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines.insert(other, lines[one])
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == 3:
        lines[one] = lines[one].replace(";", draw.choice([",", "\t", "", ";;"]))
    else:
        lines.insert(one, draw.choice(["", ";" * 13, *SECRETS]))
    return "\r\n".join(lines)


def _corrupt_cells(draw, text):
    rows = [line.split(";") for line in text.split("\r\n")]
    cells = draw.choice(rows)
    cell = draw.randrange(len(cells))
    kind = draw.randrange(6)
    if kind == 0:
        draw.shuffle(cells)
    elif kind == 1:
        for row in rows:  # a column lost
            del row[cell : cell + 1]
    elif kind == 2:
        cells.insert(cell, draw.choice(SECRETS))
    elif cells is not rows[0]:
        cells[cell] = draw.choice(ODD_CELLS)
    return "\r\n".join(";".join(row) for row in rows)


def corrupt_bytes(draw, data):
    data = bytearray(data)
    for _ in range(draw.randrange(1, 4)):
        at = draw.randrange(len(data))
        if draw.random() < 0.5:
            data[at] = draw.randrange(256)
        else:
            data[at : at + draw.randrange(3)] = bytes(draw.randrange(256) for _ in range(draw.randrange(3)))
    return bytes(data)


def corrupted(seed):
    """One to three corruptions of a sound file with secrets in it, in one of the usual encodings."""
    draw = random.Random(seed)
    rows = sound_rows(30)
    for row in draw.sample(rows, 3):
        row[HEADER.index("note")] = "Xqhemmelig"
    text = as_text(rows)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        text = corrupt_text(draw, text) or "x"
    data = text.encode(draw.choice(["utf-8", "utf-8", "utf-8-sig", "cp1252", "utf-16"]), "replace")
    return corrupt_bytes(draw, data) if data and draw.random() < 0.25 else data


def records_by_another_reader(data):
    """The records of a file as Python's own csv module reads them, empty ones at the end left away."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    delimiter = max(";\t,", key=lines.split("\n")[0].count)
    records = list(csv.reader(io.StringIO(lines), delimiter=delimiter))
    while records and not any(cell.strip() for cell in records[-1]):
        records.pop()
    return records


def check_corruption(tmp_path, seed):
    data = corrupted(seed)
    path = tmp_path / "cases.csv"
    path.write_bytes(data)
    records = records_by_another_reader(data)
    header = [cell.strip().casefold() for cell in records[0]] if records else []
    # a word among headers is a header and may be shown; one in a first line that is no header may not
    is_header = "case_id" in header and "xqhemmelig" in "".join(header)
    cases, _ = load(path, secrets=SECRETS[1:] if is_header else SECRETS)
    if cases is None:
        return False
    assert cases.n_cases == len(records) - 1, f"seed {seed}: rows were lost or made"
    yes = sum(row[header.index("referred")].strip().casefold() in {"ja", "j", "1"} for row in records[1:])
    tally = cases.tally(["referred"])
    assert int(tally.loc[tally["referred"].fillna(False).astype(bool), "n"].sum()) == yes, f"seed {seed}"
    return True


def test_generated_corruption(tmp_path):
    loaded = sum(check_corruption(tmp_path, seed) for seed in range(150))
    # neither everything refused nor everything let through
    assert 12 < loaded < 112


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_generated_corruption_by_the_thousand(tmp_path, block):
    for seed in range(1000 + 500 * block, 1500 + 500 * block):
        check_corruption(tmp_path, seed)
