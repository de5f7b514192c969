import { expect, test } from "bun:test";
import { motor_limits } from "../../src/agent/compose.ts";
import { cortex_options } from "../../src/agent/cortex_options.ts";
import { decision_config } from "../../src/agent/decision_config.ts";
import {
  type Config,
  ConfigError,
  default_config,
  KEY_DOCS,
  type KeyDocs,
  parse_config,
  plan_reload,
} from "../../src/config/index.ts";
import { LIVE_KEYS } from "../../src/config/live.ts";

/** The defaults with one key changed to another value its schema accepts. */
function with_changed({ path, initial }: KeyDocs): Config {
  const [section, inner] = path.split(".") as [string, string | undefined];
  const given = (value: unknown) => (inner === undefined ? { [section]: value } : { [section]: { [inner]: value } });
  for (const value of others(initial)) {
    try {
      const config = parse_config(JSON.stringify(given(value)), "test");
      if (!Bun.deepEquals(config, default_config())) return config;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }
  throw new Error(`no other value of ${path} is accepted`);
}

function others(initial: unknown): unknown[] {
  if (typeof initial === "boolean") return [!initial];
  if (typeof initial === "number") return [initial * 1.01, initial + 1, initial - 1, initial / 2, initial * 2];
  if (Array.isArray(initial)) {
    const numbers = initial.map((each) => (typeof each === "number" ? each * 1.1 : each));
    const entries = [[{ url: "http://x/" }], [{ command: ["/x"] }]];
    return [initial.slice(1), numbers, ["/other"], ["other"], ["10.0.0.0/8"], ["tcp/8080"], ...entries];
  }
  const words = ["fixed", "debug", "/other", "other", "bare_metal", "cloud_vm", "127.0.0.1:9999"];
  return words.filter((word) => word !== initial);
}

/** What the running agent looks up anew at each beat, as the loop builds it from a configuration. */
function in_force(config: Config): unknown {
  const { protect, words, ...bounds } = motor_limits(config);
  return {
    decision: decision_config(config, "/own"),
    bounds,
    protect,
    heartbeat_s: config.telemetry.heartbeat_s,
    hooks: config.hooks,
    level: config.log.level,
  };
}

test("every live name is a key or a section", () => {
  for (const name of LIVE_KEYS) {
    const known = KEY_DOCS.some(({ path }) => path === name || path.startsWith(`${name}.`));
    expect(known, name).toBe(true);
  }
});

test.each(KEY_DOCS.filter(({ live }) => live).map((key) => [key.path, key] as const))(
  "%s is live: the running agent looks at it, and the learned self does not depend on it",
  (_path, key) => {
    const config = with_changed(key);
    expect(in_force(config)).not.toEqual(in_force(default_config()));
    expect(cortex_options(config)).toEqual(cortex_options(default_config()));
  },
);

test.each(KEY_DOCS.map((key) => [key.path, key] as const))(
  "%s: a reload applies it, or keeps the old value and names it",
  (path, key) => {
    const wanted = with_changed(key);
    const { config, applied, kept } = plan_reload(default_config(), wanted);
    expect((key.live ? applied : kept).map((change) => change.key)).toEqual([path]);
    expect(key.live ? kept : applied).toEqual([]);
    expect(config).toEqual(key.live ? wanted : default_config());
  },
);

test("what can be applied is, beside what cannot", () => {
  const wanted = parse_config("beat: {period_ms: 200}\nlearning: {warmup_s: 7}\nprotect: [/a]\n", "test");
  const { config, applied, kept } = plan_reload(default_config(), wanted);
  expect(applied).toEqual([
    { key: "beat.period_ms", from: 100, to: 200 },
    { key: "protect", from: [], to: ["/a"] },
  ]);
  expect(kept).toEqual([{ key: "learning.warmup_s", from: 300, to: 7 }]);
  expect(config.learning.warmup_s).toBe(300);
  expect(config.beat.period_ms).toBe(200);
  expect(Object.isFrozen(config.beat)).toBe(true);
});

test("the same configuration changes nothing", () => {
  expect(plan_reload(default_config(), default_config())).toEqual({ config: default_config(), applied: [], kept: [] });
});
