"""Reads Parquet parts as an analyst's tools do, and prints what it finds as JSON.

read.py duckdb|polars DIRECTORY   every record, one object per line, absent values as null
read.py query SQL                 the rows of a query by DuckDB, one array per line
read.py sealed SQL KEY            the same with the key 'part' for encrypted parts, in base64
"""

import datetime
import json
import sys


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    return value


def duckdb_rows(query, key=None):
    import duckdb

    connection = duckdb.connect()
    if key:
        connection.execute(f"PRAGMA add_parquet_key('part', '{key}')")
    connection.execute("SET TimeZone = 'UTC'")
    relation = connection.sql(query)
    # Instants as text: DuckDB's own need another library.
    columns = ", ".join(
        f"strftime(\"{name}\", '%Y-%m-%dT%H:%M:%S.%fZ')" if "TIME ZONE" in str(kind) else f'"{name}"'
        for name, kind in zip(relation.columns, relation.types)
    )
    rows = connection.sql(f"SELECT {columns} FROM ({query.strip().rstrip(';')})").fetchall()
    return relation.columns, rows


def main(what, argument, key=None):
    if what in ("query", "sealed"):
        for row in duckdb_rows(argument, key)[1]:
            print(json.dumps([plain(value) for value in row]))
    elif what == "duckdb":
        names, rows = duckdb_rows(f"SELECT * FROM '{argument}/*.parquet'")
        for row in rows:
            print(json.dumps(dict(zip(names, map(plain, row)))))
    elif what == "polars":
        import polars

        for row in polars.read_parquet(f"{argument}/*.parquet").iter_rows(named=True):
            print(json.dumps({name: plain(value) for name, value in row.items()}))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
