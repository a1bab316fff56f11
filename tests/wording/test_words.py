"""Numbers, names and sentences in three languages, by hand."""

import ast
import re
import string
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import se_outcomes
from se_outcomes.cases.remarks import GATEKEEPERS
from se_outcomes.cases.schema import read_schema
from se_outcomes.errors import REASONS as REFUSALS
from se_outcomes.errors import EstimationError
from se_outcomes.figures.gap import PARTS, WHOLES
from se_outcomes.figures.policies import MARKS as POLICIES
from se_outcomes.report.answers import PASSAGES
from se_outcomes.report.text import CHAPTERS
from se_outcomes.results import Notice
from se_outcomes.study import characteristics, placement
from se_outcomes.study.acceptance import ACCEPTANCE
from se_outcomes.study.at_risk import REASONS as EXCLUSIONS
from se_outcomes.study.creaming import BASES
from se_outcomes.study.funnel import FLOW, STAGES
from se_outcomes.study.losses import FATES
from se_outcomes.study.prospects import STATUSES
from se_outcomes.study.referral import REFERRAL
from se_outcomes.study.selection import ESTIMATORS, MERGED
from se_outcomes.study.selection_answer import AVERAGES
from se_outcomes.study.suppression_questions import QUESTIONS
from se_outcomes.tables.bounds import HOURS
from se_outcomes.tables.left_out import QUANTILES
from se_outcomes.wording import words as words_module
from se_outcomes.wording.words import Words, read_texts, speak

PACKAGE = Path(se_outcomes.__file__).parent
#: Notices for who checks a file, not for readers of a report.
NOT_FOR_READERS = {"columns_left_out"}
EN, NB, NN = speak("en"), speak("nb"), speak("nn")
MISSING = [float("nan"), None, pd.NA, np.nan, pd.NaT]


@pytest.mark.parametrize("language", ["sv", "", "EN", "no"])
def test_another_language_is_refused_by_name(language):
    with pytest.raises(ValueError, match="en, nb, nn"):
        speak(language)


def test_a_language_is_one_object():
    assert speak("nn") is NN
    assert Words("nn") == NN
    with pytest.raises(AttributeError):
        NN.language = "en"


@pytest.mark.parametrize("value", MISSING)
def test_a_missing_number_is_a_colon_in_every_form(value):
    for words in (EN, NB, NN):
        forms = (words.count, words.number, words.percent, words.points, words.p_value)
        assert [form(value) for form in forms] == [":"] * 5
        assert words.interval(value, 1.0, words.number) == ":"
        assert words.interval(1.0, value, words.number) == ":"


@pytest.mark.parametrize(
    ("n", "english", "norwegian"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (1200, "1,200", "1\u00a0200"),
        (np.int64(1234567), "1,234,567", "1\u00a0234\u00a0567"),
        (1200.0, "1,200", "1\u00a0200"),
    ],
)
def test_count(n, english, norwegian):
    assert [words.count(n) for words in (EN, NB, NN)] == [english, norwegian, norwegian]


@pytest.mark.parametrize(
    ("value", "decimals", "english", "norwegian"),
    [
        (1.234, 2, "1.23", "1,23"),
        (-1.234, 1, "\u22121.2", "\u22121,2"),
        (-0.0004, 2, "0.00", "0,00"),
        (12345.6, 1, "12,345.6", "12\u00a0345,6"),
        (-12345.6, 0, "\u221212,346", "\u221212\u00a0346"),
        (np.inf, 2, "∞", "∞"),
        (-np.inf, 2, "\u2212∞", "\u2212∞"),
    ],
)
def test_number(value, decimals, english, norwegian):
    assert [words.number(value, decimals) for words in (EN, NB, NN)] == [english, norwegian, norwegian]


def test_percent_and_points():
    assert [words.percent(0.365) for words in (EN, NB, NN)] == ["36.5%", "36,5\u00a0%", "36,5\u00a0%"]
    assert [EN.percent(share, 0) for share in (0, 1, 0.005)] == ["0%", "100%", "0%"]
    assert [words.points(-0.0872) for words in (EN, NB)] == ["\u22128.7", "\u22128,7"]


def test_interval_is_written_by_the_form_given():
    assert EN.interval(1.2, 3.4, EN.number) == "(1.20 to 3.40)"
    assert NB.interval(0.1, 0.25, NB.percent) == "(10,0\u00a0% til 25,0\u00a0%)"
    assert NN.interval(-0.1, np.inf, NN.points) == "(\u221210,0 til ∞)"


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.04249, "p = 0.042"),
        (0.001, "p = 0.001"),
        (0.00099, "p < 0.001"),
        (0.0, "p < 0.001"),
        (1.0, "p = 1.000"),
    ],
)
def test_p_value(p, said):
    assert EN.p_value(p) == said
    assert NB.p_value(p) == NN.p_value(p) == said.replace(".", ",")


def test_a_key_that_is_not_there_is_named():
    assert not EN.has("no_such_text")
    with pytest.raises(KeyError, match="no_such_text"):
        EN.say("no_such_text")


def test_parts_are_said_as_they_are_or_counted():
    assert EN.say("axis_unit", exposure="A {b}", unit="points") == "A {b} (points)"
    assert NB.say("n_is", n=1200) == "N = 1\u00a0200."


@pytest.mark.parametrize("part", [0.5, np.float64(2.0), True, None, ["a"]])
def test_a_part_nobody_formatted_is_refused_by_name(part):
    with pytest.raises(TypeError, match=f"n is a {type(part).__name__}"):
        EN.say("n_is", n=part)


def test_a_gap_left_open_is_refused():
    with pytest.raises(KeyError, match="n"):
        EN.say("n_is")


def test_columns_and_levels_are_called_what_the_schema_says():
    assert [words.column("motivation") for words in (EN, NB, NN)] == [
        "Motivation",
        "Motivasjon",
        "Motivasjon",
    ]
    assert NN.column("grit") == NN.noun("grit") == "grit"
    assert NB.level("education_level", "2") == "Ungdomsskole"
    assert [words.level("motivation_group", "q4") for words in (EN, NB, NN)] == [
        "Highest quarter",
        "Høyeste fjerdedel",
        "Høgaste fjerdedel",
    ]
    assert [words.level("sex", "missing") for words in (EN, NB, NN)] == [
        "Not recorded",
        "Ikke registrert",
        "Ikkje registrert",
    ]
    assert NB.level("grit", "a lot") == NB.level("sex", "a lot") == "a lot"


def test_nouns_end_in_an_and():
    assert NB.nouns(("sex", "age_group", "benefit")) == "kjønn, aldersgruppe og ytelse"
    assert EN.nouns(("sex",)) == "sex"


def test_a_notice_is_said_in_the_language_and_an_unknown_one_is_not():
    notice = Notice("offices_compared", "{exposure}, {n_offices}", exposure="benefit", n_offices=12)
    for words in (EN, NB, NN):
        said = words.notice(notice)
        assert words.noun("benefit") in said.lower()
        assert "12" in said
        assert said[0].isupper()
    assert NB.notice(Notice("only_at_the_prompt", "For the analyst.")) == ""


def test_a_refusal_names_the_columns_in_the_language():
    refusal = EstimationError("english", reason="column_missing", columns=("benefit", "sex"))
    assert "ytelse og kjønn" in NB.refusal(refusal, "motivation")
    assert "english" not in NB.refusal(refusal, "motivation")


def test_a_key_in_two_files_is_an_error(tmp_path, monkeypatch):
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text('[twice]\nen = "x"\nnb = "x"\nnn = "x"\n', encoding="utf-8")
    monkeypatch.setattr(words_module, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"b\.toml repeats twice"):
        read_texts.__wrapped__()


# --- every text is used, and every text used is there -------------------------------------------------


@cache
def trees():
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def called(tree, *names):
    """The calls of these functions or methods."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) in names]


def constants(node):
    """The texts that an expression can be; not those of which it makes another."""
    if isinstance(node, ast.JoinedStr | ast.Call):
        return set()
    if isinstance(node, ast.IfExp):  # what is asked is no text, what is chosen is
        return constants(node.body) | constants(node.orelse)
    found = {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
    return found.union(*(constants(child) for child in ast.iter_child_nodes(node)))


@cache
def written_out():
    """Keys that stand in the code or in the page as they are, where something is said."""
    keys = set()
    for path, tree in trees().items():
        if path.name == "codebook.py":  # its words stand in the data schema
            continue
        chosen = defaultdict(set)  # template = "one" if … else "other"
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                chosen[node.targets[0].id] |= constants(node.value)
        for call in called(tree, "say"):
            first = call.args[0]
            keys |= chosen[first.id] if isinstance(first, ast.Name) else constants(first)
        keys |= {f"heading_{key}" for call in called(tree, "heading") for key in constants(call.args[0])}
    page = (PACKAGE / "report" / "page.html.jinja").read_text(encoding="utf-8")
    return keys | set(re.findall(r'words\.say\("(\w+)"', page))


@cache
def put_together():
    """Keys that the code makes of a prefix and a name, by all the names that there are."""
    asked = [REFERRAL, ACCEPTANCE, MERGED, placement.OF_ACCEPTED, placement.OF_ELIGIBLE]
    columns = read_schema()["cases"].columns
    stages = {*characteristics.STAGES, *characteristics.STAGES_TOGETHER}
    names = {
        "asked": [*PASSAGES, "selection", "selected_placement", *QUESTIONS],
        "model": ["naive", "corrected"],
        "among": ["referred", "eligible"],
        "everyone": ["referred", "eligible"],
        "average": AVERAGES,
        "explain_selected": ["accepted", "all"],
        "method_selected": ["accepted", "all"],
        "heading": [*PASSAGES, "acceptance_merged"],
        "caption": [*PASSAGES, "acceptance_merged", "corrected_effects", "rho_profile", "placement_curve"],
        "event": [*PASSAGES, "acceptance_merged"],
        "chapter": CHAPTERS,
        "reason": EXCLUSIONS,
        "refusal": REFUSALS,
        "place": ["cases", "eligible", *FLOW],
        "stage": [stage.name for stage in STAGES],
        "reached": stages,
        "head": [*characteristics.CONTRASTS, *QUANTILES],
        "question": {f"{question.name}_{question.at_risk}" for question in asked},
        "share": {f"{question.name}_{question.at_risk}" for question in asked},
        "axis_share": {question.name for question in asked},
        "adjustment": ["crude", "adjusted", *ESTIMATORS],
        "gate": ["gate_1", "gate_2", "net", "both"],
        "status": [*STATUSES, *FATES],
        "prospects": ["without_se", "with_se"],
        "how": ["without_se", "with_se"],
        "index": BASES,
        "finding": [
            f"{index}_{way}" for index in ("creaming", "targeting") for way in ("up", "down", "unclear")
        ],
        "measure": ["share", *BASES, "chance"],
        "gap": [*PARTS, *WHOLES],
        "effect": ["all", "accepted", "not_accepted", "overlap", HOURS],
        "placed": ["open_gate", "closed_gate", "today", "open_gate_naive", "not_accepted"],
        "method": ["naive", "within", "across"],
        "assumption": ["none", "monotone_selection", "monotone_response", "both", "monotone_placement"],
        "policy": POLICIES,
        "pair": ["referral_acceptance", "referral_placement", "acceptance_placement"],
        "contrast": ["per_sd", "top_vs_bottom"],
        "drawn": ["observed", "curve", "level"],
        "level": ["q1", "q2", "q3", "q4", "all", "missing", "true", "false", "lowest_prospects"],
        "unit": {column.unit for column in columns.values() if column.unit},
    }
    keys = {f"{prefix}_{name}" for prefix, of_prefix in names.items() for name in of_prefix}
    return keys | set(GATEKEEPERS.values())


@cache
def raised():
    """Key of each notice of the package -> what is given for its gaps, once for each place where it is raised."""
    found = defaultdict(list)
    for path, tree in trees().items():
        calls = called(tree, "Notice", "few") if path.name == "conditional.py" else called(tree, "Notice")
        for call in calls:
            if not isinstance(call.args[0], ast.Constant):
                continue  # conditional.py puts it together for "few"
            parts = {keyword.arg for keyword in call.keywords}
            if call.func.id == "few":
                parts |= {"per_office", "least"}
            found[call.args[0].value].append(parts)
    return found


def gaps(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@cache
def texts_of(stem):
    return tomllib.loads((PACKAGE / "wording" / f"{stem}.toml").read_text(encoding="utf-8"))


def test_every_text_said_is_there():
    said = written_out() | put_together()
    assert len(said) > 150
    assert said - set(read_texts()) == set()


def test_every_text_there_is_said():
    of_columns = {f"name_{name}" for name in read_schema()["cases"].columns}
    said = written_out() | put_together() | set(raised()) | of_columns
    assert set(read_texts()) - said == set()


def test_every_notice_has_a_text_or_is_not_for_readers():
    assert len(raised()) > 40
    assert {key for key in raised() if not EN.has(key)} == NOT_FOR_READERS
    assert set(texts_of("notices")) == set(raised()) - NOT_FOR_READERS | set(GATEKEEPERS.values())


@pytest.mark.parametrize("key", sorted(set(raised()) - NOT_FOR_READERS))
def test_a_notice_is_given_what_its_gaps_need(key):
    for parts in raised()[key]:
        for language, sentence in read_texts()[key].items():
            assert gaps(sentence) <= parts, language


@pytest.mark.parametrize("reason", sorted(REFUSALS))
def test_every_refusal_can_be_said(reason):
    for words in (EN, NB, NN):
        refusal = EstimationError("english", reason=reason, columns=("sex",))
        said = words.refusal(refusal, "motivation")
        assert said[0].isupper()
        assert said.endswith(".")
        assert "{" not in said
        assert gaps(read_texts()[f"refusal_{reason}"][words.language]) <= {"exposure", "columns"}
    assert set(texts_of("refusals")) == {f"refusal_{name}" for name in REFUSALS}


@pytest.mark.parametrize("who", sorted(GATEKEEPERS.values()))
def test_gatekeepers_are_named_in_the_language(who):
    notice = Notice("small_gatekeepers", "{few}", few=2, total=1200, who=who, least=10)
    assert EN.notice(notice).startswith(f"2 of 1,200 {who} have fewer than 10 cases")
    for words in (NB, NN):
        assert words.notice(notice).startswith(f"2 av 1\u00a0200 {words.say(who)} har færre enn 10 saker")
        assert words.say(who) != who


def test_no_code_of_a_code_list_is_taken_for_another_level():
    # "level_<code>" comes before the code list
    for name, column in read_schema()["cases"].columns.items():
        if column.code_list:
            for code in words_module.read_code_list(column.code_list):
                assert EN.level(name, code.code) == code.title["en"], (name, code.code)
