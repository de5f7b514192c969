import { expect, test } from "bun:test";
import { render_health } from "../../../src/telemetry/metrics/health.ts";

const figures = {
  level: 0,
  level_name: "homeostasis",
  warm: true,
  d_smooth: 1.2,
  period_ms: 100,
  last_beat_age_ms: 80,
  normalized: { cpu_busy_fraction: -0.5 },
  state: "paused",
  lost: [],
  autonomy: "correction",
  max_level: 4,
  acts: true,
  paused_until: "2027-01-15T08:30:00.000Z",
  pause_reason: "kernel upgrade",
  would_do: 0,
} as const;

test("a fresh beat is healthy, with the normalized vector", () => {
  const { status, body } = render_health(figures);
  expect(status).toBe(200);
  expect(JSON.parse(body)).toEqual({ status: "ok", ...figures, stale_after_ms: 2000 });
});

test("a stale beat is not, and a slow one is given its time", () => {
  expect(render_health({ ...figures, last_beat_age_ms: 2001 }).status).toBe(503);
  expect(JSON.parse(render_health({ ...figures, last_beat_age_ms: 2001 }).body).status).toBe("stale");
  expect(render_health({ ...figures, period_ms: 1000, last_beat_age_ms: 4999 }).status).toBe(200);
  expect(render_health({ ...figures, period_ms: 1000, last_beat_age_ms: 5001 }).status).toBe(503);
});
