import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { render_metrics } from "../../../src/telemetry/metrics/catalogue.ts";
import { figures } from "./figures.ts";
import { PROMTOOL, promtool } from "./promtool.ts";

const DIRECTORY = join(import.meta.dir, "../../../deploy/prometheus");
const read = (name: string) => readFileSync(join(DIRECTORY, name), "utf8");

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly type: string;
    readonly fieldConfig: {
      readonly defaults: { readonly noValue?: string; readonly custom?: { readonly spanNulls?: boolean } };
    };
    readonly targets: readonly { readonly expr: string; readonly instant?: boolean }[];
  }[];
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}

const rules = (parse(read("alerts.yaml")) as Rules).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read("dashboard.json")) as Dashboard;

/** Metric → its label names. */
const series = new Map<string, Set<string>>();
for (const line of render_metrics(figures()).split("\n")) {
  const [, name, labels = ""] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? [];
  if (name === undefined) continue;
  const known = series.get(name) ?? new Set(["instance", "job"]);
  for (const [, label = ""] of labels.matchAll(/([a-z]+)="/g)) known.add(label);
  series.set(name, known);
}

/** What the expression asks for that no series has. */
function unknown(expr: string): string[] {
  const wrong: string[] = [];
  for (const [, name = "", , matchers = ""] of expr.matchAll(/\b((?:hosa|process)_[a-z_]+)(\{([^}]*)\})?/g)) {
    const labels = series.get(name);
    if (labels === undefined) wrong.push(name);
    for (const [, label = ""] of matchers.matchAll(/([a-z]+)(?:=|!)/g))
      if (labels !== undefined && !labels.has(label)) wrong.push(`${name}{${label}}`);
  }
  return wrong;
}

describe("alerts and dashboard", () => {
  test.each(rules.map(({ alert, expr }) => [alert, expr] as const))("%s asks for metrics that exist", (_name, expr) => {
    expect(expr).toMatch(/hosa/);
    expect(unknown(expr)).toEqual([]);
  });

  test("no panel draws a line over a time without samples, or shows the last value of a node that is gone", () => {
    for (const { title, type, fieldConfig, targets } of dashboard.panels) {
      const { custom, noValue } = fieldConfig.defaults;
      if (type === "timeseries") expect([title, custom?.spanNulls]).toEqual([title, false]);
      else
        expect([title, typeof noValue, targets.every(({ instant }) => instant === true)]).toEqual([
          title,
          "string",
          true,
        ]);
    }
  });

  test("every panel does, too", () => {
    const asked = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const variables = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);
    expect(asked.length).toBeGreaterThan(20);
    expect([...asked, ...variables].flatMap(unknown)).toEqual([]);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  test("a name or a label that does not exist is found", () => {
    expect(unknown("rate(hosa_beats[5m])")).toEqual(["hosa_beats"]);
    expect(unknown('hosa_level{rung="freeze"}')).toEqual(["hosa_level{rung}"]);
  });

  test.skipIf(PROMTOOL === null)("promtool accepts the rules, and they fire when they should", () => {
    const checked = promtool(["check", "rules", join(DIRECTORY, "alerts.yaml")]);
    expect(checked.said).toContain(`SUCCESS: ${rules.length} rules found`);
    const tested = promtool(["test", "rules", join(DIRECTORY, "alerts.test.yaml")]);
    expect(tested).toMatchObject({ code: 0 });
  });
});
