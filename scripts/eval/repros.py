#!/usr/bin/env python3
"""Runs repro.py of every finding of a campaign with a given Python, and says how many show their bug.

    repros.py campaign --python venv/bin/python [--expect]

--expect takes the reduced findings that blame calls bad or good in the onnxruntime of that Python, and wants
REPRODUCED of the former and "not reproduced" of the latter.
"""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import subprocess
import sys

ENDINGS = {0: "not reproduced", 1: "REPRODUCED", 2: "cannot tell"}


def run(python, folder):
    try:
        done = subprocess.run([python, folder / "repro.py"], capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        return None, "no answer within 600 s"
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    # A script that stumbles exits with 1, too: only its word counts.
    said = any(line.startswith("REPRODUCED") for line in done.stdout.splitlines())
    code = done.returncode if (done.returncode == 1) == said else -1
    return code, lines[-1] if lines else ""


def expected_endings(folders, python):
    """What blame says of the version: {folder: ending}; findings of which it says nothing are left out."""
    version = subprocess.run([python, "-c", "import onnxruntime; print(onnxruntime.__version__)"], check=True,
                             capture_output=True, text=True).stdout.strip()
    endings = {}
    for folder in folders:
        finding = json.loads((folder / "finding.json").read_text())
        if version in finding.get("bad_versions", []):
            endings[folder] = "REPRODUCED"
        elif version in finding.get("good_versions", []):
            endings[folder] = "not reproduced"
    return endings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="a campaign, or a folder of findings")
    parser.add_argument("--python", default=sys.executable, help="that has onnxruntime, onnx and numpy")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--expect", action="store_true", help="hold the endings against blame's versions")
    parser.add_argument("--require", action="store_true", help="exit 1 where a finding does not reproduce")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args()
    folders = sorted(f.parent for f in args.folder.glob("**/finding.json"))
    if not folders:
        sys.exit(f"{args.folder}: no finding is here")
    if args.expect:
        expected = expected_endings(folders, args.python)
        folders = list(expected)
    else:
        expected = dict.fromkeys(folders, "REPRODUCED")
    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for folder, (code, line) in zip(folders, pool.map(lambda f: run(args.python, f), folders)):
            ending = ENDINGS.get(code, "stumbled")
            counts[expected[folder], ending] += 1
            name = folder.parent.name + "/reduced" if folder.name == "reduced" else folder.name
            if args.json:
                print(json.dumps({"name": name, "ending": ending, "expected": expected[folder], "line": line}), flush=True)
            elif not args.expect or ending != expected[folder]:
                print(f"{ending:<14} {name:<70} {line[:300]}", flush=True)
    for wanted in sorted(set(expected.values())):
        n = sum(count for (w, _), count in counts.items() if w == wanted)
        others = "".join(f", {count} {ending}" for (w, ending), count in sorted(counts.items()) if w == wanted != ending)
        print(f"{counts[wanted, wanted]} of {n} {wanted} ({counts[wanted, wanted] / n:.1%}){others}", file=sys.stderr)
    if args.require and any(w != ending for w, ending in counts):
        sys.exit(1)


if __name__ == "__main__":
    main()
