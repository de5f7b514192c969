import { compare } from "../agent/replay.ts";
import { shares } from "../cortex/contribution.ts";
import type { DecisionConfig } from "../decision/config.ts";
import { decide } from "../decision/decide.ts";
import type { DecisionState } from "../decision/state.ts";
import type { FlightSummary, RowView } from "../model/backtest.ts";
import type { FlightHeader, FlightLine } from "../model/flight.ts";
import type { Level } from "../model/level.ts";
import { FlightLines, is_header } from "./flight_lines.ts";

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
  readonly #lines: FlightLines;
  #header: FlightHeader | null = null;
  #state: DecisionState | null = null;
  #differing = 0;
  #difference = "";
  #max_level: Level = 0;
  #first_ns = 0;
  #last_ns = 0;

  constructor(file: string) {
    this.#file = file;
    this.#lines = new FlightLines(file);
  }

  /** Beats read so far. */
  get rows(): number {
    return this.#lines.rows;
  }

  /** Take the next line, the first being the header. Throws OperatorError (exit code 2) on what is no flight. */
  take(text: string): (() => FlightRow) | null {
    const line = this.#lines.take(text);
    if (!is_header(line)) return this.#beat(line, this.#header!);
    this.#header = line;
    this.#state = line.state as DecisionState;
    return null;
  }

  /** After the last line. Throws OperatorError when beats are missing. */
  summary(): FlightSummary {
    const { node, kernel, hosa_version, wall_time } = this.#lines.finish();
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
      if (this.#differing === 1) this.#difference = `beat ${row} (line ${this.#lines.line}): ${difference}`;
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
      throw this.#lines.undecidable(error);
    }
  }
}
