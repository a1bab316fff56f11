"""The report as files: complete, the same every time, in three languages, with nothing it should not hold."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.simulate import _mapping
from se_outcomes.errors import DisclosureError
from se_outcomes.report import render
from se_outcomes.report.answers import ask_questions
from se_outcomes.report.release import release_files

FIGURES = (
    "funnel", "passage_referral", "passage_acceptance", "passage_placement", "passage_placement_eligible",
    "marginal_effects", "selection", "corrected_effects", "rho_profile", "placement_curve",
    "losses", "prospects", "left_out", "creaming", "gap", "gap_two_gates", "policies",
)  # fmt: skip
TABLES = (
    "exclusions", "characteristics", "funnel", "passage", "selection", "open_gate", "selection_equations",
    "few_offices", "familywise", "left_out", "composition", "no_chance", "creaming", "effect", "effect_levels",
    "overlap", "bounds", "two_gates", "correlations", "policies", "inclusion", "crowding", "open_gates",
)  # fmt: skip


@pytest.fixture(scope="module")
def reports(tmp_path_factory, usual_cases):
    """A report in each language."""
    parent = tmp_path_factory.mktemp("reports")
    so.render_reports(usual_cases, parent)
    return parent


class Page(HTMLParser):
    """What a browser and a screen reader look for in a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.headings, self.alts, self.links, self.ids, self.sources = [], [], [], [], [], []
        self.language, self.words, self._open = None, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self._open.append(tag)
        if tag == "html":
            self.language = attrs["lang"]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.alts.append(attrs["alt"])
            self.sources.append(attrs["src"])
        if tag == "a":
            self.links.append(attrs["href"])
        if "id" in attrs:
            self.ids.append(attrs["id"])

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass


def test_every_exhibit_is_there_in_every_form(reports):
    for language in ("en", "nb", "nn"):
        for stem in FIGURES:
            for ending in ("png", "pdf", "csv", "txt"):
                assert (reports / language / "figures" / f"{stem}.{ending}").stat().st_size > 50
        for stem in TABLES:
            assert (reports / language / "tables" / f"{stem}.csv").stat().st_size > 50


@pytest.mark.parametrize("language", ["en", "nb", "nn"])
def test_page_is_one_file_and_accessible_in_structure(reports, language):
    text = (reports / language / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.language == language
    assert page.headings[0] == 1
    assert set(page.headings[1:]) == {2}
    assert len(page.alts) == len(FIGURES)
    assert all(len(alt) > 40 for alt in page.alts)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert len(page.ids) == len(set(page.ids))
    assert all(link[0] == "#" and link[1:] in page.ids for link in page.links)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "http" not in re.sub(r'base64,[^"]*"', "", text)
    assert page.tags.count("table") == page.tags.count("caption")


def test_each_language_speaks_for_itself(reports):
    texts = {}
    for language in ("en", "nb", "nn"):
        words = " ".join(Page((reports / language / "index.html").read_text(encoding="utf-8")).words)
        texts[language] = words
        assert "{" not in words
        assert "nan" not in words.split()
    assert "henvist" in texts["nb"]
    assert "tilvist" in texts["nn"]
    assert "referred" in texts["en"]
    assert not re.search(r"\b(referred|the|share|ikkje|frå)\b", texts["nb"])
    assert not re.search(r"\b(referred|the|share|ikke|fra|hvor)\b", texts["nn"])
    assert not re.search(r"\b(og|ikke|ikkje|andel|del)\b", texts["en"])


def test_every_language_withholds_and_tells_the_same(reports):
    told = []
    for language in ("en", "nb", "nn"):
        words = " ".join(Page((reports / language / "index.html").read_text(encoding="utf-8")).words)
        thousands = "," if language == "en" else "\u00a0"
        counts = re.sub(rf"(?<=\d){thousands}(?=\d{{3}}\b)", "", words)
        numbers = re.findall(r"\d+[.,]\d+|\d+", counts)
        told.append((words.split().count(":"), sorted(number.replace(",", ".") for number in numbers)))
    assert told[0][0] == told[1][0] == told[2][0] > 0
    missing = set(told[0][1]) ^ set(told[1][1])
    assert not {number for number in missing if "." in number}


def test_data_are_written_as_spreadsheets_of_the_language_read_them(reports):
    english = pd.read_csv(reports / "en" / "figures" / "marginal_effects.csv")
    norwegian = pd.read_csv(reports / "nb" / "figures" / "marginal_effects.csv", sep=";", decimal=",")
    pd.testing.assert_frame_equal(english, norwegian)
    estimates = so.estimate_referral(so.simulate_cases(1200, seed=1).cases).estimates
    expected = estimates.query("contrast == 'per_sd' and measure == 'ame' and adjustment == 'crude'")[
        "estimate"
    ].item()
    found = english.query("question == 'referral' and contrast == 'per_sd' and adjustment == 'crude'")[
        "estimate"
    ].item()
    assert found == pytest.approx(100 * expected, abs=1e-4)


def test_same_input_same_bytes(reports, usual_cases, tmp_path):
    again = so.render_report(usual_cases, tmp_path / "again", language="nb").parent
    first = {
        path.relative_to(reports / "nb"): path.read_bytes()
        for path in (reports / "nb").rglob("*")
        if path.is_file()
    }
    second = {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_manifest_says_what_the_report_is(reports, usual_cases):
    manifest = json.loads((reports / "nn" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["data_fingerprint"] == usual_cases.fingerprint
    assert manifest["options"] == {"language": "nn", "formats": ["html"], "min_cell": 5}
    assert manifest["study"]["horizon_days"] == 365
    assert sum(manifest["withheld"].values()) > 0
    assert set(manifest["files"]) == {
        str(path.relative_to(reports / "nn"))
        for path in (reports / "nn").rglob("*")
        if path.name not in ("manifest.json", "") and path.is_file()
    }


def test_no_case_and_no_office_is_named(reports):
    """Ids of offices, cases and staff are in no file."""
    for path in (reports / "en").rglob("*"):
        if path.suffix in (".html", ".csv", ".txt", ".json"):
            text = re.sub(r'base64,[^"]*"', "", path.read_text(encoding="utf-8-sig"))
            # decimals of a number are no id
            assert not re.search(r"(?<![.\d])(030[1-5]|0\d{4})\b|-[vj]\d", text), path.name


def test_a_report_replaces_a_report_and_nothing_else(usual_cases, tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "thesis.docx").write_bytes(b"years of work")
    with pytest.raises(FileExistsError, match="something else than a report"):
        release_files(folder, {"index.html": b""}, {"package": "se_outcomes"})
    assert [path.name for path in folder.iterdir()] == ["thesis.docx"]
    release_files(tmp_path / "other", {"index.html": b"1", "old.txt": b""}, {"package": "se_outcomes"})
    release_files(tmp_path / "other", {"index.html": b"2"}, {"package": "se_outcomes"})
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["index.html", "manifest.json"]
    assert (tmp_path / "other" / "index.html").read_bytes() == b"2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "report"]


def test_a_report_that_fails_leaves_the_old_one(usual_cases, usual_answers, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "ask_questions", lambda *_, **__: usual_answers)
    release_files(tmp_path / "report", {"index.html": b"old"}, {"package": "se_outcomes"})
    monkeypatch.setattr("se_outcomes.report.render._figure_files", _fail)
    with pytest.raises(OSError, match="disk full"):
        so.render_report(usual_cases, tmp_path / "report")
    assert (tmp_path / "report" / "index.html").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def _fail(block, words):
    raise OSError("disk full")


def test_wrong_calls(usual_cases, usual_answers, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "ask_questions", lambda *_, **__: usual_answers)
    with pytest.raises(ValueError, match="one of en, nb, nn"):
        so.render_report(usual_cases, tmp_path / "r", language="sv")
    with pytest.raises(ValueError, match="formats must be"):
        so.render_report(usual_cases, tmp_path / "r", formats=("docx",))
    with pytest.raises(DisclosureError, match="min_cell"):
        so.render_report(usual_cases, tmp_path / "r", min_cell=2)
    assert not (tmp_path / "r").exists()


@pytest.fixture
def drawn_only(monkeypatch):
    """Figures are drawn and not written as pictures: that takes most of a report's time."""

    monkeypatch.setattr(render, "_saved", lambda figure, kind, metadata: kind.encode())


def test_reports_in_several_languages_are_written_where_all_can_be(reports, usual_cases, tmp_path):
    (tmp_path / "nn").mkdir()
    (tmp_path / "nn" / "thesis.docx").write_bytes(b"years of work")
    with pytest.raises(FileExistsError, match="something else than a report"):
        so.render_reports(usual_cases, tmp_path, languages=["nb", "nn"])
    assert [path.name for path in tmp_path.iterdir()] == ["nn"]
    with pytest.raises(FileExistsError, match="in one language"):
        so.render_reports(usual_cases, reports / "nn")
    for languages in ("nb", [], ["nb", "nb"], ["sv"]):
        with pytest.raises(ValueError, match="one"):
            so.render_reports(usual_cases, tmp_path / "r", languages=languages)


@pytest.mark.parametrize(
    "options",
    [
        {"n_cases": 60, "n_offices": 3, "seed": 3},
        {"n_cases": 300, "seed": 2, "missing": True},
        {"n_cases": 200, "n_offices": 1, "seed": 4},
        {"n_cases": 400, "seed": 5, "gates": "merged"},
        {"n_cases": 500, "seed": 6, "outcome_observed": "accepted"},
        {"n_cases": 400, "seed": 7, "rounded": False, "n_offices": 12},
    ],
    ids=str,
)
def test_reports_of_awkward_cases_are_made_and_say_what_is_not_answered(options, tmp_path, drawn_only):
    page = so.render_report(so.simulate_cases(**options).cases, tmp_path / "r", language="nn")
    words = " ".join(Page(page.read_text(encoding="utf-8")).words)
    if options.get("n_offices") == 1:
        assert "Berre eitt kontor" in words
    if options.get("gates") == "merged":
        assert "éi hending" in words
    if options.get("outcome_observed") == "accepted":
        assert "berre observert for dei som er tekne inn" in words


def test_a_report_where_everybody_referred_is_accepted(tmp_path, monkeypatch, drawn_only):
    frame = so.simulate_cases(600, seed=3)._frame
    columns = ["case_id", "office_id", "counsellor_id", "motivation", "referred", "accepted", "placed", "sex"]
    frame = frame[columns].assign(accepted=frame["referred"].where(frame["referred"]))
    mapping = _mapping("all", "separate", False)
    mapping["study"] |= {
        "horizon_days": None,
        "adjust_for": ["sex"],
        "exclusion": [],
        "exclusion_referral": [],
    }
    cases = so.check_cases(frame, mapping=mapping)
    answers = ask_questions(cases)
    assert set(answers.admission.left_out.groups["status"]) == {"not_referred", "accepted"}
    monkeypatch.setattr(render, "ask_questions", lambda *_, **__: answers)
    page = so.render_report(cases, tmp_path / "report", language="en").read_text(encoding="utf-8")
    assert "those never referred" in page
