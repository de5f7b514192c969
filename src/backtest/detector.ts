import type { AlarmSummary, DetectorName } from "../model/backtest.ts";
import type { Level } from "../model/level.ts";

export interface RowJudgement {
  readonly score: number;
  /** The score is beyond the label-free threshold: the level is entered here, and held for a while after. */
  readonly alarm: boolean;
  readonly level: Level;
  /** c_j, one per dimension. Holds until the next row is judged. */
  readonly contribution: ArrayLike<number>;
}

/** What a backtest asks of a detector: train rows, the end of training, then test rows online. Labels never reach it. */
export interface RowDetector {
  readonly name: DetectorName;
  /** What its score is. */
  readonly scored_by: AlarmSummary["score"];
  /** A train row; the array may be reused by the caller. */
  learn(x: Float64Array): void;
  /** Rows that should have come here and did not: time passes, nothing is known of it. */
  skip(rows: number): void;
  /** After the last train row. Throws OperatorError when there were too few. */
  finish_warmup(): void;
  /** Scores and decides, then learns what was decided to be normal. */
  score(x: Float64Array): RowJudgement;
  /** The label-free threshold of the score in force. */
  readonly threshold: number;
  /** Dimensions that did not move while learning. */
  readonly constant: readonly string[];
}
