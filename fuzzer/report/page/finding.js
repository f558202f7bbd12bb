// The page of one finding.

const LEVELS = ["DISABLE_ALL", "BASIC", "EXTENDED", "ALL"];

function strip(label, cells) {
  return make("div", {class: "strip-row"}, make("span", {class: "strip-label"}, label),
    make("ol", {class: "strip"}, cells.map(([word, state]) =>
      make("li", {class: `state-${state}`, title: `${word}: ${state}`}, make("span", {}, word), make("span", {class: "state"}, state)))));
}

function strips(f) {
  const levels = LEVELS.concat(f.levels.filter(l => !LEVELS.includes(l)));
  return make("div", {class: "strips"},
    strip("Levels", levels.map(l => [l, f.levels.includes(l) ? "bad" : "good"])),
    f.at_version ? strip("Versions", f.at_version) : null);
}

function facts(rows) {
  return make("dl", {class: "facts"}, rows.filter(([, value]) => value && value.length !== 0)
    .map(([word, value]) => [make("dt", {}, word), make("dd", {}, value)]));
}

const setWords = sets => sets.length ? sets.map(s => s.join(" with ")).join("; or ") : "none found";

// Levels at which the same optimizers cure it share a line.
function setsOf(f) {
  if (!f.minimal_sets) return f.passes.length ? f.passes.join(", ") : "no single one cures it";
  const rank = level => (LEVELS.indexOf(level) + LEVELS.length + 1) % (LEVELS.length + 1);
  const levels = Object.keys(f.minimal_sets).sort((a, b) => rank(a) - rank(b)), lines = new Map();
  for (const level of levels) {
    const words = setWords(f.minimal_sets[level]);
    lines.set(words, [...(lines.get(words) || []), level]);
  }
  return make("ul", {class: "bare"}, [...lines].map(([words, at]) => make("li", {}, words, make("span", {class: "faint"}, ` at ${at.join(", ")}`))));
}

function knownWords(bug) {
  if (!bug.known) return null;
  return [pill(bug.known.state, "known"), " ", [bug.known.reference, bug.known.because].filter(Boolean).join(": ")];
}

const factsOf = (f, bug) => facts([
  ["Message", make("code", {}, f.message)],
  ["Cured without", setsOf(f)],
  ["Guard", f.guard ? `It ${f.guard}.` : ""],
  ["Culprit", f.culprit ? `${f.culprit}${f.culprit_why ? ": " + f.culprit_why : ""}` : ""],
  ["First bad tensor", f.first_bad ? `${f.first_bad} (${f.first_bad_node})` : ""],
  ["Known", knownWords(bug)],
  ["Versions", f.versions],
  ["Operators", f.operators.join(" ")],
  ["Shown by", `${f.oracle}, stage ${f.stage}, class ${f.class}` + (f.excess ? `, ${f.excess.toPrecision(3)} times the bound` : "")],
  ["Drawn from", f.motif ? `motif ${f.motif}${f.broken_guards ? ", broken guards " + f.broken_guards.join(", ") : ", whole"}` : ""],
  ["Campaign", `${f.system} ${f.version}, seed ${f.seed}, case ${number(f.index)}; ${count(f.cases, "case")} of its group`],
  ["Triage", f.triaged === "reduced" ? "" : f.triaged ? `not reduced: ${f.why_not}` : "not triaged yet: mobster triage"],
  ["Signature", make("code", {}, bug.signature)],
  ["Folder", make("code", {}, f.folder)],
]);

// repro.py with the files that it needs, as one script.
function wholeRepro(detail) {
  const files = Object.entries(detail.files).map(([path, text]) => `    ${JSON.stringify(path)}: "${text}",`);
  return `import base64, os, subprocess, sys, tempfile\n\nfiles = {\n${files.join("\n")}\n}\nscript = base64.b64decode("` +
    `${btoa(Array.from(new TextEncoder().encode(DATA.repro), b => String.fromCharCode(b)).join(""))}")\n` +
    `with tempfile.TemporaryDirectory() as folder:\n    for name, text in files.items():\n        path = os.path.join(folder, name)\n` +
    `        os.makedirs(os.path.dirname(path), exist_ok=True)\n        with open(path, "wb") as f:\n            f.write(base64.b64decode(text))\n` +
    `    with open(os.path.join(folder, "repro.py"), "wb") as f:\n        f.write(script)\n` +
    `    sys.exit(subprocess.call([sys.executable, os.path.join(folder, "repro.py")]))\n`;
}

function copies(f, detail) {
  const has = Object.keys(detail.files).length > 0;
  return make("div", {class: "buttons"},
    has ? copyButton("Copy repro.py", "repro.py", () => wholeRepro(detail)) : null,
    detail.script ? copyButton("Copy short script", "short script", () => detail.script) : null,
    copyButton("Copy issue text", "issue text", () => `${detail.issue_title}\n\n${detail.issue}`),
    make("span", {class: "faint"}, detail.tracker ? `for ${detail.tracker.replace(/^https:\/\/github.com\//, "").replace(/\/issues.*/, "")}` : ""));
}

function models(detail) {
  if (!detail.graphs.length) return null;
  const titles = ["Before optimization", "After optimization, as saved"];
  return section("Models", modelLegend(), make("div", {class: "models"}, detail.graphs.map((g, i) => drawModel(g, titles[i])),
    detail.graphs.length === 1 ? make("p", {class: "faint"}, "There is no optimized model: none could be saved, or the finding is of an older campaign.") : null));
}

const folded = (words, text) => make("details", {}, make("summary", {}, words), make("pre", {tabindex: "0"}, text));

function detailView(f, detail) {
  return [copies(f, detail), models(detail), section("Expected against actual", tensorsView(detail.tensors)),
    section("Texts", folded("Model in ONNX text form", detail.text || "not to be had"), detail.script ? folded("Short script", detail.script) : null,
      folded("Issue text", `${detail.issue_title}\n\n${detail.issue}`)),
    detail.notes.length ? section("Notes", make("ul", {}, detail.notes.map(n => make("li", {}, n)))) : null];
}

function siblings(f, index, bug) {
  const others = bug.findings.filter(i => i !== index);
  if (!others.length) return null;
  const shown = others.slice(0, 50);
  return section("Other findings of this bug", make("ul", {class: "links"}, shown.map(i =>
    make("li", {}, make("a", {href: linkOf(i)}, DATA.findings[i].name), ` ${count(DATA.findings[i].nodes, "node")}`))),
    others.length > shown.length ? make("p", {class: "faint"}, `and ${number(others.length - shown.length)} more`) : null);
}

function findingView(index) {
  const f = DATA.findings[index], bug = DATA.bugs[f.bug];
  const later = make("div", {id: "detail"});
  detailOf(index).then(detail => fill(later, {"data-ready": true}, detail ? detailView(f, detail) : [
    make("p", {class: "note"}, "Pictures, values and scripts of this finding were left out to keep the file small: ",
      make("code", {}, `mobster report ${f.folder}`))]))
    .catch(e => fill(later, {"data-ready": true}, make("p", {class: "note"}, `Its details cannot be unpacked: ${e.message}`)));
  return [make("p", {class: "crumbs"}, make("a", {href: "#" + lastList}, "Back to the list")),
    make("h1", {}, pill(f.symptom), " ", f.passes[0] || "no single optimizer"),
    make("p", {class: "name"}, f.name), strips(f), factsOf(f, bug), later, siblings(f, index, bug)];
}
