import type { DecisionState } from "../../src/decision/state.ts";
import type { FlightHeader, FlightLine } from "../../src/model/flight.ts";
import { CONFIG } from "../decision/fixtures.ts";
import { SCENARIOS, type Scenario, simulate } from "../simulation/service.ts";

/** Lines of a simulated flight, header first. */
export function flight_of(scenario: Scenario = SCENARIOS.leak(50), seconds = 12): FlightFixture {
  const lines: FlightLine[] = [];
  const states: DecisionState[] = [];
  let dimensions: readonly string[] = [];
  simulate({ ...scenario, duration_s: seconds }, CONFIG, 3, (assessment, state, decision) => {
    const { dimension_names, ...rest } = assessment;
    dimensions = dimension_names;
    states.push(state);
    lines.push({ assessment: rest, decision });
  });
  return { lines, states, dimensions };
}

export interface FlightFixture {
  readonly lines: readonly FlightLine[];
  readonly states: readonly DecisionState[];
  readonly dimensions: readonly string[];
}

/** The text of beats `from` to `to`, as the recorder would have written them. */
export function flight_text({ lines, states, dimensions }: FlightFixture, from = 0, to = lines.length): string[] {
  const kept = lines.slice(from, to);
  const header: FlightHeader = {
    flight: 1,
    node: "n1",
    kernel: "6.12.0",
    hosa_version: "0.1.0",
    wall_time: new Date(1_767_323_045_000 + (kept.at(-1)?.assessment.t_ns ?? 0) / 1e6).toISOString(),
    beats: kept.length,
    dimensions,
    config: CONFIG,
    state: states[from],
  };
  return [header, ...kept].map((line) => JSON.stringify(line));
}
