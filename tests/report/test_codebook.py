"""The codebook: nothing of the schema is left out, the committed one is current, the page is sound HTML."""

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import se_outcomes as so
from se_outcomes.cases.schema import (
    LANGUAGES,
    code_list_names,
    read_code_list,
    read_document,
    read_schema,
    schema_folder,
)
from se_outcomes.report.codebook import (
    Grid,
    Heading,
    codebook_blocks,
    render_codebook,
    template_header,
    write_template,
)

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Elements of a page in order with their attributes and own text; unbalanced tags are an error."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.declaration = None
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_decl(self, decl):
        self.declaration = decl

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} stands twice"
        element = {
            "tag": tag,
            "attrs": dict(attrs),
            "text": "",
            "inside": [other["tag"] for other in self.open],
        }
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, *tags):
        return [element for element in self.elements if element["tag"] in tags]


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def page(language):
    return Page(render_codebook(language=language, format="html"))


class TestContents:
    @pytest.mark.parametrize("format_", ["markdown", "html"])
    def test_every_column_with_its_words(self, language, format_):
        text = render_codebook(language=language, format=format_)
        for table in read_schema().values():
            assert table.description[language] in text
            for column in table.columns.values():
                assert column.name in text
                assert column.title[language] in text
                assert column.description[language] in text.replace("&amp;", "&")
            for rule in table.rules:
                assert rule.title[language] in text

    def test_every_code_with_its_aliases(self, language):
        text = render_codebook(language=language)
        for name in code_list_names():
            for code in read_code_list(name):
                assert f"| `{code.code}` | {code.title[language]} |" in text
                assert all(f"`{alias}`" in text for alias in code.aliases)
            for spelling in read_document(f"codes/{name}.json").get("not_reversible", {}):
                assert f"`{spelling}`" in text

    def test_a_column_says_what_its_values_are_and_who_needs_it(self):
        rows = {
            row[0]: row
            for block in codebook_blocks("en")
            if isinstance(block, Grid) and block.caption == "Cases: columns"
            for row in block.rows
        }
        assert len(rows) == 52
        assert rows["`case_id`"][2:] == (
            "text; never empty",
            "identifier",
            "**required**; every question",
        )
        assert rows["`motivation`"][2:] == (
            "number (points)",
            "exposure",
            "**required**; referral, acceptance, placement, selection split by gate",
        )
        assert rows["`job_pct`"][2] == "number (per cent); 0 to 100"
        assert rows["`caseload_at_referral`"][2] == "whole number (clients); at least 0"
        assert rows["`sex`"][2] == "text; codes of `sex`"
        assert rows["`provision`"][4] == "optional; worked out from `measure_code` where absent"
        assert rows["`education_level`"][1].endswith("level 3 is not a completed upper secondary education.")

    def test_a_pattern_is_shown(self):
        assert "of the form `[0-9]{2}`" in render_codebook()

    def test_tables_that_nothing_uses_yet_say_so(self):
        text = render_codebook()
        assert text.count("This table is required.") == 1
        assert text.count("no question uses it yet") == 3

    def test_languages_differ_in_every_paragraph(self):
        english, bokmal, nynorsk = (
            {
                line
                for line in render_codebook(language=language).splitlines()
                if len(line) > 80 and not line.startswith("|")
            }
            for language in LANGUAGES
        )
        assert not english & bokmal
        assert not english & nynorsk
        assert not bokmal & nynorsk

    @pytest.mark.parametrize("options", [{"language": "sv"}, {"format": "pdf"}])
    def test_other_languages_and_formats_are_refused(self, options):
        with pytest.raises(ValueError, match="must be one of"):
            render_codebook(**options)


class TestMarkdown:
    def test_the_committed_codebook_is_current(self):
        committed = Path(str(schema_folder())) / "README.md"
        assert committed.read_bytes() == render_codebook().encode(), (
            "data_schema/README.md is not what the schema says; run `make codebook`"
        )

    def test_the_same_schema_gives_the_same_text(self):
        assert so.render_codebook() == so.render_codebook(language="en", format="markdown")

    def test_rows_have_as_many_cells_as_their_header(self, language):
        tables = re.findall(r"(?:^\|.*\n)+", render_codebook(language=language), flags=re.MULTILINE)
        assert len(tables) == 4 + len(code_list_names())
        for table in tables:
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(widths) == 1

    def test_links_lead_to_headings(self, language):
        text = render_codebook(language=language)
        # GitHub's rule: lower case, punctuation out, blanks to hyphens
        anchors = {
            re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
        }
        links = re.findall(r"\]\(#([^)]*)\)", text)
        assert len(links) == 5
        assert set(links) <= anchors

    def test_headings_stand_once(self, language):
        headings = [
            (block.text, block.anchor) for block in codebook_blocks(language) if isinstance(block, Heading)
        ]
        assert len({anchor for _, anchor in headings}) == len(headings)


class TestHtml:
    def test_is_a_whole_page_in_its_language(self, page, language):
        assert page.declaration == "DOCTYPE html"
        assert page.all("html")[0]["attrs"] == {"lang": language}
        assert page.all("title")[0]["text"].endswith("se_outcomes")
        assert [element["attrs"]["charset"] for element in page.all("meta")[:1]] == ["utf-8"]
        assert len(page.all("main")) == 1
        assert len(page.all("h1")) == 1

    def test_needs_nothing_from_elsewhere(self, page, language):
        text = render_codebook(language=language, format="html")
        assert not page.all("script", "link", "img", "iframe", "object")
        assert not re.search(r"https?:|url\(|@import|src=", text)

    def test_ids_stand_once_and_links_find_them(self, page):
        ids = [element["attrs"]["id"] for element in page.elements if "id" in element["attrs"]]
        assert len(set(ids)) == len(ids)
        links = [element["attrs"]["href"] for element in page.all("a")]
        assert len(links) == 6
        assert {link.removeprefix("#") for link in links} <= set(ids)

    def test_headings_skip_no_level(self, page):
        levels = [int(element["tag"][1]) for element in page.all("h1", "h2", "h3", "h4")]
        assert levels[0] == 1
        assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))

    def test_tables_have_captions_and_headers_with_scope(self, page):
        assert len(page.all("table")) == len(page.all("caption")) == 4 + len(code_list_names())
        assert len({caption["text"] for caption in page.all("caption")}) == len(page.all("caption"))
        for header in page.all("th"):
            assert header["attrs"] == {"scope": "col" if "thead" in header["inside"] else "row"}
            assert header["text"]
        rows = [row for row in page.all("tr") if "tbody" in row["inside"]]
        assert len(rows) == sum("tbody" in header["inside"] for header in page.all("th"))

    def test_wide_tables_can_be_scrolled_from_the_keyboard(self, page):
        regions = [element for element in page.all("div") if element["attrs"]["role"] == "region"]
        assert len(regions) == len(page.all("table"))
        assert all(region["attrs"]["tabindex"] == "0" and region["attrs"]["aria-label"] for region in regions)

    def test_the_first_stop_skips_to_the_content(self, page):
        first = page.all("a")[0]
        assert first["attrs"] == {"class": "skip", "href": "#codebook"}
        assert first["text"]

    def test_colours_have_contrast(self):
        style = re.search(r"<style>(.*?)</style>", render_codebook(format="html"), re.DOTALL)[1]
        colours = {name: luminance(name) for name in re.findall(r"#[0-9a-f]{3,6}\b", style)}
        backgrounds = {name: light for name, light in colours.items() if light > 0.5}
        texts = {"#1a1a1a", "#00469b"}
        assert texts < set(colours)
        assert set(colours) - set(backgrounds) - texts == {"#767676"}  # borders: 3:1 is enough
        for ground in backgrounds.values():
            assert all((ground + 0.05) / (colours[text] + 0.05) >= 4.5 for text in texts)
            assert (ground + 0.05) / (colours["#767676"] + 0.05) >= 3

    def test_signs_are_escaped(self):
        text = render_codebook(format="html")
        assert '<code translate="no">&lt;18</code>' in text
        assert "<18" not in text
        assert "`" not in text
        assert "**" not in text


def luminance(colour):
    """Relative luminance of a colour by WCAG 2.1."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestTemplate:
    @pytest.mark.parametrize("table", list(read_schema()))
    def test_is_the_header_and_no_row(self, table):
        header = template_header(table)
        assert header.endswith("\r\n")
        assert header.strip().split(";") == list(read_schema()[table].columns)
        assert header.isascii()

    def test_is_of_the_cases_unless_told(self):
        assert template_header().startswith("case_id;person_id;office_id;")

    def test_is_written_as_it_is(self, tmp_path):
        path = write_template(tmp_path / "cases.csv")
        assert path.read_bytes() == template_header().encode()

    def test_never_overwrites_a_file(self, tmp_path):
        path = tmp_path / "cases.csv"
        path.write_text("precious")
        with pytest.raises(FileExistsError):
            write_template(path)
        assert path.read_text() == "precious"

    def test_an_unknown_table_is_refused(self):
        with pytest.raises(KeyError):
            template_header("clients")
