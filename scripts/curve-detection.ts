import { writeFileSync } from "node:fs";
import { CONFIG, MIB } from "../tests/decision/fixtures.ts";
import { type LeakRun, leak } from "../tests/simulation/leak.ts";

/** Leaks of every rate against the whole simulated loop: a table as markdown, and docs/detection.svg. */
const RATES_MB_S = [0.1, 0.2, 0.5, 0.8, 1, 2, 5, 10, 20, 50, 100, 200, 500];
const SEEDS = [1, 2, 3];
const SVG = "docs/detection.svg";

interface Point {
  readonly rate: number;
  readonly seen_s: number | null;
  readonly acted_s: number | null;
  readonly lost_mb: number;
  readonly left_percent: number;
  readonly exhausted_s: number;
}

/** The worst of the seeds: seen last, acted on last, most lost. One run that never acts makes it never. */
function worst(runs: readonly LeakRun[], rate: number): Point {
  const latest = (value: (run: LeakRun) => number | null): number | null => {
    const times = runs.map(value);
    return times.includes(null) ? null : Math.max(...times.map(Number));
  };
  return {
    rate,
    seen_s: latest((run) => run.seen_s),
    acted_s: latest((run) => run.acted_s),
    lost_mb: Math.max(...runs.map((run) => run.lost_bytes / 1e6)),
    left_percent: 100 * Math.min(...runs.map((run) => run.left_fraction)),
    exhausted_s: runs[0]!.exhausted_s,
  };
}

const points_for = (limit_bytes: number | null): Point[] =>
  RATES_MB_S.map((rate) =>
    worst(
      SEEDS.map((seed) => leak(rate * 1e6, limit_bytes, CONFIG, seed)),
      rate,
    ),
  );

const seconds = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0));

function table(title: string, points: readonly Point[]): string {
  const rows = points.map((p) => {
    const acted = p.acted_s === null ? "never" : `${seconds(p.acted_s)} s`;
    const lost = p.acted_s === null ? "all" : `${p.lost_mb.toFixed(0)} MB`;
    const left = p.acted_s === null ? "–" : `${p.left_percent.toFixed(0)} %`;
    const seen = p.seen_s === null ? "never" : `${seconds(p.seen_s)} s`;
    return `| ${p.rate} | ${seen} | ${acted} | ${lost} | ${left} | ${seconds(p.exhausted_s)} s |`;
  });
  const head = `| ${title}: MB/s | seen | acted on | lost by then | headroom left | harmless until |`;
  return [head, "|---|---|---|---|---|---|", ...rows].join("\n");
}

const WIDTH = 720;
const HEIGHT = 420;
const BOX = { left: 64, top: 40, width: 620, height: 320 };
const [LEAST_S, MOST_S] = [0.05, 20_000];

const x_of = (rate: number) => BOX.left + (BOX.width * Math.log10(rate / 0.1)) / Math.log10(500 / 0.1);
const y_of = (s: number) => BOX.top + BOX.height * (1 - Math.log10(s / LEAST_S) / Math.log10(MOST_S / LEAST_S));

/** A line through the points that are there; where one is missing (never), it breaks. */
function line(points: readonly (readonly [number, number | null])[], color: string, dash: string): string {
  const runs: string[][] = [[]];
  for (const [rate, s] of points) {
    if (s === null) runs.push([]);
    else runs.at(-1)!.push(`${x_of(rate).toFixed(1)},${y_of(s).toFixed(1)}`);
  }
  const marks = runs.flat().map((at) => {
    const [x, y] = at.split(",");
    return `<circle cx="${x}" cy="${y}" r="2.5" fill="${color}"/>`;
  });
  const stroke = `fill="none" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"`;
  const lines = runs.filter((run) => run.length > 1).map((run) => `<polyline points="${run.join(" ")}" ${stroke}/>`);
  return [...lines, ...marks].join("\n");
}

function text(x: number, y: number, content: string, anchor = "start"): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${content}</text>`;
}

function picture(limited: readonly Point[], free: readonly Point[]): string {
  const pick = (points: readonly Point[], value: (p: Point) => number | null) =>
    points.map((p) => [p.rate, value(p)] as const);
  const ticks = [0.1, 1, 10, 100, 500].map((rate) => text(x_of(rate), BOX.top + BOX.height + 18, `${rate}`, "middle"));
  const grid = [0.1, 1, 10, 100, 1000, 10_000].map((s) => {
    const y = y_of(s).toFixed(1);
    const rule = `<line x1="${BOX.left}" x2="${BOX.left + BOX.width}" y1="${y}" y2="${y}" stroke="#808080" stroke-opacity="0.25"/>`;
    return `${rule}\n${text(BOX.left - 8, y_of(s) + 4, `${s} s`, "end")}`;
  });
  const title = "A leak at every rate: when it is seen (level 1), acted on, and would have used up the memory";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#5a6575" role="img" aria-label="${title}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(BOX.left, 22, title),
    ...grid,
    ...ticks,
    text(BOX.left + BOX.width / 2, BOX.top + BOX.height + 38, "leak, MB/s (both axes logarithmic)", "middle"),
    line(
      pick(limited, (p) => p.exhausted_s),
      "#b04040",
      "4 3",
    ),
    line(
      pick(limited, (p) => p.acted_s),
      "#b3591f",
      "none",
    ),
    line(
      pick(free, (p) => p.acted_s),
      "#4070b0",
      "none",
    ),
    line(
      pick(limited, (p) => p.seen_s),
      "#8f6a00",
      "none",
    ),
    '<rect x="464" y="46" width="212" height="68" fill="#ffffff"/>',
    `<g font-size="12"><g fill="#b04040">${text(470, 60, "– – used up, limit 1 GiB")}</g>`,
    `<g fill="#b3591f">${text(470, 76, "acted on, limit 1 GiB")}</g>`,
    `<g fill="#4070b0">${text(470, 92, "acted on, no limit (2 GiB node)")}</g>`,
    `<g fill="#8f6a00">${text(470, 108, "seen, limit 1 GiB")}</g></g>`,
    "</svg>\n",
  ].join("\n");
}

const limited = points_for(1024 * MIB);
const free = points_for(null);
console.log(`${table("limit 1 GiB", limited)}\n\n${table("no limit", free)}`);
writeFileSync(SVG, picture(limited, free));
console.error(`curve: ${SVG} written`);
