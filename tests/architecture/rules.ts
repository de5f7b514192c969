/**
 * The rules of docs/ARCHITECTURE.md as functions over source text: pure, so that they can be tried on a bad snippet.
 * A finding is one line, `path:line: what is wrong`.
 */

import { posix } from "node:path";
import ts from "typescript";

/** What one room may import from the others; `config types` in the table means type-only imports of config. */
export interface RoomRule {
  readonly rooms: ReadonlySet<string>;
  readonly types_only: ReadonlySet<string>;
}

export type RoomTable = ReadonlyMap<string, RoomRule>;

export interface ImportStatement {
  readonly from: string;
  readonly type_only: boolean;
  readonly line: number;
}

export const MAX_LINES = 600;
export const CLOCK_FILE = "src/agent/clock.ts";
export const EXIT_FILE = "src/cli/main.ts";
export const OUTPUT_FILE = "src/cli/output.ts";

/** Rooms that are arithmetic on values: whatever they need is handed to them. */
const PURE_ROOMS = new Set(["model", "cortex", "decision", "attribution", "report"]);

const CLOCK_CALLS = new Set([
  "Date.now",
  "performance.now",
  "performance.timeOrigin",
  "process.hrtime",
  "process.uptime",
  "Bun.sleep",
  "Bun.sleepSync",
  "Bun.nanoseconds",
  "AbortSignal.timeout",
  "Atomics.wait",
]);
const TIMER_FUNCTIONS = new Set(["setTimeout", "setInterval", "setImmediate"]);
const TIMER_MODULES = /^(node:)?(timers|timers\/promises|perf_hooks)$/;

/** Reads the import table; throws when the document has none, so that a reworded heading cannot switch the rule off. */
export function parse_room_table(markdown: string): RoomTable {
  const cells = [...markdown.matchAll(/^\|\s*`src\/([a-z]+)\/`\s*\|.*\|([^|]*)\|\s*$/gm)];
  if (cells.length < 5) throw new Error("docs/ARCHITECTURE.md: no table of rooms and imports was found");
  const names = cells.map(([, room = ""]) => room);
  const table = new Map<string, RoomRule>();
  for (const [, room = "", allowed = ""] of cells) {
    const words = allowed.split(",").map((word) => word.trim());
    const rooms = new Set<string>();
    const types_only = new Set<string>();
    for (const word of words) {
      const type_room = /^(\w+) types$/.exec(word)?.[1];
      const excepted = /^all but (\w+)$/.exec(word)?.[1];
      if (excepted !== undefined) for (const name of names) if (name !== excepted) rooms.add(name);
      if (type_room !== undefined) types_only.add(type_room);
      if (excepted === undefined && type_room === undefined && word !== "–") rooms.add(word);
    }
    for (const name of [...rooms, ...types_only]) {
      if (!names.includes(name))
        throw new Error(`docs/ARCHITECTURE.md: ${room} may import "${name}", which is no room`);
    }
    table.set(room, { rooms, types_only });
  }
  return table;
}

/** The room of a file below src/, or undefined. */
export function room_of(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true, ts.ScriptKind.TS);
}

function line_of(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

function visit(node: ts.Node, each: (node: ts.Node) => void): void {
  each(node);
  ts.forEachChild(node, (child) => visit(child, each));
}

function is_type_only(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.length > 0 &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

/** All imports of a file: statements, re-exports, `import()` and `import("…")` types. */
export function list_imports(path: string, text: string): ImportStatement[] {
  const source = parse(path, text);
  const found: ImportStatement[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, type_only: boolean): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier))
      found.push({ from: specifier.text, type_only, line: line_of(source, node) });
  };
  visit(source, (node) => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, is_type_only(node));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, true);
    else if (ts.isCallExpression(node)) {
      const called = node.expression;
      const is_require = ts.isIdentifier(called) && called.text === "require";
      if (called.kind === ts.SyntaxKind.ImportKeyword || is_require) add(node, node.arguments[0], false);
    }
  });
  return found;
}

/** Rule: every import stays inside what the table grants its room. */
export function check_imports(path: string, text: string, table: RoomTable): string[] {
  const room = room_of(path);
  if (room === undefined) return [`${path}:1: a source file outside of the rooms`];
  const rule = table.get(room);
  if (rule === undefined) return [`${path}:1: room ${room} is not in the table of docs/ARCHITECTURE.md`];
  const findings: string[] = [];
  for (const { from, type_only, line } of list_imports(path, text)) {
    const at = `${path}:${line}:`;
    if (from === "bun:ffi" && room !== "ffi") findings.push(`${at} bun:ffi is used by src/ffi alone`);
    if (TIMER_MODULES.test(from) && path !== CLOCK_FILE) findings.push(`${at} ${from} belongs to ${CLOCK_FILE}`);
    if (PURE_ROOMS.has(room) && /^(node:|bun$|bun:)/.test(from))
      findings.push(`${at} ${room} is pure, yet imports ${from}`);
    if (!from.startsWith(".")) continue;
    const target = posix.normalize(posix.join(posix.dirname(path), from));
    const other = room_of(target);
    if (!/\.(ts|json|o|elf|gz|md|yaml|css|html|svg)$/.test(from))
      findings.push(`${at} "${from}" lacks its file extension`);
    if (other === undefined) {
      // What the build compiles of C and the package's version are the only things outside of src a source file may embed.
      if (!/^build\/.*\.(o|elf)$/.test(target) && target !== "package.json")
        findings.push(`${at} "${from}" leaves src/`);
    } else if (other !== room && !rule.rooms.has(other) && !(type_only && rule.types_only.has(other))) {
      const what = rule.types_only.has(other) ? "values of" : "from";
      findings.push(`${at} ${room} must not import ${what} ${other}`);
    }
  }
  return findings;
}

function is_argless_date(node: ts.Node): boolean {
  if (!(ts.isNewExpression(node) || ts.isCallExpression(node))) return false;
  const is_date = ts.isIdentifier(node.expression) && node.expression.text === "Date";
  return is_date && (node.arguments === undefined || node.arguments.length === 0);
}

function is_property_name(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  return (
    (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodDeclaration(parent)) &&
    parent.name === node
  );
}

/** Rule: clocks, timers, randomness and exits live in one place each; no `any`, no default export, no leftovers. */
export function check_source(path: string, text: string): string[] {
  const source = parse(path, text);
  const findings: string[] = [];
  const report = (node: ts.Node, what: string): void => {
    findings.push(`${path}:${line_of(source, node)}: ${what}`);
  };
  visit(source, (node) => {
    const access = ts.isPropertyAccessExpression(node) ? node.getText(source).replace(/^globalThis\./, "") : "";
    const is_timer = ts.isIdentifier(node) && TIMER_FUNCTIONS.has(node.text) && !is_property_name(node);
    if (path !== CLOCK_FILE && (is_timer || CLOCK_CALLS.has(access) || is_argless_date(node)))
      report(node, `${node.getText(source)}: clocks and timers belong to ${CLOCK_FILE}`);
    if (path !== EXIT_FILE && (access === "process.exit" || access === "process.abort"))
      report(node, `${access} belongs to ${EXIT_FILE}`);
    if (path !== OUTPUT_FILE && /^(process\.std(out|err)\.write|console\.\w+|Bun\.std(out|err))$/.test(access))
      report(node, `${access}: what reaches a terminal is escaped in ${OUTPUT_FILE}`);
    if (access === "Math.random") report(node, "Math.random: a decision must be repeatable");
    if (node.kind === ts.SyntaxKind.AnyKeyword) report(node, "`any` switches the type check off");
    // A declaration of what `import path from "x.o"` gives can only be a default export.
    if (path.endsWith(".d.ts")) return;
    const is_default = ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword;
    if (is_default && !ts.isDefaultClause(node.parent) && !ts.isDefaultClause(node))
      report(node, "default export: give it its name");
  });
  text.split("\n").forEach((line, index) => {
    const leftover = /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|nocheck|expect-error)/.exec(line)?.[0];
    if (leftover !== undefined) findings.push(`${path}:${index + 1}: ${leftover} was left behind`);
  });
  const lines = text.split("\n").length - 1;
  if (lines > MAX_LINES) findings.push(`${path}:${lines}: longer than ${MAX_LINES} lines`);
  return findings;
}

/** Rule: rooms do not import each other in a circle. Each finding is one circle, `a → b → a`. */
export function find_cycles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (room: string, trail: readonly string[]): void => {
    const seen_at = trail.indexOf(room);
    if (seen_at >= 0) {
      cycles.push([...trail.slice(seen_at), room].join(" → "));
      return;
    }
    if (done.has(room)) return;
    for (const next of edges.get(room) ?? []) walk(next, [...trail, room]);
    done.add(room);
  };
  for (const room of edges.keys()) walk(room, []);
  return cycles;
}

/** The rooms each room imports, types included. */
export function room_edges(files: ReadonlyMap<string, string>): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>();
  for (const [path, text] of files) {
    const room = room_of(path);
    if (room === undefined) continue;
    const targets = edges.get(room) ?? new Set<string>();
    edges.set(room, targets);
    for (const { from } of list_imports(path, text)) {
      const other = from.startsWith(".") ? room_of(posix.join(posix.dirname(path), from)) : undefined;
      if (other !== undefined && other !== room) targets.add(other);
    }
  }
  return edges;
}

/** Written with one-letter classes, so that this file does not find itself. */
const FORBIDDEN_STRINGS: readonly (readonly [RegExp, string])[] = [
  [/(^|[\s"'`(=:])[/](work|tmp[/]w)[/][\w.-]/, "an absolute path of a development machine"],
  [
    /\bregistry[.][a-z-]+[.][a-z]|[.]pkg[.]dev\b|\bartifactory[.]|\bnpm[.]pkg[.]/i,
    "the host name of a package registry",
  ],
  [/_auth[T]oken|\bgh[p]_[A-Za-z0-9]{20}|BEGIN [A-Z ]*PRIVATE [K]EY/, "a credential"],
];

/** Rule: nothing of the machine a file was written on is in it. */
export function check_strings(path: string, text: string): string[] {
  const findings: string[] = [];
  text.split("\n").forEach((line, index) => {
    for (const [pattern, what] of FORBIDDEN_STRINGS) {
      if (pattern.test(line)) findings.push(`${path}:${index + 1}: ${what}`);
    }
  });
  return findings;
}
