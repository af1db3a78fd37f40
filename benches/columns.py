"""Runs the pipelines of benches/columns, and prints what they cost."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

SLUIS, WORK, LINES, ROUNDS, HOW = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
KINDS = ["ndjson", "zstd", "zstd-encrypted", "parquet", "parquet-encrypted"]


def run(name):
    """CPU seconds, peak of memory in MiB, and bytes stored."""
    for place in ("state-", "out-"):
        shutil.rmtree(f"{WORK}/{place}{name}", ignore_errors=True)
    child = subprocess.Popen(
        [SLUIS, "run", f"{WORK}/{name}.toml", "--once"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said = child.stderr.read().decode()
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{name} failed:\n{said}")
    stored = sum(
        os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(f"{WORK}/out-{name}") for file in files
    )
    return used.ru_utime + used.ru_stime, used.ru_maxrss >> 10, stored


def main():
    rounds = []
    for _ in range(ROUNDS):
        rounds.append({name: run(name) for name in KINDS})
    print(f"{'':18} {'CPU s per million':>18} {'MiB peak':>9} {'bytes per record':>17}")
    for name in KINDS:
        cpu = statistics.median(r[name][0] for r in rounds) / LINES * 1e6
        peak, size = max(r[name][1] for r in rounds), rounds[-1][name][2] / LINES
        print(f"{name:18} {cpu:18.2f} {peak:9} {size:17.1f}")

    def ratio(over, under, which=0):
        return statistics.median(r[over][which] / r[under][which] for r in rounds)

    print(f"Parquet, per core, against NDJSON to /dev/null: {ratio('ndjson', 'parquet'):.2f} (must 0.5)")
    print(f"size against zstd NDJSON: {ratio('parquet', 'zstd', 2):.2f} (must 0.8)")
    print(f"encryption, added CPU: Parquet {100 * ratio('parquet-encrypted', 'parquet') - 100:.0f} % (must 15 %), ", end="")
    print(f"zstd files {100 * ratio('zstd-encrypted', 'zstd') - 100:.0f} %")
    print(f"stage, MB of Parquet rewritten per CPU s: {narrowed('staged'):.0f}, encrypted {narrowed('staged-encrypted'):.0f} (must 100)")
    print(f"peak with 48 parts open at once: {run('hours-at-once')[1]} MiB (must 256)")
    distinct()


def narrowed(name):
    """MB of Parquet per CPU second, of a sweep that rewrites all of a store without addresses."""
    store = f"{WORK}/out-{name}/web"
    sweep = lambda after: [SLUIS, "sweep", f"{WORK}/{name}-{after}.toml"]
    subprocess.run([SLUIS, "run", f"{WORK}/{name}-7d.toml", "--once"], check=True, capture_output=True)
    # As if no part had come for an hour: they are merged, as they would be long before a stage.
    hour_ago = time.time() - 3600
    for part in os.listdir(store):
        os.utime(f"{store}/{part}", (hour_ago, hour_ago))
    subprocess.run(sweep("7d"), check=True, capture_output=True)
    size = sum(os.path.getsize(f"{store}/{part}") for part in os.listdir(store))
    child = subprocess.Popen(sweep("2h"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = child.stdout.read().decode()
    _, status, used = os.wait4(child.pid, 0)
    # Lines of the last two hours have not reached the stage.
    left = [part for part in os.listdir(store) if ".stage1." not in part]
    if status != 0 or len(left) > 4:
        sys.exit(f"{name} was not rewritten:\n{said}{child.stderr.read().decode()}{left}")
    return size / 1e6 / (used.ru_utime + used.ru_stime)


def distinct():
    """Distinct clients per hour, over as many copies of the store as make fifty million records."""
    import duckdb

    copies = 1 if HOW == "small" else max(1, 50_000_000 // LINES)
    files = [
        os.path.join(folder, file) for folder, _, names in os.walk(f"{WORK}/out-hours-at-once") for file in names
    ] * copies
    duckdb.sql("SET threads = 2")
    # An hour of UTC by division: functions of instants ask for the time zone of every row.
    hour = "make_timestamp(epoch_us(time) // 3600000000 * 3600000000)"
    begun = time.monotonic()
    hours = duckdb.sql(
        f"""SELECT {hour} AS hour, count(DISTINCT "client.address") FROM read_parquet({files}) GROUP BY hour"""
    ).fetchall()
    seconds = time.monotonic() - begun
    records = duckdb.sql(f"SELECT count(*) FROM read_parquet({files})").fetchall()[0][0]
    print(f"DuckDB, distinct clients per hour, {records:,} records, {len(hours)} hours, two threads: {seconds:.1f} s (must 5 s)")


main()
