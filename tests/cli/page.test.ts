import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { type Browser, chromium } from "playwright-core";
import { recorded_run } from "../report/episode_fixture.ts";
import { audit_of } from "./audit.ts";
import { hosa } from "./hosa.ts";

const CHROMIUM = Bun.which("chromium");
const LIMIT_MS = 120_000;
const ROOT_ELEMENT = "document.documentElement";
if (CHROMIUM === null) console.error("SKIPPED tests/cli/page.test.ts: chromium is not installed (scripts/setup --lab)");

/** Different bytes among the pixels of a PNG: a blank picture has next to none. */
function shades(png: Uint8Array): number {
  const chunks: Uint8Array[] = [];
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    const type = new TextDecoder().decode(png.subarray(at + 4, at + 8));
    if (type === "IDAT") chunks.push(png.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  return new Set(inflateSync(Buffer.concat(chunks))).size;
}

/** The page as an operator opens it: from the disk, in a browser without a network. */
describe.skipIf(CHROMIUM === null)("an episode's page in a browser", () => {
  let directory: string;
  let file: string;
  let browser: Browser;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "hosa-page-"));
    file = join(directory, "episode.html");
    const audit = await audit_of(directory, recorded_run());
    expect(hosa(["report", "--html", file, "--audit", audit])).toMatchObject({ code: 0 });
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
      timeout: LIMIT_MS,
    });
  }, LIMIT_MS);

  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  }, LIMIT_MS);

  test.each(["light", "dark"] as const)(
    "%s: asks for nothing but itself, complains of nothing, shows what it has to say",
    async (colorScheme) => {
      const context = await browser.newContext({ colorScheme, viewport: { width: 1180, height: 900 } });
      const page = await context.newPage();
      const requests: string[] = [];
      const complaints: string[] = [];
      page.on("request", (request) => requests.push(request.url()));
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(String(error)));
      await page.goto(`file://${file}`, { timeout: LIMIT_MS });
      expect(await page.title()).toBe("HOSA on n1, 2026-01-02 03:04:05 UTC");
      for (const text of ["What carried it", "What would have happened", "recorded decisions re-run identically"]) {
        expect(await page.getByText(text).first().isVisible()).toBe(true);
      }
      for (const text of ["memory of /payment.slice", "2 soft", "θ1 3.0", "limit", "thread hold"]) {
        expect(await page.locator("svg text", { hasText: text }).first().isVisible()).toBe(true);
      }
      expect(await page.getByRole("img", { name: "The whole episode" }).count()).toBe(1);
      expect(await page.getByText("act.ttf_horizon_s").isVisible()).toBe(false);
      await page.getByText("What the decision was configured with").click({ timeout: LIMIT_MS });
      expect(await page.getByText("act.ttf_horizon_s").isVisible()).toBe(true);
      const overflow = await page.evaluate<number>(`${ROOT_ELEMENT}.scrollWidth - ${ROOT_ELEMENT}.clientWidth`);
      const ink = await page.evaluate<string>("getComputedStyle(document.body).color");
      const ground = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      expect(overflow).toBeLessThanOrEqual(0);
      expect(ink === ground).toBe(false);
      expect(brightness(ground) > brightness(ink)).toBe(colorScheme === "light");
      const png = await page.screenshot({
        fullPage: true,
        path: join(directory, `${colorScheme}.png`),
        timeout: LIMIT_MS,
      });
      expect(shades(readFileSync(join(directory, `${colorScheme}.png`)))).toBeGreaterThan(50);
      expect(png.length).toBeGreaterThan(20_000);
      expect(requests).toEqual([`file://${file}`]);
      expect(complaints).toEqual([]);
      await context.close();
    },
    LIMIT_MS,
  );

  test(
    "on a telephone it stays as wide as the screen",
    async () => {
      const page = await browser.newPage({ viewport: { width: 360, height: 700 } });
      await page.goto(`file://${file}`, { timeout: LIMIT_MS });
      expect(await page.evaluate<number>(`${ROOT_ELEMENT}.scrollWidth`)).toBe(360);
      await page.close();
    },
    LIMIT_MS,
  );
});

function brightness(rgb: string): number {
  return [...rgb.matchAll(/\d+/g)].slice(0, 3).reduce((sum, [value]) => sum + Number(value), 0);
}
