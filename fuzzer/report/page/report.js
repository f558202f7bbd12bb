// Routes (#overview, #bugs, #findings, #finding/NAME), keys and colours.

// Names of folders are links; where several campaigns share one, the second gets a number.
const SLUGS = new Map(), LINKS = [];
function makeLinks() {
  DATA.findings.forEach((f, i) => {
    let slug = f.name;
    for (let n = 2; SLUGS.has(slug); ++n) slug = `${f.name}~${n}`;
    SLUGS.set(slug, i);
    LINKS.push("#finding/" + encodeURIComponent(slug));
  });
}
function linkOf(index) { return LINKS[index]; }

let lastList = "bugs", lastPlace = null;

function currentRoute() {
  const [view, name] = location.hash.slice(1).split("/");
  if (view === "finding" && name !== undefined) {
    let slug = name;
    try { slug = decodeURIComponent(name); } catch (_) { /* a link that somebody cut off */ }
    return SLUGS.has(slug) ? {view, index: SLUGS.get(slug)} : {view: "missing", name: slug};
  }
  return {view: ["overview", "bugs", "findings"].includes(view) ? view : "overview"};
}

function show() {
  if (location.hash === "#main") return document.getElementById("main").focus();
  const route = currentRoute(), main = document.getElementById("main");
  const views = {overview: overviewView, bugs: () => listView("bugs"), findings: () => listView("findings"),
    finding: () => findingView(route.index),
    missing: () => [make("h1", {}, "No such finding"), make("p", {}, route.name)]};
  main.replaceChildren();
  fill(main, {"data-view": route.view}, views[route.view]());
  if (route.view === "bugs" || route.view === "findings") lastList = route.view;
  for (const link of document.querySelectorAll("nav a"))
    link.dataset.view === route.view ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  const title = main.querySelector("h1");
  document.title = `${title ? title.textContent : ""} - mobster report`;
  const back = route.view === lastList && lastPlace ? [...main.querySelectorAll(".row-link")].find(a => a.getAttribute("href") === lastPlace) : null;
  if (route.view === "finding") lastPlace = linkOf(route.index);
  window.scrollTo(0, 0);
  if (back) back.focus();
}

// Rows are reached by their links, so that focus tells where one is.
function moveRow(step) {
  const links = [...document.querySelectorAll(".row-link")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.max(0, Math.min(links.length - 1, at + step))];
  next.focus();
  next.closest("tr").scrollIntoView({block: "nearest"});
  return true;
}

function openFilter() {
  const filter = document.getElementById("filter");
  if (filter) return filter.focus();
  location.hash = lastList;
  setTimeout(() => document.getElementById("filter").focus(), 0);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const writing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  const keys = {
    "/": openFilter, j: () => moveRow(1), k: () => moveRow(-1), ArrowDown: () => moveRow(1), ArrowUp: () => moveRow(-1),
    Escape: () => writing ? event.target.blur() : currentRoute().view === "finding" ? (location.hash = lastList) : false};
  const inFilter = event.target.id === "filter" && ["Escape", "ArrowDown"].includes(event.key);
  if (!Object.hasOwn(keys, event.key) || (writing && !inFilter)) return;
  // Within something that scrolls the arrows are its own.
  if (event.key.startsWith("Arrow") && event.target.closest && event.target.closest(".scroll, pre")) return;
  if (keys[event.key]() !== false) event.preventDefault();
}

const THEMES = ["system", "light", "dark"];
function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = `Theme: ${theme}`;
  try { localStorage.setItem("mobster-theme", theme); } catch (_) { /* a browser that keeps nothing */ }
}
function keptTheme() {
  try { return localStorage.getItem("mobster-theme") || "system"; } catch (_) { return "system"; }
}

// Rows of indices into a table of values, as objects.
function objectsOf({fields, values, rows}) {
  return rows.map(row => {
    const object = {};
    row.forEach((value, i) => { if (value >= 0) object[fields[i]] = values[value]; });
    return object;
  });
}

function begin(data) {
  DATA = {...data, findings: objectsOf(data.findings)};
  makeLinks();
  document.getElementById("made").textContent = `${DATA.title}; made by mobster ${DATA.mobster} on ${DATA.made}; ` +
    `${number(DATA.detailed)} of ${count(DATA.findings.length, "finding")} with all details.`;
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", show);
  show();
}

setTheme(THEMES.includes(keptTheme()) ? keptTheme() : "system");
document.getElementById("theme").addEventListener("click", () =>
  setTheme(THEMES[(THEMES.indexOf(keptTheme()) + 1) % THEMES.length]));
unpack(document.getElementById("data")).then(begin).catch(e =>
  document.getElementById("main").replaceChildren(`This file is damaged: ${e.message}`));
