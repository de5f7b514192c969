import { describe, expect, test } from "bun:test";
import { RUNGS } from "../../src/model/containment.ts";
import type { AgentStatus, HeldNow } from "../../src/model/control.ts";
import type { Dial } from "../../src/model/dial.ts";
import type { BeatView } from "../../src/model/view.ts";
import { allowed_levels, arm_lines } from "../../src/report/arm.ts";
import { dial_sentence, dial_words, engine_sentence, pause_sentence } from "../../src/report/dial.ts";
import { event_lines } from "../../src/report/observe.ts";
import { service_lines } from "../../src/report/service_log.ts";
import { status_text } from "../../src/report/status.ts";
import { style } from "../../src/report/style.ts";

const plain = style(false);
const DETECTION: Dial = { autonomy: "detection", max_level: 4, acts: false, tells: true, dry_run: false };
const CORRECTION: Dial = { ...DETECTION, autonomy: "correction", acts: true };
const PAUSE = {
  ...{ until_ns: 1, until: "2027-01-15T08:30:00.000Z", began: "2027-01-15T08:00:00.000Z", for_s: 1800 },
  ...{ reason: "kernel upgrade", by: { uid: 1000, pid: 1 }, keeps: true },
};
const ITEM: HeldNow = {
  ...{ id: "c1", ledger_id: null, rung: "cpu_max", file: "cpu_max on /app", now: null, quarantine: false },
  ...{ restores: "nothing was touched", held_s: 3, left_s: null, phase: "touch" },
  target: { cgroup_id: 7, path: "/app", pid: null, tid: null, comm: null },
};
const STATUS: AgentStatus = {
  ...{ pid: 9, version: "0.2.0", node: "n1", motor: "recording", uptime_s: 60, warm: true, level: 2 },
  ...{ level_name: "soft containment", level_since: "2027-01-15T08:00:00.000Z", regime: null, d_smooth: 1 },
  ...{ velocity: 0, theta: [1, 2, 3, 4], held: [ITEM], cooldowns: [], missing_rungs: [], last_episode: null },
  ...{ thresholds: null, warmup: null, story: null, inaction: "" },
  ...{ ledger_dir: "/run/hosa", audit_path: "/var/log/hosa/audit.jsonl", connections: 1, watchers: 0 },
  beat: {
    ...{ count: 1, period_ms: 100, cost_us: { p50: 1, p99: 1 } },
    ...{ delay_us: { p50: 1, p99: 1 }, interval_us: { p50: 1, p99: 1 } },
  },
  ...{ dial: DETECTION, engine: { state: "running", lost: [] }, pause: null, would_do: 2 },
};
const rows = (status: Partial<AgentStatus>) => status_text({ ...STATUS, ...status } as AgentStatus, plain).split("\n");
const row = (label: string, status: Partial<AgentStatus> = {}) => rows(status).find((line) => line.startsWith(label));

describe("hosa status", () => {
  test("of an agent that only records says what it would do, how often, and what it would hold", () => {
    expect(row("autonomy")).toBe(
      "autonomy   detection, up to level 4 (severe containment): nothing is contained, HOSA records and tells what it would do (2 containments since the start)",
    );
    expect(row("held")).toBe("held       nothing");
    expect(row("would do")).toBe("would do   hold 1; nothing is touched");
  });

  test("of one that acts holds what the ledger has, and of a quarantine beside detection both", () => {
    const real = { ...ITEM, ledger_id: "9-1" };
    expect(row("autonomy", { dial: CORRECTION })).toBe(
      "autonomy   correction, up to level 4 (severe containment): HOSA contains",
    );
    expect(row("held", { dial: CORRECTION, held: [real] })).toStartWith("held       1; one: hosa release --id c1");
    expect(row("would do", { dial: CORRECTION, held: [real] })).toBeUndefined();
    expect(rows({ held: [real, ITEM] }).filter((line) => /^(held|would do)/.test(line))).toHaveLength(2);
  });

  test("says until when it is paused, by whom and why, and what the agent lacks", () => {
    expect(row("paused", { pause: { ...PAUSE, left_s: 900 } })).toBe(
      "paused     until 2027-01-15T08:30:00.000Z (15 min left), by uid 1000: kernel upgrade; what was held then was kept",
    );
    expect(row("state", { engine: { state: "degraded", lost: ["the audit: ENOSPC", "shield: none"] } })).toBe(
      "state      degraded; lost: the audit: ENOSPC; shield: none",
    );
  });

  test("of an agent from before an upgrade only says what it knows", () => {
    const { dial: _, engine: __, pause: ___, would_do: ____, ...older } = STATUS;
    const text = status_text({ ...older, held: [] }, plain);
    expect(text).toContain("autonomy   nothing is contained");
    expect(status_text({ ...older, motor: "cgroup", held: [] }, plain)).not.toContain("autonomy");
  });
});

test("the dial in a sentence and in a few words", () => {
  expect(dial_sentence({ ...DETECTION, autonomy: "monitoring", tells: false })).toBe(
    "monitoring, up to level 4 (severe containment): nothing is contained, HOSA records what it would do",
  );
  expect(dial_sentence({ ...CORRECTION, acts: false, dry_run: true })).toContain("dry run, nothing is contained");
  expect(dial_words(CORRECTION)).toBe("correction up to level 4");
  expect(dial_words(DETECTION)).toBe("detection: nothing is contained");
  expect(engine_sentence({ state: "shutting_down", lost: [] })).toBe("shutting down");
  expect(pause_sentence({ ...PAUSE, reason: "", keeps: false }, 60)).toEndWith(
    "by uid 1000; what was held then was released",
  );
});

describe("an action that is only recorded", () => {
  const action = { id: "c1", verb: "apply", target: ITEM.target, reason: "it grows" } as const;
  const setting = { rung: "cpu_max", quota_us: 1, period_us: 2 } as const;
  const view = (acts?: boolean) =>
    ({
      level: 2,
      inaction: "",
      actions: [{ ...action, setting }],
      ...(acts === undefined ? {} : { acts }),
    }) as unknown as BeatView;

  test("has the same two words before it in the journal and in observe", () => {
    expect(service_lines(view(false), 2, "")).toMatchObject([{ text: "would do: apply cpu_max /app: it grows" }]);
    expect(event_lines(view(false), "", plain)[0]!.trim()).toBe("would do: apply cpu_max /app: it grows");
    for (const acts of [true, undefined]) {
      expect(service_lines(view(acts), 2, "")).toMatchObject([{ text: "apply cpu_max /app: it grows" }]);
      expect(event_lines(view(acts), "", plain)[0]!.trim()).toBe("apply cpu_max /app: it grows");
    }
  });
});

describe("what arming allows", () => {
  const all = { rungs: RUNGS, reserve: false, quarantine: true, protect: ["/db.slice"] };

  test("follows the level, the enabled remedies and what is configured", () => {
    expect(allowed_levels(3, all).map(({ level }) => level)).toEqual([2, 3]);
    expect(allowed_levels(5, all).at(-1)?.actions.join()).toContain("isolate the node");
    expect(allowed_levels(2, all)[0]?.actions.join()).not.toContain("swap");
    expect(allowed_levels(2, { ...all, reserve: true })[0]?.actions.join()).toContain("swap");
    const narrow = allowed_levels(4, { ...all, rungs: ["memory_governor"] });
    expect(narrow.map(({ actions }) => actions.length)).toEqual([1, 0, 0]);
  });

  test("is said with what is never touched, and where a level allows nothing, why", () => {
    const text = arm_lines({ autonomy: "autonomous", max_level: 5 }, { ...all, quarantine: false, rungs: ["freeze"] });
    expect(text).toContain("and /db.slice (protect)");
    expect(text).toMatch(/5 quarantine +nothing: motor\.rungs or quarantine\.enabled forbid it/);
    for (const line of text.split("\n").slice(1, -2)) expect(line.length).toBeLessThanOrEqual(100);
  });
});
