#!/usr/bin/env python3
"""Which known bugs (../shared/known-bugs) campaigns found again, and when.

    rediscovery.py KNOWN_BUGS CAMPAIGN... [--at 10,30,60] [--explain]

CAMPAIGN is a folder that `mobster fuzz --out` made, ended or running, or NAME=FOLDER, where NAME says how it was set
up (the journal keeps only a hash of that). Of each campaign: the groups of KNOWN_BUGS/real that are live in the version
it hunted in, and those that it found; of several: a table, settings by minutes, a count for each seed.

A finding is one of a known group where all of these agree:
  symptom    its symptom is one that the group has in this version, as recorded or as judging its models shows; a crash
             at load is another one than a crash at run
  cure       disabling a guilty optimizer of the group cures it (rewrite rule and container, and the levels of a pass,
             are one); where no cure is known, the message names that optimizer
  operators  its model holds the operators that the group's optimizer needs
  sight      its model has what the group's root cause reads wrongly: see known_groups.py
  versions   it is bad in the installed versions in which a model of the group is recorded as bad, and good in those in
             which that one is recorded as good. Left out: versions that cannot tell (the model is refused, or wrong in
             another way), and those before the group's oldest bad one, because what a pass takes up has grown (a Pad
             before the weight of a Conv that has the attribute pads crashes 1.17.3, without it 1.20.1).

So the counts are lower bounds. "Perhaps" are groups where only the versions disagree, and those that hide: a campaign
keeps one model for each group of its own (symptom, cure, operators); later cases it counts to it without a closer look.
--explain prints every finding that agrees, and those where one thing disagrees.
"""
import argparse
import collections
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import sqlite3
import sys

sys.dont_write_bytecode = True
from known_bugs import installed_versions, rows_of, version

CACHE = os.environ.get("MOBSTER_CACHE") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "mobster"
try:
    import known_groups
except ImportError:
    PYTHON = pathlib.Path(CACHE) / "venv" / "bin" / "python"  # made by scripts/setup
    if pathlib.Path(sys.prefix) == PYTHON.parent.parent or not PYTHON.exists():
        sys.exit("rediscovery: needs Python's onnx and numpy: run scripts/setup")
    os.execv(PYTHON, [PYTHON, *sys.argv])


# --- Known groups and findings ----------------------------------------------------------------------------------------


def symptom_of(finding):
    if finding["symptom"] != "crash":
        return finding["symptom"]
    return {"run": "crash at run", "save": "crash at save"}.get(finding["stage"], "crash at load")


def recorded_symptom(case):
    return case["symptom"] if case["symptom_class"] == "crash" else case["symptom_class"]


def pass_name(name):
    """LayerNormFusionL2 is LayerNormFusionL1 again, one level up; so is TransposeOptimizer_CPUExecutionProvider."""
    name = name.removesuffix("_CPUExecutionProvider")
    return name[:-2] if name.endswith(("L1", "L2")) else name


@dataclasses.dataclass
class Known:
    bug: str
    cases: list  # (folder, case.json)
    operators: collections.Counter
    sight: object

    def live(self, v):
        return [(folder, case) for folder, case in self.cases if v in case["bad_versions"]]

    def oldest(self):
        return min((v for _, case in self.cases for v in case["bad_versions"]), key=version)

    def guilty(self):
        return {pass_name(p) for _, case in self.cases for p in case["guilty_optimizer"]}

    def hides_behind(self, finding, v):
        """A model of this group would have been counted to the finding's."""
        return finding.cases > 1 and any(
            case["symptom_class"] == finding.symptom.partition(" ")[0]
            and {pass_name(p) for p in finding.cures[:1]} <= self.guilty()
            and finding.operators <= collections.Counter(case["ops"]) for _, case in self.live(v))


def read_known(folder):
    cases = collections.defaultdict(list)
    for f in sorted((folder / "real").glob("*/case.json")):
        case = json.loads(f.read_text())
        cases[case["bug"]].append((f.parent, case))
    groups = {}
    for bug, members in sorted(cases.items()):
        if bug in known_groups.GROUPS:
            words, sight = known_groups.GROUPS[bug]
            operators = collections.Counter(words.split())
        else:
            counts = [collections.Counter(case["ops"]) for _, case in members]
            operators, sight = counts[0], lambda net: "operators only"
            for c in counts[1:]:
                operators &= c
            for op in ("Constant", "Identity"):
                del operators[op]
        groups[bug] = Known(bug, members, operators, sight)
    return groups


@dataclasses.dataclass
class Finding:
    name: str
    folder: pathlib.Path
    index: int
    cases: int  # of its group
    symptom: str
    cures: list
    operators: collections.Counter
    net: known_groups.Net


def disagreements(finding, group, symptoms):
    """Of all but the versions, with what the sight saw."""
    saw = group.sight(finding.net)
    wrong = []
    if finding.symptom not in symptoms:
        wrong.append(f"symptom: {finding.symptom}, not {' or '.join(sorted(symptoms))}")
    cures = finding.cures or [p for p in group.guilty() if re.search(rf"\b{p}\b", finding.net.message)]
    if not {pass_name(p) for p in cures} & group.guilty():
        wrong.append(f"cure: {' '.join(finding.cures) or 'none'}")
    if lacking := group.operators - finding.operators:
        wrong.append(f"operators: no {' '.join(lacking.elements())}")
    if not saw:
        wrong.append(f"sight: no {group.sight.__name__.replace('_', ' ')}")
    return wrong, saw


def check_groups(groups):
    """Every known model must look like its own group, and like no other one that its versions do not tell it from."""
    for group in groups.values():
        for folder, case in group.cases:
            finding = Finding(case["id"], folder, 0, 1, recorded_symptom(case), case["guilty_optimizer"],
                              collections.Counter(case["ops"]), known_groups.Net(folder, case["detail"]))
            row = {v: state for state in ("bad", "good") for v in case[f"{state}_versions"]}
            alike = [g.bug for g in groups.values()
                     if not disagreements(finding, g, {recorded_symptom(c) for _, c in g.cases})[0]
                     and any(not differing(row, c, g.oldest()) for _, c in g.cases)]
            if alike != [group.bug]:
                print(f"CAUTION: {case['id']} of {group.bug} looks like {' and '.join(alike) or 'no group'}",
                      file=sys.stderr)


def differing(row, case, oldest):
    """Versions in which the finding is bad and the known model good, or the other way round."""
    return [v for v, state in row.items() if version(v) >= version(oldest)
            and (v in case["good_versions"] and state == "bad" or v in case["bad_versions"] and state == "good")]


# --- Judging in other versions, remembered ----------------------------------------------------------------------------


class Judging:
    """Answers are kept by what the folder holds, so that campaigns may share them."""

    def __init__(self, program, file):
        self.program, self.file = program, file
        self.rows = json.loads(file.read_text()) if file.exists() else {}
        self.versions = installed_versions(program)

    def ask(self, command, folders, v):
        keys = {f.resolve(): f"{command} {v} {contents(f)}" for f in folders}
        new = sorted(f for f, key in keys.items() if key not in self.rows)
        if new:
            for row in rows_of(["nice", self.program], command, v, new):
                self.rows[keys[pathlib.Path(row["path"]).resolve()]] = row
            self.file.write_text(json.dumps(self.rows, indent=0))
        return {f: self.rows[keys[f.resolve()]] for f in folders}

    def states(self, folders):
        """folder -> {version: bad, good or unknown}"""
        out = {f: {} for f in folders}
        for v in self.versions if folders else ():
            for f, row in self.ask("replay", folders, v).items():
                # Where only the numbers cannot be told, a crash is gone.
                good = row["result"] == "gone" or row["symptom"] == "crash" and "open or vague" in row["result"]
                out[f][v] = "bad" if row["still_bad"] else "good" if good else "unknown"
        return out

    def symptoms(self, group, v):
        """Those that the group has in version v. What is recorded is of the newest bad version."""
        live = group.live(v)
        judged = self.ask("judge", [folder for folder, _ in live], v).values() if v in self.versions else ()
        return ({recorded_symptom(case) for _, case in live}
                | {symptom_of(r) for r in judged if r["class"] == "bug"})


def contents(folder):
    h = hashlib.sha256((folder / "model.onnx").read_bytes())
    for f in sorted((folder / "test_data_set_0").glob("*.pb")):
        h.update(f.read_bytes())
    return h.hexdigest()[:16]


# --- Campaigns --------------------------------------------------------------------------------------------------------


class Campaign:
    def __init__(self, word, rate):
        self.rate = rate
        name, _, folder = word.rpartition("=")
        self.folder = pathlib.Path(folder)
        if not (self.folder / "journal.sqlite").exists():
            sys.exit(f"{self.folder}: no campaign is here")
        # Beside a journal that nobody has open, reading leaves nothing behind.
        how = "mode=ro" if (self.folder / "journal.sqlite-wal").exists() else "immutable=1"
        journal = sqlite3.connect(f"file:{self.folder / 'journal.sqlite'}?{how}", uri=True)
        self.meta = dict(journal.execute("select key, value from meta"))
        self.version = self.meta["system"].rpartition("@")[2]
        self.progress = journal.execute("select cases, seconds from progress order by cases").fetchall()
        self.cases = journal.execute("select coalesce(sum(cases), 0) from ledger").fetchone()[0]
        sources = dict(journal.execute("select name, cases from reach where kind = 'source' order by name"))
        self.sources = collections.Counter(sources)
        self.rows = journal.execute(
            "select name, first_index, cases, cures, operators from bugs order by first_index").fetchall()
        self.setting = (self.meta["system"], name or self.meta["source"])
        self.name = name

    def minutes(self, index=None):
        """When the case was committed; without one, how long the campaign ran."""
        if self.rate:
            return (self.cases if index is None else index + 1) / self.rate / 60
        after = [s for n, s in self.progress if index is not None and n > index]
        return (after[0] if after else self.progress[-1][1] if self.progress else 0) / 60

    def findings(self):
        for name, index, cases, cures, operators in self.rows:
            folder = self.folder / "findings" / name
            told = json.loads((folder / "finding.json").read_text())
            yield Finding(name, folder, index, cases, symptom_of(told), json.loads(cures),
                          collections.Counter(json.loads(operators)), known_groups.Net(folder, told["message"]))


def shares(counts):
    total = sum(counts.values()) or 1
    return ", ".join(f"{name} {100 * n / total:.0f} %" for name, n in sorted(counts.items()))


def rediscovered(campaign, groups, judging, explain):
    """The live groups; group -> its first finding; group that was perhaps found -> why it is not sure"""
    v = campaign.version
    live = {bug: g for bug, g in groups.items() if g.live(v)}
    symptoms = {bug: judging.symptoms(g, v) for bug, g in live.items()}
    pairs, notes, found, perhaps = [], [], {}, {}
    for f in campaign.findings():
        for bug, g in live.items():
            wrong, saw = disagreements(f, g, symptoms[bug])
            if not wrong:
                pairs.append((f, g, saw))
            elif len(wrong) == 1:
                notes.append((f.index, f"no   {bug} <- {f.name}\n       {wrong[0]}" + (f"; {saw}" if saw else "")))
            if g.hides_behind(f, v):
                perhaps.setdefault(bug, f"hidden in the {f.cases} cases of {f.name}")
    states = judging.states(sorted({f.folder for f, _, _ in pairs}))
    for f, g, saw in pairs:
        row = states[f.folder]
        against = [(case["id"], differing(row, case, g.oldest())) for _, case in g.live(v)]
        agrees = [name for name, bad in against if not bad]
        told = " ".join(f"{w}:{row[w][:1].replace('u', '?')}" for w in judging.versions)
        if agrees:
            found.setdefault(g.bug, f)
            notes.append((f.index, f"yes  {g.bug} <- {f.name}\n       {saw}; cured by {' '.join(f.cures) or '?'}; "
                                   f"versions as {' '.join(agrees)}: {told}"))
        else:
            name, bad = min(against, key=lambda a: len(a[1]))
            perhaps[g.bug] = f"{f.name}, unlike {name} in {' '.join(bad)}"
            notes.append((f.index, f"no   {g.bug} <- {f.name}\n       versions: unlike {name} in {' '.join(bad)}; "
                                   f"{saw}; {told}"))
    if explain:
        for index, note in sorted(notes):
            print(f"  case {index:<7d} {note}")
    return live, found, {bug: why for bug, why in sorted(perhaps.items()) if bug not in found}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("known", type=pathlib.Path)
    parser.add_argument("campaigns", nargs="+", metavar="[NAME=]CAMPAIGN")
    parser.add_argument("--at", default="10,30,60", help="minutes")
    parser.add_argument("--rate", type=float, metavar="CASES", help="take the minutes for those of a machine that "
                        "does so many cases a second: campaigns that shared theirs can be compared then")
    parser.add_argument("--explain", action="store_true", help="which finding is which known bug, and why")
    parser.add_argument("--program", default="scripts/mobster")
    parser.add_argument("--cache", type=pathlib.Path,
                        help="keeps verdicts (rediscovery.json in the first campaign)")
    args = parser.parse_args()
    if not args.known.is_dir():
        print(f"{args.known}: no known bugs here")
        sys.exit(77)
    marks = [float(m) for m in args.at.split(",")]
    campaigns = [Campaign(word, args.rate) for word in args.campaigns]
    judging = Judging(args.program, args.cache or campaigns[0].folder / "rediscovery.json")
    groups = read_known(args.known)
    check_groups(groups)

    table = collections.defaultdict(list)
    for c in campaigns:
        ran = c.minutes()
        print(f"{c.folder}: {c.meta['system']}, seed {c.meta['seed']}, {c.name + ': ' if c.name else ''}"
              f"{shares(c.sources)}; {ran:.1f} min, {c.cases} cases, {c.meta.get('jobs', '?')} jobs")
        live, found, perhaps = rediscovered(c, groups, judging, args.explain)
        when = {bug: c.minutes(f.index) for bug, f in found.items()}
        counts = [sum(t <= m for t in when.values()) for m in marks]
        reached = [(m, n) for m, n in zip(marks, counts) if m <= ran]
        print(f"  groups live in {c.version}: {len(live)}; found "
              + "".join(f"by {m:g} min {n}, " for m, n in reached) + f"by the end ({ran:.1f} min) {len(found)}")
        for bug, f in sorted(found.items(), key=lambda kv: kv[1].index):
            print(f"    {when[bug]:5.1f} min  case {f.index:<8d} {bug}")
        print("  never: " + (" ".join(sorted(set(live) - set(found) - set(perhaps))) or "-"))
        for bug, why in perhaps.items():
            print(f"  perhaps: {bug} ({why})")
        # In brackets where the campaign did not get that far.
        cells = [str(n) if m <= ran else f"({n})" for m, n in zip(marks, counts)]
        table[c.setting].append((int(c.meta["seed"]), c, cells, set(live), set(found), set(perhaps)))

    if len(campaigns) > 1:
        print("\ngroups found, a count for each seed (in brackets: the campaign ended, or stands, before)\n")
        print("| system | setting | seeds | live | " + " | ".join(f"{m:g} min" for m in marks)
              + " | in any seed | perhaps more |")
        print("|---" * (len(marks) + 6) + "|")
        for (system, _), runs in sorted(table.items()):
            runs.sort(key=lambda r: r[0])
            name = runs[0][1].name or shares(sum((r[1].sources for r in runs), collections.Counter()))
            cells = [" ".join(r[2][i] for r in runs) for i in range(len(marks))]
            live, found, perhaps = (set.union(*(r[i] for r in runs)) for i in (3, 4, 5))
            print(f"| {system} | {name} | {' '.join(str(r[0]) for r in runs)} | {len(live)} | " + " | ".join(cells)
                  + f" | {len(found)} | {len(perhaps - found)} |")


if __name__ == "__main__":
    main()
