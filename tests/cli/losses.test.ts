import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RUNGS } from "../../src/model/containment.ts";
import type { AgentStatus } from "../../src/model/control.ts";
import type { DoctorReport } from "../../src/model/doctor.ts";
import { LOSSES } from "../../src/model/loss.ts";
import { built_hosa } from "../built.ts";
import { hosa, in_directory, may_cover_files } from "./hosa.ts";

const USABLE = hosa(["doctor"]).code === 0;
if (!USABLE) console.error("SKIPPED: HOSA cannot run on this host (see `hosa doctor`)");
const COVERS = may_cover_files();
const MAIN = join(import.meta.dir, "../../src/cli/main.ts");
/** A file system with no room left, seen by this process alone. */
const ON_FULL_DISK = 'mount -t tmpfs -o size=64k tmpfs "$1" && head -c 65536 /dev/zero >"$1/ballast"; shift; exec "$@"';

function settings(directory: string): string {
  const file = join(directory, "h.yaml");
  mkdirSync(join(directory, "log"), { recursive: true });
  const places = `learning: {state_dir: ${directory}/state}\nmotor: {ledger_dir: ${directory}/run}\n`;
  writeFileSync(
    file,
    `${places}audit: {path: ${directory}/log/audit.jsonl}\nmetrics: {enabled: true, listen: "127.0.0.1:0"}\n`,
  );
  return file;
}

function start(file: string, before: readonly string[] = []) {
  const child = Bun.spawn([...before, process.execPath, MAIN, "run", "--dry-run", "-c", file], {
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" },
    stderr: "pipe",
    stdout: "ignore",
  });
  const reader = child.stderr.getReader();
  const decoder = new TextDecoder();
  let said = "";
  const read = async (): Promise<boolean> => {
    const { done, value } = await reader.read();
    if (value !== undefined) said += decoder.decode(value);
    return !done;
  };
  return {
    child,
    async until(text: string): Promise<string> {
      while (!said.includes(text)) if (!(await read())) throw new Error(`"${text}" never came: ${said}`);
      return said;
    },
    async end(): Promise<{ readonly code: number; readonly said: string }> {
      child.kill("SIGTERM");
      while (await read());
      return { code: await child.exited, said };
    },
  };
}

const metrics_of = async (said: string): Promise<string> => {
  const url = /metrics are at (\S+)/.exec(said)?.[1];
  return await (await fetch(url!)).text();
};

test.skipIf(!USABLE || !COVERS)(
  "an audit on a full disk: status, doctor and metrics say it in the same words, the run ends with 1, the next one says how much is missing",
  async () => {
    await in_directory(async (directory) => {
      const file = settings(directory);
      const agent = start(file, ["unshare", "--mount", "sh", "-c", ON_FULL_DISK, "sh", join(directory, "log")]);
      const said = await agent.until("HOSA cannot record what it does");
      expect(said).toContain("ENOSPC");

      const status = JSON.parse(hosa(["status", "-o", "json", "-c", file]).stdout) as AgentStatus;
      expect(status.degraded).toEqual([LOSSES.audit_lines.degrades]);
      const loss = status.losses?.find(({ code }) => code === "audit_lines");
      expect(loss).toMatchObject({ lasting: true, detail: expect.stringMatching(/ENOSPC.*lines? not written yet/) });
      const text = hosa(["status", "-c", file]).stdout;
      expect(text).toContain(`degraded   ${LOSSES.audit_lines.degrades}`);
      expect(text).toContain(LOSSES.audit_lines.effect);

      // Where the runtime cannot start, the answer has the same words.
      const short = Bun.spawnSync(["prlimit", "--as=200000000", built_hosa(), "status", "-c", file]);
      expect(short.stderr.toString()).toContain("without its runtime");
      for (const row of text.split("\n").filter((line) => /^(degraded|lost|left out) /.test(line)))
        expect(short.stdout.toString()).toContain(row.replace(/\w+ lines? not written yet.*/, ""));

      const report = JSON.parse(hosa(["doctor", "-o", "json", "-c", file]).stdout) as DoctorReport;
      const findings = report.sections.find(({ title }) => title === "Running agent")?.findings ?? [];
      const finding = findings.find(({ what }) => what === "audit_lines");
      expect(finding).toMatchObject({ costs: LOSSES.audit_lines.degrades, remedy: LOSSES.audit_lines.remedy });
      expect(finding?.detail).toContain(LOSSES.audit_lines.effect);

      const metrics = await metrics_of(said);
      expect(metrics).toContain('hosa_degraded{what="audit_lines"} 1\n');
      expect(metrics).toContain('hosa_lost_total{what="cgroups"} 0\n');

      const { code, said: all } = await agent.end();
      expect(code).toBe(1);
      const missing = Number(/the audit lacks (\d+) lines: .*ENOSPC/.exec(all)?.[1]);
      expect(missing).toBeGreaterThan(1);

      const next = start(file);
      await next.until("metrics are at");
      expect((await next.end()).code).toBe(0);
      const first = JSON.parse(readFileSync(join(directory, "log/audit.jsonl"), "utf8").split("\n")[0]!);
      expect(first).toMatchObject({ kind: "start", lost: missing, lost_why: expect.stringContaining("ENOSPC") });
      const explained = hosa(["explain", first.id, "-c", file]);
      expect(explained.code).toBe(0);
      expect(explained.stderr).toContain(`${missing} lines before this one were not written`);
    });
  },
  120_000,
);

test.skipIf(!USABLE || !COVERS)(
  "when there is room again the lines are written, and nothing is missing",
  async () => {
    await in_directory(async (directory) => {
      const file = settings(directory);
      const log = join(directory, "log");
      const agent = start(file, ["unshare", "--mount", "sh", "-c", ON_FULL_DISK, "sh", log]);
      await agent.until("HOSA cannot record what it does");
      const inside = `/proc/${agent.child.pid}/root${log}`;
      rmSync(`${inside}/ballast`);
      await agent.until("over: ");
      const lines = readFileSync(`${inside}/audit.jsonl`, "utf8").trimEnd().split("\n");
      expect(lines.map((line) => JSON.parse(line).seq)).toEqual([...lines.keys()]);
      expect(lines.map((line) => JSON.parse(line).lost)).toEqual(lines.map(() => undefined));
      expect((await agent.end()).code).toBe(0);
    });
  },
  120_000,
);

test.skipIf(!USABLE)(
  "a rotated audit and a socket that was removed are repaired, said and counted",
  async () => {
    await in_directory(async (directory) => {
      const file = settings(directory);
      const agent = start(file);
      await agent.until("metrics are at");
      const path = join(directory, "log/audit.jsonl");
      // Asked for it, the agent writes its first line.
      expect(hosa(["explain", "--timeline", "-c", file]).code).toBe(0);
      renameSync(path, `${path}-20260102`);
      rmSync(join(directory, "run"), { recursive: true });
      await agent.until("control socket");
      // Asked of the agent it writes what waits, and so finds that the file is another one.
      hosa(["explain", "--timeline", "-c", file]);
      const status = JSON.parse(hosa(["status", "-o", "json", "-c", file]).stdout) as AgentStatus;
      expect(status.losses?.find(({ code }) => code === "control_socket")?.total).toBe(1);
      const { code } = await agent.end();
      expect(code).toBe(0);
      const first = JSON.parse(readFileSync(path, "utf8").split("\n")[0]!);
      expect(first.continues.why).toContain("removed or renamed");
      const explained = hosa(["explain", first.id, "-c", file]);
      expect(explained.code).toBe(0);
      expect(explained.stderr).toContain(`continues line ${first.continues.seq} of the chain`);
    });
  },
  120_000,
);

test.skipIf(!USABLE)(
  "a dry run finds missing what doctor finds missing: in its status, its record and its metrics, in the same words",
  async () => {
    await in_directory(async (directory) => {
      const file = settings(directory);
      const agent = start(file);
      const said = await agent.until("metrics are at");
      const status = JSON.parse(hosa(["status", "-o", "json", "-c", file]).stdout) as AgentStatus;
      const report = JSON.parse(hosa(["doctor", "-o", "json", "-c", file]).stdout) as DoctorReport;
      const metrics = await metrics_of(said);
      const { code, said: all } = await agent.end();
      expect(code).toBe(0);

      const findings = report.sections.flatMap((section) => section.findings);
      const missing = findings.flatMap(({ what, state, detail }) =>
        state === "missing" && (RUNGS as readonly string[]).includes(what) ? [{ rung: what, why: detail }] : [],
      );
      const by_rung = (one: { readonly rung: string }, other: { readonly rung: string }) =>
        one.rung.localeCompare(other.rung);
      expect(status.missing_rungs.toSorted(by_rung)).toEqual(missing.toSorted(by_rung) as never);
      const begun = JSON.parse(readFileSync(join(directory, "log/audit.jsonl"), "utf8").split("\n")[0]!);
      expect(begun.missing_rungs).toEqual(status.missing_rungs);
      expect(begun.absences).toEqual(status.absences);
      for (const { what, why, costs } of status.absences ?? []) {
        const told = findings.filter((one) => one.what === what || one.detail === `${what}: ${why}`);
        expect(told).toMatchObject([{ state: "missing", detail: expect.stringContaining(why), costs }]);
      }
      for (const { rung, why } of missing) {
        expect(all).toContain(`rung ${rung} is missing: ${why}`);
        expect(metrics).toContain(`hosa_missing{kind="rung",what="${rung}"} 1\n`);
      }
      for (const { what } of status.absences ?? [])
        expect(metrics).toContain(`hosa_missing{kind="sense",what="${what}"} 1\n`);
    });
  },
  120_000,
);
