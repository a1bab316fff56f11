"""Cases on Spark: the same answers as in pandas, and no row on the driver."""

import importlib.util
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import se_outcomes as so

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
    reason="needs pyspark and java",
)

MAPPING = Path(__file__).parents[2] / "analyses" / "simulated.toml"
QUESTIONS = [
    name
    for name in so.__all__
    if name.startswith(("count_", "estimate_", "decompose_")) and name != "estimate_familywise"
]
#: What takes long and asks the cases for nothing that others do not ask for.
SLOW = ("estimate_copula_sensitivity", "estimate_two_gates")
COLUMN_SETS = [
    ["office_id"],
    ["sex", "age_group"],
    ["case_id"],
    ["counsellor_id", "job_specialist_id", "gate_state"],
    ["motivation", "motivation_instrument", "placed"],
    ["office_id", "gate_state", "outcome_state", "motivation_scaled", "motivation_group", "motivation_bin"],
    ["entry_date", "referral_date", "decision_date"],
    ["first_job_date", "job_pct", "job_pct_group", "wage_subsidy"],
    ["caseload_at_referral", "caseload_at_referral_bin", "benefit", "eligible"],
]


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    path = tmp_path_factory.mktemp("simulated") / "cases.parquet"
    so.simulate_cases(900, n_offices=5, seed=3, missing=0.05).write(path)
    with duckdb.connect() as connection:
        read = connection.read_parquet(str(path))
        truths = [name for name, kind in zip(read.columns, read.types, strict=True) if kind == "BOOLEAN"]
        return read.df().astype(dict.fromkeys(truths, "boolean"))


@pytest.fixture(scope="module")
def here(frame):
    return so.check_cases(frame, mapping=MAPPING)


@pytest.fixture(scope="module")
def there(frame, put):
    return so.check_cases(put(frame, 3).cache(), mapping=MAPPING)


def answer(name, cases):
    try:
        return getattr(so, name)(cases).tidy()
    except so.EstimationError as error:
        return f"{error.reason}: {error}"


def same(one, other):
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
    else:
        pd.testing.assert_frame_equal(one, other, rtol=1e-10, atol=1e-10)


# --- the same answers -------------------------------------------------------------------------------


def test_checked_cases_are_the_same(here, there):
    assert there.engine == "Spark"
    assert (there.n_cases, there.n_offices, there.columns) == (here.n_cases, here.n_offices, here.columns)
    assert there.warnings == here.warnings
    assert there.fingerprint == here.fingerprint


@pytest.mark.parametrize("columns", COLUMN_SETS, ids="-".join)
def test_tallies_are_the_same(here, there, columns):
    pd.testing.assert_frame_equal(*(_plain(cases.tally(columns)) for cases in (here, there)))


def test_all_columns_together_make_the_same_tally(here, there):
    pd.testing.assert_frame_equal(*(_plain(cases.tally(cases.columns)) for cases in (here, there)))


def _plain(tally):
    """Text as text: in pandas it is coded."""
    coded = [name for name, kind in tally.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
    return tally.astype(dict.fromkeys(coded, "str"))


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=pytest.mark.slow) if one in SLOW else one for one in QUESTIONS]
)
def test_answers_are_the_same(here, there, name):
    same(answer(name, here), answer(name, there))


@pytest.mark.slow
def test_a_report_is_written(there, tmp_path):
    so.render_report(there, tmp_path / "report")
    assert list((tmp_path / "report").rglob("*.html"))


# --- the same faults --------------------------------------------------------------------------------


def faults(frame, **options):
    with pytest.raises(so.CaseFileError) as caught:
        so.check_cases(frame, mapping=MAPPING, **options)
    told = caught.value.faults
    return told.sort_values(list(told.columns), ignore_index=True)


def _broken(frame):
    """Each of many rules broken somewhere, in several partitions."""
    frame = frame.astype({"sex": "str", "case_id": "str"})
    refused = frame.index[~frame["referred"].fillna(False)]
    placed = frame.index[frame["first_job_date"].notna()]
    frame.loc[[3, 500, 899], "case_id"] = "0000"
    frame.loc[refused[[0, -1]], "accepted"] = True
    frame.loc[placed[[5, 100]], "first_job_date"] = pd.Timestamp("1999-01-01")
    frame.loc[[17, 700], "job_pct"] = 180.0
    frame.loc[[301, 302, 650], "sex"] = "unheard-of"
    return frame


@pytest.mark.parametrize("n_partitions", [1, 3])
def test_broken_rules_are_found_in_the_same_rows(frame, put, n_partitions):
    broken = _broken(frame)
    found = faults(put(broken, n_partitions))
    pd.testing.assert_frame_equal(found, faults(broken))
    assert {"case_id", "accepted", "first_job_date", "job_pct", "sex"} <= set(found["column"])


def test_one_broken_row_is_named(frame, put):
    frame = frame.assign(job_pct=frame["job_pct"].where(frame.index != 640, -1.0))
    found = faults(put(frame, 3))
    pd.testing.assert_frame_equal(found, faults(frame))
    assert found["first_rows"].tolist() == ["641"]


def test_text_is_read_as_in_pandas(frame, here, put):
    text = frame.assign(
        entry_date=frame["entry_date"].dt.strftime("%d.%m.%Y"),
        referred=frame["referred"].map({True: " ja", False: "Nei "}),
        motivation=frame["motivation"].astype("str").str.replace(".", ","),
    ).astype("str")
    read = so.check_cases(put(text, 2), mapping=MAPPING)
    columns = ["entry_date", "referred", "motivation", "job_pct", "placed", "caseload_at_referral"]
    pd.testing.assert_frame_equal(read.tally(columns), here.tally(columns))


def test_what_identifies_is_found(frame, put):
    several = [f"person{n}@example.org" if n % 300 == 7 else "none" for n in range(len(frame))]
    frame = frame.assign(code=_national_numbers(len(frame)), note=several)
    found = faults(put(frame, 3))
    pd.testing.assert_frame_equal(found, faults(frame))
    assert {"code", "note"} <= set(found["column"])
    assert "@" not in found.to_string()


def _national_numbers(n):
    """Synthetic ones, whose month is 80 higher, by the definition: both sums are nothing modulo 11."""
    made = []
    for serial in range(n):
        front = [int(digit) for digit in f"0181{serial // 900:02d}{serial % 900 + 100:03d}"]
        first = -sum(w * d for w, d in zip((3, 7, 6, 1, 8, 9, 4, 5, 2), front, strict=True)) % 11
        front.append(first)
        second = -sum(w * d for w, d in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), front, strict=True)) % 11
        whole = first < 10 and second < 10
        made.append("".join(map(str, [*front, second])) if whole else None)
    return made


# --- what Spark cannot do, and what it is not asked -----------------------------------------------


def test_types_of_spark_are_read(spark):
    frame = spark.range(40).selectExpr(
        "concat('c', id) AS case_id",
        "CAST(id % 4 AS INT) AS office_id",
        "CAST(id % 11 AS DECIMAL(4, 1)) AS motivation",
        "timestamp'2021-03-01 00:00:00' AS entry_date",
        "true AS eligible",
        "id % 2 = 0 AS referred",
        "CASE WHEN id % 2 = 0 THEN id % 3 = 0 END AS accepted",
        "CAST(id % 5 = 0 AS INT) AS placed",
        "CAST(NULL AS VOID) AS sex",
        "array(id) AS beside",
    )
    cases = so.check_cases(frame, outcome_observed="all")
    assert cases.tally(["entry_date"])["entry_date"].tolist() == [pd.Timestamp("2021-03-01")]
    assert cases.tally(["office_id", "placed", "sex"])["n"].sum() == 40
    assert cases.tally(["motivation"])["motivation"].tolist() == list(range(11))


def test_an_empty_frame_is_refused(spark):
    with pytest.raises(so.CaseFileError, match="one row per case"):
        so.check_cases(spark.range(0).selectExpr("id AS case_id"))


def test_an_error_of_spark_does_not_quote_the_data(spark):
    frame = spark.range(10).selectExpr(
        "concat('c', id) AS case_id", "CAST(concat('secret', id) AS INT) AS office_id"
    )
    with pytest.raises(so.SeOutcomesError, match="Spark stopped") as caught:
        so.check_cases(frame)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


# --- what comes to the driver -----------------------------------------------------------------------

N_ROWS = 60_000
#: More rows than these never come at once: far fewer than there are, and than there are values that may be listed.
MOST_COLLECTED = 3_000
COLLECTORS = ("toPandas", "collect", "toLocalIterator", "take", "head", "first", "tail", "show", "toArrow")
OUTLETS = ("rdd", "write", "foreach", "foreachPartition", "mapInPandas", "mapInArrow")


class Watched:
    """What has been collected: of each frame its columns and rows, and values that stand in the ids."""

    def __init__(self):
        self.collected = []

    def note(self, columns, rows):
        rows = [tuple(row) for row in rows]
        ids = {value for row in rows for value in row if isinstance(value, str) and value.startswith("id_")}
        self.collected.append((tuple(columns), len(rows), len(ids)))

    def check(self, ids=0):
        for columns, n_rows, n_ids in self.collected:
            assert n_rows <= MOST_COLLECTED, f"{n_rows} rows of {columns} came to the driver"
            assert n_ids <= ids, f"{n_ids} ids came to the driver, in {columns}"
            assert "case_id" not in columns, "a column of ids came to the driver"


@pytest.fixture
def watched(many, monkeypatch):
    """Every way from a Spark frame to the driver, written down or closed."""
    kind, seen = type(many), Watched()
    for name in COLLECTORS:
        monkeypatch.setattr(kind, name, _noting(getattr(kind, name), seen))
    for name in OUTLETS:
        monkeypatch.setattr(kind, name, property(_closed))
    return seen


def _noting(collect, seen):
    def noting(self, *args, **options):
        found = collect(self, *args, **options)
        if isinstance(found, pd.DataFrame):
            seen.note(found.columns, found.itertuples(index=False))
        elif hasattr(found, "to_pylist"):
            seen.note(found.column_names, (row.values() for row in found.to_pylist()))
        elif found is None:  # shown: nobody knows how many
            seen.note(self.columns, [()] * (MOST_COLLECTED + 1))
        else:
            found = [found] if isinstance(found, tuple) else list(found)
            seen.note(self.columns, found)
        return found

    return noting


def _closed(self):
    raise AssertionError("rows went out by another way than a tally")


#: One row, worked out of its number.
MANY = (
    "concat('id_', lpad(id * 7919 % 1000003, 7, '0')) AS case_id",
    "lpad(id % 5 + 301, 4, '0') AS office_id",
    "date_add(date'2021-01-01', CAST(id % 20 AS INT)) AS entry_date",
    "date'2023-12-31' AS followup_end",
    "true AS eligible",
    "CAST(abs(hash(id, 'm')) % 6 + 2 AS DOUBLE) AS motivation",
    "abs(hash(id, 'r')) % 3 > 0 AS referred",
    "CASE WHEN abs(hash(id, 'r')) % 3 > 0 THEN abs(hash(id, 'a')) % 6 + abs(hash(id, 'm')) % 6 > 4 END AS accepted",
    "abs(hash(id, 'p')) % 5 < 2 AS placed",
    "element_at(array('18-19', '20-24'), 1 + abs(hash(id, 'o')) % 2) AS age_group",
    "element_at(array('2', '3', '4'), 1 + abs(hash(id, 'e')) % 3) AS education_level",
    "5 + id % 2 AS caseload_at_referral",
)


@pytest.fixture(scope="module")
def many(spark):
    """Many more rows than cells; each has an id of its own, in no order."""
    return spark.range(N_ROWS, numPartitions=2).selectExpr(*MANY).cache()


def test_nothing_but_tallies_comes_to_the_driver(many, watched):
    cases = so.check_cases(many, mapping=MAPPING)
    so.count_funnel(cases)
    so.estimate_referral(cases)
    so.estimate_selected_placement(cases)
    assert len(watched.collected) > 10
    watched.check()


def test_a_fingerprint_takes_the_first_and_the_last_id_alone(many, watched):
    assert so.check_cases(many, mapping=MAPPING).fingerprint
    watched.check(ids=2)


def test_a_fault_takes_row_numbers_alone(many, watched):
    broken = many.unionAll(many.limit(1))
    with pytest.raises(so.CaseFileError) as caught:
        so.check_cases(broken, mapping=MAPPING)
    assert caught.value.faults["n_rows"].tolist() == [2]
    watched.check()


@pytest.mark.parametrize("collect", ["collect", "toPandas", "toArrow", "toLocalIterator"])
def test_rows_on_the_driver_are_noticed(many, watched, collect):
    getattr(many.select("motivation", "placed"), collect)()
    with pytest.raises(AssertionError, match="rows of"):
        watched.check()


@pytest.mark.parametrize(
    "peek",
    [lambda f: f.take(3), lambda f: f.head(), lambda f: f.first(), lambda f: f.tail(2), lambda f: f.show(2)],
)
def test_some_rows_on_the_driver_are_noticed_by_their_ids(many, watched, peek):
    peek(many.withColumnRenamed("case_id", "__0"))
    with pytest.raises(AssertionError, match="driver"):
        watched.check()


@pytest.mark.parametrize("outlet", OUTLETS)
def test_other_ways_to_the_rows_are_closed(many, watched, outlet):
    with pytest.raises(AssertionError, match="another way"):
        getattr(many, outlet)
