import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { open_audit } from "../../src/agent/audit_lock.ts";
import { held_in_ledger, release_without_agent } from "../../src/agent/release.ts";
import { read_audit } from "../../src/audit/index.ts";
import { type Config, parse_config } from "../../src/config/index.ts";
import type { AuditRecord } from "../../src/model/audit.ts";
import type { Selector } from "../../src/model/control.ts";
import { action } from "../motor/fake.ts";
import { Setup } from "../motor/setup.ts";

/** A ledger that a motor left behind when it was killed: cpu.max as c1, the freezer as c2. */
class Left implements Disposable {
  readonly setup = new Setup();
  readonly before: string;
  readonly config: Config;
  readonly world: { readonly files: Setup["kernel"]; readonly processes: Setup["kernel"] };
  readonly warnings: string[] = [];

  constructor() {
    const { kernel, ledger_dir } = this.setup;
    this.before = kernel.snapshot();
    this.world = { files: kernel, processes: kernel };
    this.config = parse_config(`motor: {ledger_dir: ${ledger_dir}}\naudit: {path: ${ledger_dir}/audit.jsonl}`, "test");
    const motor = this.setup.motor();
    const target = kernel.target("/app");
    motor.perform(action("c1", "apply", target, { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 }), 0);
    motor.perform(action("c2", "apply", target, { rung: "freeze", frozen: true }), 0);
    motor.close();
  }

  async release(select: Selector, reason = "") {
    return await release_without_agent(this.config, select, reason, (text) => this.warnings.push(text), this.world);
  }

  async audit(): Promise<{ readonly records: AuditRecord[]; readonly problems: string[] }> {
    const records: AuditRecord[] = [];
    const problems: string[] = [];
    for await (const item of read_audit(this.config.audit.path)) {
      if (item.type === "record") records.push(item.record);
      else problems.push(item.problem);
    }
    return { records, problems };
  }

  [Symbol.dispose](): void {
    this.setup[Symbol.dispose]();
  }
}

test("one id: exactly that is restored, the rest stays for the next call, and a third finds nothing", async () => {
  using left = new Left();
  const first = await left.release({ id: "c1" });
  expect(first.outcomes).toMatchObject([{ id: "c1", status: "done", written: "max 100000" }]);
  expect(left.setup.kernel.get("/app", "cgroup.freeze")).toBe("1");
  const second = await left.release({ all: true });
  expect(second.outcomes).toMatchObject([{ id: "c2", status: "done", written: "0" }]);
  expect(left.setup.kernel.snapshot()).toBe(left.before);
  expect(await left.release({ all: true })).toMatchObject({ selected: [], outcomes: [] });
});

test("each release is a line of the same chain, with who asked and why; one of nothing is none", async () => {
  using left = new Left();
  const { audit, unlock } = open_audit(left.config);
  audit.append({ t_ns: 1, kind: "note", text: "written by the agent before it died" });
  await audit.close();
  unlock();
  await left.release({ id: "c1" }, "month's end");
  await left.release({ all: true });
  await left.release({ all: true });
  const { records, problems } = await left.audit();
  expect(problems).toEqual([]);
  const by = { uid: process.getuid!(), pid: process.pid };
  expect(records).toMatchObject([
    { kind: "note" },
    { kind: "undo", by, reason: expect.stringContaining("month's end"), outcomes: [{ id: "c1" }] },
    { kind: "undo", by, reason: expect.stringContaining("with no agent running"), outcomes: [{ id: "c2" }] },
  ]);
});

test("an audit that cannot be written does not hold the release up, and is said", async () => {
  using left = new Left();
  const { ledger_dir } = left.setup;
  writeFileSync(join(ledger_dir, "file"), "");
  const config: Config = { ...left.config, audit: { ...left.config.audit, path: `${ledger_dir}/file/audit.jsonl` } };
  const said: string[] = [];
  await release_without_agent(config, { all: true }, "", (text) => said.push(text), left.world);
  expect(left.setup.kernel.snapshot()).toBe(left.before);
  expect(said).toEqual([expect.stringContaining("released, but not written down")]);
});

test("while another process writes the audit, the chain is left to it", async () => {
  using left = new Left();
  const { audit, unlock } = open_audit(left.config);
  expect(() => open_audit(left.config)).toThrow(`the running process ${process.pid} writes it`);
  await left.release({ all: true });
  expect(left.warnings).toEqual([expect.stringContaining(`the running process ${process.pid} writes it`)]);
  await audit.close();
  unlock();
  open_audit(left.config).unlock();
});

test("a ledger a living agent holds is refused with its process, and nothing is changed", async () => {
  using left = new Left();
  const held = left.setup.kernel.snapshot();
  const motor = left.setup.motor({ files: left.setup.kernel });
  const now = left.setup.kernel.snapshot();
  expect(now).not.toBe(held);
  motor.perform(action("c1", "apply", left.setup.kernel.target("/app"), { rung: "freeze", frozen: true }), 0);
  const refused = left.release({ all: true });
  await expect(refused).rejects.toThrow(`the running process ${process.pid} holds the ledger`);
  expect(left.setup.kernel.get("/app", "cgroup.freeze")).toBe("1");
  motor.close();
});

test("what another boot left is not there", () => {
  using left = new Left();
  expect(held_in_ledger(left.setup.ledger_dir, left.world)).toHaveLength(2);
  expect(held_in_ledger(left.setup.ledger_dir, { ...left.world, boot_id: "another" })).toEqual([]);
});
