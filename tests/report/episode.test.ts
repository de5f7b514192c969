import { describe, expect, test } from "bun:test";
import { named_settings } from "../../src/agent/config_names.ts";
import { replay } from "../../src/agent/replay.ts";
import type { AuditEntry, DecisionInput } from "../../src/model/audit.ts";
import type { Level } from "../../src/model/level.ts";
import type { Episode } from "../../src/report/episode.ts";
import { EpisodeList } from "../../src/report/episode_list.ts";
import { episode_page, PAGE_MARK } from "../../src/report/episode_page.ts";
import { EpisodeSearch, type FoundEpisode } from "../../src/report/episode_search.ts";
import { escape_html, html, shortened } from "../../src/report/html.ts";
import { attribution, carrier } from "./carriers.ts";
import { recorded_run, START } from "./episode_fixture.ts";
import { action_entry, assessment, decided, outcome, record } from "./fixtures.ts";

const FROM = { audit: "/var/log/hosa/audit.jsonl", chain_problems: 0, version: "0.1.0", settings: named_settings };

function found(entries: readonly AuditEntry[], wanted: string): FoundEpisode {
  const search = new EpisodeSearch(wanted, replay);
  for (const [seq, entry] of entries.entries()) search.add(record(entry, seq));
  return search.get();
}

/** What is known of them all. */
function listed(entries: readonly AuditEntry[]): EpisodeList {
  const list = new EpisodeList();
  for (const [seq, entry] of entries.entries()) list.add(record(entry, seq));
  return list;
}

/** The one a record belongs to; without one the most severe. */
function episode(entries: readonly AuditEntry[], wanted?: string): Episode {
  const id = wanted ?? listed(entries).most_severe()?.chosen.id;
  if (id === undefined) throw new Error("no episode");
  const one = found(entries, id);
  if (typeof one === "string") throw new Error(one);
  return one;
}

/** A change of level as the audit has it; its decision is not what decide() would say. */
function moves(t_s: number, previous_level: Level, level: Level): AuditEntry {
  const { input, decision } = decided({ t_ns: t_s * 1e9 });
  return {
    kind: "transition",
    t_ns: t_s * 1e9,
    input,
    decision: {
      ...decision,
      ...{ t_ns: t_s * 1e9, previous_level, level, actions: [], culprit: null },
      harm: { ...decision.harm, present: level > 1 || previous_level > 1 },
    },
  };
}

/** The same action, which the motor refused. */
function refused(entry: AuditEntry & { readonly kind: "action" }): AuditEntry & { readonly kind: "action" } {
  const told = { status: "refused", detail: "thread_hold is not enabled" } as const;
  return { ...entry, outcomes: entry.outcomes.map((outcome) => ({ ...outcome, ...told })) };
}

test("an episode that isolated the node is told by that, and not by the containment before it", () => {
  const one = episode([START, moves(1, 0, 1), action_entry(), moves(20, 2, 4), moves(30, 4, 5)], "e1");
  expect([one.key.decision.level, one.key.decision.previous_level, one.max_level]).toEqual([5, 4, 5]);
});

test("an action that the motor refused is none", () => {
  const tried = [START, moves(1, 0, 1), refused(action_entry())];
  expect(episode(tried, "e1").acted).toBe(false);
  expect(episode([...tried, { ...action_entry(), t_ns: 14e9 }], "e1")).toMatchObject({
    acted: true,
    key: { id: "e3" },
  });
});

/** As a motor that only records would have told it. */
function only_recorded(entry: AuditEntry & { readonly kind: "action" }): AuditEntry {
  const told = { status: "would_do", ledger_id: null, file: null, prior: null, written: null } as const;
  return { ...entry, outcomes: entry.outcomes.map((outcome) => ({ ...outcome, ...told })) };
}

const quiet = (t_s: number): AuditEntry => ({
  kind: "heartbeat",
  t_ns: t_s * 1e9,
  level: 0,
  d_smooth: 1,
  thresholds: assessment().thresholds,
  beats: 1,
});

describe("which episode", () => {
  const two = [START, quiet(1), moves(2, 0, 2), moves(3, 2, 0), quiet(24), moves(25, 0, 1), moves(26, 1, 0), quiet(47)];

  test("without an id: the most severe, however many looks came after it", () => {
    expect(episode(two)).toMatchObject({ first: { id: "e2" }, last: { id: "e3" }, end: "calm", max_level: 2 });
    expect(episode([START, ...two.slice(5)])).toMatchObject({ first: { id: "e1" }, max_level: 1 });
    expect(listed(two).most_severe()).toMatchObject({ of: 2, hours: 24 });
    // A look of a second is by the way.
    expect(listed(two).last()).toMatchObject({ chosen: { id: "e2", max_level: 2 }, later: 1 });
    expect(listed([START, ...two.slice(5)]).last()).toMatchObject({ chosen: { id: "e1" }, later: 0 });
  });

  test("of one level the longer one is more severe, also when a blip of a larger distance came later", () => {
    const blip = moves(80, 0, 1);
    if (blip.kind !== "transition") throw new Error("no transition");
    const far = { ...blip, input: { ...blip.input, assessment: { ...blip.input.assessment, d_smooth: 20 } } };
    const run = [START, moves(2, 0, 1), moves(25, 1, 0), quiet(60), far, moves(82.3, 1, 0), quiet(100)];
    expect(listed(run).most_severe()!.chosen).toMatchObject({ id: "e1", lasted_s: 23 });
    expect(listed(run).last()).toMatchObject({ chosen: { id: "e1" }, later: 1 });
  });

  test("what rises again within ten seconds is the same episode, and its rises are counted", () => {
    const run: AuditEntry[] = [START];
    for (let k = 0; k < 16; k++) run.push(moves(2 + 11 * k, 0, 1), moves(5 + 11 * k, 1, 0));
    const { episodes } = listed(run).get();
    expect(episodes).toMatchObject([{ id: "e1", last_id: "e32", rises: 16, lasted_s: 168, max_level: 1 }]);
    const apart = [START, moves(2, 0, 1), moves(5, 1, 0), moves(15.5, 0, 1), moves(17, 1, 0)];
    expect(
      listed(apart)
        .get()
        .episodes.map(({ rises }) => rises),
    ).toEqual([1, 1]);
  });

  test("with an id: the one it belongs to, whichever of its records it names", () => {
    for (const id of ["e5", "e6"]) expect(episode(two, id)).toMatchObject({ first: { id: "e5" }, last: { id: "e6" } });
  });

  test("a quiet record, an unknown one, an audit without episodes: each is told apart", () => {
    expect(found(two, "e4")).toBe("quiet_record");
    expect(found(two, "e99")).toBe("no_record");
    expect(listed([START, quiet(1)]).most_severe()).toBeNull();
  });

  test("it lasts until nothing is contained any more, also at level 0, and takes the verdict of its last beat", () => {
    const release = action_entry();
    const calm: AuditEntry = {
      ...release,
      t_ns: 20e9,
      decision: {
        ...release.decision,
        level: 0,
        previous_level: 0,
        actions: [{ ...release.decision.actions[0]!, verb: "release" }],
      },
      outcomes: [outcome({ verb: "release" })],
    };
    const verdict = { id: "c1", verdict: "would_have_stopped", detail: "quiet" } as const;
    const one = episode([
      START,
      release,
      moves(13, 2, 0),
      quiet(14),
      calm,
      { kind: "verification", t_ns: 20e9, verdicts: [verdict], outcomes: [] },
      { kind: "note", t_ns: 21e9, text: "later" },
    ]);
    expect(one).toMatchObject({ first: { id: "e1" }, last: { id: "e5" }, end: "calm" });
    expect(one.verdicts.map((told) => told.verdict)).toEqual([verdict]);
    expect(one.containments).toMatchObject([{ id: "c1", from_s: 0, to_s: 8 }]);
  });

  test("a stop, a crash and the end of the audit are three ends", () => {
    const stop: AuditEntry = { kind: "stop", t_ns: 9e9, reason: "asked to end", beats: 9 };
    expect(episode([START, moves(2, 0, 2), stop]).end).toBe("stopped");
    expect(episode([START, moves(2, 0, 2), { ...START, t_ns: 1e9 }]).end).toBe("cut_off");
    expect(episode([START, moves(2, 0, 2)]).end).toBe("under_way");
  });
});

describe("a simulated leak", () => {
  const one = episode(recorded_run());

  test("is forecast from what was known when it was first acted on", () => {
    const { forecast } = one;
    expect(one.key.decision.actions[0]?.verb).toBe("apply");
    expect(forecast?.id).toBe(one.key.id);
    expect(forecast!.headroom_bytes / forecast!.slope_bytes_per_s).toBeCloseTo(forecast!.ttf_s, 6);
    expect(one.key.decision.harm.value).toBeCloseTo(forecast!.ttf_s, 6);
  });

  test("every decision is made again; one that differs is counted and named", () => {
    expect(one.decisions.length).toBeGreaterThan(3);
    expect(one.differing_decisions).toBe(0);
    const changed = recorded_run().map((entry) =>
      entry.kind === "action" ? { ...entry, decision: { ...entry.decision, rule: "because" } } : entry,
    );
    const other = episode(changed);
    expect(other.differing_decisions).toBe(changed.filter(({ kind }) => kind === "action").length);
    const page = episode_page(other, FROM);
    expect(page).toContain("decision.rule: &quot;because&quot; ≠");
    expect(page).not.toContain("re-run identically");
  });

  test("the page says it all", () => {
    const page = episode_page(one, FROM);
    for (const text of [
      "level 2, soft containment",
      "memory would have been used up at 2026-01-02 03:04:",
      "projection, without action",
      "All 4 recorded decisions re-run identically",
      "The chain of hashes is unbroken",
      "<code>act.ttf_horizon_s</code>",
      "hosa 0.1.0, mode run, cgroup motor, Linux 6.12.0",
      "<code>0</code> → <code>1</code>",
    ]) {
      expect(page).toContain(text);
    }
    expect(page).toContain(PAGE_MARK);
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
    expect(episode_page(one, { ...FROM, chain_problems: 2 })).toContain("broken in 2 places");
  });

  test("a run that only recorded says so", () => {
    const run = recorded_run().map((record) => (record.kind === "action" ? only_recorded(record) : record));
    const page = episode_page(episode(run.with(0, { ...START, motor: "recording" })), FROM);
    expect(page).toContain("What HOSA would do");
    expect(page).toMatch(/HOSA would do something (once|\d+ times), and did nothing/);
    expect(page).toContain("would do");
    expect(page).not.toContain("What was done");
    expect(page).toContain("Nothing was touched");
  });
});

describe("a leak at level 1, of which no culprit was looked for", () => {
  const seen = { d_smooth: 8, attribution: attribution({ memory: [carrier()] }) };
  const { input, decision } = decided({ t_ns: 4e9, ...seen });
  const watched = {
    ...decision,
    level: 1,
    previous_level: 1,
    culprit: null,
    actions: [],
    inaction: "watched only",
  } as const;
  const number = { version: 1, number: 1, began_ns: 2e9, rises: 1, max_level: 1, peak_d_smooth: 8 } as const;
  const run: AuditEntry[] = [
    START,
    moves(2, 0, 1),
    { kind: "episode", t_ns: 5e9, event: "peak", ...number, input, decision: watched },
    {
      kind: "episode",
      t_ns: 6e9,
      event: "reason",
      ...number,
      input,
      decision: { ...watched, inaction: "/ is not limited" },
    },
    moves(25, 1, 0),
    { kind: "episode", t_ns: 36e9, event: "ended", ...number, calm_ns: 25e9, omitted: { peaks: 0, reasons: 3 } },
    quiet(60),
  ];

  test("is told at its peak, with the name and the end it heads for; what has no record is said", () => {
    const one = episode(run);
    expect(one).toMatchObject({ first: { id: "e1" }, last: { id: "e4" }, end: "calm", key: { id: "e2" }, rises: 1 });
    expect(one.last.t_s - one.first.t_s).toBe(23);
    expect(one.decisions.map(({ kind, t_s }) => [kind, Math.round(t_s + 2)])).toEqual([
      ["transition", 2],
      ["peak", 4],
      ["reason", 4],
      ["transition", 25],
    ]);
    const page = episode_page(one, FROM);
    expect(page).toContain("<h1>Thread 1240 &quot;filler&quot; of python3 (process 1234)");
    expect(page).toContain("task 1240");
    expect(page).not.toContain("nothing was running out");
    expect(page).toContain("no record of 3 changed reasons");
    expect(page).toContain("/ is not limited");
    expect(page).toContain("No culprit search: below level 2 HOSA only observes");
  });

  test("a later record of the same episode belongs to it, though the node is calm by then", () => {
    expect(found(run, "e5")).toMatchObject({ first: { id: "e1" }, last: { id: "e4" } });
  });
});

describe("the page", () => {
  const hostile = `</script><svg onload=alert(1)>&'"\u202e\u0000\n]]>`;

  test("is well formed, titled, described, and names nothing to load", () => {
    const page = episode_page(episode(recorded_run()), FROM);
    expect(page).toStartWith('<!doctype html>\n<html lang="en">');
    expect(page).toMatch(/<title>HOSA on n1, 2026-01-02 03:04:05 UTC<\/title>/);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|\bhref=|url\((?!#)|@import|https?:/);
    expect(page.match(/<svg [^>]*role="img" aria-labelledby="(\w+)-title \1-desc"/g)?.length).toBeGreaterThan(0);
    const opened = [...page.matchAll(/<([a-z][a-z0-9]*)(?:\s[^<>]*)?(?<!\/)>/gi)].map((m) => m[1]!);
    const closed = [...page.matchAll(/<\/([a-z][a-z0-9]*)>/gi)].map((m) => m[1]!);
    const lone = new Set(["meta", "br"]);
    expect(opened.filter((name) => !lone.has(name)).sort()).toEqual(closed.sort());
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("names from outside stay text wherever they stand", () => {
    const entry = action_entry();
    const target = { ...outcome().target, path: `/${hostile}`, comm: hostile };
    const culprit = { ...entry.decision.culprit!, path: target.path, comm: hostile, note: hostile, protected: hostile };
    const actions = [{ ...entry.decision.actions[0]!, target, reason: hostile }];
    const growth = entry.input.assessment.growth.map((one) => ({ ...one, path: target.path }));
    const input: DecisionInput = {
      ...entry.input,
      assessment: { ...entry.input.assessment, growth, dimension_names: [hostile, hostile] },
      config: { [hostile]: hostile },
    };
    const page = episode_page(
      episode([
        { ...START, node: hostile, kernel: hostile, version: hostile },
        {
          ...entry,
          input,
          decision: { ...entry.decision, rule: hostile, inaction: hostile, culprit, actions },
          outcomes: [outcome({ target, file: hostile, prior: hostile, written: hostile, detail: hostile })],
        },
        {
          kind: "verification",
          t_ns: 13e9,
          verdicts: [{ id: hostile, verdict: "effective", detail: hostile }],
          outcomes: [],
        },
      ]),
      { ...FROM, audit: hostile },
    );
    expect(page).not.toContain("<svg onload");
    expect(page).not.toContain("</script>");
    for (const unseen of ["\u202e", "\u0000"]) expect(page).not.toContain(unseen);
    expect(page.match(/&lt;svg onload/g)!.length).toBeGreaterThan(15);
  });

  test("says how many decisions named a culprit beyond its bound", () => {
    const entry = action_entry();
    const entries: AuditEntry[] = [START];
    for (let t = 1; t <= 300; t++) {
      const path = `/svc-${t}`;
      const actions = [{ ...entry.decision.actions[0]!, id: `c${t}`, target: { ...outcome().target, path } }];
      const culprit = { ...entry.decision.culprit!, cgroup_id: t, path };
      entries.push({ ...entry, t_ns: t * 1e9, decision: { ...entry.decision, culprit, actions } });
    }
    const one = episode(entries);
    expect(one.omitted.culprits).toBe(288);
    expect(episode_page(one, FROM)).toContain("288 more decisions named others");
  });

  test("stays small however long the episode and however long its names", () => {
    const long = "x".repeat(100_000);
    const entry = action_entry();
    const entries: AuditEntry[] = [START];
    for (let t = 1; t < 3000; t++) {
      const actions = [
        {
          ...entry.decision.actions[0]!,
          id: `c${t}`,
          reason: long,
          target: { ...outcome().target, path: `/${t}${long}` },
        },
      ];
      const decision = { ...entry.decision, rule: long, actions };
      entries.push({ ...entry, t_ns: t * 1e9, decision, outcomes: [outcome({ detail: long, file: long })] });
      entries.push({
        kind: "trace",
        t_ns: t * 1e9 + 1,
        level: 2,
        d_smooth: t,
        velocity: 0,
        acceleration: 0,
        memory: [],
      });
    }
    const one = episode(entries);
    expect(one.omitted.actions).toBe(2799);
    expect(one.actions[0]?.id).toBe("e1");
    expect(one.actions.at(-1)?.id).toBe("e5997");
    const page = episode_page(one, FROM);
    expect(page.length).toBeLessThan(1_000_000);
    expect(page).toContain("2799 more, between the first and the last, are left out here");
  });

  test("what cannot be seen in a name becomes visible, long names keep both ends", () => {
    expect(escape_html("a\u202eb\u200b<")).toBe("a�b�&lt;");
    expect(html`<p>${["<", html`<b>${"&"}</b>`, 3]}</p>`.text).toBe("<p>&lt;<b>&amp;</b>3</p>");
    expect(shortened("abcdefghij", 5)).toBe("ab…ij");
    expect(shortened("abcde", 5)).toBe("abcde");
  });
});
