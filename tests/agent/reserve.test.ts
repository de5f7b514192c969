import { expect, test } from "bun:test";
import { lost_rungs } from "../../src/agent/reserve.ts";
import { parse_config } from "../../src/config/index.ts";

const MISSING = [
  { rung: "io_max", why: "the io controller is not on cgroup v2" },
  { rung: "shield", why: "shield.interfaces is empty" },
  { rung: "swap_reserve", why: "reserve.path is not set" },
] as const;

test("what the configuration asks for and the host does not give is lost; what an operator switched off is not", () => {
  const lost = (text: string) => lost_rungs(MISSING, parse_config(text, "f"));
  expect(lost("")).toEqual(["io_max: the io controller is not on cgroup v2", "shield: shield.interfaces is empty"]);
  expect(lost("shield: {interfaces: []}")).toEqual(["io_max: the io controller is not on cgroup v2"]);
  expect(lost("motor: {rungs: [cpu_weight]}")).toEqual([]);
  expect(lost("reserve: {path: /swap}")).toContain("swap_reserve: reserve.path is not set");
});
