"""The report's section on what intervals and tests rest on when offices are few."""

from __future__ import annotations

from se_outcomes.report.blocks import Contents
from se_outcomes.tables.familywise import tabulate_familywise
from se_outcomes.tables.few_offices import tabulate_few_offices


def compose_few_offices(contents: Contents) -> None:
    """Why offices are counted and not cases, every test beside the others, and the tests adjusted for their number."""
    words, passages = contents.words, list(contents.answers.passages.values())
    told = [result for result in passages if result.estimates["estimate"].notna().any()]
    if not told:
        return
    exposure = words.noun(told[0].specification.exposure)
    n_offices = max(int(result.estimates["n_offices"].max()) for result in told)
    contents.heading("few_offices")
    contents.paragraphs(words.say("explain_few_offices", n_offices=n_offices))
    cells = tabulate_few_offices(told, language=words.language)
    caption = words.say("caption_few_offices", exposure=exposure)
    contents.table("few_offices", caption, cells, words.say("note_few_offices"), n_names=3)
    familywise = contents.answers.familywise
    if familywise is None:
        return
    contents.paragraphs(words.say("explain_familywise"))
    contrast = words.contrast(str(familywise.estimates["contrast"].iloc[0]), told[0].specification.exposure)
    note = words.say("note_familywise", contrast=contrast[:1].lower() + contrast[1:])
    cells = tabulate_familywise(familywise, language=words.language)
    contents.table("familywise", words.say("caption_familywise", exposure=exposure), cells, note)
