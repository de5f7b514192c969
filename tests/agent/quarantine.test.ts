import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QuarantineKeeper } from "../../src/agent/quarantine.ts";
import { quarantine_motor } from "../../src/agent/quarantine_motor.ts";
import { replan } from "../../src/agent/replay.ts";
import { find_standing } from "../../src/agent/standing.ts";
import { AuditWriter, read_audit } from "../../src/audit/index.ts";
import { parse_config } from "../../src/config/index.ts";
import { RUNGS } from "../../src/model/containment.ts";
import type { Decision } from "../../src/model/decision.ts";
import type { Level } from "../../src/model/level.ts";
import type { QuarantinePlan, StepOutcome } from "../../src/model/quarantine.ts";
import { Ledger } from "../../src/motor/ledger.ts";
import { entry_of } from "../../src/motor/quarantine/context.ts";
import type { QuarantineMotor } from "../../src/motor/quarantine/recording.ts";
import { RecordingMotor } from "../../src/motor/recording.ts";
import { assessment } from "../decision/fixtures.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hosa-keeper-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const config = (more = "") =>
  parse_config(
    `motor: {ledger_dir: ${root}/run}\naudit: {path: ${root}/log/audit.jsonl}\n` +
      `quarantine: {environment: airgap, conservative_marker: ${root}/conservative.json${more}}\n`,
    "test.yaml",
  );

function decision(level: Level, previous_level: Level): Decision {
  return {
    t_ns: 1e9,
    level,
    previous_level,
    rule: "",
    harm: { present: false, witness: "none", value: null, bound: null, unit: "", evidence: "none", because: [] },
    culprit: null,
    actions: [],
    search: null,
    verdicts: [],
    inaction: "",
    habituates: false,
    beat_period_ms: 10,
  };
}

/** Whoever carries out: it remembers what it was asked, and writes the evidence as the real one does. */
class Spy implements QuarantineMotor {
  readonly busy = false;
  readonly asked: string[] = [];
  plan: QuarantinePlan | null = null;
  enter(plan: QuarantinePlan): void {
    this.plan = plan;
    this.asked.push("enter");
  }
  at_leisure(): void {}
  async leave(why: string) {
    this.asked.push(`leave: ${why}`);
    return [];
  }
  async close(): Promise<void> {
    this.asked.push("close");
  }
}

function keeper(more = "") {
  const parsed = config(more);
  const audit = new AuditWriter({ path: parsed.audit.path, max_bytes: 1e6, keep: 2, wall_time: () => "2026-01-01" });
  const spy = new Spy();
  let evidence: () => Promise<string> = async () => "";
  const parts = {
    config: parsed,
    standing: find_standing(parsed, null),
    mount: null,
    own_path: "/hosa",
    audit,
    flight: null,
  };
  const made = new QuarantineKeeper(
    { ...parts, record: (entry) => audit.append(entry), on_message: () => {}, ask_release: () => {} },
    (write) => {
      evidence = write;
      return spy;
    },
  );
  return { keeper: made, spy, audit, evidence: () => evidence() };
}

async function records(audit: AuditWriter) {
  await audit.close();
  const found = [];
  for await (const item of read_audit(audit.path)) if (item.type === "record") found.push(item.record);
  return found;
}

describe("level 5", () => {
  test("is planned once from what is seen then, and the record proves itself", async () => {
    const { keeper: made, spy, audit } = keeper();
    made.after_beat(assessment(), decision(4, 4));
    expect(made.busy).toBe(false);
    made.after_beat(assessment(), decision(5, 4));
    made.after_beat(assessment(), decision(5, 5));
    expect(made.busy).toBe(true);
    await made.close();
    expect(spy.asked).toEqual(["enter", "close"]);
    expect(spy.plan?.environment).toBe("airgap");
    const [entry] = await records(audit);
    if (entry?.kind !== "quarantine") throw new Error("no plan was recorded");
    expect(replan(entry)).toEqual({ identical: true, difference: "" });
    expect(entry.resumed).toBe(false);
    expect(entry.input.facts.interfaces.some((each) => each.loopback)).toBe(true);
  });

  test("is undone when the decision leaves it, and can be entered again", async () => {
    const { keeper: made, spy, audit } = keeper();
    made.after_beat(assessment(), decision(5, 4));
    await settled(made);
    made.after_beat(assessment(), decision(1, 5));
    await settled(made);
    made.after_beat(assessment(), decision(1, 1));
    made.after_beat(assessment(), decision(5, 4));
    await made.close();
    expect(spy.asked).toEqual(["enter", "leave: the operator ended the quarantine", "enter", "close"]);
    expect((await records(audit)).map((each) => each.kind)).toEqual(["quarantine", "undo", "quarantine"]);
  });

  test("that could not be begun is tried again after a while, for the level stays", async () => {
    const { keeper: made, spy } = keeper();
    const enter = spy.enter.bind(spy);
    spy.enter = () => {
      throw new Error("the ledger holds 256 open entries");
    };
    const at = (t_s: number) => made.after_beat(assessment(), { ...decision(5, 5), t_ns: t_s * 1e9 });
    at(1);
    await settled(made);
    spy.enter = enter;
    at(10);
    expect(made.busy).toBe(false);
    at(11);
    await made.close();
    expect(spy.asked).toEqual(["enter", "close"]);
  });

  test("of a predecessor is undone by a release also where no plan could be made", async () => {
    const { keeper: made, spy } = keeper();
    spy.enter = () => {
      throw new Error("no more files");
    };
    made.after_beat(assessment(), decision(5, 5));
    await settled(made);
    made.after_beat(assessment(), decision(1, 5));
    await made.close();
    expect(spy.asked).toEqual(["leave: the operator ended the quarantine", "close"]);
  });

  test("leaves evidence beside the audit: what was seen, who was there, and the audit's own end", async () => {
    const { keeper: made, audit, evidence } = keeper();
    audit.append({ t_ns: 1, kind: "note", text: "just before" });
    made.after_beat(assessment({ d_smooth: 17 }), decision(5, 4));
    await settled(made);
    const said = await evidence();
    const [name] = readdirSync(join(root, "log")).filter((each) => each.startsWith("quarantine-"));
    const directory = join(root, "log", name!);
    expect(said).toContain(directory);
    expect(JSON.parse(readFileSync(join(directory, "assessment.json"), "utf8")).assessment.d_smooth).toBe(17);
    expect(readFileSync(join(directory, "audit-tail.jsonl"), "utf8")).toContain("just before");
    expect(readFileSync(join(directory, "sockets.txt"), "utf8")).toContain("# /proc/net/tcp");
    const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8"));
    expect(manifest.files.map((each: { name: string }) => each.name)).toEqual([
      "assessment.json",
      "cgroups.json",
      "facts.json",
      "audit-tail.jsonl",
      "sockets.txt",
    ]);
    await made.close();
    await audit.close();
  });
});

describe("what an earlier quarantine means at start", () => {
  const boot_id = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();

  test("a free node stands at level 0 without a ceiling", () => {
    expect(find_standing(config(), null)).toMatchObject({ level: 0, ceiling: 5, said: null });
  });

  test("a mark in the ledger of this boot: level 5", () => {
    const ledger = new Ledger(join(root, "run"));
    const about = { id: 0, path: "node", file: "quarantine" };
    ledger.open(entry_of("quarantine", "quarantine", about, "free", "yesterday"));
    ledger.close();
    expect(find_standing(config(), null)).toMatchObject({ level: 5, said: expect.stringContaining("since yesterday") });
  });

  test("a marker of an earlier boot: conservative; one of this boot says nothing", () => {
    writeFileSync(join(root, "conservative.json"), JSON.stringify({ boot_id: "before", since: "yesterday" }));
    const standing = find_standing(config(), null);
    expect(standing).toMatchObject({ level: 0, ceiling: 2 });
    expect(standing.said).toContain("nothing above level 2 until `hosa release --quarantine`");
    expect(find_standing(config(", conservative_level: 1"), null).ceiling).toBe(1);
    writeFileSync(join(root, "conservative.json"), JSON.stringify({ boot_id, since: "today" }));
    expect(find_standing(config(), null)).toMatchObject({ ceiling: 5, said: null });
  });
});

test("beside the recording motor a quarantine is only said", () => {
  const told: StepOutcome[] = [];
  const recording = new RecordingMotor({
    enabled_rungs: RUNGS,
    max_targets_per_minute: 1,
    cooldown_s: 1,
    expiry_s: 1,
    mount: null,
    protect: [],
  });
  const motor = quarantine_motor(
    config(),
    recording,
    null,
    async () => "",
    async () => "",
    (outcome) => told.push(outcome),
  );
  const links = [{ id: 1, path: "lo" }];
  const step = { name: "links_down", todo: { step: "links_down", links }, because: "test", spared: [] } as const;
  motor.enter({ environment: "airgap", steps: [step], recovery: "" });
  expect(told).toEqual([expect.objectContaining({ subject: "lo", detail: "dry run: would be done (test)" })]);
});

async function settled(made: QuarantineKeeper): Promise<void> {
  while (made.busy) await new Promise((resolve) => setImmediate(resolve));
}
