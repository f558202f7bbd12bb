// Small parts of every view. Whatever comes from data becomes text, never markup.

let DATA = null;  // set once, before anything is shown

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}
const make = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
const makeSvg = (tag, properties, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);

const number = n => n.toLocaleString("en-US");
const percent = share => (100 * share).toFixed(1) + " %";
function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (Math.abs(n) >= 1000 && at < units.length - 1) { n /= 1000; ++at; }
  return `${Math.abs(n) < 10 && at > 0 ? n.toFixed(1) : Math.round(n)} ${units[at]}`;
}
function duration(seconds) {
  const t = Math.round(seconds), two = x => String(x).padStart(2, "0");
  return `${Math.floor(t / 3600)}:${two(Math.floor(t / 60) % 60)}:${two(t % 60)}`;
}
const count = (n, word) => `${number(n)} ${word}${n === 1 ? "" : "s"}`;

// Symptoms and states, told apart by word and by colour.
const pill = (word, kind) => make("span", {class: `pill ${kind || word}`}, word);

const section = (title, ...children) =>
  make("section", {}, make("h2", {}, title), ...children);

// A table of words and numbers; `numeric`: columns that stand right.
function plainTable(caption, head, rows, numeric, foot) {
  const kind = (c, i) => numeric.includes(i) ? "number" : typeof c === "string" && c.length > 40 ? "long" : null;
  const cells = (row, tag) => row.map((c, i) => make(tag, {class: kind(c, i)}, c));
  return make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption}, make("table", {class: "plain"},
    make("caption", {class: "hidden"}, caption),
    make("thead", {}, make("tr", {}, head.map((c, i) =>
      make("th", {scope: "col", class: numeric.includes(i) ? "number" : null}, c)))),
    make("tbody", {}, rows.map(row => make("tr", {}, cells(row, "td")))),
    foot ? make("tfoot", {}, make("tr", {}, cells(foot, "td"))) : null));
}

// Long tables are made when somebody opens them.
function folding(words, content) {
  const details = make("details", {}, make("summary", {}, words));
  details.addEventListener("toggle", () => fill(details, {}, [content()]), {once: true});
  return details;
}

function say(words) { document.getElementById("said").textContent = words; }

async function copyText(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (_) {  // no leave to use the clipboard: the old way
    const area = make("textarea", {class: "hidden"});
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return say(`${what} could not be copied`);
  }
  say(`${what} copied`);
}
const copyButton = (words, what, text) =>
  make("button", {type: "button", "data-copy": what, onclick: () => copyText(text(), what)}, words);

// JSON, deflated and in base64, out of a script element.
async function unpack(element) {
  const text = atob(element.textContent), packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// What a finding's page shows beyond its row; null where the report has it not.
async function detailOf(index) {
  const element = document.getElementById(`detail-${index}`);
  return element ? unpack(element) : null;
}
