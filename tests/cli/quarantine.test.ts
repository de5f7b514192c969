import { expect, test } from "bun:test";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AuditWriter } from "../../src/audit/index.ts";
import { decide } from "../../src/decision/decide.ts";
import { plan_quarantine } from "../../src/decision/quarantine.ts";
import { initial_state } from "../../src/decision/state.ts";
import { Ledger } from "../../src/motor/ledger.ts";
import { entry_of, told } from "../../src/motor/quarantine/context.ts";
import { assessment, CONFIG, growth, MIB, search } from "../decision/fixtures.ts";
import { facts, lives, SETTINGS } from "../decision/quarantine.fixtures.ts";
import { hosa, in_directory } from "./hosa.ts";

function settings(directory: string): string {
  const file = join(directory, "h.yaml");
  writeFileSync(
    file,
    `audit: {path: ${directory}/audit.jsonl}\nmotor: {ledger_dir: ${directory}/run}\n` +
      `quarantine: {conservative_marker: ${directory}/conservative.json}\n`,
  );
  return file;
}

async function recorded(directory: string): Promise<void> {
  const audit = new AuditWriter({
    path: join(directory, "audit.jsonl"),
    max_bytes: 1e7,
    keep: 1,
    wall_time: () => "2026-01-01T00:00:00.000Z",
  });
  const worse = assessment({ d_smooth: 20, velocity: 3, growth: [growth(50 * MIB, 0.5, 800 * MIB)], search: search() });
  const state = { ...initial_state(1e9), level: 4 as const, failures: 2 };
  const { decision } = decide(worse, state, CONFIG, 1e9);
  expect(decision.level).toBe(5);
  audit.append({ t_ns: 1e9, kind: "transition", input: { assessment: worse, state, config: CONFIG }, decision });
  const input = { facts: facts(lives("edge_remote")), settings: SETTINGS };
  const plan = plan_quarantine(input.facts, input.settings);
  audit.append({ t_ns: 2e9, kind: "quarantine", input, plan, resumed: false });
  const outcome = told("links_down", "eth1", "done", "down", { prior: "up", written: "down", ledger_id: "1-1" });
  audit.append({ t_ns: 3e9, kind: "quarantine_step", outcome });
  await audit.close();
}

test("explain tells a quarantine in sentences after the decision that entered it, and proves both", async () => {
  await in_directory(async (directory) => {
    await recorded(directory);
    const { code, stdout } = hosa(["explain", "--last", "-c", settings(directory)]);
    expect(code).toBe(0);
    for (const part of [
      "level 4 severe containment → 5 quarantine",
      "edge_remote (configured): edge_remote for a test",
      "isolate: edge_remote: all but the metadata service, DHCP and the control plane is dropped",
      "left alone: eth0: management (the default route uses it)",
      "Way back   the watchdog reboots it into conservative mode, which `hosa release` ends",
      "Quarantine e2 00:00:00.000 UTC: links_down eth1: done (up → down) (ledger 1-1); down",
      "decision re-run: identical",
    ]) {
      expect(stdout).toContain(part);
    }
    const plan = hosa(["explain", "e1", "-c", settings(directory)]).stdout;
    expect(plan).toContain("plan made anew: identical");
    expect(hosa(["explain", "--timeline", "-c", settings(directory)]).stdout).toContain(
      "quarantine planned: edge_remote",
    );
    const json = JSON.parse(hosa(["explain", "--last", "-o", "json", "-c", settings(directory)]).stdout);
    expect(json.quarantine).toHaveLength(2);
  });
});

test("release ends conservative mode, dry or not", async () => {
  await in_directory((directory) => {
    const marker = join(directory, "conservative.json");
    writeFileSync(marker, JSON.stringify({ boot_id: "before", since: "yesterday" }));
    expect(hosa(["release", "-c", settings(directory)])).toMatchObject({ code: 2 });
    expect(hosa(["release", "--all", "--dry-run", "-c", settings(directory)]).stdout).toContain("present → absent");
    expect(existsSync(marker)).toBe(true);
    const { code, stdout } = hosa(["release", "--quarantine", "--yes", "-c", settings(directory)]);
    expect(code).toBe(0);
    expect(stdout).toContain("release conservative");
    expect(existsSync(marker)).toBe(false);
    expect(hosa(["release", "-c", settings(directory)]).stdout).toBe("nothing to release\n");
  });
});

test("a taint whose API server does not answer stays, and release ends with 1 and the way to do it by hand", async () => {
  await in_directory((directory) => {
    const account = join(directory, "account");
    mkdirSync(account);
    for (const name of ["token", "ca.crt"]) writeFileSync(join(account, name), "");
    const ledger = new Ledger(join(directory, "run"));
    const node = { id: 0, path: "node", file: "quarantine" };
    ledger.open(entry_of("quarantine", "quarantine", node, "free", "yesterday"));
    const access = JSON.stringify({ host: "127.0.0.1", port: "1", credentials: account });
    const about = { id: 0, path: "node-1", file: "taint" };
    ledger.open(entry_of("taint", "taint", about, access, "hosa.io/quarantine=true:NoExecute"));
    ledger.close();
    for (const _ of [1, 2]) {
      const { code, stdout } = hosa(["release", "--all", "--yes", "-c", settings(directory)]);
      expect(code).toBe(1);
      expect(stdout.match(/release taint node-1: failed/g)).toHaveLength(1);
      expect(stdout).toContain("kubectl taint node node-1 hosa.io/quarantine=true:NoExecute-");
      expect(stdout).toContain("release quarantine node: failed");
    }
  });
});

test("doctor says where it believes to be and what level 5 would do", async () => {
  await in_directory((directory) => {
    const { stdout } = hosa(["doctor", "-o", "json", "-c", settings(directory)]);
    const section = JSON.parse(stdout).sections.find((each: { title: string }) => each.title.startsWith("Quarantine"));
    const whats = section.findings.map((finding: { what: string }) => finding.what);
    for (const what of ["environment", "evidence", "isolate", "links_down", "freeze", "way back"]) {
      expect(whats).toContain(what);
    }
  });
});
