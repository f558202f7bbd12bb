#!/usr/bin/env python3
"""Reduces the known bugs and holds the results against what is recorded of them.

    scripts/eval/reduce.py ../shared/known-bugs [--program build/release/mobster] [--jobs N]

Each case of `real` is reduced in the newest installed version that is recorded as bad. Wanted: at most the recorded
nodes, operators a subsequence of the recorded ones, in at least 95 %; and the median time. Then the signatures are held
against the column `bug`: of the pairs of cases with one signature, how many are of one bug (precision), and of the pairs
of one bug, how many have one signature (recall).
"""
import argparse
import collections
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from known_bugs import installed_versions


def subsequence(small, large):
    rest = iter(large)
    return all(op in rest for op in small)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--program", default="build/release/mobster")
    parser.add_argument("--out", type=pathlib.Path, help="keep the reduced findings here")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--require", action="store_true",
                        help="exit 1 where less than 95 %% fit, precision is below 0.95 or recall below 0.7")
    words = parser.parse_args()
    if not (words.folder / "real").is_dir():
        print(f"{words.folder}: no known bugs are here")
        sys.exit(77)
    installed = installed_versions(words.program)
    out = words.out or pathlib.Path(tempfile.mkdtemp())
    good, seconds, checks, missing, grouped = 0, [], [], [], []
    cases = sorted(p.parent for p in (words.folder / "real").glob("*/case.json") if words.only in p.parent.name)
    for case in cases:
        known = json.loads((case / "case.json").read_text())
        versions = [v for v in known["bad_versions"] if v in installed]
        if not versions:
            missing.append(case.name)
            continue
        run = subprocess.run(
            [words.program, "reduce", case, "--system", "onnxruntime@" + versions[-1], "--out", out / case.name, "--json"],
            capture_output=True, text=True)
        try:
            got = json.loads(run.stdout)
        except ValueError:
            got = {"reduced": False, "reason": run.stderr.strip()}
        if not got["reduced"]:
            print(f"{case.name:32} {versions[-1]:8} NOT REDUCED: {got['reason']}")
            continue
        operators = [op for op in got["operators"] if op != "Constant"]
        recorded = [op for op in known["ops"] if op != "Constant"]
        fits = got["nodes"] <= known["n_nodes"] and subsequence(operators, recorded)
        good += fits
        grouped.append((case.name, known["bug"], got["signature"]))
        seconds.append(got["seconds"])
        checks.append(got["checks"])
        print(f"{case.name:32} {versions[-1]:8} {known['n_nodes']:3} -> {got['nodes']:3} {got['seconds']:6.2f} s {got['checks']:5}  "
              f"{'' if fits else 'NOT '}{' '.join(got['operators'])}{'' if got['complete'] else '  (limit)'}")
        sys.stdout.flush()
    tried = len(cases) - len(missing)
    print(f"{good} of {tried} at most as large as recorded, operators a subsequence ({100 * good / max(1, tried):.1f} %)")
    if seconds:
        print(f"seconds: median {statistics.median(seconds):.2f}, largest {max(seconds):.2f}; "
              f"variants: median {statistics.median(checks):.0f}, largest {max(checks)}")
    pairs = list(itertools.combinations(grouped, 2))
    together = [(a, b) for a, b in pairs if a[2] == b[2]]
    wanted = [(a, b) for a, b in pairs if a[1] == b[1]]
    right = [(a, b) for a, b in together if a[1] == b[1]]
    print(f"signatures: {len({g[2] for g in grouped})} for {len({g[1] for g in grouped})} bugs; pairwise precision "
          f"{len(right) / max(1, len(together)):.3f} ({len(right)} of {len(together)}), recall "
          f"{len(right) / max(1, len(wanted)):.3f} ({len(right)} of {len(wanted)})")
    by_bug = collections.defaultdict(lambda: collections.defaultdict(list))
    for name, bug, signature in grouped:
        by_bug[bug][signature].append(name)
    for bug, signatures in by_bug.items():
        if len(signatures) > 1:
            print(f"split: {bug}")
            for signature, names in signatures.items():
                print(f"  {signature}\n    {' '.join(names)}")
    for signature in sorted({a[2] for a, b in together if a[1] != b[1]}):
        print(f"mixed: {signature}\n    {' '.join(n + ' (' + b + ')' for n, b, s in grouped if s == signature)}")
    precise = len(right) / max(1, len(together))
    recalled = len(right) / max(1, len(wanted))
    if missing:
        print("no bad version is installed for: " + " ".join(missing))
    if words.require and (good < 0.95 * tried or precise < 0.95 or recalled < 0.7):
        sys.exit(1)


if __name__ == "__main__":
    main()
