// Sortable, filterable tables of bugs and of findings.

const PAGE_ROWS = 100;

const best = bug => DATA.findings[bug.findings[0]];
const operatorWords = f => f.operators.slice(0, 8).join(" ") + (f.operators.length > 8 ? " ..." : "");
const stateOf = f => (DATA.bugs[f.bug].known || {state: ""}).state;

// What a row shows in each column, and by what it sorts.
const COLUMNS = [
  {key: "findings", words: "Findings", numeric: true, bugsOnly: true, value: row => row.bug.findings.length},
  {key: "cases", words: "Cases", numeric: true, value: row => row.cases},
  {key: "symptom", words: "Symptom", value: row => row.f.symptom, show: row => pill(row.f.symptom)},
  {key: "optimizer", words: "Optimizer", value: row => row.f.passes[0] || "",
    show: row => make("a", {href: linkOf(row.index), class: "row-link"}, row.f.passes[0] || "no single one")},
  {key: "operators", words: "Operators", value: row => row.f.operators.join(" "), show: row => operatorWords(row.f)},
  {key: "nodes", words: "Nodes", numeric: true, value: row => row.f.nodes},
  {key: "versions", words: "Versions", value: row => row.f.versions || ""},
  {key: "culprit", words: "Culprit", value: row => row.f.culprit || ""},
  {key: "known", words: "Known", value: row => stateOf(row.f), show: row => stateOf(row.f) ? pill(stateOf(row.f), "known") : ""},
];

function rowsOf(kind) {
  if (kind === "findings")
    return DATA.findings.map((f, index) => ({f, index, bug: DATA.bugs[f.bug], cases: f.cases}));
  return DATA.bugs.map(bug => ({f: best(bug), index: bug.findings[0], bug,
    cases: bug.findings.reduce((sum, i) => sum + DATA.findings[i].cases, 0)}));
}

function haystack(row) {
  if (row.text === undefined) {
    const f = row.f, known = row.bug.known || {};
    row.text = [f.name, f.symptom, f.class, f.stage, f.passes.join(" "), f.operators.join(" "), f.message, f.guard, f.versions,
      f.culprit, f.motif, known.state, known.reference, known.because, row.bug.signature].join(" ").toLowerCase();
  }
  return row.text;
}

// State of each list, kept while one looks at a finding.
const LISTS = {bugs: {sort: "findings", down: true, words: "", symptom: "", state: ""},
               findings: {sort: "cases", down: true, words: "", symptom: "", state: ""}};

function chosen(rows, list) {
  const words = list.words.toLowerCase().split(/\s+/).filter(Boolean);
  const some = rows.filter(row => (!list.symptom || row.f.symptom === list.symptom) &&
    (!list.state || (stateOf(row.f) || "unknown") === list.state) && words.every(w => haystack(row).includes(w)));
  const column = COLUMNS.find(c => c.key === list.sort), sign = list.down ? -1 : 1;
  return some.map((row, i) => [column.value(row), i, row]).sort(([a, i], [b, j]) =>
    (a < b ? -sign : a > b ? sign : i - j)).map(([, , row]) => row);
}

function choice(label, values, list, key, refresh) {
  const select = make("select", {"aria-label": label, onchange: e => { list[key] = e.target.value; refresh(); }},
    make("option", {value: ""}, label), values.map(v => make("option", {value: v, selected: list[key] === v}, v)));
  return select;
}

function headCell(column, list, refresh) {
  const on = list.sort === column.key;
  return make("th", {scope: "col", class: column.numeric ? "number" : null,
    "aria-sort": on ? (list.down ? "descending" : "ascending") : "none"},
  make("button", {type: "button", class: "sort", "data-sort": column.key, onclick: () => {
    list.down = on ? !list.down : Boolean(column.numeric);
    list.sort = column.key;
    refresh();
    document.querySelector(`[data-sort="${column.key}"]`).focus();
  }}, column.words, make("span", {"aria-hidden": "true", class: "direction"}, on ? (list.down ? "\u2193" : "\u2191") : "")));
}

function listView(kind) {
  const list = LISTS[kind], rows = rowsOf(kind);
  const columns = COLUMNS.filter(c => kind === "bugs" || !c.bugsOnly);
  const head = make("tr", {}), body = make("tbody", {}), sums = make("p", {class: "sums", role: "status"});
  const more = make("button", {type: "button", class: "more", onclick: () => addRows()}, "Show more");
  const waiting = rows.filter(row => !row.f.triaged).length, triaged = rows.length - waiting;
  const all = kind === "findings" ? count(rows.length, "finding") :
    count(triaged, "bug") + (waiting ? ` and ${count(waiting, "finding")} not triaged` : "");
  let some = [], shown = 0;
  const addRows = () => {
    const end = Math.min(some.length, shown + PAGE_ROWS);
    for (; shown < end; ++shown) {
      const row = some[shown];
      body.append(make("tr", {}, columns.map(c => make("td", {class: `${c.numeric ? "number " : ""}col-${c.key}`, "data-label": c.words},
        c.show ? c.show(row) : c.numeric ? number(c.value(row)) : c.value(row)))));
    }
    more.hidden = shown >= some.length;
  };
  const refresh = () => {
    some = chosen(rows, list);
    shown = 0;
    body.replaceChildren();
    head.replaceChildren(...columns.map(c => headCell(c, list, refresh)));
    sums.textContent = (some.length === rows.length ? "" : `${number(some.length)} of `) + all;
    addRows();
  };
  const filter = make("input", {id: "filter", type: "search", placeholder: "Filter: words of operators, passes, messages", "aria-label": "Filter",
    value: list.words, oninput: e => { list.words = e.target.value; refresh(); }});
  const symptoms = [...new Set(rows.map(r => r.f.symptom))].sort();
  const states = ["unknown", ...new Set(rows.map(r => stateOf(r.f)).filter(Boolean))];
  refresh();
  return [make("h1", {}, kind === "bugs" ? "Bugs" : "Findings"),
    make("div", {class: "filters"}, filter, choice("Any symptom", symptoms, list, "symptom", refresh),
      choice("Known or not", states, list, "state", refresh), sums),
    make("div", {class: "list-box"}, make("table", {class: "list"}, make("caption", {class: "hidden"}, `${kind}, sortable`),
      make("thead", {}, head), body)), more];
}
