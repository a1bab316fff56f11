"""The codebook: the schema as a text for people, in Markdown or HTML, in three languages."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from se_outcomes.cases.schema import (
    LANGUAGES,
    Code,
    Column,
    Table,
    code_list_names,
    read_code_list,
    read_document,
    read_schema,
)

#: Facts whose value is itself a code, shown as it is written.
_CODE_FACTS = ("old_code", "arena_code", "newer_code", "provision")


@dataclass(frozen=True)
class Heading:
    """A heading; ``anchor`` is what links point to."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True)
class Paragraph:
    """Running text. Here and in lists and grids, backticks mark code and two asterisks mark importance."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list without order; ``links`` are the anchors that the items lead to, if any."""

    items: tuple[str, ...]
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A table; the first cell of a row is its header."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Bullets | Grid


def render_codebook(*, language: str = "en", format: str = "markdown") -> str:
    """Write the codebook of the data schema.

    Parameters
    ----------
    language : {"en", "nb", "nn"}
    format : {"markdown", "html"}
        The HTML is one self-contained page.

    Returns
    -------
    str
        The same schema gives the same text.

    Raises
    ------
    ValueError
        On another language or format.

    Examples
    --------
    >>> import se_outcomes as so
    >>> so.render_codebook(language="nn").splitlines()[0]
    '# Kodebok'
    """
    if language not in LANGUAGES:
        raise ValueError(f"the language must be one of {', '.join(LANGUAGES)}")
    if format not in _RENDERERS:
        raise ValueError(f"the format must be one of {', '.join(_RENDERERS)}")
    return _RENDERERS[format](codebook_blocks(language), language)


def template_header(table: str = "cases") -> str:
    """The header of an empty file: every column's name, separated by semicolons, with the end of the line.

    Raises
    ------
    KeyError
        Where the schema has no such table.
    """
    return ";".join(read_schema()[table].columns) + "\r\n"


def write_template(path: str | Path, table: str = "cases") -> Path:
    """Write an empty file with the right header.

    Raises
    ------
    FileExistsError
        Where there is a file already: it may hold cases.
    """
    path = Path(path)
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(template_header(table))
    return path


# --- contents ---------------------------------------------------------------------------------------------


def codebook_blocks(language: str) -> tuple[Block, ...]:
    """The codebook's contents, of which each format makes what it can."""
    say = _Say(language)
    chapters = [_table_chapter(table, say) for table in read_schema().values()]
    chapters.append(_code_lists_chapter(say))
    titles = [title for title, _ in chapters]
    return (
        Heading(1, say("title"), "codebook"),
        *(Paragraph(say(key)) for key in ("intro", "missing", "names", "ids")),
        Heading(2, say("contents"), "contents"),
        Bullets(tuple(title.text for title in titles), tuple(title.anchor for title in titles)),
        *(block for title, content in chapters for block in (title, *content)),
    )


def _table_chapter(table: Table, say: _Say) -> tuple[Heading, list[Block]]:
    header = ("column", "meaning", "values", "role", "needed")
    return Heading(2, f"{table.title[say.language]} (`{table.name}`)", table.name), [
        Paragraph(
            table.description[say.language]
            + " "
            + say("required_table" if table.required else "optional_table")
        ),
        Heading(3, say("columns"), f"{table.name}-columns"),
        Grid(
            f"{table.title[say.language]}: {say('columns').lower()}",
            tuple(say(key) for key in header),
            tuple(_column_row(column, table, say) for column in table.columns.values()),
        ),
        Heading(3, say("rules"), f"{table.name}-rules"),
        Bullets(
            tuple(
                f"{say.word('severities', rule.severity)}: {rule.title[say.language]}" for rule in table.rules
            )
        ),
    ]


def _column_row(column: Column, table: Table, say: _Say) -> tuple[str, ...]:
    return (
        f"`{column.name}`",
        f"**{column.title[say.language]}.** {column.description[say.language]}",
        "; ".join(_values(column, table, say)),
        say.word("roles", column.role),
        _needed(column, say),
    )


def _values(column: Column, table: Table, say: _Say) -> list[str]:
    unit = f" ({say.word('units', column.unit)})" if column.unit else ""
    parts = [say.word("types", column.type) + unit]
    if column.code_list:
        parts.append(say("codes_of", list=f"`{column.code_list}`"))
    if column.minimum is not None:
        bounds = {
            "low": f"{column.minimum:g}",
            "high": "" if column.maximum is None else f"{column.maximum:g}",
        }
        parts.append(say("between" if column.maximum is not None else "at_least", **bounds))
    if column.pattern:
        parts.append(say("pattern", pattern=column.pattern))
    if any(rule.kind == "not_missing" and column.name in rule.columns for rule in table.rules):
        parts.append(say("every_case"))
    return parts


def _needed(column: Column, say: _Say) -> str:
    parts = [say("required" if column.required else "optional")]
    every = read_schema()[column.table].columns["case_id"].needed_by
    if column.needed_by and set(every) <= set(column.needed_by):
        parts.append(say("every_question"))
    elif column.needed_by:
        parts.append(", ".join(say.word("questions", question) for question in column.needed_by))
    if column.derived_from:
        parts.append(say("derived", columns=" + ".join(f"`{name}`" for name in column.derived_from)))
    return "; ".join(parts)


def _code_lists_chapter(say: _Say) -> tuple[Heading, list[Block]]:
    blocks: list[Block] = []
    used = {column.code_list for table in read_schema().values() for column in table.columns.values()}
    for name in code_list_names():
        document = read_document(f"codes/{name}.json")
        title = document["titles"][say.language]
        note = "" if name in used else " " + say("no_column")
        blocks += [
            Heading(3, f"{title} (`{name}`)", f"codes-{name.replace('_', '-')}"),
            Paragraph(document["descriptions"][say.language] + note),
            _codes_grid(f"{say('code_lists')}: {title}", read_code_list(name), say),
        ]
        for code, meant in document.get("not_reversible", {}).items():
            codes = ", ".join(f"`{other}`" for other in meant)
            blocks.append(Paragraph(say("not_reversible", code=code, codes=codes)))
    return Heading(2, say("code_lists"), "code-lists"), blocks


def _codes_grid(caption: str, codes: Sequence[Code], say: _Say) -> Grid:
    """Columns that would be empty for every code are left out."""
    rows = [
        (
            f"`{code.code}`",
            code.title[say.language],
            ", ".join(f"`{alias}`" for alias in code.aliases),
            "; ".join(_fact(key, value, say) for key, value in code.facts.items()),
        )
        for code in codes
    ]
    header = tuple(say(key) for key in ("code", "meaning", "aliases", "known"))
    kept = [column for column in range(len(header)) if any(row[column] for row in rows)]
    return Grid(caption, tuple(header[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows))


def _fact(key: str, value: str, say: _Say) -> str:
    shown = f"`{value}`" if key in _CODE_FACTS else say.value(value)
    return f"{say.word('facts', key)}: {shown}"


@cache
def _vocabulary() -> dict[str, dict[str, dict[str, str]]]:
    return read_document("vocabulary.json")


@dataclass(frozen=True)
class _Say:
    """The codebook's own words in one language."""

    language: str

    def __call__(self, key: str, **parts: str) -> str:
        text = _vocabulary()["text"][key][self.language]
        return text.format(**parts) if parts else text

    def word(self, kind: str, key: str) -> str:
        """What a role, type, unit, question … is called."""
        return _vocabulary()[kind][key][self.language]

    def value(self, value: str) -> str:
        """A fact's value in words, or as it stands where it is a name."""
        words = _vocabulary()["fact_values"].get(value)
        return words[self.language] if words else value


# --- Markdown ---------------------------------------------------------------------------------------------


def _markdown(blocks: Sequence[Block], language: str) -> str:
    del language  # Markdown has no place for it
    return "\n\n".join(_markdown_block(block, blocks) for block in blocks) + "\n"


def _markdown_block(block: Block, blocks: Sequence[Block]) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {block.text}"
    if isinstance(block, Paragraph):
        return block.text
    if isinstance(block, Bullets):
        if not block.links:
            return "\n".join(f"- {item}" for item in block.items)
        return "\n".join(f"- [{item}](#{_slug(item)})" for item in block.items)
    rows = [block.header, tuple("---" for _ in block.header), *block.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _slug(heading: str) -> str:
    """The anchor that Markdown viewers give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


# --- HTML -------------------------------------------------------------------------------------------------

_STYLE = """
:root { color-scheme: light; }
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0; }
main { max-width: 76rem; margin: 0 auto; padding: 1rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; background: #fff; padding: .5rem; }
a { color: #00469b; }
code { font-size: .92em; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { border: 1px solid #767676; padding: .3rem .5rem; text-align: left; vertical-align: top; }
thead th { background: #eef1f5; }
tbody th { font-weight: normal; }
tbody th code { white-space: nowrap; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, a:focus-visible { outline: 3px solid #00469b; outline-offset: 2px; }
@media print { .skip { display: none; } thead { display: table-header-group; } tr { break-inside: avoid; } }
"""


def _html(blocks: Sequence[Block], language: str) -> str:
    say = _Say(language)
    title = next(block.text for block in blocks if isinstance(block, Heading))
    body = "\n".join(_html_block(block) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)} – se_outcomes</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#codebook">{html.escape(say("skip"))}</a>\n'
        f"<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html_block(block: Block) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="{block.anchor}">{_inline(block.text)}</h{block.level}>'
    if isinstance(block, Paragraph):
        return f"<p>{_inline(block.text)}</p>"
    if isinstance(block, Bullets):
        items = [_inline(item) for item in block.items]
        if block.links:
            items = [f'<a href="#{link}">{item}</a>' for link, item in zip(block.links, items, strict=True)]
        return "<ul>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>"
    return _html_grid(block)


def _html_grid(grid: Grid) -> str:
    """A wide table scrolls in a region of its own, which the keyboard reaches."""
    header = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in grid.header)
    rows = "\n".join(
        f'<tr><th scope="row">{_inline(row[0])}</th>'
        + "".join(f"<td>{_inline(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in grid.rows
    )
    label = html.escape(grid.caption)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">\n'
        f"<table>\n<caption>{label}</caption>\n<thead><tr>{header}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _inline(text: str) -> str:
    """Escape, then turn backticks and asterisks into elements; no browser is to translate a code."""
    escaped = html.escape(text, quote=False)
    marked = re.sub(r"`([^`]+)`", r'<code translate="no">\1</code>', escaped)
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", marked)


_RENDERERS: dict[str, Callable[[Sequence[Block], str], str]] = {"markdown": _markdown, "html": _html}
