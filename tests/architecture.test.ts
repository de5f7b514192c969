/** The house rules, enforced: docs/ARCHITECTURE.md says them, tests/architecture/rules.ts knows how to look. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  CLOCK_FILE,
  check_imports,
  check_source,
  check_strings,
  EXIT_FILE,
  find_cycles,
  MAX_LINES,
  OUTPUT_FILE,
  parse_room_table,
  room_edges,
} from "./architecture/rules.ts";

const root = join(import.meta.dir, "..");
const table = parse_room_table(readFileSync(join(root, "docs/ARCHITECTURE.md"), "utf8"));

function read_sources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const path of new Bun.Glob("src/**/*.ts").scanSync(root)) {
    if (!path.includes("/generated/")) files.set(path, readFileSync(join(root, path), "utf8"));
  }
  return files;
}

/** What the project publishes: the tracked files, or without git all files that are no build product. */
function list_published(): string[] {
  const git = existsSync(join(root, ".git")) ? Bun.spawnSync(["git", "-C", root, "ls-files", "-z"]) : undefined;
  const paths =
    git?.success === true
      ? git.stdout.toString().split("\0")
      : [...new Bun.Glob("**/*").scanSync({ cwd: root, dot: true })].filter(
          (path) => !/^(node_modules|build|dist|\.git)\//.test(path),
        );
  return paths.filter((path) => path !== "" && existsSync(join(root, path)) && statSync(join(root, path)).isFile());
}

const sources = read_sources();

/** Parsing every source on a loaded machine may take longer than the runner's 5 s. */
const PARSE_LIMIT_MS = 60_000;

describe("the house", () => {
  test("has sources in rooms that the document names", () => {
    expect(sources.size).toBeGreaterThan(5);
    expect(table.get("model")?.rooms.size).toBe(0);
    expect(table.get("agent")?.rooms.has("cli")).toBe(false);
  });

  test(
    "imports only along the table",
    () => {
      expect([...sources].flatMap(([path, text]) => check_imports(path, text, table))).toEqual([]);
    },
    PARSE_LIMIT_MS,
  );

  test(
    "has no circle of rooms",
    () => {
      expect(find_cycles(room_edges(sources))).toEqual([]);
    },
    PARSE_LIMIT_MS,
  );

  test(
    "keeps clocks, exits, randomness and leftovers out of its sources",
    () => {
      expect([...sources].flatMap(([path, text]) => check_source(path, text))).toEqual([]);
    },
    PARSE_LIMIT_MS,
  );

  test(
    "publishes nothing of the machine it was written on",
    () => {
      const findings = list_published().flatMap((path) => {
        const bytes = readFileSync(join(root, path));
        return bytes.includes(0) ? [] : check_strings(path, bytes.toString("utf8"));
      });
      expect(findings).toEqual([]);
    },
    PARSE_LIMIT_MS,
  );

  test("locks packages by content, not by the place they came from", () => {
    const lock: { packages: Record<string, { resolved?: string; integrity?: string }> } = JSON.parse(
      readFileSync(join(root, "package-lock.json"), "utf8"),
    );
    const packages = Object.entries(lock.packages).filter(([path]) => path !== "");
    expect(packages.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
    expect(packages.filter(([, entry]) => entry.integrity === undefined)).toEqual([]);
  });
});

describe("the rules catch", () => {
  const snippet = (path: string, text: string): string[] => [
    ...check_imports(path, text, table),
    ...check_source(path, text),
  ];

  test.each([
    [
      "a room the table does not grant",
      "src/cortex/x.ts",
      'import { a } from "../motor/a.ts";',
      "cortex must not import",
    ],
    ["a re-export", "src/model/x.ts", 'export * from "../cortex/a.ts";', "model must not import"],
    ["a dynamic import", "src/audit/x.ts", 'const a = await import("../ffi/a.ts");', "audit must not import"],
    ["an import() type", "src/model/x.ts", 'type A = import("../cortex/a.ts").A;', "model must not import"],
    [
      "values of config",
      "src/motor/x.ts",
      'import { load } from "../config/a.ts";',
      "must not import values of config",
    ],
    ["half of it a type", "src/motor/x.ts", 'import { type A, b } from "../config/a.ts";', "values of config"],
    ["an unknown room", "src/attic/x.ts", "export const a = 1;", "is not in the table"],
    ["a file outside of the rooms", "src/x.ts", "export const a = 1;", "outside of the rooms"],
    ["a way out of src", "src/agent/x.ts", 'import { a } from "../../tests/a.ts";', "leaves src/"],
    ["ffi outside of its room", "src/sensor/x.ts", 'import { dlopen } from "bun:ffi";', "bun:ffi"],
    ["files in a pure room", "src/cortex/x.ts", 'import { readFileSync } from "node:fs";', "is pure"],
    ["a missing extension", "src/cortex/x.ts", 'import { a } from "./a";', "lacks its file extension"],
    ["the wall clock", "src/decision/x.ts", "export const now = Date.now();", CLOCK_FILE],
    ["today's date", "src/audit/x.ts", "export const now = new Date();", CLOCK_FILE],
    ["a timer", "src/agent/x.ts", "setTimeout(() => {}, 5);", CLOCK_FILE],
    ["a timer by another name", "src/agent/x.ts", "const later = setTimeout;", CLOCK_FILE],
    ["a timer module", "src/agent/x.ts", 'import { performance } from "node:perf_hooks";', CLOCK_FILE],
    ["a sleep", "src/motor/x.ts", "await Bun.sleep(5);", CLOCK_FILE],
    ["the process clock", "src/motor/x.ts", "process.hrtime.bigint();", CLOCK_FILE],
    ["an exit", "src/agent/x.ts", "process.exit(1);", EXIT_FILE],
    ["a line past the output", "src/cli/x.ts", 'process.stderr.write("a");', OUTPUT_FILE],
    ["a line to the console", "src/agent/x.ts", 'console.log("a");', OUTPUT_FILE],
    ["randomness", "src/cortex/x.ts", "export const a = Math.random();", "repeatable"],
    ["any", "src/cortex/x.ts", "export const a = 1 as any;", "`any`"],
    ["a suppressed type error", "src/cortex/x.ts", "// @ts-ignore\nexport const a = 1;", "left behind"],
    ["unfinished work", "src/cortex/x.ts", `// TO${"DO"} later`, "left behind"],
    ["a default export", "src/cortex/x.ts", "export default 1;", "default export"],
    ["a default function", "src/cortex/x.ts", "export default function a() {}", "default export"],
    ["a long file", "src/cortex/x.ts", "//\n".repeat(MAX_LINES + 1), "longer than"],
  ])("%s", (_title, path, text, expected) => {
    expect(snippet(path, text).join("\n")).toContain(expected);
  });

  test.each([
    [
      "its own room and a granted one",
      "src/cortex/x.ts",
      'import { a } from "./a.ts";\nimport { b } from "../model/b.ts";',
    ],
    [
      "types of config",
      "src/motor/x.ts",
      'import type { A } from "../config/a.ts";\nimport { type B } from "../config/b.ts";',
    ],
    ["a date that is given", "src/report/x.ts", "export const text = (ms: number) => new Date(ms).toISOString();"],
    ["a switch's default", "src/cortex/x.ts", "export function f(a: number) { switch (a) { default: return a; } }"],
    ["the words in a comment", "src/cortex/x.ts", "// Date.now() and process.exit are not used here"],
    ["the clock itself", CLOCK_FILE, "export const wall_ms = () => Date.now();"],
    [
      "the type of a file import",
      "src/ffi/o.d.ts",
      'declare module "*.o" { const path: string; export default path; }',
    ],
    ["the one exit", EXIT_FILE, "process.exit(2);"],
  ])("nothing in %s", (_title, path, text) => {
    expect(snippet(path, text)).toEqual([]);
  });

  test("a circle", () => {
    const edges = new Map([
      ["a", new Set(["b"])],
      ["b", new Set(["c"])],
      ["c", new Set(["a"])],
    ]);
    expect(find_cycles(edges)).toEqual(["a → b → c → a"]);
  });

  test("a document without the table", () => {
    expect(() => parse_room_table("# nothing")).toThrow("no table");
  });

  test("paths, registries and credentials of the machine", () => {
    const text = ["cd /wo" + "rk/main", "https://regis" + "try.example.org/x", "_auth" + "Token=1", "fine"].join("\n");
    expect(check_strings("x", text).map((line) => line.split(":")[1])).toEqual(["1", "2", "3"]);
  });
});
