import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LedgerEntry } from "../../src/motor/entry.ts";
import { current_boot_id } from "../../src/motor/ledger.ts";
import { hosa, in_directory, type Ran } from "./hosa.ts";

/** Scratch files in the place of two cgroups, and the ledger of an agent that was killed while it limited both. */
class Node {
  readonly #directory: string;
  readonly config: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.config = join(directory, "h.yaml");
    const places = `motor: {ledger_dir: ${directory}/run}\naudit: {path: ${directory}/audit.jsonl}\n`;
    writeFileSync(this.config, `${places}learning: {state_dir: ${directory}/state}\n`);
    mkdirSync(join(directory, "run"));
    const lines = [this.#limit("c1", "/app"), this.#limit("c2", "/batch", "release")];
    writeFileSync(
      join(directory, "run/ledger.jsonl"),
      lines.map((entry) => `${JSON.stringify({ op: "open", entry })}\n`).join(""),
    );
  }

  #limit(containment: string, path: string, until?: "release"): LedgerEntry {
    const mount = join(this.#directory, "cg");
    mkdirSync(`${mount}${path}`, { recursive: true });
    writeFileSync(`${mount}${path}/cpu.max`, "50000 100000\n");
    const cgroup_id = statSync(`${mount}${path}`).ino;
    return {
      id: `4711-${containment}`,
      kind: "file",
      boot_id: current_boot_id(),
      containment,
      rung: "cpu_max",
      target: { cgroup_id, path, pid: null, tid: null, comm: null },
      mount,
      cgroup_id,
      path,
      file: "cpu.max",
      prior: "90000 100000",
      intended: "50000 100000",
      superseded: "50000 100000",
      threads: [],
      ...(until === undefined ? {} : { until }),
    };
  }

  /** cpu.max of both. */
  get values(): readonly string[] {
    return ["/app", "/batch"].map((path) => readFileSync(`${this.#directory}/cg${path}/cpu.max`, "utf8").trim());
  }

  release(...args: readonly string[]): Ran {
    return hosa(["release", "-c", this.config, ...args]);
  }

  /** On a terminal of its own, answering what is typed. */
  on_terminal(typed: string, ...args: readonly string[]): Ran {
    const script = 'printf %s "$0" | script -qec "$*" /dev/null';
    return hosa(["release", "-c", this.config, ...args], ["sh", "-c", script, typed]);
  }
}

const LIMITED = ["50000 100000", "50000 100000"];
const FREE = ["90000 100000", "90000 100000"];
const HAS_TERMINAL = Bun.which("script") !== null;
if (!HAS_TERMINAL) console.error("SKIPPED: no script(1) here to make a terminal with");

describe("release with no agent running", () => {
  test("without a selector it lists file, value now and value restored, says how, and ends with 2", async () => {
    await in_directory((directory) => {
      const node = new Node(directory);
      const { code, stdout } = node.release();
      expect(code).toBe(2);
      expect(stdout).toContain("2 held by the ledger in");
      expect(stdout).toContain(`${directory}/cg/app/cpu.max: 50000 100000 → 90000 100000`);
      expect(stdout).toContain("hosa release --id c1");
      expect(node.values).toEqual(LIMITED);
      const { did, selected } = JSON.parse(node.release("-o", "json").stdout);
      expect([did, selected.map(({ id }: { id: string }) => id)]).toEqual(["listed", ["c1", "c2"]]);
    });
  });

  test("a script must say --yes: without it 2 and the way out, nothing changed", async () => {
    await in_directory((directory) => {
      const node = new Node(directory);
      const { code, stderr } = node.release("--all");
      expect(code).toBe(2);
      expect(stderr).toContain("Add --yes");
      expect(node.values).toEqual(LIMITED);
    });
  });

  test("--all --yes restores everything and says what; again: nothing to release, 0", async () => {
    await in_directory((directory) => {
      const node = new Node(directory);
      const { code, stdout } = node.release("--all", "--yes", "--reason", "month's end");
      expect(code).toBe(0);
      expect(stdout).toContain("release cpu_max /app: done /app/cpu.max: 50000 100000 → 90000 100000 (ledger 4711-c1)");
      expect(node.values).toEqual(FREE);
      expect(node.release("--all", "--yes")).toMatchObject({ code: 0, stdout: "nothing to release\n" });
      expect(hosa(["explain", "e0", "--audit", `${directory}/audit.jsonl`]).stdout).toContain("month's end");
    });
  });

  test.each([
    [
      ["--id", "c1"],
      ["90000 100000", "50000 100000"],
    ],
    [
      ["--id", "4711-c2"],
      ["50000 100000", "90000 100000"],
    ],
    [
      ["--target", "/app"],
      ["90000 100000", "50000 100000"],
    ],
    [["--quarantine"], ["50000 100000", "90000 100000"]],
  ])("%j releases that and nothing else", async (selector, values) => {
    await in_directory((directory) => {
      const node = new Node(directory);
      expect(node.release(...selector, "--yes").code).toBe(0);
      expect(node.values).toEqual(values);
    });
  });

  test("--dry-run shows and changes nothing, and needs no --yes", async () => {
    await in_directory((directory) => {
      const node = new Node(directory);
      const { code, stdout } = node.release("--all", "--dry-run");
      expect(code).toBe(0);
      expect(stdout).toContain("2 would be restored");
      expect(node.values).toEqual(LIMITED);
    });
  });

  test("an id or a target nobody bears: 1, and the ids that exist", async () => {
    await in_directory((directory) => {
      const node = new Node(directory);
      for (const selector of [
        ["--id", "c9"],
        ["--target", "/ap"],
      ]) {
        const { code, stderr } = node.release(...selector, "--yes");
        expect(code).toBe(1);
        expect(stderr).toContain("held are c1, c2");
      }
      expect(node.values).toEqual(LIMITED);
    });
  });

  test("two selectors, or a reason of two lines: 2", async () => {
    await in_directory((directory) => {
      const node = new Node(directory);
      expect(node.release("--all", "--id", "c1", "--yes").code).toBe(2);
      expect(node.release("--all", "--yes", "--reason", "a\nb").code).toBe(2);
      expect(node.values).toEqual(LIMITED);
    });
  });

  test("what another writer set meanwhile is left as it is, and said", async () => {
    await in_directory((directory) => {
      const node = new Node(directory);
      writeFileSync(`${directory}/cg/app/cpu.max`, "70000 100000\n");
      const { code, stdout } = node.release("--id", "c1", "--yes");
      expect(code).toBe(0);
      expect(stdout).toContain("drifted");
      expect(node.values[0]).toBe("70000 100000");
    });
  });

  test.skipIf(!HAS_TERMINAL)(
    "on a terminal it shows what it would restore and asks: no is 1, yes does it",
    async () => {
      await in_directory((directory) => {
        const node = new Node(directory);
        const no = node.on_terminal("n\n", "--id", "c1");
        expect(no.stdout).toContain(`${directory}/cg/app/cpu.max: 50000 100000 → 90000 100000`);
        expect(no.stdout).toContain("Release? [y/N]");
        expect(no.stdout).toContain("nothing was released");
        expect(no.code).toBe(1);
        expect(node.values).toEqual(LIMITED);
        const yes = node.on_terminal("y\n", "--id", "c1");
        expect(yes.code).toBe(0);
        expect(node.values).toEqual(["90000 100000", "50000 100000"]);
      });
    },
  );
});

describe("status with no agent running", () => {
  test("says so, shows the ledger, and ends with 1", async () => {
    await in_directory((directory) => {
      const node = new Node(directory);
      const text = hosa(["status", "-c", node.config]);
      expect(text.code).toBe(1);
      expect(text.stdout).toContain("none runs");
      expect(text.stdout).toContain("2 left behind");
      const json = JSON.parse(hosa(["status", "-c", node.config, "-o", "json"]).stdout);
      expect(json).toMatchObject({
        running: false,
        held: [
          { id: "c1", now: "50000 100000" },
          { id: "c2", quarantine: true },
        ],
      });
    });
  });
});
