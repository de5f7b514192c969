import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TimedResult } from "../../lab/outcome.ts";
import type { AuditRecord, HookEntry } from "../../src/model/audit.ts";

const ROOT = join(import.meta.dir, "..", "..");
const SKIPPED = 77;
const LIMIT_MS = 280_000;

function missing(): string | null {
  if (!existsSync(join(ROOT, "dist", "hosa"))) return "dist/hosa is not built";
  if (Bun.which("qemu-system-x86_64") === null) return "qemu-system-x86_64 is not installed";
  return null;
}

const why = missing();
if (why !== null) console.error(`SKIPPED tests/vm/scenario.test.ts: ${why}`);

/** A leak in a service under load, in a virtual machine with the real binary; memory.max would be reached after 18 s. */
describe.skipIf(why !== null)("an aged service leaks 50 MB/s, in a virtual machine", () => {
  let result: TimedResult | null = null;
  let hooks: readonly (AuditRecord & HookEntry)[] = [];
  const out = mkdtempSync(join(tmpdir(), "hosa-scenario-"));
  afterAll(() => rmSync(out, { recursive: true }));

  beforeAll(async () => {
    const command = ["scripts/lab", "payment", "--agent", "hosa", "--age", "45", "--after", "30", "-o", "json"];
    const more = ["--config", join(import.meta.dir, "hooks.yaml"), "--out", out];
    const lab = Bun.spawn([...command, ...more], { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
    const [said, complained, status] = await Promise.all([
      new Response(lab.stdout).text(),
      new Response(lab.stderr).text(),
      lab.exited,
    ]);
    if (status === SKIPPED) {
      console.error(`SKIPPED tests/vm/scenario.test.ts: ${complained.trim()}`);
      return;
    }
    if (status !== 0) throw new Error(`scripts/lab ended with status ${status}: ${complained}`);
    result = JSON.parse(said) as TimedResult;
    hooks = readFileSync(join(out, "payment-6.12-hosa-1/audit.jsonl"), "utf8")
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as AuditRecord]))
      .filter((record) => record.kind === "hook");
  }, LIMIT_MS);

  /** The run's result, or null where the lab itself skipped (already said on standard error). */
  function check(about: (run: TimedResult) => void): void {
    if (result !== null) about(result);
  }

  test("nobody is killed and no acknowledged transaction is lost", () => {
    check((run) => {
      expect(run.kills).toBe(0);
      expect(run.processes_lost).toBe(0);
      expect(run.transactions.lost).toBe(0);
      expect(run.transactions.acknowledged).toBeGreaterThan(3000);
    });
  });

  test("the leak is seen, acted on and stops well before the limit", () => {
    check((run) => {
      expect(run.seen_ms).toBeLessThan(5000);
      expect(run.acted_ms).toBeLessThan(15_000);
      expect(run.stable_ms).toBeLessThan(20_000);
      expect(run.memory_at_end_mb).toBeLessThan(1000);
    });
  });

  test("the service and its neighbour go on being served", () => {
    check((run) => {
      expect(run.served_ratio).toBeGreaterThan(0.9);
      expect(run.neighbour.served_ratio).toBeGreaterThan(0.95);
    });
  });

  test("only the leaking service is touched, and the leaking thread is named", () => {
    check((run) => {
      expect(run.culprit).toContain("/payment.slice");
      for (const path of run.touched ?? []) expect(path).toStartWith("/payment.slice");
    });
  });

  test("hooks are run beside it: one says whom it is about, one that hangs is killed at its deadline", () => {
    check(() => {
      const [first] = hooks;
      expect(first).toMatchObject({ hook: "pre 1", event: "decided", action_id: "c1", result: { exit: 0 } });
      expect(first!.result.output).toMatch(/^thread_hold on \/payment\.slice/);
      const hung = hooks.filter(({ hook, result }) => hook === "post 1" && result.timed_out);
      expect(hung[0]).toMatchObject({ event: "applied", result: { signal: "SIGKILL" } });
      expect(hooks.some(({ event, result }) => event === "released" && result.signal === "SIGKILL")).toBe(true);
    });
  });
});
