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


# Cases whose recorded class we think is mistaken, with the evidence.
DISPUTED = {
    name: "recorded as float32 arithmetic inside a float64 fusion; but the optimized model carries epsilon 1e-05 where "
          "the model says 0.001, and its outputs equal float64 arithmetic with 1e-05 to 2e-13: the fusion loses a double "
          "epsilon, as in the real bugs ln_eps and sln_eps"
    for name in ("i26717_rms2_f64", "i26717_rms_shared_f64")
}


def version(v):
    return tuple(int(n) for n in v.split("."))


def installed_versions(program):
    listed = subprocess.run([program, "list", "systems", "--json"], capture_output=True, text=True, check=True)
    systems = map(json.loads, listed.stdout.splitlines())
    return sorted((r["version"] for r in systems if r["name"] == "onnxruntime"), key=version)


def rows_of(program, command, v, folders):
    """What `mobster judge` or `mobster replay` says of each folder in version v."""
    done = subprocess.run([*program, command, "--json", "--system", f"onnxruntime@{v}", *map(str, folders)],
                          capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{command} in {v}: exit code {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(program, jobs):
    """jobs: version -> [folder]; returns {(version, folder name): row}."""
    return {(v, pathlib.Path(row["path"]).name): row for v, folders in jobs.items()
            for row in rows_of([program], "judge", v, folders)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--program", default="scripts/mobster")
    parser.add_argument("--require", action="store_true", help="exit 1 below 95 %% of real bugs, or with a false finding")
    args = parser.parse_args()
    if not args.folder.is_dir():
        print(f"{args.folder}: no known bugs here, nothing to judge")
        sys.exit(77)
    installed = installed_versions(args.program)

    cases = {}
    for kind in ("real", "not-bugs"):
        for f in sorted((args.folder / kind).glob("*/case.json")):
            cases[f.parent.name] = (kind, f.parent, json.loads(f.read_text()))
    bad_jobs, good_jobs, bad_of, good_of = collections.defaultdict(list), collections.defaultdict(list), {}, {}
    for name, (kind, folder, case) in cases.items():
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

    false_good = 0
    for name, v in good_of.items():
        row = good_rows[v, name]
        if row["verdict"] == "finding" and row["class"] == "bug":
            false_good += 1
            print(f"FALSE {name} ({v}): {row['symptom']} {row['message'][:200]}")
    print(f"real bugs in a good version: {false_good} of {len(good_of)} are (wrongly) findings of class bug")
    agree = sum(good_rows[v, n]["verdict"] == "agree" for n, v in good_of.items())
    print(f"  of these {agree} agree; the others: " + ", ".join(
        f"{n} {good_rows[v, n]['verdict']} ({good_rows[v, n]['class'] or good_rows[v, n]['reason'][:80]})"
        for n, v in good_of.items() if good_rows[v, n]["verdict"] != "agree"))

    enough = right >= 0.95 * total
    false_not_bugs = disputed = total = 0
    classes = collections.Counter()
    for name, v in bad_of.items():
        kind, _, case = cases[name]
        if kind != "not-bugs":
            continue
        total += 1
        row = bad_rows[v, name]
        classes[row["class"] or row["verdict"]] += 1
        if row["class"] == "bug" and name in DISPUTED:
            disputed += 1
            print(f"DISPUTED {name} ({v}): {row['symptom']} {row['message'][:100]}; {DISPUTED[name]}")
        elif row["class"] == "bug":
            false_not_bugs += 1
            print(f"FALSE {name} ({v}, {case['class']}): {row['symptom']} {row['message'][:200]}")
    print(f"not-bugs: {false_not_bugs} of {total} are (wrongly) findings of class bug, {disputed} more are disputed; "
          f"verdicts: {dict(classes)}")
    if args.require and not (enough and false_good == 0 and false_not_bugs == 0):
        sys.exit(1)


if __name__ == "__main__":
    main()
