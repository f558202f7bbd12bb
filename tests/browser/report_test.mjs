// The report in a real browser: names that want to be markup stay names, nothing is asked of any network, and
// sorting, filtering, keys, copying, colours and narrow screens work.
//
//   node report_test.mjs PLANTED_REPORT_PROGRAM PLAYWRIGHT_FOLDER [SHOTS_FOLDER]
//
// Exits 77 (skipped) where there is no Chromium or no playwright-core: scripts/setup --tests brings both.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [program, playwright, shots] = process.argv.slice(2);
const browserAt = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!browserAt || !existsSync(join(playwright, "package.json"))) {
  console.log(`skipped: ${browserAt ? "no playwright-core" : "no Chromium"} here (scripts/setup --tests)`);
  process.exit(77);
}
const { chromium } = createRequire(import.meta.url)(playwright);

const scratch = mkdtempSync(join(tmpdir(), "mobster-browser-"));
const url = "file://" + execFileSync(program, [join(scratch, "campaign")], { encoding: "utf8" }).trim();
const hostileFolder = "crash-<img src=x onerror=alert(2)>";

const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const VIEWS = ["#overview", "#bugs", "#findings", "#finding/wrong-numbers-two-bugs", "#finding/" + encodeURIComponent(hostileFolder)];

const rows = page => page.locator(".list tbody tr");
const texts = (page, selector) => page.locator(selector).allTextContents();
async function open(page, view) {
  await page.goto("about:blank");  // else a new hash alone loads nothing
  await page.goto(url + view);
  await page.waitForSelector("main[data-view]");
}
const ready = page => page.waitForSelector("#detail[data-ready]", { timeout: 5000, state: "attached" });

// Each gets a fresh page on the report's bugs.
const TESTS = {
  async "hostile names stay text, no dialog, no request, no error"(page, seen) {
    for (const view of VIEWS) {
      await open(page, view);
      if (view.startsWith("#finding/")) await ready(page);
      assert.equal(await page.locator("img").count(), 0, view);
    }
    assert.equal(await page.locator("p.name").textContent(), hostileFolder);
    const words = await page.locator("main").textContent();
    assert.ok(words.includes("</script><img src=x onerror=alert(1)>"), "the hostile message is shown as it is");
    assert.deepEqual(seen.dialogs, []);
    assert.deepEqual(seen.requests, []);
    assert.deepEqual(seen.errors, []);
  },
  async "the ledger sums to all cases"(page) {
    await open(page, "#overview");
    const table = page.locator("section", { hasText: "how every case ended" }).locator("table");
    const cases = (await table.locator("tbody td.number").allTextContents()).map(Number);
    assert.equal(cases.reduce((a, b) => a + b), 7);
    assert.deepEqual(await table.locator("tfoot td").allTextContents(), ["Sum", "all cases of the campaign", "7"]);
  },
  async "what was reached is told when it is opened"(page) {
    await open(page, "#overview");
    await page.click("summary:has-text('Operators: 1 reached')");
    await page.waitForSelector("details[open] tbody tr");
    assert.deepEqual(await texts(page, "details[open] tbody td"), ["Sub", "5"]);
  },
  async "columns sort both ways"(page) {
    await open(page, "#findings");
    const column = () => texts(page, ".col-nodes");
    await page.click("[data-sort=nodes]");
    assert.deepEqual(await column(), ["2", "1", "1"]);
    await page.click("[data-sort=nodes]");
    assert.deepEqual(await column(), ["1", "1", "2"]);
    assert.equal(await page.locator("th:has([data-sort=nodes])").getAttribute("aria-sort"), "ascending");
  },
  async "the filter takes words, symptoms and states"(page) {
    await open(page, "#findings");
    await page.fill("#filter", "wrong-numbers AGAIN");
    assert.equal(await rows(page).count(), 1);
    assert.equal(await page.locator(".sums").textContent(), "1 of 3 findings");
    await page.fill("#filter", "nothing like this");
    assert.equal(await rows(page).count(), 0);
    await page.fill("#filter", "");
    await page.selectOption("select[aria-label='Known or not']", "dismissed");
    assert.equal(await rows(page).count(), 2);
  },
  async "keys: filter, move, open, back to where one was"(page) {
    await open(page, "#bugs");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "filter");
    await page.keyboard.press("Escape");
    for (const key of ["j", "j", "k", "ArrowDown"]) await page.keyboard.press(key);
    const second = await page.evaluate(() => document.activeElement.getAttribute("href"));
    assert.equal(second, await page.locator(".row-link").nth(1).getAttribute("href"));
    await page.keyboard.press("Enter");
    await page.waitForSelector("main[data-view=finding]");
    assert.ok((await page.evaluate(() => location.hash)).startsWith("#finding/"));
    await page.keyboard.press("Escape");
    await page.waitForSelector("main[data-view=bugs]");
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), second);
  },
  async "a finding shows strips, both models, the values and the known mark"(page) {
    await open(page, "#finding/wrong-numbers-two-bugs");
    await ready(page);
    assert.deepEqual(await texts(page, ".strip >> nth=1 >> li"), ["1.9good", "1.10bad"]);
    assert.ok((await page.locator("main").textContent()).includes("upstream#1"));
    assert.equal(await page.locator("canvas").count(), 1);
    assert.equal(await page.locator(".tensor tbody tr").count(), 6);
    const notes = await page.locator("main").textContent();
    if (!notes.includes("Graphviz")) assert.equal(await page.locator(".model svg").count(), 2);
  },
  async "copies an issue text and a script that holds its files"(page) {
    await open(page, "#finding/wrong-numbers-two-bugs");
    await ready(page);
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await page.click("[data-copy='issue text']");
    await page.waitForFunction(() => document.getElementById("said").textContent === "issue text copied");
    assert.match(await clipboard(), /^FakePass: wrong results on Sub\n[^]*good 1.9, bad from 1.10 on/);
    await page.click("[data-copy='repro.py']");
    await page.waitForFunction(() => document.getElementById("said").textContent === "repro.py copied");
    assert.match(await clipboard(), /"model.onnx": "[A-Za-z0-9+/=]+"/);
  },
  async "a link to nowhere says so"(page) {
    await open(page, "#finding/%E0%A4%A");
    assert.equal(await page.locator("h1").textContent(), "No such finding");
  },
  async "dark and light follow the system, and the button"(page) {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await open(page, "#bugs");
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await ground();
    assert.notEqual(light, dark);
    await page.click("#theme");
    assert.equal(await ground(), light);
    await page.click("#theme");
    await page.emulateMedia({ colorScheme: "light" });
    assert.equal(await ground(), dark);
  },
  async "every control has a name, every picture words"(page) {
    for (const view of VIEWS) {
      await open(page, view);
      if (view.startsWith("#finding/")) await ready(page);
      const nameless = await page.evaluate(() => [...document.querySelectorAll("button, select, input, a, svg[role], canvas")]
        .filter(e => !(e.textContent.trim() || e.getAttribute("aria-label"))).map(e => e.outerHTML));
      assert.deepEqual(nameless, [], view);
      assert.equal(await page.locator("h1").count(), 1, view);
    }
  },
};

async function onAPhone(context, name) {
  const page = await context.newPage();
  for (const view of VIEWS) {
    await open(page, view);
    if (view.startsWith("#finding/")) await ready(page);
    const [needed, there] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(needed <= there, `${view} needs ${needed} of ${there} pixels`);
    if (shots) await page.screenshot({ path: join(shots, `${name}${view.replace(/\W+/g, "-")}.png`), fullPage: true });
  }
}

function watch(page) {
  const seen = { dialogs: [], requests: [], errors: [] };
  page.on("dialog", d => { seen.dialogs.push(d.message()); d.dismiss(); });
  page.on("request", r => { if (!r.url().startsWith(url)) seen.requests.push(r.url()); });
  page.on("pageerror", e => seen.errors.push(e.message));
  return seen;
}

let failed = 0;
async function check(name, what) {
  try {
    await what();
    console.log(`ok      ${name}`);
  } catch (e) {
    ++failed;
    console.log(`FAILED  ${name}\n${e.message}`);
  }
}

// A container's root needs --no-sandbox; what is opened is our own file.
const browser = await chromium.launch({ executablePath: browserAt, args: ["--no-sandbox"] });
try {
  for (const [name, test] of Object.entries(TESTS)) {
    const context = await browser.newContext({ ...DESKTOP, permissions: ["clipboard-read", "clipboard-write"] });
    const page = await context.newPage();
    await check(name, () => test(page, watch(page)));
    await context.close();
  }
  await check("390 pixels are enough", async () => onAPhone(await browser.newContext(PHONE), "phone"));
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true });
}
process.exit(failed ? 1 : 0);
