"""One small Spark for all tests of this folder, and pandas frames put on it in partitions."""

import warnings
from functools import reduce
from pathlib import Path

import duckdb
import numpy as np
import pytest

#: What comes from PySpark itself, where the tests make a frame with it: of the pandas it was made for, of how it calls
#: pandas, and of what its gateway leaves open at the end.
FROM_PYSPARK = (
    "ignore:PySpark does not yet fully support pandas:FutureWarning",
    "ignore:The copy keyword is deprecated:DeprecationWarning",
    "ignore::ResourceWarning",
)
SETTINGS = {
    "spark.sql.shuffle.partitions": "2",
    # few rows and many questions: compiling these would take far longer than answering them
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "2g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            for said in FROM_PYSPARK:
                item.add_marker(pytest.mark.filterwarnings(said))


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    sql = pytest.importorskip("pyspark.sql")
    builder = sql.SparkSession.builder.master("local[2]")
    builder = builder.config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def put(spark, tmp_path_factory):
    """A pandas frame on Spark, its rows in order in so many partitions."""

    def put(frame, n_partitions=1):
        folder = tmp_path_factory.mktemp("cases")
        parts = []
        for number, rows in enumerate(np.array_split(np.arange(len(frame)), n_partitions)):
            path = str(folder / f"{number}.parquet")
            write(frame.iloc[rows], path)
            parts.append(spark.read.parquet(path).coalesce(1))
        return reduce(lambda one, other: one.unionAll(other), parts)

    return put


def write(frame, path):
    """Moments are dates, as in a register."""
    read = [
        f'CAST("{name}" AS DATE) AS "{name}"' if kind.kind == "M" else f'"{name}"'
        for name, kind in frame.dtypes.items()
    ]
    with duckdb.connect() as connection:
        connection.register("cases", frame)
        connection.execute(f"COPY (SELECT {', '.join(read)} FROM cases) TO '{path}' (FORMAT parquet)")
