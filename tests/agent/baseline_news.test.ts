import { expect, test } from "bun:test";
import { BaselineNews } from "../../src/agent/baseline_news.ts";

const S = 1e9;
const theta = (first: number): [number, number, number, number] => [first, 6, 7, 8];

test("thresholds are told at first, then only when they moved by more than 5 %", () => {
  const news = new BaselineNews();
  expect(news.due(theta(4), S)).toBe(true);
  expect(news.due(theta(4.1), 2000 * S)).toBe(false);
  expect(news.due(theta(4.19), 4000 * S)).toBe(false);
  expect(news.due(theta(4.3), 6000 * S)).toBe(true);
  expect(news.due(theta(4.1), 8000 * S)).toBe(false);
  expect(news.due([4.3, 6, 7, 8.5], 10_000 * S)).toBe(true);
});

test("a move within ten minutes of the last telling waits, and is not forgotten", () => {
  const news = new BaselineNews();
  const moved = theta(5);
  expect(news.due(theta(4), S)).toBe(true);
  expect(news.due(moved, 300 * S)).toBe(false);
  expect(news.due(moved, 600 * S)).toBe(false);
  expect(news.due(moved, 602 * S)).toBe(true);
  expect(news.due(moved, 9000 * S)).toBe(false);
});
