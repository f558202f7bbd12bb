#!/usr/bin/env python3
"""Holds `mobster blame` against what is recorded of a folder of known bugs (../shared/known-bugs).

passes:   at the version of the recorded cure sets, every recorded level: the same sets of optimizers. A rewrite rule
          stands for the bundle that holds it.
versions: the table of bad, good and not runnable ones, as far as versions are installed.
culprit:  all known bugs are an optimizer's.
"""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import statistics
import subprocess
import sys

from known_bugs import installed_versions, version

# What we think is recorded otherwise than it is, with the evidence.
DISPUTED = {
    ("nbits_f16", "passes"): "at ALL outputs are 0.027 from the reference's (EXTENDED: 5.77), as sums of products rounded "
                             "to float16 are; the bound is 0.62",
    ("nbits_f16", "versions"): "in 1.25.1 and 1.26.0 outputs are 0.027 from the reference's at all levels with that pass, "
                               "as at ALL in 1.31.1",
    ("ln_sc1", "culprit"): "LayerNormalization takes any scale that broadcasts (ONNX, opset 17), its kernel no scale of "
                           "one number: the fused model is valid",
    ("qdq_convpczp_u8", "culprit"): "QLinearConv takes a zero point for each channel of the weight (ONNX, opset 10), its "
                                    "kernel only equal ones: the fused model is valid",
}
LEVELS = {"1": "BASIC", "2": "EXTENDED", "99": "ALL"}


def is_bundle(name):
    return name.endswith("_RuleBasedTransformer")


def sets_of(lists):
    """Bundles are left out where a set without them is there: they cure what any of their rules does."""
    sets = {frozenset(s) for s in lists}
    return {s for s in sets if not any(map(is_bundle, s))} or sets


def blame(program, folder, at, jobs):
    done = subprocess.run([program, "blame", "--json", "--jobs", str(jobs), "--system", f"onnxruntime@{at}", str(folder)],
                          capture_output=True, text=True)
    if done.returncode not in (0, 1):
        return {"failed": f"exit code {done.returncode}: {done.stderr}"}
    return json.loads(done.stdout)


def differences(case, row, at, installed):
    """What is wrong, by part; a part that could not be told is not there."""
    wrong = {}
    if at == case["cure_sets"]["version"] and version(at) >= (1, 18):
        wrong["passes"] = [f"{name}: want {sorted(map(sorted, want))}, got {sorted(map(sorted, got))}"
                           for level, lists in case["cure_sets"]["levels"].items()
                           for name in [LEVELS[level]]
                           for want, got in [(sets_of(lists), sets_of(row["passes"].get(name, [])))] if want != got]
    wrong["versions"] = []
    got = {v["version"]: v["result"] for v in row["versions"]}
    for kind, recorded in (("bad", "bad_versions"), ("good", "good_versions"), ("not-runnable", "not_runnable_versions")):
        for v in case[recorded]:
            if v in installed and got.get(v) != kind:
                wrong["versions"].append(f"{v}: want {kind}, got {got.get(v)} {row['unclear'].get(v, '')[:120]}")
    wrong["culprit"] = [] if row["culprit"] == "optimizer" else [f"{row['culprit']}: {row['culprit_why'][:200]}"]
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--program", default="scripts/mobster")
    parser.add_argument("--jobs", type=int, default=1, help="versions that one case is judged in at a time")
    parser.add_argument("--cases", type=int, default=1, help="cases at a time")
    parser.add_argument("--require", action="store_true", help="exit 1 below 95 %% of passes or versions")
    args = parser.parse_args()
    if not args.folder.is_dir():
        print(f"{args.folder}: no known bugs here, nothing to blame")
        sys.exit(77)
    installed = installed_versions(args.program)
    cases = [(f.parent, json.loads(f.read_text())) for f in sorted((args.folder / "real").glob("*/case.json"))]

    def one(folder, case):
        # Where the recorded version is not here: the newest bad one that is.
        at = case["cure_sets"]["version"]
        if at not in installed:
            at = max((v for v in case["bad_versions"] if v in installed), key=version)
        return at, blame(args.program, folder, at, args.jobs)

    right, told, seconds, culprits = collections.Counter(), collections.Counter(), [], collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(args.cases) as pool:
        for (folder, case), (at, row) in zip(cases, pool.map(lambda c: one(*c), cases)):
            if "failed" in row or row["symptom"] is None:
                print(f"FAILED {folder.name} ({at}): {row.get('failed') or row['reason']}")
                told.update(["passes", "versions", "culprit"])
                continue
            seconds.append((row["seconds"], folder.name))
            culprits[row["culprit"]] += 1
            for part, wrong in differences(case, row, at, installed).items():
                told[part] += 1
                right[part] += not wrong
                dispute = DISPUTED.get((folder.name, part), "")
                for words in wrong:
                    print(f"{'DISPUTED' if dispute else 'WRONG'} {part} {folder.name} ({at}) {words}")
                if wrong and dispute:
                    print(f"  {dispute}")
    for part in ("passes", "versions", "culprit"):
        print(f"{part}: {right[part]} of {told[part]} as recorded")
    print(f"culprits: {dict(culprits)}")
    if seconds:
        print(f"seconds: median {statistics.median(s for s, _ in seconds):.2f}, largest {max(seconds)[0]:.2f} "
              f"({max(seconds)[1]})")
    if args.require and any(right[p] < 0.95 * told[p] for p in ("passes", "versions")):
        sys.exit(1)


if __name__ == "__main__":
    main()
