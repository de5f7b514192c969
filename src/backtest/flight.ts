import { compare } from "../agent/replay.ts";
import { shares } from "../cortex/contribution.ts";
import type { DecisionConfig } from "../decision/config.ts";
import { decide } from "../decision/decide.ts";
import type { DecisionState } from "../decision/state.ts";
import type { FlightSummary, RowView } from "../model/backtest.ts";
import { OperatorError } from "../model/error.ts";
import { FLIGHT_VERSION, type FlightHeader, type FlightLine } from "../model/flight.ts";
import type { Level } from "../model/level.ts";

const HINT = "A flight is written by `hosa run` beside its audit, as flight-*.jsonl.gz; copy it again as a whole.";

export interface FlightRow extends RowView {
  readonly t_ns: number;
  /** The decision made again is the recorded one, bit by bit. */
  readonly identical: boolean;
  /** First place where they differ; empty when identical. */
  readonly difference: string;
}

/**
 * A recorded flight, line by line: from the first state on, every beat is decided again from what was seen then and from
 * what the re-run itself remembers, and compared with what was recorded.
 */
export class FlightReplay {
  readonly #file: string;
  #header: FlightHeader | null = null;
  #state: DecisionState | null = null;
  #line = 0;
  #differing = 0;
  #difference = "";
  #max_level: Level = 0;
  #first_ns = 0;
  #last_ns = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Beats read so far. */
  get rows(): number {
    return Math.max(0, this.#line - 1);
  }

  /** Take the next line, the first being the header. Throws OperatorError (exit code 2) on what is no flight. */
  take(text: string): (() => FlightRow) | null {
    this.#line += 1;
    const value = this.#parsed(text);
    if (this.#header === null) {
      this.#header = this.#checked_header(value);
      this.#state = this.#header.state as DecisionState;
      return null;
    }
    if (!is_record(value) || !is_record(value["assessment"]) || !is_record(value["decision"])) {
      throw this.#error("expected a beat with its assessment and its decision");
    }
    return this.#beat(value as unknown as FlightLine, this.#header);
  }

  /** After the last line. Throws OperatorError when beats are missing. */
  summary(): FlightSummary {
    const header = this.#header;
    if (header === null || this.rows !== header.beats) {
      throw this.#error(`truncated: ${this.rows} of ${header?.beats ?? "?"} beats are there`);
    }
    const { node, kernel, hosa_version, wall_time } = header;
    return {
      file: this.#file,
      node,
      kernel,
      hosa_version,
      wall_time,
      beats: this.rows,
      duration_s: (this.#last_ns - this.#first_ns) / 1e9,
      max_level: this.#max_level,
      identical: this.#differing === 0,
      differing_beats: this.#differing,
      difference: this.#difference,
    };
  }

  #beat(line: FlightLine, { dimensions, config }: FlightHeader): () => FlightRow {
    const assessment = { ...line.assessment, dimension_names: dimensions };
    const row = this.rows - 1;
    if (row === 0) this.#first_ns = assessment.t_ns;
    this.#last_ns = assessment.t_ns;
    const difference = this.#again(line, assessment, config as DecisionConfig);
    if (difference !== "") {
      this.#differing += 1;
      if (this.#differing === 1) this.#difference = `beat ${row} (line ${this.#line}): ${difference}`;
    }
    const { level } = line.decision;
    if (level > this.#max_level) this.#max_level = level;
    return () => {
      const share: Record<string, number> = {};
      for (const [j, value] of shares(assessment.contribution).entries()) share[dimensions[j]!] = value;
      const { t_ns, d_smooth: score } = assessment;
      return { row, score, level, share, t_ns, identical: difference === "", difference };
    };
  }

  #again(line: FlightLine, assessment: Parameters<typeof decide>[0], config: DecisionConfig): string {
    if (this.#state === null) return "";
    try {
      const { decision, state } = decide(assessment, this.#state, config, assessment.t_ns);
      this.#state = state;
      return compare(line.decision, decision).difference;
    } catch (error) {
      // Only what `hosa run` never writes can make the decision fail.
      throw this.#error(`no beat that can be decided: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw this.#error(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #checked_header(value: unknown): FlightHeader {
    if (!is_record(value) || !("flight" in value)) throw this.#error("not a flight: its first line is no header");
    if (value["flight"] !== FLIGHT_VERSION) {
      throw this.#error(`a flight of version ${JSON.stringify(value["flight"])}, this program reads ${FLIGHT_VERSION}`);
    }
    const { beats, dimensions, config, state } = value;
    const complete =
      Number.isInteger(beats) &&
      Array.isArray(dimensions) &&
      dimensions.every((name) => typeof name === "string") &&
      is_record(config) &&
      is_record(state);
    if (!complete) throw this.#error("damaged header: beats, dimensions, config and state are expected");
    return value as unknown as FlightHeader;
  }

  #error(what: string): OperatorError {
    return new OperatorError(`${this.#file}:${Math.max(1, this.#line)}: ${what}`, 2, HINT);
  }
}

function is_record(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
