import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { default_config, parse_config } from "../../src/config/index.ts";
import { hosa, in_directory } from "./hosa.ts";

test.each([
  ["an unknown command", ["expalin"], "explain"],
  ["an unknown option", ["run", "--dryrun"], "--dry-run"],
  ["a wrong format", ["-o", "xml", "observe"], "text, json"],
  ["a wrong duration", ["run", "--duration", "soon"], "20s"],
  ["a count of nothing", ["observe", "--count", "0"], "from 1 up"],
  ["a release that cannot ask", ["release", "--all"], "--yes"],
  ["too many arguments", ["explain", "a", "b"], "too many arguments"],
  ["a missing configuration", ["-c", "/nonexistent/h.yaml", "config", "check"], "--config"],
])("%s: exit code 2, and what is accepted", (_name, args, way_out) => {
  const { code, stdout, stderr } = hosa(args);
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain(way_out);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("a wrong configuration: every problem on its own line with file, line and column", async () => {
  await in_directory((directory) => {
    const file = join(directory, "h.yaml");
    writeFileSync(file, "beat:\n  periode_ms: 3\n  relax_s: -1\n");
    for (const command of [
      ["run"],
      ["observe"],
      ["explain"],
      ["replay", "-"],
      ["doctor"],
      ["release"],
      ["status"],
      ["config", "check"],
    ]) {
      const { code, stderr } = hosa(["-c", file, ...command]);
      expect(code, command.join(" ")).toBe(2);
      expect(stderr).toContain(`error: ${file}:2:3: beat.periode_ms: unknown key, did you mean "period_ms"?`);
      expect(stderr).toContain(`error: ${file}:3:3: beat.relax_s: -1 is not accepted (expected number 0..600 s)`);
    }
  });
});

test("help and version: exit code 0, with the exit codes and examples", () => {
  const help = hosa(["--help"]);
  expect(help.code).toBe(0);
  for (const text of ["Exit codes:", "3  privilege or kernel feature missing", "Examples:", "hosa explain --last"]) {
    expect(help.stdout).toContain(text);
  }
  for (const command of [
    "run",
    "observe",
    "explain",
    "replay",
    "status",
    "release",
    "doctor",
    "config check",
    "config show",
  ]) {
    const { code, stdout } = hosa([...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("Examples:");
    expect(stdout).toContain("--dry-run");
  }
  expect(hosa(["--version"]).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("config show prints what it read, as YAML and as JSON", async () => {
  await in_directory((directory) => {
    const file = join(directory, "h.yaml");
    writeFileSync(file, "beat:\n  relax_s: 7\n");
    const expected = { ...default_config(), beat: { ...default_config().beat, relax_s: 7 } };
    expect(parse_config(hosa(["config", "show", "-c", file]).stdout, "shown")).toEqual(expected);
    expect(JSON.parse(hosa(["config", "show", "-c", file, "-o", "json"]).stdout)).toEqual(expected);
  });
});

test("a reader that goes away is no error", () => {
  const script = `"$0" "$@" | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = hosa(["config", "show"], ["bash", "-c", script]);
  expect(stdout).toEndWith("\n0\n");
  expect(stderr).toBe("");
});

test("config show hides the keys of signatures", async () => {
  await in_directory((directory) => {
    const file = `${directory}/h.yaml`;
    writeFileSync(file, 'webhooks: [{url: "http://127.0.0.1:9/x", secret: "abc123"}]\n');
    for (const output of ["text", "json"]) {
      const { code, stdout } = hosa(["config", "show", "-o", output, "-c", file]);
      expect(code).toBe(0);
      expect(stdout).toContain("(hidden)");
      expect(stdout).not.toContain("abc123");
    }
  });
});
