#!/usr/bin/env python3
"""Judges a folder of known bugs (../shared/known-bugs) and prints how far the verdicts are right.

real:     each model in its newest bad version that is installed (a finding of class bug with the recorded symptom
          class is asked for), and in a good version (no finding of class bug).
not-bugs: each in its newest bad version: no finding of class bug.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys


def version(v):
    return tuple(int(n) for n in v.split("."))


def judge(program, jobs):
    """jobs: version -> [folder]; returns {(version, folder name): row}."""
    rows = {}
    for v, folders in sorted(jobs.items(), key=lambda kv: version(kv[0])):
        done = subprocess.run([program, "judge", "--json", "--system", f"onnxruntime@{v}", *map(str, folders)],
                              capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"{v}: exit code {done.returncode}: {done.stderr}")
        for line in done.stdout.splitlines():
            row = json.loads(line)
            rows[v, pathlib.Path(row["path"]).name] = row
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--program", default="scripts/mobster")
    args = parser.parse_args()
    listed = subprocess.run([args.program, "list", "systems", "--json"], capture_output=True, text=True, check=True)
    installed = {r["version"] for r in map(json.loads, listed.stdout.splitlines()) if r["name"] == "onnxruntime"}

    cases = {}
    for f in sorted(args.folder.glob("*/*/case.json")):
        cases[f.parent.name] = (f.parent.parent.name, f.parent, json.loads(f.read_text()))
    bad_jobs, good_jobs, bad_of, good_of = collections.defaultdict(list), collections.defaultdict(list), {}, {}
    for name, (kind, folder, case) in cases.items():
        if kind not in ("real", "not-bugs"):
            continue
        bad = [v for v in case["bad_versions"] if v in installed]
        if bad:
            bad_of[name] = max(bad, key=version)
            bad_jobs[bad_of[name]].append(folder)
        good = [v for v in case["good_versions"] if v in installed]
        if kind == "real" and good:
            good_of[name] = max(good, key=version)
            good_jobs[good_of[name]].append(folder)
    bad_rows, good_rows = judge(args.program, bad_jobs), judge(args.program, good_jobs)

    right = total = 0
    for name, v in bad_of.items():
        kind, _, case = cases[name]
        row = bad_rows[v, name]
        if kind == "real":
            total += 1
            ok = row["verdict"] == "finding" and row["class"] == "bug" and row["symptom"] == case["symptom_class"]
            right += ok
            if not ok:
                print(f"MISSED {name} ({v}): want {case['symptom_class']}; {row['verdict']} {row['symptom']} "
                      f"{row['class']} {row['message'][:200]}")
    print(f"real bugs in a bad version: {right} of {total} are findings of class bug with the recorded symptom")

    wrong = 0
    for name, v in good_of.items():
        row = good_rows[v, name]
        if row["verdict"] == "finding" and row["class"] == "bug":
            wrong += 1
            print(f"FALSE {name} ({v}): {row['symptom']} {row['message'][:200]}")
    print(f"real bugs in a good version: {wrong} of {len(good_of)} are (wrongly) findings of class bug")
    agree = sum(good_rows[v, n]["verdict"] == "agree" for n, v in good_of.items())
    print(f"  of these {agree} agree; the others: " + ", ".join(
        f"{n} {good_rows[v, n]['verdict']} ({good_rows[v, n]['class'] or good_rows[v, n]['reason'][:80]})"
        for n, v in good_of.items() if good_rows[v, n]["verdict"] != "agree"))

    wrong = total = 0
    classes = collections.Counter()
    for name, v in bad_of.items():
        kind, _, case = cases[name]
        if kind != "not-bugs":
            continue
        total += 1
        row = bad_rows[v, name]
        classes[row["class"] or row["verdict"]] += 1
        if row["class"] == "bug":
            wrong += 1
            print(f"FALSE {name} ({v}, {case['class']}): {row['symptom']} {row['message'][:200]}")
    print(f"not-bugs: {wrong} of {total} are (wrongly) findings of class bug; verdicts: {dict(classes)}")


if __name__ == "__main__":
    main()
