"""The report's chapter on who is taken and who is left: losses, creaming, and those left out."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from se_outcomes.figures.creaming import creaming_data, describe_creaming, draw_creaming
from se_outcomes.figures.left_out import describe_left_out, draw_left_out, left_out_data
from se_outcomes.figures.losses import describe_losses, draw_losses, losses_data
from se_outcomes.figures.prospects import describe_prospects, draw_prospects, prospects_data
from se_outcomes.report.admission_text import say_creaming, say_left_out_groups, say_losses, say_no_chance
from se_outcomes.report.blocks import Contents, FigureExhibit
from se_outcomes.report.cells import shares_alone, whole_numbers, without_columns
from se_outcomes.study.left_out import LeftOutResult
from se_outcomes.tables.creaming import tabulate_creaming
from se_outcomes.tables.left_out import (
    tabulate_left_out,
    tabulate_left_out_composition,
    tabulate_no_chance,
    tabulate_prospects,
)
from se_outcomes.tables.losses import tabulate_losses
from se_outcomes.wording.words import Words


def compose_taken(contents: Contents) -> None:
    """Where each group is lost, who is left out, and creaming and targeting at the gates."""
    found = contents.answers.admission
    contents.heading("taken")
    _compose_losses(contents)
    if found.left_out is not None:
        _compose_left_out(contents, found.left_out)
    _compose_creaming(contents)


def _compose_losses(contents: Contents) -> None:
    words, funnel = contents.words, contents.answers.funnel
    exposure = words.noun(contents.cases.plan.exposure)
    contents.paragraphs(words.say("explain_losses"), *say_losses(funnel, exposure, words))
    if not funnel.by:
        caption = words.say("caption_losses_all")
    else:
        quarters = funnel.by.endswith("_group")
        group = words.say("quarter_of", exposure=exposure) if quarters else exposure
        caption = words.say("caption_losses", group=group)
    contents.figure(
        FigureExhibit(
            "losses",
            "",
            caption,
            lambda: draw_losses(funnel, language=words.language),
            describe_losses(funnel, words.language),
            losses_data(funnel).round(2),
            "",
            tabulate_losses(funnel, language=words.language),
        ),
        np.nan,
        words.say("note_losses"),
    )


def _compose_left_out(contents: Contents, result: LeftOutResult) -> None:
    words, language = contents.words, contents.words.language
    asked = result.specification
    columns = words.nouns((asked.exposure, *asked.adjust_for))
    of_all = result.density_of == "without_se"
    explain = "explain_left_out" if of_all else "explain_left_out_accepted"
    contents.paragraphs(
        words.say(explain, columns=columns), *say_left_out_groups(result, contents.cases.plan.gates, words)
    )
    note = words.say("note_jackknife_whole")
    if len(prospects_data(result)):
        contents.figure(
            FigureExhibit(
                "prospects",
                "",
                words.say("caption_prospects_without" if of_all else "caption_prospects_with"),
                lambda: draw_prospects(result, language=language),
                describe_prospects(result, language),
                prospects_data(result),
                "",
                tabulate_prospects(result, language=language),
            ),
            np.nan,
        )
    cells = _without_cases(tabulate_left_out(result, language=language), words)
    contents.table("left_out", words.say("caption_left_out"), cells, note, n_names=2)
    composed = words.say("note_composition")
    contents.figure(
        FigureExhibit(
            "left_out",
            "",
            words.say("caption_left_out_figure"),
            lambda: draw_left_out(result, language=language),
            describe_left_out(result, language),
            left_out_data(result),
            "",
        ),
        np.nan,
        composed,
    )
    cells = whole_numbers(shares_alone(tabulate_left_out_composition(result, language=language)))
    contents.table("composition", words.say("caption_composition"), cells, note, composed, n_names=2)
    contents.paragraphs(*say_no_chance(result, words))
    cells = _without_cases(tabulate_no_chance(result, language=language), words)
    contents.table("no_chance", words.say("caption_no_chance"), cells, note)


def _compose_creaming(contents: Contents) -> None:
    words, found = contents.words, contents.answers.admission
    told = [result for result in (found.creaming, found.targeting) if result is not None]
    if not told:
        return
    if found.creaming is not None:
        contents.paragraphs(words.say("explain_creaming"), *say_creaming(found.creaming, words))
    if found.targeting is not None:
        contents.paragraphs(words.say("explain_targeting"), *say_creaming(found.targeting, words))
    contents.figure(
        FigureExhibit(
            "creaming",
            "",
            words.say("caption_creaming"),
            partial(draw_creaming, told, language=words.language),
            describe_creaming(told, words.language),
            creaming_data(told),
            "",
        ),
        np.nan,
        words.say("note_jackknife_whole"),
    )
    cells = without_columns(
        tabulate_creaming(told, language=words.language), words, "head_came", "head_passed"
    )
    caption = words.say("caption_creaming_table")
    contents.table("creaming", caption, cells, f"{words.say('note_ratio')}.", n_names=2)


def _without_cases(cells: pd.DataFrame, words: Words) -> pd.DataFrame:
    return whole_numbers(without_columns(cells, words, "head_cases"))
