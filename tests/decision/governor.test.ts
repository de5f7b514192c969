import { describe, expect, test } from "bun:test";
import { binds, ceiling_at, first_ceiling, next_ceiling } from "../../src/decision/governor.ts";
import { CONFIG, MIB } from "./fixtures.ts";

const LIMIT = 1000 * MIB;
const at = (usage_mib: number, headroom_at_onset_mib = 800) => ({
  usage_bytes: usage_mib * MIB,
  headroom_bytes: LIMIT - usage_mib * MIB,
  headroom_at_onset_bytes: headroom_at_onset_mib * MIB,
});
const { governor } = CONFIG;

describe("the governor's law", () => {
  test("the first ceiling leaves 15 % of the headroom, and is never at the usage", () => {
    expect(first_ceiling(at(250), governor) / MIB).toBeCloseTo(880, 6);
    expect(first_ceiling(at(990), governor) / MIB).toBeCloseTo(994, 6);
  });

  test("below the ceiling nothing is planned, however long", () => {
    expect(binds(880 * MIB, 870 * MIB, governor)).toBe(false);
    expect(next_ceiling(880 * MIB, at(870), 1e6, 1, governor) / MIB).toBeCloseTo(880, 6);
  });

  test("while it binds it approaches the plateau and never passes it", () => {
    const one_tau = next_ceiling(880 * MIB, at(880), governor.tau_s, null, governor);
    expect(one_tau / MIB).toBeCloseTo(960 - 80 / Math.E, 6);
    expect(next_ceiling(880 * MIB, at(880), governor.tau_s / 2, 0.9, governor)).toBeCloseTo(one_tau, 3);
    expect(next_ceiling(880 * MIB, at(880), 1e9, null, governor) / MIB).toBeCloseTo(960, 6);
  });

  test("a neighbour who takes memory lowers the plateau, never the ceiling", () => {
    const squeezed = { ...at(949), headroom_bytes: 11 * MIB };
    expect(ceiling_at(governor.plateau_fraction, squeezed) / MIB).toBeCloseTo(920, 6);
    expect(next_ceiling(950 * MIB, squeezed, 10, null, governor)).toBe(950 * MIB);
  });

  test("a limit that is raised frees the growth again", () => {
    const raised = { ...at(880), headroom_bytes: 1120 * MIB };
    expect(next_ceiling(880 * MIB, raised, 0.01, null, governor) / MIB).toBeCloseTo(1880, 6);
  });
});
