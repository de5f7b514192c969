import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BeatView } from "../../src/model/view.ts";
import { hosa, in_directory } from "./hosa.ts";

const USABLE = hosa(["doctor"]).code === 0;
if (!USABLE) console.error("SKIPPED: HOSA cannot run on this host (see `hosa doctor`)");

const KEYS = [
  ...[
    "t_ns",
    "level",
    "level_name",
    "d",
    "d_smooth",
    "velocity",
    "acceleration",
    "phi",
    "x",
    "share",
    "culprit",
    "harm",
  ],
  ...["contribution", "thresholds", "warm", "inaction", "actions", "acts", "story", "episode", "changes"],
];

function settings(directory: string): string {
  const file = join(directory, "h.yaml");
  const places = `learning: {state_dir: ${directory}/state}\nmotor: {ledger_dir: ${directory}/run}\n`;
  writeFileSync(file, `${places}audit: {path: ${directory}/audit.jsonl}\n`);
  return file;
}

test.skipIf(!USABLE)(
  "observe -o json: one object per beat with the documented keys in order, then a clean end",
  async () => {
    await in_directory((directory) => {
      const { code, stdout } = hosa([
        "observe",
        "-o",
        "json",
        "--count",
        "3",
        "-c",
        settings(directory),
        "--log-level",
        "error",
      ]);
      expect(code).toBe(0);
      const beats = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as BeatView);
      expect(beats).toHaveLength(3);
      for (const beat of beats) expect(Object.keys(beat)).toEqual(KEYS);
      expect(beats[1]!.t_ns).toBeGreaterThan(beats[0]!.t_ns);
    });
  },
);

test.skipIf(!USABLE)("a reader that goes away ends observe with 0 and without a word", async () => {
  await in_directory((directory) => {
    const script = `"$0" "$@" | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const args = ["observe", "-o", "json", "-c", settings(directory), "--log-level", "error"];
    const { stdout, stderr } = hosa(args, ["bash", "-c", script]);
    expect(stdout).toEndWith("\n0\n");
    expect(stderr).toBe("");
  });
});

test.skipIf(!USABLE).each(["SIGTERM", "SIGINT"] as const)(
  "%s ends a run cleanly, recorded from start to stop",
  async (signal) => {
    await in_directory(async (directory) => {
      const file = settings(directory);
      const main = join(import.meta.dir, "../../src/cli/main.ts");
      const child = Bun.spawn([process.execPath, main, "run", "--dry-run", "-c", file], {
        stderr: "pipe",
        stdout: "ignore",
      });
      const decoder = new TextDecoder();
      let said = "";
      for await (const chunk of child.stderr) {
        said += decoder.decode(chunk);
        if (said.includes("motor: recording") && !child.killed) child.kill(signal);
      }
      expect(await child.exited).toBe(0);
      const { stdout } = hosa(["explain", "--timeline", "-c", file]);
      expect(stdout).toContain("started: run, recording motor");
      expect(stdout).toContain("stopped after");
    });
  },
);
