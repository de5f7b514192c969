import { expect, test } from "bun:test";
import fc from "fast-check";
import { ConfigError, default_config, KEY_DOCS, parse_config, render_config } from "../../src/config/index.ts";

function problems(text: string): readonly string[] {
  try {
    parse_config(text, "f.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test.each([
  ["unknown key", "beat:\n  periode_ms: 3", 'f.yaml:2:3: beat.periode_ms: unknown key, did you mean "period_ms"?'],
  ["unknown section", "\nbeats: {}", 'f.yaml:2:1: beats: unknown key, did you mean "beat"?'],
  [
    "wrong type",
    "beat:\n  period_ms: fast",
    'f.yaml:2:3: beat.period_ms: "fast" is not accepted (expected integer 5..1000 ms)',
  ],
  ["number as text", "act:\n  ttf_horizon_s: '60'", 'f.yaml:2:3: act.ttf_horizon_s: "60" is not accepted'],
  [
    "out of range",
    "beat:\n  period_ms: 4",
    "f.yaml:2:3: beat.period_ms: 4 is not accepted (expected integer 5..1000 ms)",
  ],
  ["not a number", "act:\n  probe_dose_ms: .nan", "f.yaml:2:3: act.probe_dose_ms: NaN is not accepted"],
  ["not whole", "beat:\n  period_ms: 100.5", "f.yaml:2:3: beat.period_ms: 100.5 is not accepted"],
  [
    "section is no mapping",
    "beat: 3",
    "f.yaml:1:1: beat: 3 is not accepted (expected a mapping with the keys period_ms",
  ],
  ["file is no mapping", "- a", "f.yaml:1:1: not a mapping"],
  [
    "not ascending",
    "thresholds:\n  fixed: [3, 2, 4, 5]",
    "f.yaml:2:3: thresholds.fixed: [3,2,4,5] is not accepted (not ascending",
  ],
  ["too few", "thresholds:\n  fixed: [3, 4, 5]", "f.yaml:2:3: thresholds.fixed.3: a missing value is not accepted"],
  [
    "unknown rung",
    "motor:\n  rungs: [freez]",
    'f.yaml:2:11: motor.rungs.0: "freez" is not accepted (expected list of cpu_weight',
  ],
  ["relative glob", "protect: [system.slice]", 'f.yaml:1:11: protect.0: "system.slice" is not accepted'],
  ["broken YAML", "beat: [", "f.yaml:1:8: not YAML: "],
  ["key twice", "beat: {}\nbeat: {}", "f.yaml:2:1: not YAML: the same key stands twice in one mapping"],
  [
    "contradiction",
    "beat:\n  vigilant_period_ms: 200",
    "f.yaml:2:3: beat.vigilant_period_ms: 200 ms is longer than beat.period_ms",
  ],
])("%s is refused with its place and what is accepted", (_name, text, expected) => {
  const found = problems(text);
  expect(found).toHaveLength(1);
  expect(found[0]).toStartWith(expected);
  expect(found[0]).not.toContain("\n");
});

test("every problem of a file is reported at once", () => {
  expect(problems("beat:\n  period_ms: 1\n  relax_s: -1\nnonsense: 1\n")).toHaveLength(3);
});

test("the example describes every key and parses to exactly the defaults", async () => {
  const text = await Bun.file(new URL("../../hosa.example.yaml", import.meta.url)).text();
  expect(text).toEndWith(render_config(default_config()));
  expect(parse_config(text, "hosa.example.yaml")).toEqual(default_config());
  for (const key of KEY_DOCS) {
    expect(key.unit, key.path).not.toBe("");
    expect(key.docs.length, key.path).toBeGreaterThan(10);
  }
});

test("an empty file means the defaults, and the result is frozen to the bottom", () => {
  const config = parse_config("# nothing\n", "f.yaml");
  expect(config).toEqual(default_config());
  expect(() => {
    (config.thresholds.fixed as unknown as number[])[0] = 1;
  }).toThrow();
  expect(Object.isFrozen(config.protect)).toBe(true);
});

test("a shown configuration parses back to itself", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 1000 }),
      fc.array(fc.stringMatching(/^\/[a-zA-Z*#:'" -]{0,12}$/), { maxLength: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (period_ms, protect, rest_min) => {
        const base = default_config();
        const config = { ...base, beat: { ...base.beat, period_ms }, protect, act: { ...base.act, rest_min } };
        expect(parse_config(render_config(config), "shown")).toEqual(config);
      },
    ),
  );
});

test("no text makes the parser throw anything but ConfigError", () => {
  const word = fc.constantFrom(
    "beat",
    "period_ms",
    ":",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&a",
    "*a",
    "1",
    "~",
    "'",
    "<<",
    "!!x",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      expect(Array.isArray(problems(words.join("")))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("a webhook has its defaults, and what it must not say is named", () => {
  const { webhooks } = parse_config("webhooks:\n  - url: https://hooks.example/x\n", "f.yaml");
  const rest = { secret: "", template: "generic", min_level: 2, timeout_s: 5 } as const;
  expect(webhooks).toEqual([{ url: "https://hooks.example/x", ...rest }]);
  expect(problems("webhooks:\n  - ur: x").join()).toContain('webhooks.0.ur: unknown key, did you mean "url"?');
  expect(problems("webhooks:\n  - url: ftp://a/b").join()).toContain('"ftp://a/b" is not accepted');
  expect(problems("webhooks:\n  - url: http://a/b\n    min_level: 6").join()).toContain("webhooks.0.min_level: 6");
});

test("a port beyond the last is refused", () => {
  expect(problems("metrics:\n  listen: 127.0.0.1:65536").join()).toContain("65536 is no port");
});

test("a hook has its defaults, and what it must not say is named", () => {
  const { hooks } = parse_config("hooks:\n  pre:\n    - command: [/usr/bin/logger, -t, hosa]\n", "f.yaml");
  const pre = [{ command: ["/usr/bin/logger", "-t", "hosa"], min_level: 2, timeout_s: 10 }];
  expect(hooks).toEqual({ pre, post: [], at_once: 2 });
  expect(problems("hooks:\n  pre:\n    - comand: [/x]").join()).toContain(
    'hooks.pre.0.comand: unknown key, did you mean "command"?',
  );
  expect(problems("hooks:\n  post:\n    - command: [hook.sh]").join()).toContain("the program is no absolute path");
  expect(problems("hooks: {pre: [{command: []}]}").join()).toContain("hooks.pre.0.command");
  expect(problems("hooks: {pre: [{command: /bin/true}]}").join()).toContain('"/bin/true" is not accepted');
  expect(problems("hooks: {pre: [{command: [/bin/true], timeout_s: 0}]}").join()).toContain("hooks.pre.0.timeout_s: 0");
  expect(problems("hooks: {at_once: 9}").join()).toContain("integer 1..8 processes");
  expect(problems("hooks: {veto: []}").join()).toContain("accepted here: pre, post, at_once");
});
