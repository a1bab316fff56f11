"""The report's chapter on what Supported Employment does: raw gap, effects, bounds, and the model of both gates."""

from __future__ import annotations

from functools import partial

import numpy as np

from se_outcomes.figures.correlation_grid import (
    correlation_grid_data,
    describe_correlation_grid,
    draw_correlation_grid,
)
from se_outcomes.figures.gap import describe_gap, draw_gap, gap_data
from se_outcomes.report.admission_text import say_bounds, say_effect, say_two_gates, tells_nothing
from se_outcomes.report.blocks import Contents, FigureExhibit
from se_outcomes.report.cells import whole_numbers, without_columns
from se_outcomes.study.bounds import BoundsResult
from se_outcomes.study.effect import EffectResult
from se_outcomes.study.two_gates import TwoGateResult
from se_outcomes.tables.bounds import tabulate_bounds
from se_outcomes.tables.effect import tabulate_effect, tabulate_effect_levels, tabulate_overlap
from se_outcomes.tables.two_gates import tabulate_correlations, tabulate_two_gates


def compose_effect(contents: Contents) -> None:
    """What is known of the effect, from the most that is supposed to the least."""
    found = contents.answers.admission
    if found.effect is None and found.bounds is None and found.two_gates is None:
        return
    contents.heading("effect")
    if found.effect is not None:
        _compose_effect(contents, found.effect)
    if found.bounds is not None:
        _compose_bounds(contents, found.bounds)
    if found.two_gates is not None:
        _compose_two_gates(contents, found.two_gates)


def _compose_effect(contents: Contents, result: EffectResult) -> None:
    words, language = contents.words, contents.words.language
    asked = result.specification
    columns = words.nouns((asked.exposure, *asked.adjust_for))
    contents.paragraphs(words.say("explain_effect", columns=columns), *say_effect(result, words))
    note = words.say("note_effect")
    cells = without_columns(tabulate_effect(result, language=language), words, "head_cases")
    contents.table("effect", words.say("caption_effect"), cells, note, n_names=2)
    _draw_gap(contents, "gap", result, words.say("caption_gap"), note)
    cells = whole_numbers(tabulate_effect_levels(result, language=language))
    contents.table(
        "effect_levels", words.say("caption_effect_levels"), cells, words.say("note_policies"), n_names=2
    )
    cells = without_columns(tabulate_overlap(result, language=language), words, "head_largest_weight")
    cells = whole_numbers(cells)
    contents.table("overlap", words.say("caption_overlap"), cells, words.say("note_overlap"))


def _draw_gap(
    contents: Contents, stem: str, result: EffectResult | TwoGateResult, caption: str, note: str
) -> None:
    language = contents.words.language
    figure = FigureExhibit(
        stem,
        "",
        caption,
        partial(draw_gap, result, language=language),
        describe_gap(result, language),
        gap_data(result),
        "",
    )
    contents.figure(figure, np.nan, note)


def _compose_bounds(contents: Contents, result: BoundsResult) -> None:
    words = contents.words
    contents.paragraphs(words.say("explain_bounds"), *say_bounds(result, words))
    cells = whole_numbers(tabulate_bounds(result, language=words.language))
    of_all = result.outcome_observed == "all"
    caption = words.say("caption_bounds" if of_all else "caption_bounds_open")
    contents.table("bounds", caption, cells, words.say("note_bounds"), n_names=2)


def _compose_two_gates(contents: Contents, result: TwoGateResult) -> None:
    words = contents.words
    contents.paragraphs(*say_two_gates(result, words))
    if tells_nothing(result):
        return
    of_all = result.outcome_observed == "all"
    note = words.say("note_sets_jackknife" if result.inside else "note_sets_projected")
    if result.identified:
        caption = words.say("caption_gap_two_gates" if of_all else "caption_gap_open")
        _draw_gap(contents, "gap_two_gates", result, caption, note)
    elif correlation_grid_data(result)["open_gate"].notna().any():
        figure = FigureExhibit(
            "correlation_grid",
            "",
            words.say("caption_correlation_grid"),
            partial(draw_correlation_grid, result, language=words.language),
            describe_correlation_grid(result, words.language),
            correlation_grid_data(result),
            "",
        )
        contents.figure(figure, np.nan, note)
    cells = whole_numbers(tabulate_two_gates(result, language=words.language))
    contents.table("two_gates", words.say("caption_two_gates"), cells, note)
    cells = tabulate_correlations(result, language=words.language)
    contents.table("correlations", words.say("caption_correlations"), cells, note)
