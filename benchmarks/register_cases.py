"""Simulated cases by the million, written as Parquet by DuckDB alone: no row is ever in Python.

Run: ``python benchmarks/register_cases.py cases.parquet --n-cases 10000000`` (``--help`` lists the rest).
The same arguments give the same cases, as every draw is a hash of the row's number, of what is drawn and of the seed;
another release of DuckDB may hash differently. Rows stand in the order of their numbers; case_id is in no order, as
DuckDB counts ordered ones by ranges with a fraction of the memory.

The cases are simpler than those of ``se_outcomes.simulate_cases``, and what is true of them is known in advance
(:data:`TRUE`): referral is a logit in motivation; acceptance and placement are probits that share what is not recorded,
so that their errors have a correlation of .49; the caseload moves acceptance alone. Levels differ between offices.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import duckdb

#: Per point of motivation: log odds of referral, probit index of acceptance and of placement; then what acceptance
#: does to placement, and the caseload, from the lowest to the highest, to acceptance (probit); and the correlation.
TRUE = {
    "referral": 0.45,
    "acceptance": 0.2,
    "placement": 0.1,
    "accepted": 0.4,
    "caseload": -1.2,
    "rho": 0.49,
}

# hash(x, 'a') and hash(x, 'b') differ by the same bits in every row, so what is drawn goes into the key that is hashed
MACROS = """
CREATE MACRO uniform(number, what) AS (  -- between 0 and 1, never either
    ((hash(xor(number::UBIGINT, hash(what, {seed}))) >> 12)::DOUBLE + 0.5e0) / 4503599627370496e0
);
CREATE MACRO normal(number, what) AS (  -- Box and Muller
    sqrt(-2e0 * ln(uniform(number, what || ' radius'))) * cos(2e0 * pi() * uniform(number, what || ' angle'))
);
"""

DRAWN = """
SELECT
    number,
    floor({n_offices} * pow(uniform(number, 'office'), 1.5e0))::INTEGER AS office,
    floor(15e0 * uniform(number, 'counsellor'))::INTEGER AS counsellor,
    DATE '2021-01-01' + floor(730e0 * uniform(number, 'entry'))::INTEGER AS entry_date,
    uniform(number, 'eligible') < 0.98e0 AS eligible,
    uniform(number, 'followed') < 0.97e0 AS followed,
    uniform(number, 'rated') < 0.99e0 AS rated,
    {ruler} AS points,
    normal(number, 'employability') AS employability,
    uniform(number, 'age') AS age,
    uniform(number, 'education') AS education,
    floor({n_caseloads} * uniform(number, 'caseload'))::INTEGER AS load
FROM range({first}, {last} + 1) AS cases(number)
"""

CODED = """
SELECT
    * EXCLUDE (age, education),
    (age > 0.13e0)::INTEGER + (age > 0.48e0)::INTEGER + (age > 0.88e0)::INTEGER AS age,
    (education > 0.39e0)::INTEGER + (education > 0.69e0)::INTEGER + (education > 0.9e0)::INTEGER AS education,
    points - 6e0 AS centred,
    load / {widest}e0 - 0.5e0 AS burden
FROM ({drawn})
"""

REFERRED = """
SELECT
    *,
    number <> {bad_row} AND eligible AND uniform(number, 'referral') < 1e0 / (1e0 + exp(-(
        -0.4e0 + 0.4e0 * normal(office, 'referral level') + {referral}e0 * centred + 0.1e0 * age + 0.1e0 * education
    ))) AS referred
FROM ({coded})
"""

ACCEPTED = """
SELECT
    *,
    referred AND uniform(number, 'decided') < 0.96e0 AS decided,
    CASE WHEN decided THEN
        0.4e0 + 0.2e0 * normal(office, 'acceptance level') + {acceptance}e0 * centred + 0.1e0 * education
        + {caseload}e0 * burden + 0.7e0 * employability + sqrt(0.51e0) * normal(number, 'acceptance') > 0e0
        WHEN number = {bad_row} THEN true
    END AS accepted,
    CASE WHEN referred THEN entry_date + 60 + floor(120e0 * uniform(number, 'referred on'))::INTEGER END
        AS referral_date
FROM ({referred})
"""

PLACED = """
SELECT
    *,
    CASE WHEN followed THEN
        -0.7e0 + 0.2e0 * normal(office, 'placement level') + {placement}e0 * centred + 0.1e0 * age + 0.1e0 * education
        + {accepted}e0 * coalesce(accepted, false)::INTEGER
        + 0.7e0 * employability + sqrt(0.51e0) * normal(number, 'placement') > 0e0
    END AS placed
FROM ({taken})
"""

RECORDED = """
SELECT
    'c' || substr(({key} + 1{zeros})::VARCHAR, 2) AS case_id,
    lpad((office + 301)::VARCHAR, 4, '0') AS office_id,
    office_id || '-v' || lpad((counsellor + 1)::VARCHAR, 2, '0') AS counsellor_id,
    entry_date,
    CASE WHEN followed THEN DATE '2023-12-31'
        ELSE entry_date + 245 + floor(120e0 * uniform(number, 'followed until'))::INTEGER END AS followup_end,
    eligible,
    CASE WHEN rated THEN points END AS motivation,
    'readiness_ruler' AS motivation_instrument,
    0e0 AS motivation_min,
    10e0 AS motivation_max,
    CASE WHEN uniform(number, 'source') < 0.7e0 THEN 'client' ELSE 'evaluator' END AS motivation_source,
    entry_date + floor(60e0 * uniform(number, 'rated on'))::INTEGER AS motivation_date,
    referred,
    referral_date,
    accepted,
    CASE WHEN decided THEN referral_date + 10 + floor(50e0 * uniform(number, 'decided on'))::INTEGER END
        AS decision_date,
    placed,
    CASE WHEN placed THEN entry_date + 245 + floor(120e0 * uniform(number, 'placed on'))::INTEGER END
        AS first_job_date,
    ['18-19', '20-24', '25-29', '30+'][age + 1] AS age_group,
    CASE WHEN uniform(number, 'sex') < 0.42e0 THEN 'female' ELSE 'male' END AS sex,
    ['2', '3', '4', '6'][education + 1] AS education_level,
    least(24, floor(-4e0 * exp(0.3e0 * employability) * ln(uniform(number, 'months'))))::INTEGER
        AS months_worked_prev_24m,
    CASE WHEN referred THEN 10 + load END AS caseload_at_referral
FROM ({placed})
"""


def write_register(
    path: str | Path,
    n_cases: int,
    *,
    n_offices: int = 12,
    seed: int = 1,
    continuous: bool = False,
    ordered: bool = False,
    bad_row: int | None = None,
    n_caseloads: int = 10,
    n_files: int = 1,
    memory_limit: str = "2GB",
    threads: int = 2,
) -> Path:
    """Write simulated cases to a Parquet file, or to a folder of several.

    Nothing half-written bears the name: what is written has another until it is whole.

    Parameters
    ----------
    path : str or Path
        The file; of ``n_files`` above one the folder, which must not be there.
    n_cases, n_offices, seed : int
    continuous : bool
        Motivation with all its digits, so that no two cases are alike; else in whole points.
    ordered : bool
        Whether case_id goes up row by row, which makes it easy to count; else it is in no order, as pseudonyms are.
    bad_row : int, optional
        The row, counted from one, that is taken in without being referred: the one fault in the file.
    n_caseloads : int
        How many values the caseload has: with more of them there are more distinct rows.
    n_files : int
        The same cases in so many files.
    memory_limit, threads
        What DuckDB may use.
    """
    path = Path(path)
    _refuse(path, n_cases, n_offices, n_caseloads, n_files, bad_row)
    given = {"n_cases": n_cases, "n_offices": n_offices, "n_caseloads": n_caseloads, "bad_row": bad_row or 0}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        parts = Path(folder) / "parts"
        parts.mkdir()
        settings = {"memory_limit": memory_limit, "threads": threads, "temp_directory": f"{folder}/spilled"}
        with duckdb.connect(config=settings) as connection:
            connection.execute(MACROS.format(seed=int(seed)))
            for part in range(n_files):
                first, last = part * n_cases // n_files + 1, (part + 1) * n_cases // n_files
                query = _select(first, last, continuous=continuous, ordered=ordered, **given)
                file = str(parts / f"part_{part + 1:03d}.parquet").replace("'", "''")
                connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
        os.replace(parts / "part_001.parquet" if n_files == 1 else parts, path)
    return path


def _refuse(
    path: Path, n_cases: int, n_offices: int, n_caseloads: int, n_files: int, bad_row: int | None
) -> None:
    if not 1 <= n_files <= n_cases or n_caseloads < 1 or not 1 <= n_offices <= 9_000:
        raise ValueError("there must be a case in each file, a caseload, and from 1 to 9,000 offices")
    if bad_row is not None and not 1 <= bad_row <= n_cases:
        raise ValueError(f"bad_row must be a row, from 1 to {n_cases}; got {bad_row}")
    if path.is_dir() if n_files == 1 else path.exists():
        raise ValueError("there is a folder of that name, or a file where a folder is to be")


def _select(
    first: int, last: int, *, continuous: bool, ordered: bool, n_cases: int, n_caseloads: int, **given: int
) -> str:
    """The cases from one row to another, as a query: each step adds columns to the one before."""
    ruler = "10e0 / (1e0 + exp(-0.4e0 - normal(number, 'motivation')))"
    zeros = "0" * max(9, len(str(n_cases)))
    names = {
        **TRUE,
        **given,
        "ruler": ruler if continuous else f"round({ruler})",
        "first": first,
        "last": last,
        "n_caseloads": n_caseloads,
        "widest": max(n_caseloads - 1, 1),
        "zeros": zeros,
        # a factor without a divisor in common with the power of ten gives every number another
        "key": "number" if ordered else f"number * 618033989 % 1{zeros}",
    }
    drawn = DRAWN.format(**names)
    coded = CODED.format(**names, drawn=drawn)
    referred = REFERRED.format(**names, coded=coded)
    taken = ACCEPTED.format(**names, referred=referred)
    return RECORDED.format(**names, placed=PLACED.format(**names, taken=taken))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write simulated cases by the million as Parquet.")
    parser.add_argument("file", type=Path, help="the Parquet file, or with --n-files the folder")
    parser.add_argument("--n-cases", type=int, required=True)
    parser.add_argument("--n-offices", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--continuous", action="store_true", help="motivation with all its digits")
    parser.add_argument("--ordered", action="store_true", help="case_id in the order of the rows")
    parser.add_argument("--bad-row", type=int, help="the row, counted from one, that breaks a rule")
    parser.add_argument("--n-caseloads", type=int, default=10, help="how many values the caseload has")
    parser.add_argument("--n-files", type=int, default=1)
    parser.add_argument("--memory-limit", default="2GB", help="what DuckDB may use")
    parser.add_argument("--threads", type=int, default=2)
    given = vars(parser.parse_args())
    write_register(given.pop("file"), given.pop("n_cases"), **given)


if __name__ == "__main__":
    main()
