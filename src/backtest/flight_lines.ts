import { reason_of } from "../model/errno.ts";
import { OperatorError } from "../model/error.ts";
import { FLIGHT_VERSION, type FlightHeader, type FlightLine } from "../model/flight.ts";

const HINT = "A flight is written by `hosa run` beside its audit, as flight-*.jsonl.gz; copy it again as a whole.";

/** The lines of a flight, checked one by one: a header, then as many beats as it promises. */
export class FlightLines {
  readonly #file: string;
  #header: FlightHeader | null = null;
  #line = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Beats read so far. */
  get rows(): number {
    return Math.max(0, this.#line - 1);
  }

  /** Number of the latest line, from 1. */
  get line(): number {
    return this.#line;
  }

  /** The next line: the header, or a beat. Throws OperatorError (exit code 2) on what is no flight. */
  take(text: string): FlightHeader | FlightLine {
    this.#line += 1;
    const value = this.#parsed(text);
    if (this.#header === null) {
      this.#header = this.#checked_header(value);
      return this.#header;
    }
    if (!is_record(value) || !is_record(value["assessment"]) || !is_record(value["decision"])) {
      throw this.error("expected a beat with its assessment and its decision");
    }
    return value as unknown as FlightLine;
  }

  /** After the last line. Throws OperatorError when beats are missing. */
  finish(): FlightHeader {
    const header = this.#header;
    if (header === null || this.rows !== header.beats) {
      throw this.error(`truncated: ${this.rows} of ${header?.beats ?? "?"} beats are there`);
    }
    return header;
  }

  /** Only what `hosa run` never writes can make a decision fail. */
  undecidable(error: unknown): OperatorError {
    return this.error(`no beat that can be decided: ${reason_of(error)}`);
  }

  error(what: string): OperatorError {
    return new OperatorError(`${this.#file}:${Math.max(1, this.#line)}: ${what}`, 2, HINT);
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.error("not JSON");
    }
  }

  #checked_header(value: unknown): FlightHeader {
    if (!is_record(value) || !("flight" in value)) throw this.error("not a flight: its first line is no header");
    if (value["flight"] !== FLIGHT_VERSION) {
      throw this.error(`a flight of version ${JSON.stringify(value["flight"])}, this program reads ${FLIGHT_VERSION}`);
    }
    const { beats, dimensions, config, state } = value;
    const complete =
      Number.isInteger(beats) &&
      Array.isArray(dimensions) &&
      dimensions.every((name) => typeof name === "string") &&
      is_record(config) &&
      is_record(state);
    if (!complete) throw this.error("damaged header: beats, dimensions, config and state are expected");
    return value as unknown as FlightHeader;
  }
}

export function is_header(line: FlightHeader | FlightLine): line is FlightHeader {
  return "flight" in line;
}

function is_record(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
