#!/usr/bin/env python3
"""Runs repro.py of every finding of a campaign with a given Python, and says how many show their bug.

    repros.py campaign --python venv/bin/python
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="a campaign, or a folder of findings")
    parser.add_argument("--python", default=sys.executable, help="that has onnxruntime, onnx and numpy")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--require", action="store_true", help="exit 1 where a finding does not reproduce")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args()
    folders = sorted(f.parent for f in args.folder.glob("**/finding.json"))
    if not folders:
        sys.exit(f"{args.folder}: no finding is here")
    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for folder, (code, line) in zip(folders, pool.map(lambda f: run(args.python, f), folders)):
            ending = ENDINGS.get(code, "stumbled")
            counts[ending] += 1
            if args.json:
                print(json.dumps({"name": folder.name, "ending": ending, "line": line}), flush=True)
            else:
                print(f"{ending:<14} {folder.name:<70} {line[:300]}", flush=True)
    others = "".join(f", {n} {ending}" for ending, n in sorted(counts.items()) if ending != "REPRODUCED")
    share = counts["REPRODUCED"] / len(folders)
    print(f"{counts['REPRODUCED']} of {len(folders)} REPRODUCED ({share:.1%}){others}", file=sys.stderr)
    if args.require and share < 1:
        sys.exit(1)


if __name__ == "__main__":
    main()
