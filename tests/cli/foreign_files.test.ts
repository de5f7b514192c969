/** Files that another user made or could change, through the commands of root. */

import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recorded_run } from "../report/episode_fixture.ts";
import { audit_of } from "./audit.ts";
import { hosa, hosa_with_file_replaced, in_directory, is_root, may_cover_files } from "./hosa.ts";

const ROOT = is_root();
const OTHER = 65_534;

function settings(directory: string, more = ""): string {
  const file = join(directory, "h.yaml");
  const places = `learning: {state_dir: ${directory}/state}\nmotor: {ledger_dir: ${directory}/run}\n`;
  writeFileSync(file, `${places}audit: {path: ${directory}/log/audit.jsonl}\n${more}`);
  return file;
}

/** Those that act on a configuration, as root. */
const ACTING = [
  ["run", "--dry-run", "--duration", "1s"],
  ["release", "--all", "--yes"],
  ["config", "check"],
];

describe.skipIf(!ROOT)("a configuration that another user could change", () => {
  test.each([
    ["by its mode", (file: string) => chmodSync(file, 0o666), "h.yaml is writable by everybody"],
    ["as its owner", (file: string) => chownSync(file, OTHER, OTHER), `h.yaml belongs to user ${OTHER}`],
    [
      "by its group",
      (file: string) => [chownSync(file, 0, OTHER), chmodSync(file, 0o664)],
      `h.yaml is writable by group ${OTHER}`,
    ],
    ["by its directory", (file: string) => chmodSync(join(file, ".."), 0o777), " is writable by everybody"],
  ])("%s is not acted on, and is still shown", async (_how, spoil, why) => {
    await in_directory((directory) => {
      const file = settings(directory);
      spoil(file);
      for (const args of ACTING) {
        const { code, stderr } = hosa([...args, "-c", file]);
        expect({ args, code }).toEqual({ args, code: 2 });
        expect(stderr).toContain(`error: ${file}: configuration is not used: `);
        expect(stderr).toContain(why);
        expect(stderr).toContain("chown root, chmod go-w");
      }
      expect(existsSync(join(directory, "log"))).toBe(false);
      expect(hosa(["config", "show", "-c", file]).code).toBe(0);
    });
  });

  test.skipIf(!may_cover_files())("also in a drop-in", async () => {
    await in_directory((directory) => {
      mkdirSync(join(directory, "hosa.d"));
      const drop_in = join(directory, "hosa.d/10-theirs.yaml");
      writeFileSync(drop_in, "log: {level: debug}\n");
      chownSync(drop_in, OTHER, OTHER);
      mkdirSync("/etc/hosa", { recursive: true });
      const { code, stderr } = hosa_with_file_replaced("/etc/hosa", directory, ["config", "check"]);
      expect(code).toBe(2);
      expect(stderr).toContain(`/etc/hosa/hosa.d/10-theirs.yaml belongs to user ${OTHER}`);
    });
  });

  test("is taken from a pipe that the caller opened, and from /dev/null", () => {
    const given = ["bash", "-c", '"$@" -c <(echo "log: {level: debug}")', "bash"];
    expect(hosa(["config", "check"], given)).toMatchObject({ code: 0, stderr: "" });
    expect(hosa(["config", "check", "-c", "/dev/null"])).toMatchObject({ code: 0, stderr: "" });
  });
});

describe.skipIf(!ROOT)("a place that another user could change", () => {
  test.each([
    "motor.ledger_dir",
    "audit.path",
    "learning.state_dir",
    "control.socket",
    "reserve.path",
    "quarantine.conservative_marker",
  ])("%s", async (key) => {
    await in_directory((directory) => {
      const theirs = join(directory, "theirs");
      mkdirSync(theirs);
      chownSync(theirs, OTHER, OTHER);
      const [section = "", name = ""] = key.split(".");
      const path = name.endsWith("_dir") ? theirs : join(theirs, "file");
      const mine = {
        learning: `{state_dir: ${directory}/state}`,
        motor: `{ledger_dir: ${directory}/run}`,
        audit: `{path: ${directory}/log/a}`,
      };
      const all = { ...mine, [section]: `{${name}: ${path}}` };
      const file = join(directory, "h.yaml");
      writeFileSync(
        file,
        Object.entries(all)
          .map(([each, value]) => `${each}: ${value}\n`)
          .join(""),
      );
      for (const args of [
        ["config", "check"],
        ["run", "--dry-run", "--duration", "1s"],
      ]) {
        const { code, stderr } = hosa([...args, "-c", file]);
        expect({ args, code }).toEqual({ args, code: 2 });
        expect(stderr).toContain(`error: ${key}: ${theirs} is not used: ${theirs} belongs to user ${OTHER}`);
      }
    });
  });

  test("a ledger there is not obeyed by a release", async () => {
    await in_directory((directory) => {
      const file = settings(directory);
      mkdirSync(join(directory, "run"));
      const target = join(directory, "precious");
      writeFileSync(target, "precious");
      const entry = {
        id: "1-1",
        boot_id: readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim(),
        kind: "value",
      };
      const about = { cgroup_id: 1, path: directory, file: target, prior: "x", intended: "y", superseded: "y" };
      writeFileSync(
        join(directory, "run/ledger.jsonl"),
        `${JSON.stringify({ op: "open", entry: { ...entry, ...about } })}\n`,
      );
      chownSync(join(directory, "run"), OTHER, OTHER);
      const { code, stderr } = hosa(["release", "--all", "--yes", "-c", file]);
      expect(code).toBe(1);
      expect(stderr).toContain(`/run belongs to user ${OTHER}`);
      expect(readFileSync(target, "utf8")).toBe("precious");
    });
  });
});

describe("what lies in the place of a file", () => {
  const fifo = (path: string) => void Bun.spawnSync(["mkfifo", path]);

  test("a FIFO is refused at once by whatever reads", async () => {
    await in_directory((directory) => {
      const path = join(directory, "pipe.jsonl");
      fifo(path);
      const said = "it is a FIFO, not a regular file";
      const { code, stderr } = hosa(["config", "check", "-c", path]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(said) });
      for (const args of [["explain"], ["explain", "--timeline"], ["report", "--html", "-"]]) {
        const ran = hosa([...args, "--audit", path]);
        expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining(said) });
      }
    });
  });

  test("a FIFO or a link is refused at once by whatever writes, and nothing is written through it", async () => {
    await in_directory(async (directory) => {
      const audit = await audit_of(directory, recorded_run());
      for (const [flag, command] of [
        ["--html", "report"],
        ["--svg", "explain"],
      ] as const) {
        const target = join(directory, `target${flag}`);
        const link = join(directory, `link${flag}`);
        symlinkSync(target, link);
        const through = hosa([command, flag, link, "--audit", audit]);
        expect(through).toMatchObject({ code: 1, stderr: expect.stringContaining("it is a symbolic link") });
        expect(existsSync(target)).toBe(false);
        const pipe = join(directory, `pipe${flag}`);
        fifo(pipe);
        const into = hosa([command, flag, pipe, "--audit", audit]);
        expect(into).toMatchObject({ code: 1, stderr: expect.stringContaining("it is a FIFO") });
      }
    });
  });

  test.each(["audit.jsonl", "audit.jsonl.torn"])(
    "an audit that is a link (%s) writes nothing elsewhere",
    async (name) => {
      await in_directory(async (directory) => {
        const file = settings(directory);
        mkdirSync(join(directory, "log"));
        const target = join(directory, "precious");
        writeFileSync(target, "precious\n");
        if (name.endsWith("torn")) writeFileSync(join(directory, "log/audit.jsonl"), "unfinished");
        symlinkSync(target, join(directory, "log", name));
        const { code, stderr } = hosa(["run", "--dry-run", "--duration", "1s", "-c", file]);
        if (name === "audit.jsonl")
          expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("it is a symbolic link") });
        expect(readFileSync(target, "utf8")).toBe("precious\n");
      });
    },
  );

  test("a saved self or a marker that is a FIFO, or of another user, keeps no agent from starting", async () => {
    await in_directory((directory) => {
      const marker = join(directory, "conservative.json");
      const file = settings(directory, `quarantine: {conservative_marker: ${marker}}\n`);
      mkdirSync(join(directory, "state"));
      fifo(join(directory, "state/self.json"));
      fifo(marker);
      const first = hosa(["run", "--dry-run", "--duration", "1s", "-c", file]);
      if (first.code === 3) return console.error("SKIPPED: HOSA cannot run on this host");
      expect(first.code).toBe(0);
      expect(first.stderr).toContain("self.json cannot be read");
    });
  });
});
