import { describe, expect, test } from "bun:test";
import { Losses } from "../../src/agent/losses.ts";
import type { AuditEntry } from "../../src/model/audit.ts";
import { LOSS_CODES, LOSSES, type LossKind } from "../../src/model/loss.ts";

function register() {
  const entries: Extract<AuditEntry, { kind: "loss" }>[] = [];
  const said: string[] = [];
  const losses = new Losses({
    record: (entry) => {
      if (entry.kind === "loss") entries.push(entry);
    },
    on_message: (level, text) => said.push(`${level}: ${text}`),
    wall_time: () => "2026-01-02T03:04:05.000Z",
  });
  const told = () => entries.map(({ code, phase, count, total, now }) => [code, phase, count, total, now]);
  return { losses, said, told };
}

/** Turns once a second from `from_s` to `to_s`, the latter left out. */
function run(losses: Losses, from_s: number, to_s: number): void {
  for (let s = from_s; s < to_s; s++) losses.turn(s * 1e9);
}

describe("the register of losses", () => {
  test("what begins is recorded at once, what goes on once a minute with the count since, and its end", () => {
    const { losses, said, told } = register();
    let count = 0;
    losses.watch({ code: "notices", total: () => count });
    run(losses, 0, 10);
    expect([told(), losses.list]).toEqual([[], []]);
    for (let s = 10; s < 140; s++) {
      count += 2;
      losses.turn(s * 1e9);
    }
    run(losses, 140, 260);
    expect(told()).toEqual([
      ["notices", "began", 2, 2, 0],
      ["notices", "goes_on", 120, 122, 0],
      ["notices", "goes_on", 120, 242, 0],
      ["notices", "ended", 18, 260, 0],
    ]);
    expect(said[0]).toStartWith("warn: lost: 2 notices. A webhook was not told");
    expect(losses.list).toMatchObject([{ code: "notices", total: 260, lasting: false, degraded: null }]);
  });

  test("a state is told with how much it leaves out, and flapping is told once", () => {
    const { losses, told } = register();
    let left_out = 0;
    losses.watch({ code: "cgroups", now: () => left_out });
    for (let s = 0; s < 30; s++) {
      left_out = s % 3 === 0 ? 900 : 0;
      losses.turn(s * 1e9);
    }
    left_out = 0;
    run(losses, 30, 60);
    expect(told()).toEqual([
      ["cgroups", "began", 900, 900, 900],
      ["cgroups", "ended", 0, 900, 0],
    ]);
  });

  test("while a source says that it goes on HOSA is degraded, and says what it cannot do", () => {
    const { losses, said } = register();
    let trouble = "";
    losses.watch({ code: "ledger", total: () => 0, lasting: () => trouble !== "", detail: () => trouble });
    losses.turn(1e9);
    expect(losses.degraded).toEqual([]);
    trouble = "/run/hosa/ledger.jsonl: EROFS";
    losses.turn(2e9);
    expect(losses.degraded).toEqual(["HOSA cannot contain anything"]);
    expect(losses.list[0]?.detail).toBe(trouble);
    expect(said.join()).toContain("error: lost: no ledger entries so far (/run/hosa/ledger.jsonl: EROFS)");
    trouble = "";
    losses.turn(3e9);
    expect(losses.degraded).toEqual([]);
    expect(losses.list[0]).toMatchObject({ lasting: true, degraded: null });
  });

  test("sources of one code are summed, with what was noted without a counter", () => {
    const { losses } = register();
    losses.watch({ code: "flights", total: () => 2 }, { code: "flights", total: () => 3 });
    losses.note("flights", 4, "/var/log/hosa/flight-1.jsonl.gz: ENOSPC");
    losses.turn(1e9);
    expect(losses.list).toMatchObject([{ total: 9, detail: "/var/log/hosa/flight-1.jsonl.gz: ENOSPC" }]);
  });

  test("the end of the agent records what came since the last entry", () => {
    const { losses, told } = register();
    let count = 1;
    losses.watch({ code: "log_lines", total: () => count });
    losses.turn(1e9);
    count = 5;
    losses.turn(2e9);
    losses.finish(3e9);
    expect(told()).toEqual([
      ["log_lines", "began", 1, 1, 0],
      ["log_lines", "goes_on", 4, 5, 0],
    ]);
  });

  test("looks once a second, however fast the beat", () => {
    const { losses } = register();
    let looks = 0;
    losses.watch({ code: "beats", total: () => (looks += 1) });
    for (let beat = 0; beat < 300; beat++) losses.turn(beat * 1e7);
    expect(looks).toBeLessThanOrEqual(8);
  });
});

test("every loss has a unit, says what it means and what to do, in whole sentences", () => {
  for (const code of LOSS_CODES) {
    const { unit, effect, remedy }: LossKind = LOSSES[code];
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(unit).toMatch(/^[a-z]/);
    for (const sentence of [effect, remedy]) expect(sentence).toMatch(/^[A-Z].*\.$/);
    expect(effect.split(/\s+/).length).toBeLessThanOrEqual(30);
  }
});
