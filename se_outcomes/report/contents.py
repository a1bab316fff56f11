"""The report's contents: every section and exhibit in order, as blocks that a renderer makes files of."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.figures.corrected_effects import (
    corrected_effects_data,
    describe_corrected_effects,
    draw_corrected_effects,
)
from se_outcomes.figures.funnel import describe_funnel, draw_funnel, funnel_data, place_name
from se_outcomes.figures.marginal_effects import (
    describe_marginal_effects,
    draw_marginal_effects,
    marginal_effects_data,
)
from se_outcomes.figures.passage import describe_passage, draw_passage, passage_data
from se_outcomes.figures.placement_curve import (
    describe_placement_curve,
    draw_placement_curve,
    placement_curve_data,
)
from se_outcomes.figures.rho_profile import describe_rho_profile, draw_rho_profile, rho_profile_data
from se_outcomes.figures.selection import describe_selection, draw_selection, selection_data
from se_outcomes.report import text
from se_outcomes.report.answers import Answers
from se_outcomes.report.blocks import Block, Contents, FigureExhibit
from se_outcomes.report.effect_chapter import compose_effect
from se_outcomes.report.few_offices import compose_few_offices
from se_outcomes.report.policy_chapter import compose_open_gates
from se_outcomes.report.taken_chapter import compose_taken
from se_outcomes.results import records
from se_outcomes.study.passage import PassageResult
from se_outcomes.tables.characteristics import tabulate_characteristics
from se_outcomes.tables.exclusions import tabulate_exclusions
from se_outcomes.tables.funnel import tabulate_funnel
from se_outcomes.tables.open_gate import tabulate_open_gate
from se_outcomes.tables.passage import tabulate_conditional, tabulate_passage
from se_outcomes.tables.selection import tabulate_selection
from se_outcomes.tables.selection_equations import tabulate_selection_equations
from se_outcomes.wording.words import Words


def compose(cases: Cases, answers: Answers, words: Words, min_cell: int) -> list[Block]:
    """The blocks of the report.

    Parameters
    ----------
    cases : Cases
        For the study plan, the warnings and the names of columns; no count is taken from it.
    answers : Answers
        Protected: every number that may not be told is missing in it.
    words : Words
    min_cell : int
    """
    contents = Contents(cases, answers, words, min_cell)
    _compose_summary(contents)
    _compose_cases(contents)
    _compose_characteristics(contents)
    _compose_funnel(contents)
    for key, result in answers.passages.items():
        _compose_passage(contents, key, result)
    _compose_across(contents)
    _compose_selection(contents)
    _compose_selected(contents)
    compose_taken(contents)
    compose_effect(contents)
    compose_open_gates(contents)
    compose_few_offices(contents)
    contents.heading("left_out")
    contents.bullets(text.say_left_out(cases, answers, words))
    contents.heading("reservations")
    contents.bullets(text.say_reservations(cases, answers, words))
    contents.heading("method")
    contents.bullets(text.say_method(cases, answers, min_cell, words))
    return contents.blocks


def _compose_summary(contents: Contents) -> None:
    words, exposure = contents.words, contents.words.noun(contents.cases.plan.exposure)
    contents.heading("summary")
    contents.bullets(list(text.say_summary(contents.answers, words)))
    if not contents.answers.passages:
        return
    if contents.answers.admission.effect is not None:
        contents.paragraphs(
            words.say("explain_summary_effect", exposure=exposure), words.say("explain_not_shown_effect")
        )
        return
    not_shown = "explain_not_shown" if contents.answers.selected is None else "explain_not_shown_open"
    contents.paragraphs(words.say("explain_summary", exposure=exposure), words.say(not_shown))


def _compose_cases(contents: Contents) -> None:
    words, funnel, plan = contents.words, contents.answers.funnel, contents.cases.plan
    contents.heading("cases")
    said = text.say_flow(contents.answers, words)
    if outcome := plan.text("outcome", words.language):
        said.append(words.say("explain_outcome", outcome=outcome.rstrip(".")))
    if plan.horizon_days is not None:
        said.append(words.say("explain_horizon", days=plan.horizon_days))
    contents.paragraphs(*said)
    data = funnel_data(funnel)
    cells = pd.DataFrame(
        {
            words.say("head_place"): [place_name(place, funnel, words) for place in data["place"]],
            words.say("head_cases"): [words.count(n) for n in data["n"]],
        }
    )
    contents.figure(
        FigureExhibit(
            "funnel",
            "",
            words.say("caption_funnel"),
            lambda: draw_funnel(funnel, language=words.language),
            describe_funnel(funnel, words.language),
            data,
            "",
            cells,
        ),
        funnel.n_cases,
        words.say("note_withheld") if data["n"].isna().any() else "",
    )
    passages = list(contents.answers.passages.values())
    if passages:
        cells = tabulate_exclusions(passages, language=words.language)
        contents.table("exclusions", words.say("caption_exclusions"), cells)


def _compose_characteristics(contents: Contents) -> None:
    words, described = contents.words, contents.answers.characteristics
    cells = tabulate_characteristics(described, language=words.language)
    if cells.empty:
        return
    contents.heading("characteristics")
    notes = [words.say("explain_together")] if "not_accepted" in described.stages else []
    contents.paragraphs(words.say("explain_characteristics"))
    contents.table("characteristics", words.say("caption_characteristics"), cells, *notes, n_names=2)


def _compose_funnel(contents: Contents) -> None:
    words, funnel = contents.words, contents.answers.funnel
    contents.heading("funnel")
    exposure = words.noun(contents.cases.plan.exposure)
    said = [words.say("explain_funnel")]
    if funnel.by and funnel.by.endswith("_group"):
        said.append(words.say("explain_groups", exposure=exposure))
    contents.paragraphs(*said)
    cells = tabulate_funnel(funnel, language=words.language)
    if funnel.by:
        group = words.say("quarter_of", exposure=exposure) if funnel.by.endswith("_group") else exposure
        caption = words.say("caption_funnel_table", group=group)
    else:
        caption = words.say("caption_funnel_table_all")
    counts = funnel.counts
    rounded = counts["estimate"].notna() & counts[["n_at_risk", "n_passed"]].isna().any(axis=1)
    notes = [words.say("explain_rounded")] if rounded.any() else []
    contents.table("funnel", caption, cells, *notes, n_names=2 if funnel.by else 1)


def _compose_passage(contents: Contents, key: str, result: PassageResult) -> None:
    words = contents.words
    contents.heading(key, text.heading_of(key, result, words))
    contents.paragraphs(*text.say_passage(key, result, contents.answers, words))
    data = passage_data(result)
    if data.empty:
        return
    contents.figure(
        FigureExhibit(
            f"passage_{key}",
            "",
            text.caption_of(key, result, words),
            lambda: draw_passage(result, language=words.language),
            describe_passage(result, words.language),
            data,
            "",
            _passage_cells(result, data, words),
        ),
        result.fit_statistics["n_cases"],
        words.say("note_intervals"),
    )


def _passage_cells(result: PassageResult, data: pd.DataFrame, words: Words) -> pd.DataFrame:
    """The points of a figure as text; the curve in five places."""
    curve = data.loc[data["drawn"] == "curve"]
    places = np.unique(np.linspace(0, max(len(curve) - 1, 0), min(5, len(curve))).round().astype(int))
    rows = pd.concat([data.loc[data["drawn"] != "curve"], curve.iloc[places]])
    by = result.specification.exposure
    shown = []
    for row in records(rows):
        where = words.level(by, str(row.name)) if row.drawn == "level" else words.number(row.value, 1)
        shown.append(
            {
                words.noun(by).capitalize(): where,
                words.say("head_what"): words.say(f"drawn_{row.drawn}"),
                words.say("head_share"): words.percent(row.share),
                words.say("head_interval"): words.interval(row.conf_low, row.conf_high, words.percent),
                words.say("head_cases"): words.count(row.n) if row.drawn != "curve" else "",
            }
        )
    return pd.DataFrame(shown)


def _compose_across(contents: Contents) -> None:
    words, passages = contents.words, list(contents.answers.passages.values())
    told = [result for result in passages if result.estimates["estimate"].notna().any()]
    if not told:
        return
    exposure = words.noun(contents.cases.plan.exposure)
    contents.heading("passage")
    contents.figure(
        FigureExhibit(
            "marginal_effects",
            "",
            words.say("caption_marginal_effects", exposure=exposure),
            lambda: draw_marginal_effects(told, language=words.language),
            describe_marginal_effects(told, words.language),
            marginal_effects_data(told),
            "",
        ),
        np.nan,
        words.say("note_intervals"),
    )
    cells = tabulate_passage(told, language=words.language)
    caption = words.say("caption_passage_table", exposure=exposure)
    notes = (words.say("note_intervals"), words.say("note_p_values"))
    contents.table("passage", caption, cells, *notes, n_names=3)
    cells = tabulate_conditional(told, language=words.language)
    if len(cells):
        caption = words.say("caption_conditional", exposure=exposure)
        contents.table("conditional", caption, cells, words.say("note_conditional"), n_names=3)


def _compose_selection(contents: Contents) -> None:
    words, selection = contents.words, contents.answers.selection
    if selection is None:
        return
    exposure = words.noun(selection.specification.exposure)
    contents.heading("selection")
    contents.paragraphs(words.say("explain_selection"), *text.say_selection(selection, words))
    if selection.estimates["estimate"].notna().any():
        contents.figure(
            FigureExhibit(
                "selection",
                "",
                words.say("caption_selection", exposure=exposure),
                lambda: draw_selection(selection, language=words.language),
                describe_selection(selection, words.language),
                selection_data(selection),
                "",
            ),
            selection.n_cases,
            words.say("note_joint"),
        )
    cells = tabulate_selection(selection, language=words.language)
    caption = words.say("caption_selection_table", exposure=exposure)
    contents.table("selection", caption, cells, words.say("note_intervals"), n_names=2)


def _compose_selected(contents: Contents) -> None:
    words, selected = contents.words, contents.answers.selected
    if selected is None:
        if "selected_placement" not in contents.answers.refusals and not contents.answers.by_level:
            contents.heading("selected_placement")
            contents.paragraphs(words.say("finding_selected_withheld"))
        return
    language, exposure = words.language, words.noun(selected.specification.exposure)
    sets = words.say("note_sets_jackknife" if text.is_jackknifed(selected) else "note_sets_projected")
    contents.heading("selected_placement")
    contents.paragraphs(*text.say_selected(selected, words))
    for stem, draw, describe, data, note in (
        (
            "corrected_effects",
            draw_corrected_effects,
            describe_corrected_effects,
            corrected_effects_data,
            sets,
        ),
        (
            "rho_profile",
            draw_rho_profile,
            describe_rho_profile,
            rho_profile_data,
            words.say("note_rho_profile"),
        ),
        ("placement_curve", draw_placement_curve, describe_placement_curve, placement_curve_data, sets),
    ):
        numbers = data(selected)
        if numbers.empty:
            continue
        caption = words.say(f"caption_{stem}", exposure=exposure)
        drawn = partial(draw, selected, language=language)
        figure = FigureExhibit(stem, "", caption, drawn, describe(selected, language), numbers, "")
        contents.figure(figure, np.nan, note)
    cells = tabulate_open_gate(selected, language=language)
    contents.table("open_gate", words.say("caption_open_gate"), cells, sets)
    cells = tabulate_selection_equations(selected, language=language)
    held = [] if text.is_jackknifed(selected) else [words.say("note_rho_held")]
    contents.table("selection_equations", words.say("caption_selection_equations"), cells, *held, n_names=2)
