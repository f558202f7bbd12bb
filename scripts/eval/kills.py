#!/usr/bin/env python3
"""Kills a campaign again and again (SIGKILL, at random moments), resumes it, and checks that nothing is lost.

After every kill, on a copy of the journal: it opens and is whole, every index below the last is accounted for
exactly once, every row of a bug has its complete folder, and nothing that was there before the kill is gone. At the
end journal and findings must equal those of an undisturbed run of one job.

    kills.py --kills 50 --cases 4000 --out /tmp/kills
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

FILES = ("model.onnx", "README.md", "repro.py", "finding.json")
ENDED = (0, 1)  # nothing found, something found
BIRTHS = 2  # kills while the journal is being made


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="scripts/mobster")
    parser.add_argument("--system", default="onnxruntime")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cases", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--life", type=float, default=5, help="mean seconds between start and kill")
    parser.add_argument("--moments", type=int, default=1, help="seed of the moments of the kills")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for both campaigns, made anew")
    parser.add_argument("--keep-calm", action="store_true", help="use the undisturbed run that --out has already")
    return parser.parse_args()


def command(args, out, jobs, *more):
    return [args.program, "fuzz", "--system", args.system, "--cases", str(args.cases), "--seed", str(args.seed),
            "--jobs", str(jobs), "--out", str(out), "--quiet", *more]


def processes_of(group):
    """Living members of a process group."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found


def complete(folder):
    """What is missing of a finding's folder; empty where nothing is."""
    missing = [f for f in FILES if not (folder / f).is_file() or (folder / f).stat().st_size == 0]
    if missing:
        return f"{folder.name}: {', '.join(missing)} missing or empty"
    finding = json.loads((folder / "finding.json").read_text())
    if finding["name"] != folder.name:
        return f"{folder.name}: finding.json is of {finding['name']}"
    data = [f.name for f in (folder / "test_data_set_0").iterdir() if f.stat().st_size > 0]
    outputs = [f for f in data if f.startswith("output_")]
    if not outputs or len(outputs) != sum(f.startswith("bound_") for f in data):
        return f"{folder.name}: has {sorted(data)}"
    return ""


def read(journal):
    """The journal as plain values, independent of ids and of how rows were run-length coded."""
    db = sqlite3.connect(journal)
    problems = []
    if (whole := db.execute("pragma integrity_check").fetchone()[0]) != "ok":
        problems.append(f"integrity: {whole}")
    ledger, at = [], 0
    for first, cases, ending, reason in db.execute(
            "select l.first, l.cases, r.ending, r.reason from ledger l left join reasons r on r.id = l.reason order by 1"):
        if first != at or cases < 1 or ending is None:
            problems.append(f"ledger: the row at {first} has {cases} cases and ending {ending}; expected it at {at}")
        ledger += [f"{ending}: {reason}"] * cases
        at = first + cases
    bugs = {name: (signature, first, cases) for name, signature, first, cases in
            db.execute("select name, signature, first_index, cases from bugs")}
    findings = dict(db.execute("select idx, name from findings left join bugs on id = findings.bug"))
    seeds = {idx: (passes, name, hashlib.sha256(packed).hexdigest()) for idx, passes, name, packed in
             db.execute("select idx, pass_set, name, packed from seeds")}
    found = {
        "ledger": dict(enumerate(ledger)), "bugs": bugs, "findings": findings, "seeds": seeds,
        "epochs": dict(db.execute("select epoch, snapshot from epochs")),
        "reach": {f"{kind} {name}": n for kind, name, n in db.execute("select kind, name, cases from reach")},
        "sums": {name: n for name, n in db.execute("select name, value from sums") if name != "system_seconds"},
    }
    db.close()
    counted = collections.Counter(findings.values())
    for name, (_, first, cases) in bugs.items():
        if counted[name] != cases:
            problems.append(f"{name}: counts {cases} cases, {counted[name]} are written")
        if first != min((i for i, n in findings.items() if n == name), default=None):
            problems.append(f"{name}: its first index is {first}, which is not its first case")
    for index, words in enumerate(ledger):
        if words.startswith("finding: bug ") != (index in findings):
            problems.append(f"case {index}: is '{words}', and a finding: {index in findings}")
    if any(i >= at for i in [*findings, *seeds]):
        problems.append(f"a finding or seed lies beyond the last case, {at}")
    return found, problems


def inspect(out):
    """Reads a copy: to open the journal itself would heal what the next session has to heal."""
    with tempfile.TemporaryDirectory() as folder:
        for f in out.glob("journal.sqlite*"):
            if not f.name.endswith("-shm"):
                shutil.copy(f, folder)
        found, problems = read(pathlib.Path(folder, "journal.sqlite"))
    for name in found["bugs"]:
        if why := complete(out / "findings" / name):
            problems.append(why)
    return found, problems


def contents(out):
    """Every file below findings/ with its hash."""
    root = out / "findings"
    return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in root.rglob("*") if f.is_file()}


def lost(before, after):
    """What an earlier session had committed and this one has otherwise. Counts may only grow."""
    problems = []
    for table in ("ledger", "findings", "seeds", "epochs"):
        problems += [f"{table}: {k} was {v}, is {after[table].get(k)}" for k, v in before[table].items()
                     if after[table].get(k) != v]
    for name, (signature, first, cases) in before["bugs"].items():
        now = after["bugs"].get(name, (None, None, 0))
        if now[:2] != (signature, first) or now[2] < cases:
            problems.append(f"bug {name}: was {(signature, first, cases)}, is {now}")
    return problems


def wait_for_new_folder(out, until):
    """Returns as soon as a finding is being written, half or whole."""
    names = set(os.listdir(out / "findings")) if (out / "findings").is_dir() else set()
    while time.time() < until:
        if (out / "findings").is_dir() and set(os.listdir(out / "findings")) - names:
            return True
        time.sleep(0.0005)
    return False


def wait_for_journal(out, session):
    while not (out / "journal.sqlite").exists() and session.poll() is None:
        time.sleep(0.0005)


def main():
    args = parse()
    calm, killed = args.out / "calm", args.out / "killed"
    shutil.rmtree(killed, ignore_errors=True)
    args.out.mkdir(parents=True, exist_ok=True)
    moments, problems = random.Random(args.moments), []
    kills = collections.Counter()
    nothing = {table: {} for table in ("ledger", "bugs", "findings", "seeds", "epochs", "reach", "sums")}
    before = nothing
    halves = survivors = stumbles = births = 0
    begun = time.time()
    while True:
        resume = ["--resume"] if (killed / "journal.sqlite").exists() else []
        errors = tempfile.TemporaryFile("w+")
        session = subprocess.Popen(command(args, killed, args.jobs, *resume), stdout=subprocess.DEVNULL,
                                   stderr=errors, start_new_session=True)
        how = "ended"
        if sum(kills.values()) < args.kills:
            life = args.life * moments.choice([moments.uniform(0, 0.2), moments.uniform(0, 2), moments.uniform(0, 2)])
            # Now and then right into the narrowest places: the writing of a finding, the making of the journal.
            aimed = moments.random() < 0.3
            if births < BIRTHS and not resume:
                births, aimed = births + 1, False
                wait_for_journal(killed, session)
                time.sleep(moments.uniform(0, 0.02))
            elif aimed:
                aimed = wait_for_new_folder(killed, time.time() + 2 * args.life)
            else:
                try:
                    session.wait(life)
                except subprocess.TimeoutExpired:
                    pass
            if session.poll() is None:
                # The workers have to die by themselves when their parent does.
                alone = moments.random() < 0.5
                (os.kill if alone else os.killpg)(session.pid, signal.SIGKILL)
                how = ("main process" if alone else "whole group") + (", a finding under way" if aimed else "")
        code = session.wait()
        deadline = time.time() + 5
        while (left := processes_of(session.pid)) and time.time() < deadline:
            time.sleep(0.02)
        if left:
            survivors += len(left)
            problems.append(f"after kill {sum(kills.values())}: workers {left} outlive their parent by 5 s")
            os.killpg(session.pid, signal.SIGKILL)
        if how == "ended" and code not in ENDED:
            errors.seek(0)
            problems.append(f"after kill {sum(kills.values())}: cannot go on, exit code {code}: "
                            f"{errors.read().strip()[-500:]}")
            if before is not nothing:
                break
            shutil.rmtree(killed, ignore_errors=True)
            stumbles += 1
            if stumbles > 3:
                break
            continue
        if how != "ended":
            kills[how] += 1
        if not (killed / "journal.sqlite").exists():
            continue
        if (killed / "findings").is_dir():
            halves += any(f.startswith(".half-") for f in os.listdir(killed / "findings"))
        try:
            now, wrong = inspect(killed)
        except sqlite3.Error as e:
            # Killed before it had made its tables: there is nothing yet that could be lost.
            young = before is nothing and "no such table" in str(e)
            now, wrong = before, [] if young else [f"the journal cannot be read: {e}"]
        wrong += lost(before, now)
        problems += [f"after kill {sum(kills.values())} ({how}): {w}" for w in wrong]
        print(f"{time.time() - begun:6.1f} s  {sum(kills.values()):3} kills  {len(now['ledger']):6} cases  "
              f"{len(now['bugs']):3} bugs  {how}", file=sys.stderr, flush=True)
        before = now
        if how == "ended":
            break
    if sum(kills.values()) < args.kills:
        problems.append(f"the campaign was over after {sum(kills.values())} kills: give more cases or a shorter life")

    if not (args.keep_calm and calm.is_dir()):
        shutil.rmtree(calm, ignore_errors=True)
        done = subprocess.run(command(args, calm, 1), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode not in ENDED:
            sys.exit(f"the undisturbed run ends with {done.returncode}: {done.stderr.strip()[-500:]}")
    want, wrong = inspect(calm)
    problems += [f"undisturbed run: {w}" for w in wrong]
    for table, rows in want.items():
        others = before[table]
        differ = sorted((k for k in rows.keys() | others.keys() if rows.get(k) != others.get(k)), key=str)
        problems += [f"end: {table} {k}: {rows.get(k)} undisturbed, {others.get(k)} with kills" for k in differ[:5]]
        if len(differ) > 5:
            problems.append(f"end: {table}: {len(differ) - 5} more differences")
    a, b = contents(calm), contents(killed)
    differ = sorted(f for f in a.keys() | b.keys() if a.get(f) != b.get(f))
    problems += [f"end: findings/{f}: {'other contents' if f in a and f in b else 'only with kills' if f in b else 'lost'}"
                 for f in differ]
    for p in problems:
        print(p)
    print(f"{sum(kills.values())} kills ({', '.join(f'{n} {how}' for how, n in sorted(kills.items()))}), {halves} left "
          f"a half-written finding, {survivors} workers outlived their parent; {len(want['ledger'])} cases, "
          f"{len(want['bugs'])} bugs of {len(want['findings'])} cases, {len(want['seeds'])} seeds: "
          f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
