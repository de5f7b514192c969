/** Every kind of loss: it has words and a source, and each view shows it in the same words. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { examine_agent } from "../../src/agent/doctor_agent.ts";
import { Losses } from "../../src/agent/losses.ts";
import { default_config } from "../../src/config/index.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import type { AgentStatus } from "../../src/model/control.ts";
import { LOSS_CODES, type LossCode, loss_kind } from "../../src/model/loss.ts";
import { explain_plain } from "../../src/report/explain.ts";
import { loss_entry_sentence, loss_sentence } from "../../src/report/loss.ts";
import { status_text } from "../../src/report/status.ts";
import { style } from "../../src/report/style.ts";
import { render_metrics } from "../../src/telemetry/metrics/catalogue.ts";
import { record } from "../report/fixtures.ts";
import { figures } from "../telemetry/metrics/figures.ts";

const ROOT = join(import.meta.dir, "../..");
const PLAIN = style(false);
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const STATUS: AgentStatus = {
  ...{ pid: 7, version: "1", node: "n", motor: "cgroup", uptime_s: 5, warm: true, level: 0, level_name: "homeostasis" },
  ...{ level_since: "2026-01-02T03:04:05.000Z", regime: null, d_smooth: 1, velocity: 0, theta: null, held: [] },
  ...{ cooldowns: [], missing_rungs: [], last_episode: null, ledger_dir: "/run/hosa", audit_path: "/a" },
  ...{
    beat: {
      count: 1,
      period_ms: 100,
      cost_us: { p50: 0, p99: 0 },
      delay_us: { p50: 0, p99: 0 },
    } as AgentStatus["beat"],
  },
  ...{ connections: 0, watchers: 0, thresholds: null, warmup: null, story: null, inaction: "" },
};

/** What a source says at one look. */
interface Said {
  readonly total: number;
  readonly now: number;
  readonly lasting: boolean;
  readonly detail: string;
}

const said = fc.record<Said>({
  total: fc.nat(5000),
  now: fc.nat(5000),
  lasting: fc.boolean(),
  detail: fc.constantFrom("", "/run/hosa: no space left (ENOSPC)"),
});
const looks = fc.array(fc.dictionary(fc.constantFrom(...LOSS_CODES), said), { minLength: 1, maxLength: 6 });

test("what any sources count is said with one sentence and one number by status, doctor, metrics, messages and audit", () => {
  fc.assert(
    fc.property(looks, (rounds) => {
      let round: Readonly<Partial<Record<LossCode, Said>>> = {};
      const entries: Extract<AuditEntry, { kind: "loss" }>[] = [];
      const messages: string[] = [];
      const losses = new Losses({
        record: (entry) => {
          if (entry.kind === "loss") entries.push(entry);
        },
        on_message: (_, text) => messages.push(text),
        wall_time: () => "2026-01-02T03:04:05.000Z",
      });
      for (const code of LOSS_CODES)
        losses.watch({
          code,
          total: () => round[code]?.total ?? 0,
          now: () => round[code]?.now ?? 0,
          lasting: () => round[code]?.lasting ?? false,
          detail: () => round[code]?.detail ?? "",
        });
      for (const [i, one] of rounds.entries()) {
        round = one;
        losses.turn(i * 1e9);
      }
      losses.finish(rounds.length * 1e9);

      const { list, degraded } = losses;
      const lost = new Set(
        rounds.flatMap((one) =>
          LOSS_CODES.filter((code) => {
            const { total = 0, now = 0, lasting = false } = one[code] ?? {};
            return total > 0 || now > 0 || lasting;
          }),
        ),
      );
      expect(list.map(({ code }) => code)).toEqual(LOSS_CODES.filter((code) => lost.has(code)));

      const text = status_text({ ...STATUS, losses: list, degraded }, PLAIN);
      const findings = examine_agent({ ...STATUS, losses: list }).findings.filter(({ state }) => state === "missing");
      const metrics = render_metrics(figures({ losses: list }));
      expect(findings.map(({ what }) => what)).toEqual(list.map(({ code }) => code));
      for (const [i, loss] of list.entries()) {
        const { code, sentence, remedy, total, now } = loss;
        expect(sentence).toBe(loss_sentence(loss));
        expect(text).toContain(`${now > 0 ? "left out" : "lost"}`);
        expect(text).toContain(sentence);
        expect(findings[i]).toMatchObject({ detail: sentence, remedy });
        expect(metrics).toContain(`hosa_lost_total{what="${code}"} ${total}\n`);
        expect(metrics).toContain(`hosa_left_out{what="${code}"} ${now}\n`);
        expect(messages.join("\n")).toContain(loss_kind(code).effect);
        const own = entries.filter((entry) => entry.code === code);
        expect(own.reduce((sum, { count }) => sum + count, 0)).toBe(total);
        for (const entry of own) {
          const shown = explain_plain(record(entry), PLAIN);
          expect(shown).toContain(loss_entry_sentence(entry));
          const { one, unit } = loss_kind(code);
          expect([one, unit].some((words) => shown.includes(words))).toBe(true);
        }
      }
      for (const what of degraded) expect(text).toContain(`degraded   ${what}\n`);
    }),
    { numRuns: 60 },
  );
});

describe("a kind of loss", () => {
  const agent = [...new Bun.Glob("src/agent/**/*.ts").scanSync(ROOT)].map(read).join("\n");
  const page = read("docs/LOSSES.md");

  test.each(LOSS_CODES.map((code) => [code]))("%s: something counts it", (code) => {
    const counted = new RegExp(`code: "${code}"|\\b(note|lose)(\\?\\.)?\\(\\s*"${code}"`);
    expect(counted.test(agent)).toBe(true);
  });

  test.each(LOSS_CODES.map((code) => [code]))("%s: docs/LOSSES.md has its words", (code) => {
    const { unit, effect, remedy, degrades } = loss_kind(code);
    expect(page).toContain(`| \`${code}\` | ${unit} | ${effect} | ${remedy} |${degrades ? ` ${degrades} ` : " "}|\n`);
  });

  test("docs/LOSSES.md has no others", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    expect(rows.map((row) => row.split("`")[1]!)).toEqual([...LOSS_CODES]);
  });

  test("no words of style that STYLE rules out, and no sentence that is too long", () => {
    for (const code of LOSS_CODES) {
      const { one, unit, effect, remedy, degrades = "" } = loss_kind(code);
      const words = [one, unit, effect, remedy, degrades].join(" ");
      expect(words).not.toMatch(/\b(who|whom|whoever|somebody|nobody|anybody)\b/i);
      for (const sentence of [effect, remedy, degrades]) expect(sentence.split(/\s+/).length).toBeLessThanOrEqual(30);
    }
  });

  test("the keys of the configuration that it names are there", () => {
    const sections = Object.entries(JSON.parse(JSON.stringify(default_config()))) as [string, object][];
    const known = sections.flatMap(([section, keys]) => Object.keys(keys).map((key) => `${section}.${key}`));
    const of_sections = new RegExp(`\\b(?:${sections.map(([section]) => section).join("|")})\\.[a-z_]+`, "g");
    const named = LOSS_CODES.flatMap((code) => {
      const { effect, remedy } = loss_kind(code);
      return `${effect} ${remedy}`.match(of_sections) ?? [];
    });
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((key) => !known.includes(key))).toEqual([]);
  });

  test("the alert rules name none that does not exist", () => {
    const rules = read("deploy/prometheus/alerts.yaml");
    const named = [...rules.matchAll(/hosa_(?:lost_total|left_out|degraded)\{what=~?"([a-z_|]+)"/g)].flatMap(
      ([, codes]) => codes!.split("|"),
    );
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((code) => !(LOSS_CODES as readonly string[]).includes(code))).toEqual([]);
  });
});
