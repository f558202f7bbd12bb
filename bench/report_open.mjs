// How long a browser takes to open a report, filter it and sort it: wall time, and CPU time of the page's thread.
//
//   node bench/report_open.mjs REPORT.html [PLAYWRIGHT_FOLDER]
//
// For 10,000 findings: bench_synthetic_campaign DIR, then mobster report DIR.
import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

const cache = process.env.MOBSTER_CACHE || join(homedir(), ".cache/mobster");
const [report, playwright = join(cache, "playwright-core-1.65.1")] = process.argv.slice(2);
const browserAt = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!report || !existsSync(report) || !browserAt || !existsSync(playwright)) {
  console.error("report_open: needs a report, Chromium and playwright-core (scripts/setup --tests)");
  process.exit(2);
}
const { chromium } = createRequire(import.meta.url)(playwright);
const browser = await chromium.launch({ executablePath: browserAt, args: ["--no-sandbox"] });
const page = await browser.newPage();
const session = await page.context().newCDPSession(page);
await session.send("Performance.enable", { timeDomain: "threadTicks" });

const cpu = async () => (await session.send("Performance.getMetrics")).metrics.find(m => m.name === "TaskDuration").value;
const painted = () => page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));

// `fresh`: the counter of CPU time begins anew with a page.
async function timed(words, fresh, what) {
  const before = fresh ? 0 : await cpu(), start = performance.now();
  await what();
  await painted();
  console.log(`${words.padEnd(12)} ${Math.round(performance.now() - start)} ms, of CPU ${Math.round(1000 * (await cpu() - before))} ms`);
}

console.log(`${report}: ${(statSync(report).size / 1e6).toFixed(1)} MB`);
for (const view of ["#overview", "#bugs", "#findings"]) {
  await page.goto("about:blank");
  await timed(view, true, async () => {
    await page.goto("file://" + resolve(report) + view);
    await page.waitForSelector("main[data-view]");
  });
}
await timed("filter", false, () => page.fill("#filter", "gemm crash"));
await timed("sort", false, () => page.click("[data-sort=nodes]"));
await browser.close();
