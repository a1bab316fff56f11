"""A table in PostgreSQL is counted through DuckDB's scanner; needs a server and the extra ``postgres``.

Run: ``SE_OUTCOMES_POSTGRES=postgresql://user@host:port/database pytest tests/cases/test_postgres.py`` in an environment
with ``pip install -e ".[postgres]"``; the test makes and drops a table of its own.
"""

import os

import duckdb
import pytest

import se_outcomes as so

ADDRESS = os.environ.get("SE_OUTCOMES_POSTGRES", "")
needs_server = pytest.mark.skipif(not ADDRESS, reason="SE_OUTCOMES_POSTGRES names no PostgreSQL server")


@needs_server
def test_a_table_is_counted_where_it_is():
    pytest.importorskip("duckdb_extensions").import_extension("postgres_scanner")
    study = so.simulate_cases(800, n_offices=6, seed=2, missing=0.05)
    with duckdb.connect() as connection:
        connection.execute(f"LOAD postgres_scanner; ATTACH '{ADDRESS}' AS server (TYPE postgres)")
        connection.register("t", study._frame)
        connection.execute("CREATE OR REPLACE TABLE server.se_outcomes_test AS SELECT * FROM t")
        try:
            mapping = {"study": {"outcome_observed": "all", "horizon_days": 365}}
            cases = so.load_cases(ADDRESS, table="se_outcomes_test", mapping=mapping)
            assert cases.engine == "DuckDB"
            assert cases.fingerprint == so.check_cases(study._frame, mapping=mapping).fingerprint
        finally:
            connection.execute("DROP TABLE server.se_outcomes_test")


def test_where_there_is_no_scanner_it_is_said_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("se_outcomes.cases.engine_frames.EXTENSIONS", str(tmp_path))
    monkeypatch.setattr("se_outcomes.cases.engine_frames.find_spec", lambda _: None)
    with pytest.raises(so.CaseFileError, match="scanner for PostgreSQL, which is not installed") as caught:
        so.load_cases("postgresql://somebody:secret@localhost:1/register", table="spells")
    assert "secret" not in str(caught.value)
