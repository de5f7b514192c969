import { expect, test } from "bun:test";
import { hook_sentence } from "../../src/model/hook.ts";
import type { Regime } from "../../src/model/regime.ts";
import { explain_baseline } from "../../src/report/baseline.ts";
import { doctor_text } from "../../src/report/doctor.ts";
import { explain_decision, explain_plain } from "../../src/report/explain.ts";
import {
  continued,
  event_lines,
  type History,
  observe_header,
  observe_line,
  sparkline,
} from "../../src/report/observe.ts";
import { style } from "../../src/report/style.ts";
import { action_entry, record, view } from "./fixtures.ts";

const plain = style(false);

test("observe: columns are aligned under their header, whatever the level", () => {
  expect(observe_line(view(), [1, 2, 4, 7.9], 0, plain)).toBe(
    "   12.3 s 2 soft-containment      7.90   +4.25    -1.1  +0.80 ▂▃▅█                 " +
      'memory_growth_bytes_per_s 85 % (50.0 MiB/s), cpu_busy_fraction 15 % (25 %) · /svc/leaky thread 901 "leaker"',
  );
  const header = observe_header(plain);
  const calm = observe_line(view({ level: 0, level_name: "homeostasis", warm: false, culprit: null }), [0.5], 0, plain);
  expect(calm.indexOf("homeostasis~")).toBe(header.indexOf("level") + 2);
  const column = (line: string, text: string): number => Bun.stringWidth(line.slice(0, line.indexOf(text)));
  expect(column(calm, "memory_growth")).toBe(column(header, "carried by"));
  expect(calm).not.toContain("svc");
});

test("observe: colour is a capability, never part of the text", () => {
  const colored = observe_line(view(), [1], 0, style(true));
  expect(colored).not.toBe(Bun.stripANSI(colored));
  expect(Bun.stripANSI(colored)).toBe(observe_line(view(), [1], 0, plain));
});

test("observe: a reason for not acting is said once", () => {
  const waiting = view({ inaction: "still warming up" });
  expect(event_lines(waiting, "", plain)).toEqual(["          still warming up"]);
  expect(event_lines(waiting, "still warming up", plain)).toEqual([]);
});

test("sparkline: where nothing was sampled there is a space, as wide as it lasted", () => {
  expect(sparkline([5, null, null, 5], 5)).toBe("█  █");
  expect(sparkline([null], 5)).toBe(" ");
  let history: History = [];
  for (const since_s of [null, 1, 1.2, 4, 0.5]) history = continued(history, 1, since_s, 1);
  expect(history).toEqual([1, 1, 1, null, null, null, 1, 1]);
  expect(continued(history, 2, 3600, 1)).toHaveLength(20);
  expect(continued(history, 2, 3600, 1).filter((one) => one !== null)).toEqual([2]);
});

test("sparkline: quiet looks quiet, and nothing breaks it", () => {
  expect(sparkline([0.1, 0.2], 5)).toBe("▁▁");
  expect(sparkline([0, 5, 10], 5)).toBe("▁▅█");
  expect(sparkline([], 0)).toBe("");
});

const FAILING: Regime = {
  number: 4,
  name: "local failure",
  because: "D̄ rises by 4.25/s, with harm",
  also: [-3, 1],
};

test("explain: what was seen, fell, carried, who, harm, done, verdict, proof", () => {
  const verdicts = [
    {
      record_id: "e18",
      wall_time: "2026-01-02T03:04:07.000Z",
      t_ns: 14e9,
      verdict: { id: "c1", verdict: "effective" as const, detail: "growth fell from 50 MiB/s to 0" },
    },
  ];
  const text = explain_decision(
    record(action_entry()),
    { replay: { identical: true, difference: "" }, regime: FAILING, verdicts, motor: "cgroup", run_began_ns: 0 },
    plain,
  );
  expect(text).toBe(`Thread 901 "leaker" of process 900 in /svc/leaky takes 50.0 MiB/s of memory.
HOSA acted: apply thread_hold frozen on /svc/leaky task 901 "leaker".
  Look at process 900: \`ps -o pid,etime,rss,pcpu,args -p 900\` (its threads: \`top -H -p 900\`).
  To lift what HOSA did: \`hosa release\`. If it is expected, add "/svc/leaky" to \`protect\` in the configuration: HOSA then never contains it. To end it: \`kill 900\`.

e17  2026-01-02 03:04:05.000 UTC (t=12.0 s)  action  level 1 vigilance → 2 soft containment
  Process    thread 901 "leaker" of process 900 in /svc/leaky
             50.0 MiB/s, 97 % of its cgroup's
  Seen       D 8.40, D̄ 7.90, slope +4.25/s, acceleration +1.10/s², φ +0.80; 3000 samples learned
  Threshold  D̄ is beyond θ3 (θ1 3.00, θ2 5.00, θ3 7.00, θ4 9.00: fixed by the configuration)
  Carried by memory_growth_bytes_per_s 85 % of D² (50.0 MiB/s), cpu_busy_fraction 15 % of D² (25 %)
  Looks like resource leak (/svc/leaky grows 50.0 MiB/s and would run out)
  Regime     +4 local failure (D̄ rises by 4.25/s, with harm); ambiguous, -3 and +1 would fit as well
  Culprit    /svc/leaky (id 77), thread 901 "leaker", carrying 97 % of the change there; own change +41.0 σ (5.2e+7/s against 1000/s)
  Harm       ttf 14.00 s, bound 60.00 s; evidence strong
             growth sustained for 2 s
  Rule       D̄ 7.90 > θ2 5.00 and rising, with harm
  Done       c1: apply thread_hold frozen on /svc/leaky task 901 "leaker": one thread carries 97 % of the growth
             done /svc/leaky/hosa.901/cgroup.freeze: 0 → 1 (ledger 4-1)
  Verdict    e18 03:04:07.000 UTC (t=14.0 s): c1 effective: growth fell from 50 MiB/s to 0
  Proof      decision re-run: identical
`);
});

test("explain: what the motor refused was not done", () => {
  const entry = action_entry();
  const outcomes = entry.outcomes.map((one) => ({ ...one, status: "refused" as const, detail: "it is not enabled" }));
  const around = { replay: { identical: true, difference: "" }, regime: FAILING, verdicts: [], motor: "cgroup" };
  const text = explain_decision(record({ ...entry, outcomes }), around, plain);
  expect(text).toContain("HOSA could not act: it is not enabled.\n");
  expect(text).not.toContain("To lift what HOSA did");
});

test("explain: a recording motor would have, a different re-run is loud", () => {
  const text = explain_decision(
    record(action_entry()),
    {
      replay: { identical: false, difference: "decision.level: 2 ≠ 3" },
      regime: FAILING,
      verdicts: [],
      motor: "recording",
    },
    plain,
  );
  expect(text).not.toContain("To lift what HOSA did");
  expect(text).toContain("  Would do   c1: apply");
  expect(text).toContain("  Proof      decision re-run: DIFFERENT at decision.level: 2 ≠ 3");
});

test("explain: other records show their fields", () => {
  const text = explain_plain(record({ kind: "stop", t_ns: 5, reason: "asked to end", beats: 7 }), plain);
  expect(text).toContain("e17  2026-01-02 03:04:05.000 UTC  stop");
  expect(text).toContain("  reason  asked to end");
});

test("baseline: means, deviations, thresholds and the tail they came from", () => {
  const base = {
    kind: "baseline",
    t_ns: 1,
    dimensions: ["cpu_busy_fraction"],
    mean: [0.2],
    sigma: [0.05],
    thresholds: { theta: [3.5, 5, 7, 9], source: "learned" },
    samples: 3000,
  } as const;
  const tail = { threshold: 2, shape: 0.1, scale: 0.5, episodes: 40, episodes_per_s: 40 / 300, samples: 3000 };
  expect(
    explain_baseline(record({ ...base, tail }), plain),
  ).toBe(`e17  2026-01-02 03:04:05.000 UTC  baseline from 3000 samples
  dimension                    μ            σ
  cpu_busy_fraction       0.2000       0.0500
  thresholds: θ1 3.50, θ2 5.00, θ3 7.00, θ4 9.00: learned
  tail fit: generalized Pareto beyond 2.00, shape 0.100, scale 0.500, 40 episodes (480.0 per hour) in 3000 samples
`);
  expect(explain_baseline(record({ ...base, tail: null }), plain)).toContain("tail fit: none");
  const refitted = explain_baseline(record({ ...base, tail: { ...tail, block_s: 2 } }), plain);
  expect(refitted).toContain("40 episodes (480.0 per hour) in 3000 maxima of 2 s of learned time");
});

test("doctor: each missing thing with what it costs and what to do", () => {
  const findings = [
    { what: "BTF", state: "ok", detail: "/sys/kernel/btf/vmlinux", costs: "", remedy: "" },
    { what: "libbpf", state: "fatal", detail: "not found", costs: "no senses", remedy: "install libbpf" },
  ] as const;
  expect(doctor_text({ usable: false, sections: [{ title: "Kernel", findings }] }, plain)).toBe(`Kernel
  ok      BTF     /sys/kernel/btf/vmlinux
  fatal   libbpf  not found
          costs: no senses
          do:    install libbpf

not usable: HOSA cannot run here until what is marked fatal is mended
`);
});

test("explain: the hooks that were run for it stand between the verdicts and the proof", () => {
  const result = { exit: 3, signal: null, timed_out: false, duration_ms: 12, output: "no space\n", trouble: "" };
  const hook = { kind: "hook", t_ns: 13e9, hook: "post 1", command: ["/usr/local/sbin/tell", "-q"] } as const;
  const ran = { ...hook, event: "applied", action_id: "c1", result } as const;
  const hooks = [{ ...record(ran, 19), ...ran }];
  const around = { replay: { identical: true, difference: "" }, regime: FAILING, verdicts: [], motor: "cgroup" };
  const text = explain_decision(record(action_entry()), { ...around, hooks }, plain);
  expect(text).toContain(
    "\n  Hook       e19 03:04:05.000 UTC: post 1 (/usr/local/sbin/tell) for c1 applied: exit 3\n  Proof ",
  );
});

test.each([
  [{ trouble: "not run: /x does not exist" }, "not run: /x does not exist"],
  [{ timed_out: true, signal: "SIGKILL" }, "killed at its deadline"],
  [{ signal: "SIGTERM" }, "ended by SIGTERM"],
  [{ exit: 0 }, "exit 0"],
])("what became of a hook in a few words: %j", (over, said) => {
  const nothing = { exit: null, signal: null, timed_out: false, duration_ms: 0, output: "", trouble: "" };
  expect(hook_sentence({ ...nothing, ...over })).toBe(said);
});
