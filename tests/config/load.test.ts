import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, default_config, load_config } from "../../src/config/index.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hosa-config-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function drop_in(name: string, text: string): void {
  mkdirSync(join(directory, "hosa.d"), { recursive: true });
  writeFileSync(join(directory, "hosa.d", name), text);
}

test("without any file the defaults hold", () => {
  expect(load_config(null, directory)).toEqual(default_config());
});

test("drop-ins are merged over hosa.yaml in name order, key by key", () => {
  writeFileSync(join(directory, "hosa.yaml"), "beat:\n  period_ms: 200\n  relax_s: 7\n");
  drop_in("20-b.yaml", "beat:\n  period_ms: 300\n");
  drop_in("10-a.yaml", "beat:\n  period_ms: 250\nprotect: [/a]\n");
  drop_in("30-c.yaml.off", "beat:\n  period_ms: 999\n");
  const config = load_config(null, directory);
  expect(config.beat).toEqual({ period_ms: 300, vigilant_period_ms: 10, relax_s: 7 });
  expect(config.protect).toEqual(["/a"]);
});

test("--config replaces hosa.yaml and the drop-ins", () => {
  drop_in("10-a.yaml", "beat:\n  period_ms: 250\n");
  writeFileSync(join(directory, "other.yaml"), "log:\n  level: debug\n");
  const config = load_config(join(directory, "other.yaml"), directory);
  expect(config.beat.period_ms).toBe(100);
  expect(config.log.level).toBe("debug");
});

test("a contradiction between files blames the file that made it", () => {
  writeFileSync(join(directory, "hosa.yaml"), "beat:\n  period_ms: 50\n");
  drop_in("10-a.yaml", "\nbeat:\n  vigilant_period_ms: 80\n");
  expect(() => load_config(null, directory)).toThrow(
    `${join(directory, "hosa.d/10-a.yaml")}:3:3: beat.vigilant_period_ms`,
  );
});

test("a missing or unreadable file is a configuration error with a way out", () => {
  for (const path of [join(directory, "absent.yaml"), directory]) {
    try {
      load_config(path);
      throw new Error("accepted");
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      expect(error.exit_code).toBe(2);
      expect(error.message).toContain(path);
      expect(error.hint).toContain("--config");
    }
  }
});
