import { expect, test } from "bun:test";
import { row_products } from "../../src/cortex/opinions/distances.ts";
import { History } from "../../src/cortex/opinions/history.ts";
import { opinion_options } from "../../src/cortex/opinions/options.ts";
import { study } from "../../src/cortex/opinions/study.ts";
import { Charged } from "./charged.ts";
import { normal } from "./fixtures.ts";

const WIDTH = 3;
const CAPACITY = 3000;

test("a self is learned while rows come and the oldest are written over, for no more a call than is allowed", () => {
  const noise = normal(1);
  const history = new History(WIDTH, CAPACITY);
  const come = () => history.push(Float64Array.from({ length: WIDTH }, noise), false);
  for (let row = 0; row < 1.5 * CAPACITY; row++) come();
  const allowed = 8 * row_products(WIDTH);
  const work = new Charged();
  const learning = study(history, null, new Float64Array(WIDTH).fill(0.01), opinion_options(60, 0.1, 1e-5), work);
  for (;;) {
    come();
    work.renew(allowed);
    const { done, value: learned } = learning.next();
    if (done !== true) continue;
    expect(learned!.next_row).toBeGreaterThan(CAPACITY);
    expect(learned!.votes.theta).toBeGreaterThan(0);
    expect(learned!.votes.theta).toBeLessThan(Number.POSITIVE_INFINITY);
    break;
  }
  expect(work.calls.length).toBeLessThan(CAPACITY / 5);
  // To fit one opinion and to ask it are the only pieces that may cost more, and are then calls of their own.
  expect(work.calls.filter((cost) => cost > allowed).length).toBeLessThanOrEqual(12);
  expect(Math.max(...work.calls)).toBe(work.largest_piece);
});
