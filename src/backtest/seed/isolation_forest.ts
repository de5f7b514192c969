import type { RowDetector, RowJudgement } from "../detector.ts";

/** As published (Liu, Ting and Zhou, 2008): so many trees, each grown from so many rows. */
const TREES = 100;
const SAMPLE_ROWS = 256;
/** Scores near 1 are anomalies, well below 0.5 normal. */
const VOTE = 0.6;
/** Rows the trees are grown from: a sample of all train rows, each as likely as any other. */
const RESERVOIR_ROWS = 8192;
const SEED = 0x5eed;
const EULER = 0.577_215_664_901_532_9;

interface Node {
  /** −1: a leaf. */
  readonly dimension: number;
  readonly value: number;
  readonly below: number;
  readonly above: number;
  /** Length of the path through a leaf, what lies under it included. */
  readonly length: number;
}

/** Isolation forest, the third detector of the seed. Its own seed makes it repeatable. Its score is 2^(−E(h)/c) over 0.6: it votes above 1. */
export class IsolationForest implements RowDetector {
  readonly name = "isolation_forest";
  readonly scored_by = "isolation_forest";
  readonly threshold = 1;
  readonly #n: number;
  readonly #contribution: Float64Array;
  readonly #random = mulberry(SEED);
  #rows: Float64Array[] = [];
  #seen = 0;
  #trees: readonly (readonly Node[])[] = [];
  #usual = 1;

  constructor(dimensions: number) {
    this.#n = dimensions;
    this.#contribution = new Float64Array(dimensions);
  }

  get constant(): readonly string[] {
    return [];
  }

  learn(x: Float64Array): void {
    this.#seen += 1;
    if (this.#rows.length < RESERVOIR_ROWS) {
      this.#rows.push(x.slice());
      return;
    }
    const place = Math.floor(this.#random() * this.#seen);
    if (place < RESERVOIR_ROWS) this.#rows[place] = x.slice();
  }

  skip(): void {}

  finish_warmup(): void {
    const size = Math.min(SAMPLE_ROWS, this.#rows.length);
    const deepest = Math.ceil(Math.log2(Math.max(2, size)));
    this.#usual = Math.max(1, unsuccessful(size));
    this.#trees = Array.from({ length: TREES }, () => {
      const nodes: Node[] = [];
      this.#grow(nodes, sampled(this.#rows, size, this.#random), 0, deepest);
      return nodes;
    });
    this.#rows = [];
  }

  /** How much each split on the way isolated the row is what its dimension carries. */
  score(x: Float64Array): RowJudgement {
    this.#contribution.fill(0);
    let sum = 0;
    for (const nodes of this.#trees) {
      let at = 0;
      let depth = 1;
      for (let node = nodes[0]!; node.dimension >= 0; node = nodes[at]!) {
        at = x[node.dimension]! < node.value ? node.below : node.above;
        if (nodes[at]!.dimension < 0) this.#contribution[node.dimension]! += 1 / (depth * depth);
        depth += 1;
      }
      sum += nodes[at]!.length;
    }
    const score = 2 ** (-sum / TREES / this.#usual) / VOTE;
    return { score, alarm: score > 1, level: score > 1 ? 1 : 0, contribution: this.#contribution };
  }

  /** Adds the tree of these rows; its place. */
  #grow(nodes: Node[], rows: readonly Float64Array[], depth: number, deepest: number): number {
    const place = nodes.length;
    const split = depth >= deepest || rows.length < 2 ? null : this.#split(rows);
    if (split === null) {
      nodes.push({ dimension: -1, value: 0, below: 0, above: 0, length: depth + unsuccessful(rows.length) });
      return place;
    }
    const { dimension, value } = split;
    nodes.push({ dimension, value, below: 0, above: 0, length: 0 });
    const part = (below: boolean) => rows.filter((row) => row[dimension]! < value === below);
    const below = this.#grow(nodes, part(true), depth + 1, deepest);
    const above = this.#grow(nodes, part(false), depth + 1, deepest);
    nodes[place] = { dimension, value, below, above, length: 0 };
    return place;
  }

  /** A random value in the range of a random dimension that has one; null where all rows are alike. */
  #split(rows: readonly Float64Array[]): { readonly dimension: number; readonly value: number } | null {
    const first = Math.floor(this.#random() * this.#n);
    for (let k = 0; k < this.#n; k++) {
      const dimension = (first + k) % this.#n;
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (const row of rows) {
        low = Math.min(low, row[dimension]!);
        high = Math.max(high, row[dimension]!);
      }
      const value = low + this.#random() * (high - low);
      if (value > low && value <= high) return { dimension, value };
    }
    return null;
  }
}

/** c(n): the mean path of an unsuccessful search in a binary tree of n rows. */
function unsuccessful(n: number): number {
  if (n <= 1) return 0;
  if (n === 2) return 1;
  return 2 * (Math.log(n - 1) + EULER) - (2 * (n - 1)) / n;
}

/** `size` of the rows, none twice: the beginning of a random order. */
function sampled(rows: readonly Float64Array[], size: number, random: () => number): Float64Array[] {
  const order = [...rows];
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(random() * (order.length - i));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order.slice(0, size);
}

/** Repeatable numbers in [0, 1) (mulberry32). */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
