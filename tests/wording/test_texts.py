"""The wording files: every text in every language, with the same gaps, used, and in its own language."""

import ast
import re
import string
import tomllib
from functools import cache
from pathlib import Path

import pytest

import se_outcomes
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.wording.words import read_texts

PACKAGE = Path(se_outcomes.__file__).parent
EXHIBITS = tomllib.loads((PACKAGE / "wording" / "exhibits.toml").read_text(encoding="utf-8"))
#: Words that one of the two Norwegian languages has and the other has not.
ONLY_BOKMAL = (
    r"ikke|fra|hvor|hva|hvem|hver\w*|veileder\w*|henvis\w*|henvist\w*|andel\w*|kontorer|noe|noen|bare|"
    r"uten|ble|målgruppen|blant dem|høyeste|laveste|tatt"
)
ONLY_NYNORSK = (
    r"ikkje|frå|kor|kva|kven|kvar|kvart|rettleiar\w*|tilvis\w*|noko|nokre|vart|utan|berre|målgruppa|høgaste|"
    r"lågaste|teken|tekne|dei|ein|eit"
)
NOT_NORWEGIAN = r"the|and|of|with|share|cases|office|offices|referred|accepted|gate|gates|not|by|quarter|work"


def gaps(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@cache
def said_by_code():
    """Literal texts of the package's code above the study, and the patterns of keys put together there."""
    literals, patterns = set(), set()
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name in ("cases", "study"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant):
                literals.add(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(p.value) if isinstance(p, ast.Constant) else r"\w+" for p in node.values]
                patterns.add("".join(parts))
    # a pattern that begins with a gap fits everything
    return literals, {pattern for pattern in patterns if re.match(r"[a-z]+_", pattern)}


@pytest.mark.parametrize("key", read_texts())
def test_every_text_is_in_every_language_with_the_same_gaps(key):
    texts = read_texts()[key]
    assert set(texts) == set(LANGUAGES)
    assert all(text.strip() == text and text for text in texts.values())
    assert len({frozenset(gaps(text)) for text in texts.values()}) == 1, texts


@pytest.mark.parametrize("key", EXHIBITS)
def test_no_text_on_an_exhibit_is_unused(key):
    literals, patterns = said_by_code()
    assert key in literals or any(re.fullmatch(pattern, key) for pattern in patterns)


def test_an_unused_text_would_be_found():
    literals, patterns = said_by_code()
    assert "head_" + "shoe_size" not in literals
    assert not any(re.fullmatch(pattern, "title_of_nothing") for pattern in patterns)


@pytest.mark.parametrize("key", read_texts())
def test_each_norwegian_is_itself(key):
    texts = {language: re.sub(r"\{\w+\}", "", text) for language, text in read_texts()[key].items()}
    assert not re.findall(rf"\b(?:{ONLY_NYNORSK})\b", texts["nb"], re.I), texts["nb"]
    assert not re.findall(rf"\b(?:{ONLY_BOKMAL})\b", texts["nn"], re.I), texts["nn"]
    for language in ("nb", "nn"):
        assert not re.findall(rf"\b(?:{NOT_NORWEGIAN})\b", texts[language], re.I), texts[language]


@pytest.mark.parametrize("key", read_texts())
def test_what_is_the_same_in_english_and_norwegian_has_no_words(key):
    texts = read_texts()[key]
    if texts["en"] in (texts["nb"], texts["nn"]):
        assert re.fullmatch(r"(N = )?[^A-Za-z]*", re.sub(r"\{\w+\}", "", texts["en"])), texts["en"]
