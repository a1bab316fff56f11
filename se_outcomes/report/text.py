"""The report's sentences about what was found, from results that have been protected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.cases.schema import read_schema
from se_outcomes.report.admission_text import (
    say_admission_in_short,
    say_admission_method,
    say_admission_notices,
    say_remedies,
)
from se_outcomes.report.answers import PASSAGES, Answers
from se_outcomes.study.passage import PassageResult
from se_outcomes.study.selected_placement import SelectedPlacementResult
from se_outcomes.study.selection import SelectionResult
from se_outcomes.tables.few_offices import disagreements
from se_outcomes.wording.words import Words

#: From this p-value on, a squared term is no cause to doubt the straight line.
LINEAR = 0.05
#: Below this p-value a test speaks against there being no difference, as a 95 % interval without zero does.
LEVEL = 0.05
#: Chapters for which the schema names columns, and which are no question of their own.
CHAPTERS = ("follow_up", "retention", "rating_order", "rating_source", "gatekeepers")


def count_in_words(n: object, words: Words) -> str:
    """A count inside a sentence, where a colon in its place would not be understood."""
    return words.say("untold") if pd.isna(n) else words.count(n)  # type: ignore[call-overload]


def say_flow(answers: Answers, words: Words) -> list[str]:
    """How many went how far."""
    n = answers.funnel.flow.set_index("place")["n"]
    places = {place: count_in_words(n[place], words) for place in ("followed", "accepted", "placed")}
    places["who"] = words.say("who_eligible" if answers.funnel.horizon_days is None else "who_followed")
    if answers.funnel.gates == "merged":
        return [words.say("finding_flow_merged", **places)]
    said = [words.say("finding_flow", referred=count_in_words(n["referred"], words), **places)]
    if pd.isna(n["undecided"]) or n["undecided"] > 0:
        said.append(words.say("finding_undecided", undecided=count_in_words(n["undecided"], words)))
    return said


def say_finding(key: str, result: PassageResult, words: Words) -> str:
    """Which way the exposure goes with passing, by the last model fitted; and whether the test sees it otherwise."""
    event = words.say(_of_key("event", key, result))
    exposure = words.noun(result.specification.exposure)
    row = _effect(result)
    if row is None:
        return words.say("finding_levels", event=event, exposure=exposure)
    if pd.isna(row["estimate"]):
        return words.say("finding_withheld", event=event.rstrip(","))
    low, high = row["conf_low"], row["conf_high"]
    parts = {"event": event, "exposure": exposure}
    clear = low > 0 or high < 0
    sizes = {"points": row["estimate"], "low": low, "high": high}
    if high < 0:
        sizes = {"points": -row["estimate"], "low": -high, "high": -low}
    key = "finding_up" if low > 0 else "finding_down" if high < 0 else "finding_unclear"
    said = words.say(key, **{name: words.points(size) for name, size in sizes.items()}, **parts)
    powerless = any(notice.key == "bootstrap_powerless" for notice in result.warnings)
    if powerless or pd.isna(row["p_value"]) or clear == (row["p_value"] < LEVEL):
        return said
    against = "finding_interval_only" if clear else "finding_test_only"
    return f"{said} {words.say(against, p=words.p_value(row['p_value']))}"


def say_passage(key: str, result: PassageResult, answers: Answers, words: Words) -> list[str]:
    """The paragraph under a question's heading."""
    said = [
        words.say(
            "finding_counts",
            n=count_in_words(result.fit_statistics["n_cases"], words),
            events=count_in_words(result.fit_statistics["n_events"], words),
        ),
        say_finding(key, result, words),
    ]
    if key in answers.across_offices:
        why = words.refusal(answers.refusals[key], result.specification.exposure)
        said.insert(1, words.say("finding_across", why=why[:1].lower() + why[1:]))
    said += _say_adjusted(result, words) + _say_quarters(result, words)
    if result.estimates["estimate"].notna().any() and disagreements(result):
        said.append(words.say("finding_tests_disagree"))
    if result.linearity is not None:
        straight = result.linearity.p_value >= LINEAR
        said.append(
            words.say(
                "finding_linear" if straight else "finding_curved", p=words.p_value(result.linearity.p_value)
            )
        )
    if result.joint is not None:
        said.append(words.say("finding_joint", p=words.p_value(result.joint.p_value)))
    if key == "acceptance" and answers.funnel.gates != "merged":
        said.append(words.say("explain_acceptance"))
    return said


def say_selection(selection: SelectionResult, words: Words) -> list[str]:
    """How many times as likely, and at which gate; standardised over offices where that exists."""
    rows: Any = selection.estimates.set_index(["adjustment", "term"])
    adjustment = "office_standardised" if ("office_standardised", "net") in rows.index else "crude"
    net = rows.loc[(adjustment, "net")]
    if pd.isna(net["estimate"]):
        return []
    parts = {
        "exposure": words.noun(selection.specification.exposure),
        "ratio": words.number(net["risk_ratio"], 1),
        "low": words.number(net["rr_conf_low"], 1),
        "high": words.number(net["rr_conf_high"], 1),
    }
    clear = net["conf_low"] > 0 or net["conf_high"] < 0
    said = [words.say("finding_selection" if clear else "finding_selection_unclear", **parts)]
    first = (adjustment, "gate_1")
    if clear and first in rows.index and pd.notna(rows.loc[first, "share"]):
        said.append(words.say("finding_selection_share", share=words.percent(rows.loc[first, "share"], 0)))
    return said


def say_selected(selected: SelectedPlacementResult, words: Words) -> list[str]:
    """Placement corrected for selection: motivation's part, the open gate, and how far it hangs on the correlation."""
    exposure = words.noun(selected.specification.exposure)
    said = [words.say(f"explain_selected_{selected.outcome_observed}")]
    if selected.point_identified:
        said.append(words.say("explain_exclusion", columns=words.nouns(selected.specification.exclusion)))
    rows: Any = selected.estimates.query("measure == 'ame'").set_index("model")
    naive, corrected = rows.loc["naive"], rows.loc["corrected"]
    parts = {
        "exposure": exposure,
        "naive": words.points(naive["estimate"]),
        "naive_low": words.points(naive["conf_low"]),
        "naive_high": words.points(naive["conf_high"]),
        "low": words.points(corrected["conf_low"]),
        "high": words.points(corrected["conf_high"]),
    }
    if selected.point_identified:
        said.append(words.say("finding_corrected", points=words.points(corrected["estimate"]), **parts))
    else:
        said.append(words.say("finding_corrected_set", **parts))
    said += _say_open_gate(selected, words)
    said.append(words.say("finding_rho", p=words.p_value(selected.independence.p_value)))
    if selected.breakdown:
        values = words.listed([words.number(value, 2) for value in selected.breakdown])
        said.append(words.say("finding_breakdown", exposure=exposure, values=values))
    else:
        said.append(words.say("finding_no_breakdown", exposure=exposure))
    return said


def is_jackknifed(selected: SelectedPlacementResult) -> bool:
    """Whether the corrected intervals are the jackknife's; else they are projected and have no standard error."""
    return bool(selected.estimates.query("model == 'corrected'")["std_error"].notna().all())


def _say_open_gate(selected: SelectedPlacementResult, words: Words) -> list[str]:
    rows: Any = selected.averages.set_index("measure")
    accepted, opened, gap = (rows.loc[name] for name in ("accepted", "open_gate", "gap"))
    parts = {
        "accepted": words.percent(accepted["estimate"], 0),
        "low": words.percent(opened["conf_low"], 0),
        "high": words.percent(opened["conf_high"], 0),
    }
    if not selected.point_identified:
        return [words.say("finding_open_gate_set", **parts)]
    return [
        words.say("finding_open_gate", open_gate=words.percent(opened["estimate"], 0), **parts),
        words.say(
            "finding_gap",
            gap=words.points(gap["estimate"]),
            low=words.points(gap["conf_low"]),
            high=words.points(gap["conf_high"]),
            observed=words.points(rows.loc["gap_observed", "estimate"]),
            unobserved=words.points(rows.loc["gap_unobserved", "estimate"]),
        ),
    ]


def say_left_out(cases: Cases, answers: Answers, words: Words) -> list[str]:
    """Questions without an answer, and chapters whose columns the file does not have."""
    exposure = cases.plan.exposure
    said = []
    for key in (*PASSAGES, "selection", "selected_placement"):
        if key in answers.refusals:
            template = "left_out_across" if key in answers.across_offices else "left_out_question"
            question = words.say(f"asked_{key}")
            said.append(
                words.say(
                    template,
                    question=question[:1].upper() + question[1:],
                    why=words.refusal(answers.refusals[key], exposure),
                )
            )
    if answers.by_level:
        question = words.say("asked_selected_placement")
        why = words.say("left_out_by_level", exposure=words.noun(exposure))
        said.append(
            words.say(
                "left_out_question",
                question=question[:1].upper() + question[1:],
                why=why[:1].upper() + why[1:],
            )
        )
    said += say_remedies(answers, exposure, words)
    for chapter in CHAPTERS:
        missing = [name for name in _columns_of(chapter) if not cases.has(name)]
        if missing and not (chapter == "retention" and len(missing) < 2):
            said.append(
                words.say(
                    "left_out_columns",
                    chapter=words.say(f"chapter_{chapter}"),
                    columns=words.nouns(tuple(missing)),
                )
            )
    return said or [words.say("left_out_none")]


def say_reservations(cases: Cases, answers: Answers, words: Words) -> list[str]:
    """Every notice of the check and of the results, once."""
    notices = [*cases.warnings, *answers.funnel.warnings, *answers.characteristics.warnings]
    for result in answers.passages.values():
        notices += result.warnings
    if answers.selection is not None:
        notices += [*answers.selection.refusals, *answers.selection.warnings]
    for answer in (answers.selected, answers.familywise):
        notices += () if answer is None else answer.warnings
    said = dict.fromkeys([*map(words.notice, notices), *say_admission_notices(answers, words)])
    return [sentence for sentence in said if sentence] or [words.say("reservations_none")]


def say_method(cases: Cases, answers: Answers, min_cell: int, words: Words) -> list[str]:
    """How the numbers were made, in words."""
    said = []
    if answers.passages:
        covariates = next(iter(answers.passages.values())).specification.adjust_for
        if covariates:
            said.append(words.say("method_model", covariates=words.nouns(covariates)))
        else:
            said.append(words.say("method_model_crude"))
        said.append(words.say("method_inference"))
    if answers.selected is not None:
        said.append(words.say(f"method_selected_{answers.selected.outcome_observed}"))
        said.append(words.say("method_selected_inference"))
        if not answers.selected.specification.office_effects:
            said.append(words.say("method_no_office_effects"))
    said += say_admission_method(answers, words)
    said.append(words.say("method_disclosure", min_cell=words.count(min_cell)))
    said.append(words.say("explain_rounded"))
    return said


def _of_key(prefix: str, key: str, result: PassageResult) -> str:
    """The text of a question, that of merged gates where acceptance is of all eligible."""
    merged = key == "acceptance" and result.specification.at_risk == "eligible"
    return f"{prefix}_{key}_merged" if merged else f"{prefix}_{key}"


def caption_of(key: str, result: PassageResult, words: Words) -> str:
    """The caption of a question's figure."""
    return words.say(_of_key("caption", key, result), exposure=words.noun(result.specification.exposure))


def heading_of(key: str, result: PassageResult, words: Words) -> str:
    """The heading of a question's section."""
    return words.say(_of_key("heading", key, result))


def _effect(result: PassageResult, adjustment: str | None = None) -> Any:
    """The average marginal effect per standard deviation, of the last model unless said otherwise."""
    rows = result.estimates.query("contrast == 'per_sd' and measure == 'ame'")
    if adjustment is not None:
        rows = rows.loc[rows["adjustment"] == adjustment]
    return rows.iloc[-1] if len(rows) else None  # a row, its numbers by name


def _say_adjusted(result: PassageResult, words: Words) -> list[str]:
    crude, adjusted = (_effect(result, kind) for kind in ("crude", "adjusted"))
    if crude is None or adjusted is None or pd.isna(adjusted["estimate"]):
        return []
    return [
        words.say(
            "finding_adjusted",
            covariates=words.nouns(result.specification.adjust_for),
            points=words.points(adjusted["estimate"]),
            low=words.points(adjusted["conf_low"]),
            high=words.points(adjusted["conf_high"]),
            crude=words.points(crude["estimate"]),
        )
    ]


def _say_quarters(result: PassageResult, words: Words) -> list[str]:
    groups = result.groups.set_index("group")["estimate"] if len(result.groups) else pd.Series(dtype=float)
    if not {"q1", "q4"} <= set(groups.dropna().index):
        return []
    within = result.specification.office_effects
    return [
        words.say(
            "finding_quarters" if within else "finding_quarters_across",
            exposure=words.noun(result.specification.exposure),
            bottom=words.percent(groups["q1"], 0),
            top=words.percent(groups["q4"], 0),
        )
    ]


def _columns_of(chapter: str) -> Sequence[str]:
    return [name for name, column in read_schema()["cases"].columns.items() if chapter in column.needed_by]


def say_summary(answers: Answers, words: Words) -> Iterator[str]:
    """The findings in a row: the flow, each question, the split."""
    yield " ".join(say_flow(answers, words))
    for key, result in answers.passages.items():
        sentences = [say_finding(key, result, words), *_say_quarters(result, words)]
        yield " ".join(sentences)
    if answers.selection is not None and (said := say_selection(answers.selection, words)):
        yield " ".join(said)
    yield from say_admission_in_short(answers, words)
