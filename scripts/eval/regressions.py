#!/usr/bin/env python3
"""Replays a regression corpus on one version of ONNX Runtime (the newest one installed) and asks that each case does
what is known of that version: nothing newly broken, nothing newly fixed, nothing that cannot tell but where that is
known, too.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--program", default="scripts/mobster")
    parser.add_argument("--system", default="onnxruntime")
    args = parser.parse_args()

    start = time.monotonic()
    done = subprocess.run([args.program, "replay", "--json", "--system", args.system, str(args.corpus)],
                          capture_output=True, text=True)
    seconds = time.monotonic() - start
    if done.returncode not in (0, 1):
        sys.exit(f"replay: exit code {done.returncode}: {done.stderr}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]

    wrong = 0
    for row in rows:
        version = row["system"].split("@")[1]
        finding = json.loads((pathlib.Path(row["path"]) / "finding.json").read_text())
        known = finding["regression"]["versions"]["onnxruntime"]
        untold = version not in known["bad_versions"] + known["good_versions"]
        if row["change"] in ("newly broken", "newly fixed") or (row["change"] == "cannot tell" and not untold):
            wrong += 1
            print(f"{row['change']}: {row['name']}: {row['message'][:200]}")
    counts = collections.Counter(row["change"] for row in rows)
    print(f"{len(rows)} cases in {seconds:.1f} s: " + ", ".join(f"{n} {change}" for change, n in counts.items()))
    if not rows or wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
