import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  armed,
  ConfigError,
  ceiling_reason,
  deprecations,
  dial_of,
  disarmed,
  load_config,
  parse_config,
  plan_autonomy,
} from "../../src/config/index.ts";

const SERVICE = { service: true, dry_run: false };
const FOREGROUND = { service: false, dry_run: false };
const ARM = { autonomy: "correction", max_level: 4 } as const;
const DETECT = { autonomy: "detection", max_level: null } as const;

describe("the dial", () => {
  test.each([
    ["", SERVICE, "detection", 4, false, true],
    ["", FOREGROUND, "correction", 4, true, true],
    ["autonomy: monitoring", FOREGROUND, "monitoring", 4, false, false],
    ["autonomy: detection", FOREGROUND, "detection", 4, false, true],
    ["autonomy: correction", SERVICE, "correction", 4, true, true],
    ["autonomy: correction\nmax_level: 3", SERVICE, "correction", 3, true, true],
    ["autonomy: autonomous", SERVICE, "autonomous", 5, true, true],
    ["autonomy: autonomous\nmax_level: 2", SERVICE, "autonomous", 2, true, true],
    ["motor: {enabled: false}", FOREGROUND, "detection", 4, false, true],
    ["autonomy: autonomous\nmotor: {enabled: false}", SERVICE, "detection", 4, false, true],
    ["autonomy: monitoring\nmotor: {enabled: false}", SERVICE, "monitoring", 4, false, false],
    ["autonomy: autonomous", { service: true, dry_run: true }, "autonomous", 5, false, true],
  ] as const)("%j of %j", (text, started, autonomy, max_level, acts, tells) => {
    const dial = dial_of(parse_config(text, "f"), started);
    expect(dial).toEqual({ autonomy, max_level, acts, tells, dry_run: started.dry_run });
  });

  test("says what bounds it", () => {
    const of = (text: string) => ceiling_reason(dial_of(parse_config(text, "f"), SERVICE));
    expect(of("autonomy: correction")).toBe("autonomy");
    expect(of("autonomy: correction\nmax_level: 2")).toBe("max_level");
    expect(of("autonomy: autonomous\nmax_level: 4")).toBe("max_level");
    expect(of("autonomy: autonomous")).toBeNull();
  });

  test.each(["disabled", "prediction", "healing"])("the word %s is reserved", (word) => {
    expect(() => parse_config(`autonomy: ${word}`, "f")).toThrow(
      `f:1:1: autonomy: "${word}" is not accepted (not available in this version, expected auto | monitoring`,
    );
  });

  test("another word, and a level at which nothing is done, are refused with what is accepted", () => {
    expect(() => parse_config("autonomy: on", "f")).toThrow("expected auto | monitoring | detection | correction");
    expect(() => parse_config("max_level: 1", "f")).toThrow("expected integer 2..5 level");
  });

  test("the old key is named as deprecated", () => {
    expect(deprecations(parse_config("", "f"))).toEqual([]);
    expect(deprecations(parse_config("motor: {enabled: false}", "f")).join()).toContain("write `autonomy: detection`");
  });
});

describe("the drop-in of hosa arm", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "hosa-autonomy-"));
    mkdirSync(join(directory, "hosa.d"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const put = (name: string, text: string) => writeFileSync(join(directory, name), text);
  const own = () => join(directory, "hosa.d/90-autonomy.yaml");
  const dial = () => dial_of(load_config(null, directory), SERVICE);

  test("means what was asked for once it is written, and nothing is written by planning", () => {
    put("hosa.yaml", "autonomy: monitoring\nprotect: [/a]\n");
    const plan = plan_autonomy(null, ARM, directory);
    expect(plan).toMatchObject({ file: own(), overrules: [`${directory}/hosa.yaml:1:1: autonomy: monitoring`] });
    expect(plan.after.protect).toEqual(["/a"]);
    expect(dial().autonomy).toBe("monitoring");
    writeFileSync(plan.file, plan.text);
    expect(dial()).toMatchObject({ autonomy: "correction", max_level: 4, acts: true });
    expect(plan_autonomy(null, ARM, directory).text).toBe(plan.text);
  });

  test("of a file given with --config lies beside it, and is read with it", () => {
    const file = join(directory, "other.yaml");
    writeFileSync(file, "");
    const plan = plan_autonomy(file, ARM);
    expect(plan.file).toBe(join(directory, "other.d/90-autonomy.yaml"));
    mkdirSync(join(directory, "other.d"));
    writeFileSync(plan.file, plan.text);
    expect(dial_of(load_config(file), SERVICE).acts).toBe(true);
    expect(() => plan_autonomy("/dev/null", ARM)).toThrow("no directory for drop-ins");
  });

  test("a later file that sets the dial as well is named, and nothing is promised", () => {
    put("hosa.d/95-late.yaml", "act: {touch_ms: 130}\nautonomy: detection\n");
    expect(() => plan_autonomy(null, ARM, directory)).toThrow(
      `${directory}/hosa.d/95-late.yaml:2:1: autonomy: is read after 90-autonomy.yaml and overrules it`,
    );
    put("hosa.d/95-late.yaml", "max_level: 2\n");
    expect(() => plan_autonomy(null, ARM, directory)).toThrow("95-late.yaml:1:1: max_level: is read after");
    expect(plan_autonomy(null, DETECT, directory).file).toBe(own());
    put("hosa.d/95-late.yaml", "motor: {enabled: false}\n");
    expect(() => plan_autonomy(null, ARM, directory)).toThrow("95-late.yaml:1:9: motor.enabled: is read after");
  });

  test("the deprecated key of an earlier file is overruled, visibly, and holds again after disarm", () => {
    put("hosa.d/10-dry.yaml", "motor: {enabled: false, cooldown_s: 7}\n");
    const plan = plan_autonomy(null, ARM, directory);
    expect(plan.overrules).toEqual([`${directory}/hosa.d/10-dry.yaml:1:9: motor.enabled: false`]);
    writeFileSync(plan.file, plan.text);
    expect(dial().acts).toBe(true);
    expect(load_config(null, directory).motor.cooldown_s).toBe(7);
    const back = plan_autonomy(null, disarmed(null, directory), directory);
    expect(back.text).not.toContain("enabled");
    writeFileSync(back.file, back.text);
    expect(dial()).toMatchObject({ autonomy: "detection", acts: false });
  });

  test("an error in another file stops it with its place; one in its own file is mended", () => {
    put("hosa.d/90-autonomy.yaml", "autonomy: healing\nmax_level: [\n");
    const plan = plan_autonomy(null, ARM, directory);
    expect(plan.before).toBeNull();
    expect(plan.after.autonomy).toBe("correction");
    put("hosa.d/20-broken.yaml", "act: {nothing: 1}\n");
    expect(() => plan_autonomy(null, ARM, directory)).toThrow("20-broken.yaml:1:7: act.nothing: unknown key");
    expect(() => disarmed(null, directory)).toThrow(ConfigError);
  });

  test.each([
    ["protect: [/a]\n", "protect"],
    ["motor: {enabled: true, cooldown_s: 1}\n", "motor.cooldown_s"],
    ["autonomy: [\nprotect: [/a]\n", "protect"],
    ["protct: [/a]\n", "protct"],
    ["only words\n", "text that is no mapping"],
  ])("what an operator added to it is not lost: %j", (text, named) => {
    put("hosa.d/90-autonomy.yaml", text);
    expect(() => plan_autonomy(null, ARM, directory)).toThrow(`holds ${named}, which would be lost`);
  });

  test("without a level it stays below what another file sets; a level that is asked for overrules it, and that is said", () => {
    put("hosa.yaml", "max_level: 3\n");
    expect(armed(null, null, directory)).toEqual({ autonomy: "correction", max_level: 3 });
    expect(plan_autonomy(null, armed(null, null, directory), directory).overrules).toEqual([]);
    expect(armed(null, 5, directory)).toEqual({ autonomy: "autonomous", max_level: 5 });
    expect(plan_autonomy(null, armed(null, 5, directory), directory).overrules).toEqual([
      `${directory}/hosa.yaml:1:1: max_level: 3`,
    ]);
    put("hosa.yaml", "max_level: 5\n");
    put("hosa.d/90-autonomy.yaml", "max_level: 2\n");
    expect(armed(null, null, directory)).toEqual({ autonomy: "correction", max_level: 4 });
  });

  test("disarm never raises: what is monitoring elsewhere stays monitoring", () => {
    put("hosa.yaml", "autonomy: monitoring\n");
    put("hosa.d/90-autonomy.yaml", "autonomy: autonomous\nmax_level: 5\n");
    expect(disarmed(null, directory)).toEqual({ autonomy: "monitoring", max_level: null });
    put("hosa.yaml", "autonomy: autonomous\n");
    const plan = plan_autonomy(null, disarmed(null, directory), directory);
    expect(dial_of(plan.after, FOREGROUND)).toMatchObject({ autonomy: "detection", acts: false });
  });
});
