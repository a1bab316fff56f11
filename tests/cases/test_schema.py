"""The schema: its columns and codes by hand, its files against the standard, its words in three languages."""

import csv
import dataclasses
import datetime as dt
import itertools
import json
import re
from pathlib import Path

import pytest

import se_outcomes as so
from se_outcomes.cases import schema as schema_module
from se_outcomes.cases.schema import (
    EXTENSION,
    LANGUAGES,
    code_list_names,
    read_code_list,
    read_document,
    read_schema,
    schema_folder,
)
from se_outcomes.cases.values import fold


def listed(text):
    return text.split()


CASES = listed(
    """case_id person_id office_id county counsellor_id job_specialist_id entry_date eligible motivation
    motivation_instrument motivation_min motivation_max motivation_source motivation_date referred
    referral_date accepted decision_date non_acceptance_by non_acceptance_reason provision measure_code
    engagement_date profiling_date job_search_date match_date support_date start_date end_date end_reason
    placed first_job_date first_job_end job_pct wage_subsidy weeks_worked_12m retained_6m retained_12m
    education_start_date disability_pension_date followup_end birth_year age_group sex education_level
    born_abroad benefit effort_group health_limits_work months_worked_prev_24m caseload_at_referral
    fidelity_score"""
)
OTHERS = {
    "motivation_assessments": listed(
        """case_id assessment_date source assessor_id instrument subscale score scale_min scale_max reversed
        occasion"""
    ),
    "employer_contacts": listed(
        """contact_id case_id employer_id job_specialist_id contact_date party channel purpose stage
        relation_outcome placement_breakdown support_measure industry employer_size_group minutes"""
    ),
    "job_spells": listed("case_id employer_id start end pct subsidised"),
}
TABLES = ("cases", *OTHERS)
ROLES = set(
    listed("id cluster gatekeeper exposure gate outcome competing_outcome covariate moderator date meta")
)
COLUMNS_OF_KIND = {"requires": 2, "between": 3, "not_after": 2}


def all_columns():
    return [column for table in read_schema().values() for column in table.columns.values()]


def codes_of(name):
    return [code.code for code in read_code_list(name)]


class TestTables:
    def test_the_four_tables_with_their_columns_in_order(self):
        tables = so.read_schema()
        assert tuple(tables) == TABLES
        assert list(tables["cases"].columns) == CASES
        assert {name: list(tables[name].columns) for name in OTHERS} == OTHERS

    def test_only_what_every_analysis_needs_is_required(self):
        tables = so.read_schema()
        assert [name for name, table in tables.items() if table.required] == ["cases"]
        required = [name for name, column in tables["cases"].columns.items() if column.required]
        assert required == ["case_id", "office_id", "motivation", "referred", "accepted", "placed"]

    @pytest.mark.parametrize(
        ("column", "type_", "role", "bounds", "unit"),
        [
            ("job_pct", "number", "outcome", (0, 100), "percent"),
            ("weeks_worked_12m", "number", "outcome", (0, 52), "weeks"),
            ("months_worked_prev_24m", "integer", "covariate", (0, 24), "months"),
            ("caseload_at_referral", "integer", "moderator", (0, None), "clients"),
            ("fidelity_score", "number", "covariate", (25, 125), "points"),
            ("motivation", "number", "exposure", (None, None), "points"),
            ("eligible", "boolean", "gate", (None, None), None),
            ("counsellor_id", "string", "gatekeeper", (None, None), None),
            ("office_id", "string", "cluster", (None, None), None),
            ("education_start_date", "date", "competing_outcome", (None, None), None),
            ("education_level", "string", "covariate", (None, None), None),
        ],
    )
    def test_what_a_column_is(self, column, type_, role, bounds, unit):
        found = so.read_schema()["cases"].columns[column]
        assert (found.type, found.role, (found.minimum, found.maximum), found.unit) == (
            type_,
            role,
            bounds,
            unit,
        )

    def test_every_column_is_described_whole(self):
        for column in all_columns():
            assert column.role in ROLES, column.name
            assert (column.type == "date") == (column.role in {"date", "competing_outcome"}), column.name
            assert column.type not in ("boolean", "date", "string") or column.unit is None, column.name
            assert column.type not in ("number", "integer") or column.unit, column.name
            assert (column.code_list is None) == (column.allowed is None), column.name
            own = read_schema()[column.table].columns
            assert set(column.derived_from) <= set(own), column.name

    def test_identifiers_are_text_so_that_leading_zeros_stay(self):
        named = [column for column in all_columns() if column.name.endswith("_id")]
        assert len(named) > 10
        assert {column.type for column in named} == {"string"}

    def test_questions_need_columns_that_exist_and_the_six_need_what_is_required(self):
        columns = read_schema()["cases"].columns.values()
        need = {
            question: {column.name for column in columns if question in column.needed_by}
            for question in read_document("vocabulary.json")["questions"]
        }
        assert need["referral"] == {"case_id", "office_id", "motivation", "referred"}
        assert need["acceptance"] == need["referral"] | {"accepted"}
        assert need["placement"] == need["acceptance"] | {"placed"}
        assert need["selection"] == need["acceptance"]
        assert need["funnel"] == {"case_id", "office_id", "referred", "accepted", "placed"}
        assert need["characteristics"] == {"case_id", "office_id", "referred", "accepted"}
        assert need["follow_up"] == {"entry_date", "followup_end"}
        assert need["gatekeepers"] == {"counsellor_id", "job_specialist_id"}
        assert all(need.values())
        assert {question for column in all_columns() for question in column.needed_by} == set(need)

    def test_read_once_and_read_only(self):
        tables = so.read_schema()
        assert so.read_schema() is tables
        with pytest.raises(TypeError):
            tables["cases"] = None
        with pytest.raises(TypeError):
            tables["cases"].columns["case_id"] = None
        with pytest.raises(TypeError):
            tables["cases"].columns["case_id"].title["en"] = "x"
        with pytest.raises(dataclasses.FrozenInstanceError):
            tables["cases"].columns["case_id"].name = "x"


class TestRules:
    def test_are_those_of_the_study(self):
        rules = [
            (rule.kind, rule.columns, rule.severity, rule.unless) for rule in read_schema()["cases"].rules
        ]
        assert rules == [
            ("unique", ("case_id",), "fault", ()),
            ("not_missing", ("case_id", "office_id"), "fault", ()),
            (
                "order",
                (
                    "entry_date",
                    "referral_date",
                    "decision_date",
                    "start_date",
                    "first_job_date",
                    "first_job_end",
                ),
                "fault",
                (),
            ),
            ("order", ("start_date", "end_date"), "fault", ()),
            ("order", ("entry_date", "followup_end"), "fault", ()),
            ("requires", ("accepted", "referred"), "fault", ("bypass", "merged")),
            ("requires", ("retained_6m", "placed"), "fault", ()),
            ("requires", ("retained_12m", "placed"), "fault", ()),
            ("between", ("motivation", "motivation_min", "motivation_max"), "fault", ()),
            ("not_after", ("motivation_date", "referral_date"), "warning", ()),
            ("not_after", ("first_job_date", "followup_end"), "warning", ()),
        ]

    @pytest.mark.parametrize("table", TABLES)
    def test_can_be_carried_out(self, table):
        columns = read_schema()[table].columns
        for rule in read_schema()[table].rules:
            assert set(rule.columns) <= set(columns), rule.name
            assert len(rule.columns) == COLUMNS_OF_KIND.get(rule.kind, len(rule.columns)), rule.name
            types = {columns[name].type for name in rule.columns}
            expected = {
                "order": {"date"},
                "not_after": {"date"},
                "requires": {"boolean"},
                "between": {"number"},
            }
            assert types == expected.get(rule.kind, types), rule.name
            assert rule.kind in {*expected, "unique", "not_missing"}
            assert rule.severity in ("fault", "warning")
            assert set(rule.unless) <= {"bypass", "merged"}

    @pytest.mark.parametrize("table", TABLES)
    def test_say_what_was_expected_and_what_to_do(self, table):
        for rule in read_schema()[table].rules:
            assert rule.expected
            assert not rule.expected.endswith(".")  # stands inside a sentence
            assert rule.remedy.endswith(".")
            assert set(rule.title) == set(LANGUAGES)

    @pytest.mark.parametrize("table", TABLES)
    def test_agree_with_the_standard_constraints(self, table):
        fields = read_document(f"{table}.schema.json")["fields"]
        for kind, constraint in (("not_missing", "required"), ("unique", "unique")):
            standard = {field["name"] for field in fields if field.get("constraints", {}).get(constraint)}
            faults = [
                rule for rule in read_schema()[table].rules if (rule.kind, rule.severity) == (kind, "fault")
            ]
            assert {name for rule in faults for name in rule.columns} == standard


# --- the standard -----------------------------------------------------------------------------------------

NAME = re.compile(r"[a-z0-9._-]+")
FIELD_KEYS = {
    "name",
    "type",
    "format",
    "title",
    "description",
    "example",
    "constraints",
    "rdfType",
    "categories",
    "categoriesOrdered",
    "missingValues",
}
TYPE_KEYS = {
    "number": {"decimalChar", "groupChar", "bareNumber"},
    "integer": {"groupChar", "bareNumber"},
    "boolean": {"trueValues", "falseValues"},
    "string": set(),
    "date": set(),
}
CONSTRAINTS = {
    "string": {"required", "unique", "enum", "pattern", "minLength", "maxLength"},
    "integer": {"required", "unique", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "number": {"required", "unique", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": {"required", "enum"},
    "date": {"required", "unique", "enum", "minimum", "maximum"},
}
SCHEMA_KEYS = {
    "$schema",
    "name",
    "title",
    "description",
    "fields",
    "fieldsMatch",
    "missingValues",
    "primaryKey",
    "uniqueKeys",
    "foreignKeys",
}


def field_problems(field):
    """What Table Schema 2 has against a field descriptor (its rules written out for the types used here)."""
    kind = field.get("type")
    if kind not in TYPE_KEYS:
        return [f"type {kind}"]
    problems = [f"key {key}" for key in set(field) - FIELD_KEYS - TYPE_KEYS[kind] - {EXTENSION}]
    constraints = field.get("constraints", {})
    problems += [f"constraint {key}" for key in set(constraints) - CONSTRAINTS[kind]]
    python = {"integer": int, "number": (int, float), "string": str}.get(kind, object)
    for key in ("minimum", "maximum"):
        if key in constraints and not isinstance(constraints[key], python):
            problems.append(f"{key} is not of the type")
    bounds = [constraints[key] for key in ("minimum", "maximum") if key in constraints]
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        problems.append("minimum above maximum")
    enum = constraints.get("enum", ["x"])
    if not enum or len({json.dumps(value) for value in enum}) < len(enum):
        problems.append("enum empty or repeated")
    if "enum" in constraints and not all(isinstance(value, python) for value in enum):
        problems.append("enum is not of the type")
    if "pattern" in constraints:
        re.compile(constraints["pattern"])
    if kind == "date":
        format_ = field.get("format", "default")
        if format_ not in ("default", "any") and dt.datetime.strptime(
            dt.date(2021, 5, 4).strftime(format_), format_
        ) != dt.datetime(2021, 5, 4):
            problems.append("format does not give a date back")
    elif field.get("format", "default") != "default":
        problems.append("format")
    if kind == "boolean" and set(field["trueValues"]) & set(field["falseValues"]):
        problems.append("true and false overlap")
    problems += [f"{key} missing" for key in ("name", "title", "description") if not field.get(key)]
    return problems


class TestStandard:
    @pytest.mark.parametrize("table", TABLES)
    def test_fields_are_table_schema(self, table):
        for field in read_document(f"{table}.schema.json")["fields"]:
            assert field_problems(field) == [], field["name"]

    @pytest.mark.parametrize(
        "change",
        [
            {"type": "float"},
            {"required": True},
            {"constraints": {"pattern": "x"}},
            {"constraints": {"minimum": "0"}},
            {"constraints": {"minimum": 3, "maximum": 2}},
            {"constraints": {"enum": []}},
            {"constraints": {"enum": [1, 1]}},
            {"constraints": {"enum": ["1"]}},
            {"title": ""},
        ],
    )
    def test_the_rules_written_out_here_find_what_is_wrong(self, change):
        sound = {"name": "x", "type": "integer", "title": "x", "description": "x"}
        assert field_problems(sound) == []
        assert field_problems(sound | change)

    @pytest.mark.parametrize("table", TABLES)
    def test_tables_are_table_schema(self, table):
        document = read_document(f"{table}.schema.json")
        assert set(document) <= SCHEMA_KEYS | {EXTENSION}
        names = [field["name"] for field in document["fields"]]
        assert len(set(names)) == len(names)
        assert document["fieldsMatch"] == "partial"  # a file may have fewer columns, and more
        assert all(isinstance(text, str) for text in document["missingValues"])
        assert "" in document["missingValues"]
        booleans = [field for field in document["fields"] if field["type"] == "boolean"]
        for field in booleans:
            words = {*field["trueValues"], *field["falseValues"]}
            assert not words & set(document["missingValues"])
        for key in document.get("primaryKey", []):
            assert key in names
        for key in document.get("foreignKeys", []):
            assert set(key) == {"fields", "reference"}
            other = read_document(f"{key['reference']['resource']}.schema.json")
            assert len(key["fields"]) == len(key["reference"]["fields"])
            assert set(key["fields"]) <= set(names)
            assert key["reference"]["fields"] == other["primaryKey"]

    def test_the_package_names_every_table_by_a_path_in_it(self):
        package = read_document("datapackage.json")
        assert NAME.fullmatch(package["name"])
        assert [resource["name"] for resource in package["resources"]] == list(TABLES)
        for resource in package["resources"]:
            assert resource["type"] == "table"
            for key in ("path", "schema"):
                assert not resource[key].startswith(("/", ".", "http"))
            assert schema_folder().joinpath(resource["schema"]).is_file()
            assert resource["dialect"]["delimiter"] == ";"

    def test_english_titles_are_the_standard_titles(self):
        for table in TABLES:
            document = read_document(f"{table}.schema.json")
            for part in (document, *document["fields"]):
                assert part["title"] == part[EXTENSION]["titles"]["en"]
                assert part["description"] == part[EXTENSION]["descriptions"]["en"]

    def test_enums_are_the_code_lists(self):
        listed = [column for column in all_columns() if column.code_list]
        assert len(listed) > 15
        for column in listed:
            assert list(column.allowed) == codes_of(column.code_list), column.name

    def test_a_file_that_the_package_writes_is_what_the_descriptor_describes(self, tmp_path):
        path = so.simulate_cases(80, seed=2, missing=0.1).write(tmp_path / "cases.csv")
        document = read_document("cases.schema.json")
        fields = {field["name"]: field for field in document["fields"]}
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        assert len(rows) == 80
        assert set(rows[0]) <= set(fields)
        for row, name in itertools.product(rows, rows[0]):
            assert read_cell(fields[name], row[name], document["missingValues"]), name


def read_cell(field, text, missing):
    """Whether a cell is what its field says, by the standard's own keys."""
    constraints = field.get("constraints", {})
    if text in missing:
        return not constraints.get("required")
    kind = field["type"]
    if kind == "boolean":
        return text in field["trueValues"] or text in field["falseValues"]
    if kind == "date":
        return bool(dt.datetime.strptime(text, field["format"]))
    if kind == "string":
        return text in constraints.get("enum", [text])
    value = float(text.replace(field.get("decimalChar", "."), "."))
    return constraints.get("minimum", value) <= value <= constraints.get("maximum", value)


# --- codes ------------------------------------------------------------------------------------------------


class TestCodes:
    @pytest.mark.parametrize(
        ("name", "codes"),
        [
            ("motivation_source", "client counsellor job_specialist evaluator"),
            ("non_acceptance_by", "agency client no_slot other unknown merged"),
            ("provision", "inhouse supplier none"),
            ("sex", "female male other unknown"),
            ("education_level", "0 1 2 3 4 5 6 7 8 9"),
            ("health_limits_work", "JA NEI VET_IKKE"),
            (
                "effort_group",
                "GODE_MULIGHETER TRENGER_VEILEDNING TRENGER_VEILEDNING_NEDSATT_ARBEIDSEVNE JOBBE_DELVIS "
                "LITEN_MULIGHET_TIL_A_JOBBE",
            ),
            ("objective", "SKAFFE_ARBEID BEHOLDE_ARBEID OKE_DELTAKELSE"),
            ("county", "03 11 15 18 31 32 33 34 39 40 42 46 50 55 56"),
            ("subscale", "motivation readiness self_efficacy belief_in_job stage"),
            ("occasion", "baseline pre_referral decision follow_up"),
            ("party", "employer client both"),
            ("channel", "visit phone digital meeting"),
            ("purpose", "relationship job_development matching on_job_support problem exit"),
            ("relation_outcome", "positive neutral negative ended"),
            ("support_measure", "MIDLONTIL VARLONTIL MENTOR INKLUTILS none"),
            ("employer_size_group", "1-4 5-19 20-99 100+"),
            ("stage", "1 2 3 4 5"),
        ],
    )
    def test_are_these(self, name, codes):
        assert codes_of(name) == codes.split()

    def test_age_groups(self):
        assert codes_of("age_group") == ["under 18", "18-19", "20-24", "25-29", "30+"]

    @pytest.mark.parametrize(
        ("column", "spelling", "code"),
        [
            ("effort_group", "STANDARD_INNSATS", "GODE_MULIGHETER"),
            ("effort_group", "IKVAL", "GODE_MULIGHETER"),
            ("effort_group", "SITUASJONSBESTEMT_INNSATS", "TRENGER_VEILEDNING"),
            ("effort_group", "BFORM", "TRENGER_VEILEDNING"),
            ("effort_group", "SPESIELT_TILPASSET_INNSATS", "TRENGER_VEILEDNING_NEDSATT_ARBEIDSEVNE"),
            ("effort_group", "BATT", "TRENGER_VEILEDNING_NEDSATT_ARBEIDSEVNE"),
            ("effort_group", "GRADERT_VARIG_TILPASSET_INNSATS", "JOBBE_DELVIS"),
            ("effort_group", "VARIG_TILPASSET_INNSATS", "LITEN_MULIGHET_TIL_A_JOBBE"),
            ("objective", "SKAFFEA", "SKAFFE_ARBEID"),
            ("objective", "BEHOLDEA", "BEHOLDE_ARBEID"),
            ("objective", "OKEDELT", "OKE_DELTAKELSE"),
            ("measure_code", "ARBEID_MED_STOTTE", "UTVAOONAV"),
            ("measure_code", "INDIVIDUELL_JOBBSTOTTE", "INDJOBSTOT"),
            ("measure_code", "INDIVIDUELL_JOBBSTOTTE_UNG", "IPSUNG"),
            ("measure_code", "MIDLERTIDIG_LONNSTLSKUDD", "MIDLONTIL"),
            ("measure_code", "VARIG_LONNSTILSKUD", "VARLONTIL"),
            ("non_acceptance_by", "AVSLAG", "agency"),
            ("non_acceptance_by", "NEITAKK", "client"),
        ],
    )
    def test_older_and_other_spellings(self, column, spelling, code):
        assert [entry.code for entry in so.read_code_list(column) if spelling in entry.aliases] == [code]

    def test_what_cannot_be_translated_is_no_alias_and_says_so(self):
        stated = {}
        for name in code_list_names():
            spellings = {fold(alias) for entry in read_code_list(name) for alias in entry.aliases}
            spellings |= {fold(code) for code in codes_of(name)}
            for spelling, meant in read_document(f"codes/{name}.json").get("not_reversible", {}).items():
                assert fold(spelling) not in spellings
                assert len(meant) > 1
                assert set(meant) <= set(codes_of(name))
                stated[spelling] = meant
        assert stated["VARIG"] == ["JOBBE_DELVIS", "LITEN_MULIGHET_TIL_A_JOBBE"]
        assert [stated[code] for code in ("30", "38", "54")] == [
            ["31", "32", "33"],
            ["39", "40"],
            ["55", "56"],
        ]
        varig = [
            entry.code for entry in read_code_list("effort_group") if entry.facts["arena_code"] == "VARIG"
        ]
        assert varig == stated["VARIG"]

    def test_every_spelling_means_one_code(self):
        for name in code_list_names():
            meaning = {}
            for entry in read_code_list(name):
                spellings = {fold(text) for text in (entry.code, *entry.aliases, *entry.title.values())}
                for spelling in spellings:
                    assert meaning.setdefault(spelling, entry.code) == entry.code, (name, spelling)
                assert fold(entry.code) not in {fold(alias) for alias in entry.aliases}, (name, entry.code)
                folded = [fold(alias) for alias in entry.aliases]
                assert len(set(folded)) == len(folded), (name, entry.code)

    def test_measures_say_who_runs_them_and_what_that_is_as_provision(self):
        regimes = {}
        for entry in read_code_list("measure_code"):
            regimes.setdefault(entry.facts["regime"], []).append(entry.code)
        assert regimes == {
            "in_house": ["UTVAOONAV", "INDJOBSTOT", "IPSUNG"],
            "supplier": ["INDOPPFAG", "ARBFORB", "AVKLARAG", "ARBRRHDAG"],
            "employer": ["ARBTREN", "MIDLONTIL", "VARLONTIL", "MENTOR", "INKLUTILS", "TILSJOBB", "VATIAROR"],
            "historical": ["SUPPEMP", "ABIST", "ABOPPF", "ABUOPPF", "ABTBOPPF"],
        }
        provision = {"in_house": "inhouse", "supplier": "supplier", "employer": "none", "historical": None}
        for entry in read_code_list("measure_code"):
            assert entry.facts.get("provision") == provision[entry.facts["regime"]]
        assert {value for value in provision.values() if value} == set(codes_of("provision"))

    def test_follow_up_in_education_is_not_taken_for_supported_employment(self):
        assert all(
            "UTVOPPFOPL" not in (entry.code, *entry.aliases) for entry in read_code_list("measure_code")
        )

    def test_nus_level_3_is_not_completed_upper_secondary(self):
        completed = {
            entry.code: entry.facts.get("completed_upper_secondary")
            for entry in read_code_list("education_level")
        }
        assert [code for code, fact in completed.items() if fact == "false"] == list("0123")
        assert [code for code, fact in completed.items() if fact == "true"] == list("45678")
        assert completed["9"] is None
        level = read_code_list("education_level")[3]
        assert "not completed" in level.title["en"]
        assert "ikke fullført" in level.title["nb"]
        assert "ikkje fullført" in level.title["nn"]

    def test_counties_keep_their_leading_zero(self):
        assert {code.code: code.title["nb"] for code in read_code_list("county")}["03"] == "Oslo"

    def test_support_measures_are_measures(self):
        assert set(codes_of("support_measure")) - {"none"} <= set(codes_of("measure_code"))

    def test_an_unknown_list_is_refused_with_the_known_ones(self):
        with pytest.raises(KeyError, match=r"there is no code list 'gender'.* sex"):
            so.read_code_list("gender")
        with pytest.raises(KeyError):
            so.read_code_list("../datapackage")


# --- words ------------------------------------------------------------------------------------------------

BOKMAL_ONLY = set(
    listed(
        """ikke hvem hva hvor hvordan hvilke hvilket hver noen noe fra også måneder uker ytelse ytelsen
        henvist henvisning henvisningen veileder veilederen bruker brukeren arbeidsgiver arbeidsgiveren
        være ble gjøre jeg deltakelse deltakelsen avgjørelsen tjenesten målgruppen saken dager datoer koder
        kolonner uten bare selv kilde størrelse skole høyere lavere utenfor annen annet navn tilskudd
        midlertidig trenger mulighet alene begynte"""
    )
)
NYNORSK_ONLY = set(
    listed(
        """ikkje kven kva kvar korleis kor frå òg månader veker yting ytinga tilvist tilvising tilvisinga
        rettleiar rettleiaren brukar brukaren arbeidsgjevar arbeidsgjevaren vere vart gjere eg deltaking
        deltakinga avgjerda tenesta målgruppa saka datoar kodar kolonnar berre sjølv kjelde storleik skule
        høgare lågare utanfor anna ho eit ein éi nokon noko byrja saman namn tilskot mellombels treng
        moglegheit åleine"""
    )
)
SAME_IN_BOTH = 12  # short ones without a word that differs; more would be one language copied


def all_texts():
    """Every text in three languages, with where it stands."""
    for column in all_columns():
        yield f"{column.table}.{column.name}", column.title, column.description
    for table in read_schema().values():
        yield table.name, table.title, table.description
        for rule in table.rules:
            yield f"{table.name}: {rule.name}", None, rule.title
    for name in code_list_names():
        document = read_document(f"codes/{name}.json")
        yield f"codes/{name}", document["titles"], document["descriptions"]
        for code in read_code_list(name):
            yield f"codes/{name}: {code.code}", code.title, None
    for kind, words in read_document("vocabulary.json").items():
        for key, text in words.items():
            yield f"vocabulary {kind}.{key}", text, None


def words_of(text):
    # names between backticks or with capitals throughout are no words of a language
    return set(re.findall(r"[a-zæøåéò]+", re.sub(r"`[^`]*`|«[^»]*»", "", text).lower()))


class TestLanguages:
    def test_everything_is_said_in_three_languages(self):
        n = 0
        for place, *texts in all_texts():
            for text in filter(None, texts):
                assert set(text) == set(LANGUAGES), place
                assert all(said.strip() == said and said for said in text.values()), place
                n += 1
        assert n > 400

    def test_a_description_is_one_sentence(self):
        for place, _, description in all_texts():
            for said in (description or {}).values():
                assert said[0].isupper() or said.startswith("É"), place
                assert said.endswith("."), place
                assert not re.search(r"[.?!] [A-ZÆØÅ]", said), place

    def test_bokmal_and_nynorsk_do_not_mix(self):
        # Arena's own names are bokmål wherever they stand; they are aliases, not titles
        for place, *texts in all_texts():
            for text in filter(None, texts):
                assert not words_of(text["nn"]) & BOKMAL_ONLY, place
                assert not words_of(text["nb"]) & NYNORSK_ONLY, place

    def test_the_word_lists_tell_the_languages_apart(self):
        assert not BOKMAL_ONLY & NYNORSK_ONLY
        bokmal = " ".join(description["nb"] for _, _, description in all_texts() if description)
        nynorsk = " ".join(description["nn"] for _, _, description in all_texts() if description)
        assert len(words_of(bokmal) & BOKMAL_ONLY) > 25
        assert len(words_of(nynorsk) & NYNORSK_ONLY) > 25

    def test_nynorsk_is_not_bokmal_copied(self):
        descriptions = [(place, text) for place, _, text in all_texts() if text]
        same = [place for place, text in descriptions if text["nb"] == text["nn"]]
        assert len(same) <= SAME_IN_BOTH, same
        assert not [place for place, text in descriptions if text["en"] in (text["nb"], text["nn"])]

    @pytest.mark.parametrize("table", TABLES)
    def test_titles_name_one_column(self, table):
        claims = {}
        for name, column in read_schema()[table].columns.items():
            for spelling in {fold(text) for text in (name, *column.title.values())}:
                assert claims.setdefault(spelling, name) == name, (table, spelling)

    def test_vocabulary_covers_the_schema(self):
        vocabulary = read_document("vocabulary.json")
        columns = all_columns()
        assert {column.type for column in columns} == set(vocabulary["types"])
        assert {column.role for column in columns} == set(vocabulary["roles"])
        assert {column.unit for column in columns if column.unit} == set(vocabulary["units"])
        facts = {key for name in code_list_names() for code in read_code_list(name) for key in code.facts}
        assert facts == set(vocabulary["facts"])

    def test_placeholders_are_the_same_in_every_language(self):
        for key, text in read_document("vocabulary.json")["text"].items():
            fields = {language: sorted(re.findall(r"\{(\w+)\}", said)) for language, said in text.items()}
            assert fields["en"] == fields["nb"] == fields["nn"], key


class TestPlace:
    def test_inside_the_installed_package_goes_first(self, tmp_path, monkeypatch):
        package = tmp_path / "se_outcomes"
        for folder in (package / "data_schema", tmp_path / "data_schema"):
            folder.mkdir(parents=True)
            (folder / "datapackage.json").write_text("{}")
        monkeypatch.setattr(schema_module, "files", lambda name: package)
        assert Path(str(schema_folder())) == package / "data_schema"

    def test_beside_the_package_in_the_work_tree(self, tmp_path, monkeypatch):
        package = tmp_path / "se_outcomes"
        package.mkdir()
        (tmp_path / "data_schema").mkdir()
        (tmp_path / "data_schema" / "datapackage.json").write_text("{}")
        monkeypatch.setattr(schema_module, "files", lambda name: package)
        assert Path(str(schema_folder())).resolve() == (tmp_path / "data_schema").resolve()

    def test_nowhere_is_said_without_a_path(self, tmp_path, monkeypatch):
        monkeypatch.setattr(schema_module, "files", lambda name: tmp_path / "se_outcomes")
        with pytest.raises(FileNotFoundError, match="neither inside the package nor beside it") as refusal:
            schema_folder()
        assert str(tmp_path) not in str(refusal.value)

    def test_everything_in_the_folder_is_used(self):
        folder = Path(str(schema_folder()))
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        expected = {"datapackage.json", "vocabulary.json", "README.md"}
        expected |= {f"{table}.schema.json" for table in TABLES}
        expected |= {f"codes/{name}.json" for name in code_list_names()}
        assert found == expected
        used = {column.code_list for column in all_columns() if column.code_list}
        assert set(code_list_names()) - used == {"objective"}
        for name in code_list_names():
            assert read_document(f"codes/{name}.json")["name"] == name
