"""Every table says the numbers of its result, in three languages, and a colon for what may not be told."""

import re
from dataclasses import replace

import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.tables.passage import tabulate_conditional

STAGES = {
    "en": ["Referred", "Accepted", "Placed in work", "Still in work"],
    "nb": ["Henvist", "Tatt inn", "I arbeid", "Fortsatt i arbeid"],
    "nn": ["Tilvist", "Teken inn", "I arbeid", "Framleis i arbeid"],
}
ALL_IN_ORDER = {
    "en": ["All", "Lowest quarter", "Second quarter", "Third quarter", "Highest quarter", "Not recorded"],
    "nb": ["Alle", "Laveste fjerdedel", "Andre fjerdedel", "Tredje fjerdedel", "Høyeste fjerdedel", "Ikke registrert"],
    "nn": ["Alle", "Lågaste fjerdedel", "Andre fjerdedel", "Tredje fjerdedel", "Høgaste fjerdedel",
           "Ikkje registrert"],
}  # fmt: skip


@pytest.fixture(scope="module")
def cases():
    """1,200 cases in five offices, values missing."""
    return so.simulate_cases(1200, seed=1, missing=True).cases


@pytest.fixture(scope="module")
def merged_cases():
    return so.simulate_cases(800, seed=3, gates="merged").cases


@pytest.fixture(scope="module")
def passages(cases):
    return [so.estimate_referral(cases), so.estimate_acceptance(cases), so.estimate_placement(cases)]


@pytest.fixture(scope="module")
def by_level(cases):
    return so.estimate_referral(cases, exposure="education_level", adjust_for=())


@pytest.fixture(scope="module")
def selection(cases):
    return so.decompose_selection(cases)


@pytest.fixture(scope="module")
def described(cases):
    return so.count_characteristics(cases, variables=["motivation", "age_group", "born_abroad"])


@pytest.fixture(scope="module")
def small_offices():
    """300 cases in 15 offices: fewer than 30 in each."""
    return so.estimate_referral(so.simulate_cases(300, n_offices=15, seed=4).cases, adjust_for=())


def numbers_in(cell, language):
    """The numbers in a cell, read as a reader of the language would."""
    thousands, decimal = (",", r"\.") if language == "en" else ("\u00a0", ",")
    found = re.findall(rf"−?(?:\d{{1,3}}(?:{thousands}\d{{3}})+|\d+)(?:{decimal}\d+)?|−?∞", cell)
    plain = [text.replace("−", "-").replace(thousands, "").replace("∞", "inf") for text in found]
    return [float(text.replace(",", ".")) for text in plain]


def says(cell, language, *values, decimals=0):
    """Whether a cell holds these numbers, in this order, to so many decimals; a colon where one is missing."""
    if any(np.isnan(value) for value in values):
        return cell == ":"
    found = numbers_in(cell, language)
    if len(found) != len(values):
        return False
    near = 0.5 * 10**-decimals + 1e-9
    return all(one == other or abs(one - other) <= near for one, other in zip(found, values, strict=True))


def decimals_of(cell):
    return {len(tail) for tail in re.findall(r"\d[.,](\d+)(?=\D|$)", cell)}


def blank(frame):
    """A frame of which no number may be told."""
    numbers = frame.select_dtypes("number").columns
    return frame.astype(dict.fromkeys(numbers, "float64")).assign(**dict.fromkeys(numbers, np.nan))


def is_said(table):
    """No cell is empty of sense: text everywhere, and no word of a program for a missing number."""
    assert len(table) > 0
    for cell in table.to_numpy().ravel():
        assert isinstance(cell, str), cell
        assert not re.search(r"\b(nan|none|na|nat|inf)\b", cell, re.I), cell
    return True


def test_the_reader_of_cells_reads():
    assert numbers_in("−1,234.5 (0.3 to ∞)", "en") == [-1234.5, 0.3, np.inf]
    assert numbers_in("12\u00a0034 (36,5\u00a0%)", "nb") == [12034, 36.5]
    assert says("1.2 (0.9 to 1.5)", "en", 1.24, 0.86, 1.5, decimals=1)
    assert not says("1.2 (0.9 to 1.5)", "en", 1.24, 0.96, 1.5, decimals=1)
    assert not says("12", "en", np.nan)


# --- funnel -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_funnel_by_group(language, cases):
    result = so.count_funnel(cases, by="motivation")
    table = so.tabulate_funnel(result, language=language)
    assert is_said(table)
    assert table.iloc[:, 0].tolist() == [stage for stage in STAGES[language] for _ in ALL_IN_ORDER[language]]
    assert table.iloc[:, 1].tolist() == 4 * ALL_IN_ORDER[language]
    stages = ["referred", "accepted", "placed", "retained"]
    groups = ["all", "q1", "q2", "q3", "q4", "missing"]
    counts = result.counts.set_index(["stage", "group"])
    keys = [(stage, group) for stage in stages for group in groups]
    for key, (*_, at_risk, passed, share, interval, wilson, unknown) in zip(
        keys, table.itertuples(index=False), strict=True
    ):
        row = counts.loc[key]
        assert says(at_risk, language, row["n_at_risk"])
        assert says(passed, language, row["n_passed"])
        assert says(unknown, language, row["n_unknown"])
        assert says(share, language, 100 * row["estimate"], decimals=1)
        assert says(interval, language, 100 * row["conf_low"], 100 * row["conf_high"], decimals=1)
        assert says(wilson, language, 100 * row["wilson_low"], 100 * row["wilson_high"], decimals=1)
    assert numbers_in(table.iloc[0, 2], language) == [1025.0]  # a number with thousands among them
    assert (table.iloc[:, 5] == ":").sum() == 1  # nobody of the few "not recorded" is still in work


def test_funnel_of_all_has_no_column_of_groups(cases, merged_cases):
    table = so.tabulate_funnel(so.count_funnel(cases))
    assert "Group" not in table
    assert table["Stage"].tolist() == STAGES["en"]
    merged = so.tabulate_funnel(so.count_funnel(merged_cases), language="nn")
    assert merged.iloc[:, 0].tolist() == STAGES["nn"][1:]


@pytest.mark.parametrize("language", LANGUAGES)
def test_funnel_withheld(language, cases):
    result = so.count_funnel(cases, by="born_abroad")
    table = so.tabulate_funnel(replace(result, counts=blank(result.counts)), language=language)
    assert is_said(table)
    assert (table.iloc[:, 2:] == ":").all(axis=None)
    yes = {"en": "Yes", "nb": "Ja", "nn": "Ja"}[language]
    assert yes in table.iloc[:, 1].tolist()


def test_funnel_with_a_share_and_no_counts(cases):
    result = so.count_funnel(cases)
    counts = result.counts.astype({"n_at_risk": "float64", "n_passed": "float64"})
    counts.loc[0, ["n_at_risk", "n_passed", "conf_low", "conf_high"]] = np.nan
    counts.loc[0, "estimate"] = 0.35
    row = so.tabulate_funnel(replace(result, counts=counts), language="nb").iloc[0].tolist()
    assert row[1:5] == [":", ":", "35\u00a0%", ":"]


# --- characteristics --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_characteristics(language, described):
    table = so.tabulate_characteristics(described, language=language)
    assert is_said(table)
    first = table.iloc[0].tolist()
    moments = described.moments.set_index("stage")
    for cell, stage in zip(first[2:], described.stages, strict=False):
        assert says(cell, language, moments.at[stage, "mean"], moments.at[stage, "std_dev"], decimals=2)
    counts = described.counts.set_index(["variable", "level", "stage"])
    differences = described.differences.set_index(["variable", "level", "contrast"])["difference"]
    levels = [("age_group", level) for level in ("18-19", "20-24", "25-29", "30+", "missing")]
    levels += [("born_abroad", level) for level in ("false", "true", "missing")]
    assert len(table) == 1 + len(levels)
    width = len(described.stages)
    for key, row in zip(levels, table.iloc[1:].itertuples(index=False), strict=True):
        for cell, stage in zip(row[2 : 2 + width], described.stages, strict=True):
            n, share = counts.loc[(*key, stage), ["n", "share"]]
            assert says(cell, language, n, 100 * share, decimals=1)
        for cell, contrast in zip(row[2 + width :], ("gate_1", "gate_2"), strict=True):
            if key[1] == "missing":
                assert cell == ""
            else:
                assert says(cell, language, differences[(*key, contrast)], decimals=2)
    assert says(first[-2], language, differences["motivation", "", "gate_1"], decimals=2)
    yes = {"en": "Yes", "nb": "Ja", "nn": "Ja"}[language]
    assert table.iloc[-2, 1] == yes


def test_characteristics_with_the_undecided_among_the_not_accepted(cases):
    together = so.count_characteristics(cases, variables=["sex"], undecided="with_refused")
    table = so.tabulate_characteristics(together)
    assert "Referred, not accepted or undecided" in table
    assert "Referred, undecided" not in table
    apart = so.tabulate_characteristics(so.count_characteristics(cases, variables=["sex"]))
    assert "Referred, undecided" in apart


@pytest.mark.parametrize("language", LANGUAGES)
def test_characteristics_withheld(language, described):
    withheld = replace(
        described,
        counts=blank(described.counts),
        moments=blank(described.moments),
        differences=blank(described.differences),
    )
    table = so.tabulate_characteristics(withheld, language=language)
    assert is_said(table)
    assert set(table.iloc[:, 2:].to_numpy().ravel()) == {":", ""}
    whole = replace(described, counts=described.counts.assign(share=np.nan))
    cells = so.tabulate_characteristics(whole, language=language).iloc[1, 2:7].tolist()
    of_level = described.counts.query("variable == 'age_group' and level == '18-19'")["n"]
    assert [numbers_in(cell, language) for cell in cells] == [[float(n)] for n in of_level]


def test_nothing_described_is_an_empty_table(cases):
    described = so.count_characteristics(cases, variables=[])
    assert so.tabulate_characteristics(described).empty


# --- passage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_passage(language, passages):
    table = so.tabulate_passage(passages, language=language, detail=True)
    assert is_said(table)
    shown = iter(table.itertuples(index=False))
    for result in passages:
        estimates = result.estimates.set_index(["contrast", "adjustment", "measure"])
        for adjustment in ("crude", "adjusted"):
            for contrast in ("per_sd", "top_vs_bottom"):
                odds, ame = (estimates.loc[(contrast, adjustment, kind)] for kind in ("odds_ratio", "ame"))
                ends = ["estimate", "conf_low", "conf_high"]
                _, _, _, ratio, effect, p, n, events, offices, kind, cv1 = next(shown)
                assert says(ratio, language, *odds[ends], decimals=2)
                assert decimals_of(ratio) == {2}
                assert says(effect, language, *(100 * ame[ends]), decimals=1)
                assert decimals_of(effect) == {1}
                p_said = max(ame["p_value"], 0.001)
                assert says(p, language, p_said, decimals=3)
                assert ("<" in p) == (ame["p_value"] < 0.001)
                assert [numbers_in(cell, language) for cell in (n, events, offices)] == [
                    [float(ame[name])] for name in ("n_cases", "n_events", "n_offices")
                ]
                assert kind == ame["std_error_kind"]
                assert says(cv1, language, *(100 * ame[["cv1_conf_low", "cv1_conf_high"]]), decimals=1)
    assert next(shown, None) is None


def test_passage_names_in_three_languages(passages, by_level):
    names = {
        "en": ("Acceptance, of those referred", "Highest against lowest quarter", "Adjusted"),
        "nb": ("Inntak, av de henviste", "Høyeste mot laveste fjerdedel", "Justert"),
        "nn": ("Inntak, av dei tilviste", "Høgaste mot lågaste fjerdedel", "Justert"),
    }
    for language, (question, contrast, model) in names.items():
        table = so.tabulate_passage(passages, language=language)
        assert table.shape == (12, 9)
        row = table.iloc[7].tolist()
        assert row[:3] == [question, contrast, model]
    contrasts = so.tabulate_passage(by_level, language="nb").iloc[:, 1].tolist()
    assert len(set(contrasts)) == len(contrasts) == by_level.estimates["contrast"].nunique()
    assert all(" mot " in said and said.lower().endswith("ungdomsskole") for said in contrasts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_passage_withheld(language, passages):
    withheld = replace(passages[0], estimates=blank(passages[0].estimates))
    table = so.tabulate_passage(withheld, language=language, detail=True)
    assert is_said(table)
    assert (table.iloc[:, [3, 4, 5, 6, 7, 8, 10]] == ":").all(axis=None)
    one = passages[0].estimates.copy()
    one.loc[one["contrast"] == "top_vs_bottom", ["estimate", "conf_low", "conf_high", "p_value"]] = np.nan
    table = so.tabulate_passage(replace(passages[0], estimates=one), language=language)
    assert (table.iloc[[1, 3], [3, 4, 5]] == ":").all(axis=None)
    assert not (table.iloc[[0, 2]] == ":").any(axis=None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_conditional(language, small_offices, passages):
    table = tabulate_conditional([*passages, small_offices], language=language)
    assert is_said(table)
    ratios = small_offices.conditional.query("measure == 'odds_ratio'")
    assert len(ratios) > 0
    for cell, row in zip(table.iloc[:, 3], ratios.itertuples(), strict=True):
        assert says(cell, language, row.estimate, row.conf_low, row.conf_high, decimals=2)
    withheld = replace(small_offices, conditional=blank(small_offices.conditional))
    table = tabulate_conditional([withheld], language=language)
    assert (table.iloc[:, 3:] == ":").all(axis=None)
    assert tabulate_conditional(passages, language=language).empty


# --- selection --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_selection(language, selection):
    table = so.tabulate_selection(selection, language=language)
    assert is_said(table)
    groups = {
        "en": ["Highest quarter", "Lowest quarter"],
        "nb": ["Høyeste fjerdedel", "Laveste fjerdedel"],
        "nn": ["Høgaste fjerdedel", "Lågaste fjerdedel"],
    }
    assert table.columns.tolist()[2:4] == groups[language]
    assert len(table) == len(selection.estimates) == 6
    rates = selection.rates.set_index(["adjustment", "group", "gate"])["rate"]
    for row, said in zip(selection.estimates.itertuples(), table.itertuples(index=False), strict=True):
        _, _, top, bottom, log_ratio, joint, ratio, share = said
        assert says(top, language, 100 * rates[row.adjustment, "q4", row.term], decimals=1)
        assert says(bottom, language, 100 * rates[row.adjustment, "q1", row.term], decimals=1)
        assert says(log_ratio, language, row.estimate, row.conf_low, row.conf_high, decimals=2)
        assert says(joint, language, row.joint_low, row.joint_high, decimals=2)
        assert says(ratio, language, row.risk_ratio, row.rr_conf_low, row.rr_conf_high, decimals=2)
        assert says(share, language, 100 * row.share)


@pytest.mark.parametrize("language", LANGUAGES)
def test_selection_withheld(language, selection):
    withheld = replace(selection, estimates=blank(selection.estimates), rates=blank(selection.rates))
    table = so.tabulate_selection(withheld, language=language)
    assert is_said(table)
    assert (table.iloc[:, 2:] == ":").all(axis=None)


def test_selection_with_an_infinite_end_and_without_an_interval(selection):
    estimates = selection.estimates.copy()
    estimates.loc[0, "rr_conf_high"] = np.inf
    estimates.loc[1, ["conf_low", "conf_high", "rr_conf_low", "rr_conf_high", "joint_low", "joint_high"]] = (
        np.nan
    )
    table = so.tabulate_selection(replace(selection, estimates=estimates), language="nb")
    assert table.iloc[0, 6].endswith(" til ∞)")
    assert is_said(table)
    assert says(table.iloc[1, 4].split()[0], "nb", estimates.at[1, "estimate"], decimals=2)
    assert table.iloc[1, 5] == ":"


def test_merged_gates_have_one_row_for_each_adjustment(merged_cases):
    result = so.decompose_selection(merged_cases)
    table = so.tabulate_selection(result)
    assert table["Gate"].tolist() == ["Both gates"] * result.estimates["adjustment"].nunique()


# --- exclusions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_exclusions(language, cases, passages):
    table = so.tabulate_exclusions(passages, language=language)
    assert is_said(table)
    for number, result in enumerate(passages, start=1):
        said = [numbers_in(cell, language) for cell in table.iloc[:, number]]
        assert all(len(found) == 1 for found in said)
        counts = [found[0] for found in said]
        assert sum(counts) == cases.n_cases  # everyone is left out for one reason, or used
        assert counts[-1] == result.fit_statistics["n_cases"]
        assert sorted(n for n in counts[:-1] if n) == sorted(result.exclusions["n"])
    not_referred = {"en": "Not referred", "nb": "Ikke henvist", "nn": "Ikkje tilvist"}[language]
    row = table.loc[table.iloc[:, 0] == not_referred].iloc[0].tolist()
    assert row[1] == "0"  # no reason at the first gate
    assert numbers_in(row[2], language) == [
        passages[1].exclusions.set_index("reason").at["not_referred", "n"]
    ]
    assert table.iloc[-1, 0] == {"en": "Used", "nb": "Brukt", "nn": "Brukt"}[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_exclusions_withheld(language, passages):
    result = passages[1]
    statistics = {**result.fit_statistics, "n_cases": np.nan}
    withheld = replace(result, exclusions=blank(result.exclusions), fit_statistics=statistics)
    table = so.tabulate_exclusions(withheld, language=language)
    assert is_said(table)
    assert (table.iloc[:, 1] == ":").all()
    assert len(table) == len(result.exclusions) + 1


@pytest.mark.parametrize(
    "tabulate",
    [
        so.tabulate_funnel,
        so.tabulate_characteristics,
        so.tabulate_passage,
        so.tabulate_selection,
        so.tabulate_exclusions,
    ],
)
def test_another_language_is_refused(tabulate):
    with pytest.raises(ValueError, match="en, nb, nn"):
        tabulate(None, language="sv")
