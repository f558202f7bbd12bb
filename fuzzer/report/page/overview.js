// Figures of the campaign, and what was found when, by what and how often.

function figures(rows) {
  return make("dl", {class: "figures"}, rows.map(([word, value, note]) =>
    make("div", {}, make("dt", {}, word), make("dd", {}, value, note ? make("small", {}, note) : null))));
}

function bars(caption, rows) {
  const most = Math.max(1, ...rows.map(([, n]) => n));
  return make("table", {class: "bars"}, make("caption", {class: "hidden"}, caption), make("tbody", {}, rows.map(([word, n]) => {
    const bar = make("span", {class: "bar-fill"});
    bar.style.width = `${100 * n / most}%`;
    return make("tr", {}, make("th", {scope: "row"}, word), make("td", {class: "bar-cell", "aria-hidden": "true"}, bar),
      make("td", {class: "number"}, number(n)));
  })));
}

// One curve over time, with its last value in figures.
function curve(title, points) {
  const w = 520, h = 150, left = 46, low = 20, top = 12;
  const lastX = points[points.length - 1][0] || 1, most = Math.max(1, ...points.map(p => p[1]));
  const at = ([x, y]) => `${(left + (w - left - 8) * x / lastX).toFixed(1)} ${(h - low - (h - low - top) * y / most).toFixed(1)}`;
  const line = [[0, 0], ...points].map((p, i) => (i ? "L" : "M") + at(p)).join("");
  const words = `${title}: ${number(points[points.length - 1][1])} after ${duration(lastX)}`;
  return make("figure", {class: "curve"}, make("figcaption", {}, words),
    makeSvg("svg", {viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": words},
      [0, 0.5, 1].map(t => makeSvg("g", {},
        makeSvg("path", {class: "grid", d: `M${at([0, most * t])}L${at([lastX, most * t])}`}),
        makeSvg("text", {x: left - 6, y: h - low - (h - low - top) * t + 4, class: "axis end"}, number(Math.round(most * t))))),
      makeSvg("text", {x: left, y: h - 4, class: "axis"}, "0:00:00"),
      makeSvg("text", {x: w - 8, y: h - 4, class: "axis end"}, duration(lastX)),
      makeSvg("path", {class: "line", d: line})));
}

function tally(rows, key) {
  const sums = new Map();
  for (const row of rows) for (const word of [key(row)].flat()) sums.set(word, (sums.get(word) || 0) + 1);
  return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function byKind() {
  const rows = tally(DATA.findings, f => [f.symptom, f.stage || "-", f.kind || "-"].join("\n")).map(([key, n]) => [...key.split("\n"), number(n)]);
  return section("Findings by symptom, stage and kind", rows.length ?
    plainTable("Findings by symptom, stage and kind", ["Symptom", "Stage", "Kind", "Findings"],
      rows.map(([symptom, ...rest]) => [pill(symptom), ...rest]), [3], ["Sum", "", "", number(DATA.findings.length)]) : make("p", {}, "None."));
}

function byPass() {
  const all = tally(DATA.findings, f => f.passes[0] || "no single optimizer"), shown = all.slice(0, 24);
  const rest = all.slice(24).reduce((sum, [, n]) => sum + n, 0);
  return section("Findings by optimizer", bars("Findings by optimizer", rest ? [...shown, [`${all.length - 24} others`, rest]] : shown));
}

function ledger(c) {
  const rows = [...c.ledger].sort((a, b) => b.cases - a.cases).map(r => [r.ending, r.reason, number(r.cases)]);
  const right = c.ledger_sum === c.cases;
  return section("Ledger: how every case ended", plainTable("Ledger", ["Ending", "Reason", "Cases"], rows, [2],
    ["Sum", right ? "all cases of the campaign" : `is not ${number(c.cases)}, the number of cases`, number(c.ledger_sum)]));
}

function reach(c) {
  const kinds = [["operator", "Operators"], ["motif", "Motifs"], ["guard", "Broken guards"], ["pass", "Passes"], ["rule", "Rewrite rules"],
    ["mutator", "Mutators"], ["promise", "Promises of derived cases"], ["binding", "Bindings"], ["source", "Sources"]];
  const parts = kinds.filter(([kind]) => c.reach[kind]).map(([kind, words]) => {
    const rows = Object.entries(c.reach[kind]).sort((a, b) => b[1] - a[1]);
    return folding(`${words}: ${number(rows.length)} reached`,
      () => plainTable(words, [words, "Cases"], rows.map(([w, n]) => [w, number(n)]), [1]));
  });
  const applied = c.optimizers.filter(o => o.applied > 0).length;
  if (c.optimizers.length) parts.push(folding(`Optimizers: ${applied} of ${c.optimizers.length} changed a model`,
    () => plainTable("Optimizers", ["Optimizer", "Level", "Applied", "Whole motifs", "Near misses", "Why never"], c.optimizers.map(o =>
      [o.name + (o.rule ? " (rule)" : ""), o.level, number(o.applied), number(o.whole), number(o.near_misses), o.unreachable]), [2, 3, 4])));
  return section("Reach", parts);
}

function bugFigures() {
  const triaged = DATA.bugs.filter(b => best(b).triaged).length, waiting = DATA.findings.filter(f => !f.triaged).length;
  const states = tally(DATA.bugs.filter(b => b.known), b => b.known.state).map(([s, n]) => `${n} ${s}`).join(", ");
  return [["Bugs", number(triaged), states || "by signature"],
    ["Finding folders", number(DATA.findings.length), waiting ? `${number(waiting)} not triaged` : "all triaged"]];
}

function campaignFigures(c) {
  const found = c.ledger.filter(r => r.ending === "finding").reduce((sum, r) => sum + r.cases, 0);
  return [["Cases", number(c.cases), `${number(Math.round(c.cases_per_second))} a second`],
    ["Running time", duration(c.seconds), `${count(c.jobs, "job")}, ${percent(c.share_inside_system)} inside the system`],
    ["Cases with a finding", number(found), `${number(c.bugs)} of class bug`], ...bugFigures(),
    ["Next bug's group is new", percent(c.chance_of_new), `some within an hour: ${percent(c.chance_of_new_in_an_hour)}`],
    ["Decided elements", percent(c.decided_share), "of all expected"],
    ["Memory slope", ...(c.seconds < 600 ? ["-", "told after ten minutes"] : [bytes(c.memory_slope_bytes_per_hour), "an hour"])]];
}

function overviewView() {
  const c = DATA.campaign;
  const parts = [make("h1", {}, "Overview"),
    make("p", {class: "name"}, c ? `${c.system}, seed ${c.seed}: ${DATA.title}` : DATA.title),
    figures(c ? campaignFigures(c) : bugFigures()), byKind()];
  if (c && c.progress && c.progress.length > 1)
    parts.push(section("Over time", make("div", {class: "curves"},
      curve("Distinct groups of findings", c.progress.map(p => [p[0], p[3]])), curve("Cases of class bug", c.progress.map(p => [p[0], p[2]])))));
  parts.push(byPass());
  if (c) parts.push(ledger(c), reach(c));
  if (DATA.broken.length) parts.push(section("Cannot be read", make("ul", {}, DATA.broken.map(b => make("li", {}, b)))));
  return parts;
}
