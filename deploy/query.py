"""Asks encrypted parts of Parquet with DuckDB. The key of each storage epoch is had from the keyring, which enters that in its journal.

    python deploy/query.py DIRECTORY KEYRING CLASS SQL

DIRECTORY is that of the class, and the records are the table `records`. Needs the module duckdb (PyPI), and sluis on the path. Ends with 1 where there
is no part, or no key of one any more.
"""

import collections
import os
import subprocess
import sys

import duckdb


def key_of(part, keys, of_class):
    """The key of a part as text; ends where there is none."""
    command = ["sluis", "keys", "read-key", of_class, part, "--keys", keys, "--for", "parquet"]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    if read.returncode != 0:
        print(f"{part}: cannot be read: {read.stderr.strip()}")
        sys.exit(1)
    return read.stdout.strip()


def main(directory, keys, of_class, sql):
    # Parts of one epoch and stage have one key, and the same beginning of their names: deadline, retention, and the stage where there is one.
    epochs = collections.defaultdict(list)
    for part in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        if part.endswith(".parquet") and not part.startswith("."):
            pieces = part.split(".")
            epochs[".".join(pieces[: 3 if pieces[2].startswith("stage") else 2])].append(part)
    if not epochs:
        print(f"{directory}: no part is left")
        sys.exit(1)
    tables = []
    for name, parts in epochs.items():
        duckdb.execute(f"PRAGMA add_parquet_key('{name}', '{key_of(parts[0], keys, of_class)}')")
        files = [os.path.join(directory, part) for part in parts]
        tables.append(f"SELECT * FROM read_parquet({files}, encryption_config = {{footer_key: '{name}'}})")
    duckdb.execute("CREATE VIEW records AS " + " UNION ALL BY NAME ".join(tables))
    duckdb.sql(sql).show()


if len(sys.argv) != 5:
    sys.exit(__doc__)
main(*sys.argv[1:])
