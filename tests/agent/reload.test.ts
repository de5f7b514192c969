import { expect, test } from "bun:test";
import { reload } from "../../src/agent/reload.ts";
import { ConfigError, default_config, parse_config } from "../../src/config/index.ts";

test("a file with a problem changes nothing, and every problem is said with its place", () => {
  const load = () => parse_config("beat:\n  period_ms: 200\n  relax_s: -1\nbeet: {}\n", "/etc/hosa/hosa.d/10.yaml");
  const { plan, entry, messages } = reload(default_config(), load);
  expect(plan).toBeNull();
  expect(entry).toMatchObject({ accepted: false, applied: [], kept: [] });
  const said = messages.map(({ level, text }) => `${level} ${text}`).join("\n");
  expect(said).toContain("error reload: /etc/hosa/hosa.d/10.yaml:3:3: beat.relax_s: -1 is not accepted");
  expect(said).toContain("error reload: /etc/hosa/hosa.d/10.yaml:4:1: beet: unknown key");
  expect(said).toContain("nothing was changed");
});

test("each change is said with both values, and what needs a restart is named", () => {
  const { plan, entry, messages, status } = reload(default_config(), () =>
    parse_config("act: {ttf_horizon_s: 90}\naudit: {keep: 9}\n", "h.yaml"),
  );
  expect(plan?.config.act.ttf_horizon_s).toBe(90);
  expect(plan?.config.audit.keep).toBe(4);
  expect(messages).toEqual([
    { level: "info", text: "reload: act.ttf_horizon_s: 60 → 90" },
    { level: "warn", text: "reload: audit.keep: stays 4; 9 needs a restart (systemctl restart hosa)" },
  ]);
  expect(entry).toMatchObject({ accepted: true, applied: [{ key: "act.ttf_horizon_s", from: 60, to: 90 }] });
  expect(status).toBe("reloaded: 1 key, 1 needs a restart");
});

test("nothing new is said to be nothing", () => {
  const { plan, messages } = reload(default_config(), default_config);
  expect(plan).toBeNull();
  expect(messages).toEqual([{ level: "info", text: "reload: nothing has changed" }]);
});

test("a defect while reading is no refusal of the operator's file", () => {
  const load = () => {
    throw new TypeError("a defect");
  };
  expect(() => reload(default_config(), load)).toThrow(TypeError);
  expect(() =>
    reload(default_config(), () => {
      throw new ConfigError(["gone"], "");
    }),
  ).not.toThrow();
});
