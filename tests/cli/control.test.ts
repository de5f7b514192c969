import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentStatus } from "../../src/model/control.ts";
import type { BeatView } from "../../src/model/view.ts";
import { current_boot_id } from "../../src/motor/ledger.ts";
import { take_lock } from "../../src/motor/lock.ts";
import { hosa, in_directory } from "./hosa.ts";
import { expect_document } from "./schemas.ts";

const USABLE = hosa(["doctor"]).code === 0;
if (!USABLE) console.error("SKIPPED: HOSA cannot run on this host (see `hosa doctor`)");
const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

function settings(directory: string): string {
  const file = join(directory, "h.yaml");
  const places = `learning: {state_dir: ${directory}/state}\nmotor: {ledger_dir: ${directory}/run}\n`;
  writeFileSync(file, `${places}audit: {path: ${directory}/audit.jsonl}\n`);
  return file;
}

/** Runs the body while an agent runs that touches nothing. */
async function with_agent(file: string, body: (pid: number) => Promise<void>): Promise<void> {
  const child = Bun.spawn([process.execPath, MAIN, "run", "--dry-run", "-c", file], {
    stderr: "pipe",
    stdout: "ignore",
  });
  try {
    const reader = child.stderr.getReader();
    const decoder = new TextDecoder();
    let said = "";
    while (!said.includes("motor: recording")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the agent ended: ${said}`);
      said += decoder.decode(value);
    }
    // Read on to the end: an agent whose reader went away ends.
    void (async () => {
      while (!(await reader.read()).done);
    })();
    await body(child.pid);
  } finally {
    child.kill("SIGTERM");
    await child.exited;
  }
}

test.skipIf(!USABLE)(
  "a running agent tells its status, is watched, has nothing to release, and takes its socket away",
  async () => {
    await in_directory(async (directory) => {
      const file = settings(directory);
      const socket = `${directory}/run/hosa.sock`;
      await with_agent(file, async (pid) => {
        expect(statSync(socket).mode & 0o777).toBe(0o660);
        const json = hosa(["status", "-o", "json", "-c", file]);
        expect(json.code).toBe(0);
        const status = JSON.parse(json.stdout) as AgentStatus & { running: boolean };
        expect_document("status", status);
        expect(status).toMatchObject({ running: true, pid, motor: "recording", held: [], warm: false });
        expect(hosa(["status", "-c", file]).stdout).toContain(`process ${pid}`);

        const watched = hosa(["observe", "-o", "json", "--count", "3", "-c", file]);
        expect(watched.code).toBe(0);
        expect(watched.stderr).toContain(`watching the agent that runs (process ${pid})`);
        const beats = watched.stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as BeatView);
        expect(beats).toHaveLength(3);
        for (const beat of beats) expect_document("beat", beat);
        expect(Object.keys(beats[0]!).slice(0, 3)).toEqual(["t_ns", "level", "level_name"]);
        const lines = hosa(["observe", "--count", "2", "-c", file, "--log-level", "error"]);
        expect(lines.stderr).toBe("");
        expect(lines.stdout.trimEnd().split("\n").length).toBeGreaterThanOrEqual(3);

        expect(hosa(["release", "-c", file])).toMatchObject({ code: 0, stdout: "nothing to release\n" });
        expect(hosa(["release", "--all", "--yes", "-c", file])).toMatchObject({
          code: 0,
          stdout: "nothing to release\n",
        });
      });
      expect(existsSync(socket)).toBe(false);
      const lines = readFileSync(`${directory}/audit.jsonl`, "utf8").trimEnd().split("\n");
      for (const line of lines) expect_document("audit", JSON.parse(line));
      expect(hosa(["status", "-c", file]).code).toBe(1);
    });
  },
  60_000,
);

test.skipIf(!USABLE)(
  "a second agent on the same audit is refused with the process of the first",
  async () => {
    await in_directory(async (directory) => {
      const file = settings(directory);
      await with_agent(file, async (pid) => {
        const second = hosa(["run", "--dry-run", "--duration", "1s", "-c", file]);
        expect(second.code).toBe(1);
        expect(second.stderr).toContain(`the running process ${pid} writes it`);
      });
    });
  },
  60_000,
);

test.skipIf(!USABLE)(
  "a second agent on the same ledger is refused with the process of the first",
  async () => {
    await in_directory((directory) => {
      const file = settings(directory);
      mkdirSync(`${directory}/run`);
      const give_back = take_lock(`${directory}/run/ledger.lock`, current_boot_id());
      const { code, stderr } = hosa(["run", "--duration", "1s", "-c", file]);
      expect(code).toBe(1);
      expect(stderr).toContain(`held by the running process ${process.pid}`);
      give_back();
    });
  },
  60_000,
);
