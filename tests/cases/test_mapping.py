import pytest

from se_outcomes.cases.mapping import ReadOptions, Translation, read_mapping
from se_outcomes.errors import MappingError

TOML = """
[columns]
motivation = "search_share"
sex = "Kjønn på deltaker"
[codes.sex]
"1" = "male"
"2" = "female"
"9" = ""
[codes.placed]
"jobb" = true
[constants]
office_id = "Boston"
eligible = true
entry_date = 2021-05-04
[extra]
locus_control = "number"
[read]
delimiter = "tab"
decimal = ","
sheet = 2
[study]
outcome_observed = "all"
bypass = "allowed"
"""


def test_no_mapping_is_an_empty_one():
    assert read_mapping(None) == Translation()
    assert read_mapping({}) == Translation()


def test_toml_file_and_dict_say_the_same(tmp_path):
    path = tmp_path / "mapping.toml"
    # Notepad writes a byte order mark
    path.write_text(TOML, encoding="utf-8-sig")
    read = read_mapping(path)
    assert read.columns == {"motivation": "search_share", "sex": "Kjønn på deltaker"}
    assert read.codes == {"sex": {"1": "male", "2": "female", "9": ""}, "placed": {"jobb": True}}
    assert read.extra == {"locus_control": "number"}
    assert read.read == ReadOptions(delimiter="\t", decimal=",", sheet=2)
    assert (read.study.outcome_observed, read.study.bypass) == ("all", "allowed")
    assert read_mapping(str(path)) == read
    assert read_mapping(read) is read


def test_everything_wrong_is_said_at_once_with_what_was_meant():
    with pytest.raises(MappingError) as caught:
        read_mapping(
            {
                "colums": {},
                "columns": {"motivasjon": "a", "sex": "", "referred": "r", "accepted": "r", "office_id": "o"},
                "codes": {"sex": {"1": "man"}, "placed": {"1": "perhaps"}, "sexx": {}, "eligible": "yes"},
                "constants": {"office_id": "x", "entry_date": "04.05.2021", "motivation": "high"},
                "extra": {"age": "float", "placed": "number"},
                "read": {
                    "decmal": ",",
                    "decimal": ";",
                    "encoding": "hex",
                    "dates": "ymd",
                    "sheet": 0,
                    "delimiter": "x",
                },
                "study": {"bypas": "allowed"},
            }
        )
    message = str(caught.value)
    for part in [
        "[colums]: no such table. Did you mean 'columns'?",
        "[columns] motivasjon: no such column in the schema. Did you mean 'motivation'?",
        "[columns] sex: expected the header",
        "'referred', 'accepted' are all taken from the same header",
        "[codes.sex]: a code is translated to something else than one of 'female', 'male'",
        "[codes.placed]: a code is translated to something else than true or false",
        "[codes] sexx: no such column in the schema. Did you mean 'sex'?",
        "[codes.eligible]: expected a table",
        "[constants] office_id: also in [columns]",
        "[constants] entry_date: expected a date written 2021-05-04",
        "[constants] motivation: expected a number",
        "[extra] age: expected one of 'number', 'text', 'boolean', 'date'",
        "[extra] placed: is a column of the schema already",
        "[read] decmal: no such option. Did you mean 'decimal'?",
        "[read] decimal: expected one of ',', '.'",
        "[read] encoding: expected the name of an encoding",
        "[read] dates: expected one of",
        "[read] sheet: expected",
        "[read] delimiter: expected one of",
        "bypas",
    ]:
        assert part in message, part


@pytest.mark.parametrize("name", ["columns", "codes", "constants", "extra", "read", "study"])
def test_table_that_is_none(name):
    with pytest.raises(MappingError, match=rf"\[{name}\]: expected a table"):
        read_mapping({name: "x"})


def test_files_that_are_no_mapping(tmp_path):
    for content, expected in ((b"[columns\n", "is not TOML"), (b"\xe5", "UTF-8")):
        path = tmp_path / "mapping.toml"
        path.write_bytes(content)
        with pytest.raises(MappingError, match=expected):
            read_mapping(path)
    with pytest.raises(MappingError, match=r"no readable file 'none\.toml'"):
        read_mapping(tmp_path / "none.toml")
    with pytest.raises(MappingError, match="no readable file"):
        read_mapping(tmp_path)
    with pytest.raises(MappingError, match="a dict or the path"):
        read_mapping(7)
