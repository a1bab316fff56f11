"""From checked cases to a report: questions asked, numbers protected, exhibits drawn, files released."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from jinja2 import Environment, StrictUndefined
from tqdm import tqdm

import se_outcomes
from se_outcomes.cases.cases import Cases
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.inference.score_bootstrap import SEED, SIGNS_UP_TO
from se_outcomes.report.admission_answers import ADMISSION
from se_outcomes.report.answers import PASSAGES, ask_questions
from se_outcomes.report.blocks import Block, FigureExhibit, TableExhibit
from se_outcomes.report.contents import compose
from se_outcomes.report.disclosure import protect
from se_outcomes.report.fonts import slim_fonts
from se_outcomes.report.plan import Plan, plan_disclosure
from se_outcomes.report.release import MANIFEST, refuse_foreign, release_files
from se_outcomes.study.suppression import few_completions
from se_outcomes.wording.words import Words, speak

#: How many ways to fill the small cells of a tally are tried for each question of a report.
TRIED = 25
FORMATS = ("html",)
#: Dots per inch of the pictures: enough for print.
DPI = 300
#: What an estimate is told to in a data file: a full one could be solved for counts.
DECIMALS = 4


def render_report(
    cases: Cases,
    folder: str | Path,
    *,
    language: str = "en",
    formats: Sequence[str] = ("html",),
    min_cell: int = 5,
    progress: bool = False,
) -> Path:
    """Write the report.

    Parameters
    ----------
    cases : Cases
        Checked cases; their study plan says what is asked.
    folder : str or Path
        Where to: a new or empty folder, or one with an earlier report, which is replaced once the new one is
        complete.
    language : {"en", "nb", "nn"}
        English, bokmål or nynorsk.
    formats : sequence of {"html"}
    min_cell : int
        The smallest number of cases that may be told: 3, 4, 5, 6 or 10.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Path
        Of ``index.html``, one self-contained file. Beside it: each figure as PNG and PDF with its data (CSV) and
        its text alternative, each table as CSV, and a manifest.

    Raises
    ------
    ValueError
        On another language or format.
    DisclosureError
        On another ``min_cell``, or fewer cases than that.
    FileExistsError
        Where something else stands in the folder.

    Examples
    --------
    >>> import tempfile
    >>> import se_outcomes as so
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     cases = so.simulate_cases(300, seed=1, outcome_observed="accepted", gates="merged").cases
    ...     page = so.render_report(cases, Path(parent) / "report", language="nb")
    ...     print(page.read_text(encoding="utf-8").splitlines()[1])
    <html lang="nb">
    """
    speak(language)  # refused before anything is asked
    targets = {language: Path(folder)}
    return _render(cases, targets, formats, min_cell, progress)[language]


def render_reports(
    cases: Cases,
    folder: str | Path,
    *,
    languages: Sequence[str] = LANGUAGES,
    formats: Sequence[str] = ("html",),
    min_cell: int = 5,
    progress: bool = False,
) -> dict[str, Path]:
    """Write the report in several languages; everything is estimated once, so that they tell the same numbers.

    Parameters
    ----------
    cases : Cases
        Checked cases; their study plan says what is asked.
    folder : str or Path
        Each report is in a folder within it that is called like its language.
    languages : sequence of {"en", "nb", "nn"}
        Different ones; all three if absent.
    formats, min_cell, progress
        As in :func:`render_report`.

    Returns
    -------
    dict of str to Path
        Language to its ``index.html``.

    Raises
    ------
    ValueError
        On another language or format, no language or the same one twice.
    DisclosureError, FileExistsError
        As in :func:`render_report`. Nothing is written where one of the folders cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(300, seed=1, outcome_observed="accepted", gates="merged").cases
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     pages = so.render_reports(cases, parent, languages=["nn"])
    ...     print({language: page.parent.name for language, page in pages.items()})
    {'nn': 'nn'}
    """
    if isinstance(languages, str) or not languages or len(set(languages)) < len(languages):
        raise ValueError(f"languages must be a list of different ones of {', '.join(LANGUAGES)}")
    for language in languages:
        speak(language)
    if (Path(folder) / MANIFEST).exists():
        raise FileExistsError(
            f"{folder} is itself a report, in one language; name another folder, or remove it"
        )
    targets = {language: Path(folder) / language for language in languages}
    return _render(cases, targets, formats, min_cell, progress)


def _render(
    cases: Cases, targets: Mapping[str, Path], formats: Sequence[str], min_cell: int, progress: bool
) -> dict[str, Path]:
    """Ask once, and write a report for each language and its folder."""
    _refuse_formats(formats)
    for folder in targets.values():
        refuse_foreign(folder)
    with _progress_bar(progress, len(targets)) as tick:
        with few_completions(TRIED):
            answers = ask_questions(cases, min_cell=min_cell, tick=tick)
        tick("disclosure")
        plan = plan_disclosure(cases, answers, min_cell)
        protected = protect(answers, plan)
        for language, folder in targets.items():
            words = speak(language)
            blocks = compose(cases, protected, words, min_cell)
            made = _exhibit_files(blocks, words, tick)
            tick("report")
            page = _page(cases, blocks, made, words)
            contents = {"index.html": page.encode("utf-8"), **made}
            release_files(folder, contents, _manifest(cases, plan, words, formats))
    return {language: folder / "index.html" for language, folder in targets.items()}


def _refuse_formats(formats: Sequence[str]) -> None:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats or isinstance(formats, str):
        raise ValueError(f"formats must be a list of {', '.join(FORMATS)}; nothing else is written yet")


@contextmanager
def _progress_bar(shown: bool, n_languages: int) -> Iterator[Callable[[str], None]]:
    """A bar over questions, the disclosure plan, and in each language the figures and the page."""
    # questions (funnel, table 1, passages, split, corrected, admission) and plan; page, figures (funnel, passages,
    # five more, seven on admission)
    steps = (4 + len(PASSAGES) + len(ADMISSION)) + 1 + n_languages * (1 + 1 + len(PASSAGES) + 5 + 7)
    with tqdm(
        total=steps, disable=not shown, bar_format="{desc:<24}{percentage:3.0f}%|{bar}| {elapsed}"
    ) as bar:

        def tick(what: str) -> None:
            bar.set_description_str(what.replace("_", " "), refresh=False)
            bar.update()

        yield tick
        bar.set_description_str("done", refresh=False)
        bar.update(max(0, steps - bar.n))


# --- exhibits ---------------------------------------------------------------------------------------


def _exhibit_files(blocks: Sequence[Block], words: Words, tick: Callable[[str], None]) -> dict[str, bytes]:
    """Path -> content of every picture, data file and text alternative."""
    made: dict[str, bytes] = {}
    for block in blocks:
        if isinstance(block, FigureExhibit):
            tick(f"figure {block.stem}")
            made |= _figure_files(block, words)
        elif isinstance(block, TableExhibit):
            made[f"tables/{block.stem}.csv"] = _csv(block.cells, words)
    return made


def _figure_files(block: FigureExhibit, words: Words) -> dict[str, bytes]:
    stem = f"figures/{block.stem}"
    with plt.style.context("default"), plt.rc_context({"pdf.fonttype": 42, "font.family": slim_fonts()}):
        axes = block.draw()
        axes.set_title("", loc="left")  # the caption says it
        figure = axes.figure
        try:
            pictures = {
                # no date and no program's name in a file: same input, same bytes
                f"{stem}.png": _saved(figure, "png", {"Software": None}),
                f"{stem}.pdf": _saved(
                    figure, "pdf", {"CreationDate": None, "Producer": None, "Creator": None}
                ),
            }
        finally:
            plt.close(figure)  # type: ignore[arg-type]
    return {
        **pictures,
        f"{stem}.csv": _csv(block.data, words),
        f"{stem}.txt": (block.alt + "\n").encode("utf-8"),
    }


def _saved(figure, kind: str, metadata: Mapping[str, str | None]) -> bytes:  # type: ignore[no-untyped-def]
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata)
    return buffer.getvalue()


def _csv(frame: pd.DataFrame, words: Words) -> bytes:
    """Data as spreadsheets read it: with a byte order mark; semicolons and decimal commas in Norwegian."""
    english = words.language == "en"
    text = frame.round(DECIMALS).to_csv(
        index=False, sep="," if english else ";", decimal="." if english else ",", lineterminator="\r\n"
    )
    return b"\xef\xbb\xbf" + text.encode("utf-8")


# --- page -------------------------------------------------------------------------------------------


def _page(cases: Cases, blocks: Sequence[Block], made: Mapping[str, bytes], words: Words) -> str:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = files("se_outcomes.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    pictures = {
        name: "data:image/png;base64," + base64.b64encode(content).decode("ascii")
        for name, content in made.items()
        if name.endswith(".png")
    }
    lead = "lead_one_office" if cases.n_offices == 1 else "lead"
    count = words.count(cases.n_cases)
    # of a tally with suppressed cells nobody here knows how many cases there are
    n_cases = count if cases.suppressed is None else words.say("about_count", count=count)
    parts = {"n_cases": n_cases, "n_offices": words.count(cases.n_offices)}
    return environment.from_string(template).render(
        words=words,
        title=cases.plan.text("title", words.language) or words.say("title"),
        lead=words.say(lead, exposure=words.noun(cases.plan.exposure), **parts),
        blocks=blocks,
        pictures=pictures,
        program=words.say(
            "method_program", version=se_outcomes.__version__, fingerprint=cases.fingerprint[:16]
        ),
    )


def _manifest(cases: Cases, plan: Plan, words: Words, formats: Sequence[str]) -> dict[str, object]:
    """What the report is made of; nothing in it depends on when or where it was made."""
    study = cases.plan
    return {
        "package": "se_outcomes",
        "version": se_outcomes.__version__,
        "data_fingerprint": cases.fingerprint,
        "n_cases": cases.n_cases,
        "n_offices": cases.n_offices,
        "options": {"language": words.language, "formats": list(formats), "min_cell": plan.min_cell},
        "study": {name: getattr(study, name) for name in study.__dataclass_fields__},
        # of the score bootstrap, which takes every draw there is up to so many offices
        "seed": SEED if cases.n_offices > SIGNS_UP_TO else None,
        "withheld": {exhibit: n for exhibit, n in plan.withheld().items() if n},
    }
