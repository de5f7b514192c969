import { counted } from "../model/counted.ts";
import { level_name } from "../model/level.ts";
import { DOTS, LEGEND } from "./chart_frame.ts";
import type { Episode, EpisodeAction, Place } from "./episode.ts";
import { episode_chart, type Window } from "./episode_chart.ts";
import { EPISODE_STYLE } from "./episode_style.ts";
import * as words from "./episode_words.ts";
import { excuse_sentence, kernel_text } from "./excuse.ts";
import { setting } from "./explain.ts";
import { Html, html, shortened } from "./html.ts";
import { amount_text, named_text } from "./named.ts";
import { bytes, natural, num, percent, quantity, signed } from "./number.ts";
import { thresholds_text } from "./thresholds.ts";

/** Stands in every page, so that a page may be written over and nothing else. */
export const PAGE_MARK = '<meta name="generator" content="HOSA episode report">';
/** Dimensions shown one by one; the others carry next to nothing. */
const MOST_SHARES = 8;
/** On a telephone a table of more columns is moved sideways instead of being squeezed. */
const MANY_COLUMNS = 4;
/** Shown whatever they carry. */
const LEAST_SHARES = 3;
/** A smaller share is written as 0 %. */
const SMALLEST_SHARE = 0.005;
const MOST_SETTINGS = 80;
/** The beginning is drawn apart where it is less than this part of the whole. */
const CLOSE_UP_PART = 0.3;
const CLOSE_UP_AROUND_S = 1.5;
const SHARE_BAR = 220;

/** What the page says of the audit it comes from. */
export interface Provenance {
  readonly audit: string;
  /** Places where the audit's chain of hashes is broken. */
  readonly chain_problems: number;
  readonly version: string;
  /** A recorded configuration as keys and values of hosa.yaml. */
  readonly settings: (config: unknown) => readonly (readonly [string, string])[];
}

/** One episode as a page of its own: no script, nothing loaded, everything from outside escaped, size bounded. */
export function episode_page(episode: Episode, from: Provenance): string {
  const node = shortened(episode.run?.node ?? "this node", 80);
  const title = `HOSA on ${node}, ${words.clock_text(episode.first.wall_time, 0, 0)}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${new Html(PAGE_MARK)}
<title>${title}</title>
<style>${new Html(EPISODE_STYLE)}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">HOSA · episode ${episode.first.id} – ${episode.last.id}</p>
<h1>${shortened(words.episode_story(episode).headline, 300)}</h1>
<p>${node}, ${words.clock_text(episode.first.wall_time, 0, 0)}, ${words.span_text(duration_s(episode))}</p>
<p class="lead">${words.summary_text(episode)}</p>
${facts(episode)}
</header>
${course(episode)}
${section("carried", "What carried it", shares(episode))}
${section("who", "Processes and culprits", [named(episode), culprits(episode)])}
${section("without", "What would have happened", forecast(episode))}
${section("done", words.only_recorded(episode) ? "What HOSA would do" : "What was done", [actions(episode), verdicts(episode)])}
${section("why", "Why", reasons(episode))}
${section("proof", "Proof", proof(episode, from))}
${section("config", "Configuration and version", configuration(episode, from))}
<footer>Made by hosa ${from.version} from <code>${shortened(from.audit)}</code>. Times are UTC; this page loads nothing and needs no network.</footer>
</main>
</body>
</html>
`.text;
}

function section(id: string, title: string, content: Html | readonly Html[]): Html {
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
${content}
</section>`;
}

function table(caption: string, head: readonly string[], rows: readonly Html[], omitted = 0): Html {
  const rest =
    omitted > 0
      ? html`<p class="soft">${omitted} more, between the first and the last, are left out here; the audit has them.</p>`
      : "";
  return html`<p class="soft">${caption}</p><div class="wide${head.length > MANY_COLUMNS ? " many" : ""}" tabindex="0" role="group" aria-label="${caption}"><table aria-label="${caption}"><thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${rows}
</tbody></table></div>${rest}`;
}

/** A path that breaks, where it must, before a name and not within one. */
function path_text(path: string, most: number): Html {
  const names = shortened(path, most).split("/");
  return html`${names.map((name, i) => (i === 0 ? name : html`<wbr/>/${name}`))}`;
}

function badge(level: number, text: string): Html {
  return html`<span class="badge l${level}">${text}</span>`;
}

function at(place: Place): Html {
  return html`<td class="nowrap">${words.time_text(place.wall_time)}<br><span class="soft">${place.id}</span></td>`;
}

function duration_s({ first, last }: Episode): number {
  return last.t_s - first.t_s;
}

function facts(episode: Episode): Html {
  const { max_level, peak_d_smooth, timeline, forecast: end, decisions, differing_decisions, omitted } = episode;
  const theta = timeline.theta[0];
  const again = decisions.length + omitted.decisions;
  const fact = (name: string, value: Html | string, small: string): Html =>
    html`<div><dt>${name}</dt><dd>${value}<small>${small}</small></dd></div>`;
  return html`<dl class="facts">
${fact("Highest level", badge(max_level, `${max_level} ${level_name(max_level)}`), words.end_text(episode))}
${fact("Highest D̄", num(peak_d_smooth), theta === undefined ? "no thresholds yet" : `normal is below θ1 ${num(theta)}`)}
${end === null ? fact("Time to failure", "–", "nothing was running out") : fact("Time to failure", words.span_text(end.ttf_s), `${bytes(end.slope_bytes_per_s)}/s, when it was judged`)}
${fact("Lasted", words.span_text(duration_s(episode)), `until ${words.time_text(episode.last.wall_time)}`)}
${fact("Decided again", differing_decisions === 0 ? html`<span class="good">identical</span>` : html`<span class="bad">${differing_decisions} differ</span>`, counted(again, "recorded decision"))}
</dl>`;
}

function course(episode: Episode): Html {
  const whole: Window = {
    from_s: Math.max(0, episode.first.t_s - CLOSE_UP_AROUND_S),
    to_s: Math.max(episode.last.t_s, episode.first.t_s + 1),
  };
  const close = close_up(episode, whole);
  const charts = [
    ...(close === null ? [] : [{ name: "close", title: "How it began", window: close }]),
    { name: "whole", title: close === null ? "The episode" : "The whole episode", window: whole },
  ].map((one) => ({ ...one, ...episode_chart(episode, one.window, one.name, one.title) }));
  const parts = new Set(charts.flatMap((one) => [...one.parts]));
  const keys = LEGEND.filter(([part]) => parts.has(part)).map(
    ([part, text]) => html`<li><i class="k-${part}${DOTS.has(part) ? " dot" : ""}"></i>${text}</li>`,
  );
  return section("course", "The course", [
    ...charts.map(
      ({ title, svg }) =>
        html`<div class="chart wide" tabindex="0" role="group" aria-label="${title}"><h3>${title}</h3>${svg}</div>`,
    ),
    html`<ul class="legend">${keys}</ul>`,
  ]);
}

/** From the first deviation to the first verdict, or without one to the last early action, where that is a small part of the whole. */
function close_up({ actions: acts, verdicts: judged }: Episode, whole: Window): Window | null {
  const limit_s = whole.from_s + CLOSE_UP_PART * (whole.to_s - whole.from_s);
  const early = (places: readonly Place[]): readonly number[] =>
    places.map(({ t_s }) => t_s + CLOSE_UP_AROUND_S).filter((t_s) => t_s < limit_s);
  const to_s = early(judged)[0] ?? early(acts).at(-1);
  return to_s === undefined ? null : { from_s: whole.from_s, to_s };
}

function shares({ key }: Episode): Html {
  const { dimension_names, contribution, x, d } = key.input.assessment;
  const squared = d * d;
  const all = dimension_names
    .map((name, j) => ({ name, share: squared > 0 ? (contribution[j] ?? 0) / squared : 0, value: x[j] ?? 0 }))
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
  const telling = all.filter(({ share }, i) => i < LEAST_SHARES || Math.abs(share) >= SMALLEST_SHARE);
  const shown = telling.slice(0, MOST_SHARES);
  const rest = all.slice(shown.length).reduce((sum, { share }) => sum + share, 0);
  const widest = Math.max(1, ...shown.map(({ share }) => Math.abs(share)));
  const bar = (share: number): Html =>
    html`<td class="bar"><svg viewBox="0 0 ${SHARE_BAR} 12" aria-hidden="true"><rect class="share ${share < 0 ? "against" : ""}" width="${((Math.abs(share) / widest) * SHARE_BAR).toFixed(1)}" height="12" rx="3"/></svg></td>`;
  const rows = shown.map(
    ({ name, share, value }) =>
      html`<tr><th scope="row"><code>${shortened(name, 60)}</code></th><td class="nowrap">${natural(name, value)}</td><td class="nowrap">${percent(share)}</td>${bar(share)}</tr>`,
  );
  const others =
    all.length > shown.length
      ? [
          html`<tr><th scope="row">${all.length - shown.length} others</th><td></td><td class="nowrap">${percent(rest)}</td>${bar(rest)}</tr>`,
        ]
      : [];
  const caption = `Contributions c_j as shares of D² at ${key.id} (D ${num(d)}); they sum to 100 %, a negative one speaks against the deviation`;
  return table(caption, ["dimension", "value", "share of D²", ""], [...rows, ...others]);
}

/** Processes by the figure they were named for, down to the thread. */
function named({ named: all, key }: Episode): Html {
  if (all.length === 0) {
    const { unnamed } = words.episode_story({ key });
    const why = unnamed === "not_recorded" ? "the record names no process" : "no process stood out";
    return html`<p>No process is named: ${why}.</p>`;
  }
  const rows = all.map(({ named: one, times, ...place }) => {
    const cgroup = one.path === "" ? "unknown" : one.path;
    const task = one.tid ?? one.pid;
    const share = one.share === null ? "–" : percent(one.share);
    const of_cgroup = one.share_of_cgroup === null ? "–" : percent(one.share_of_cgroup);
    const guarded = one.protected === null ? "" : `protected: ${shortened(one.protected)}`;
    return html`<tr>${at(place)}<th scope="row">${shortened(named_text(one), 200)}<br><span class="soft">${task === null ? "" : `task ${task}, `}<code>${path_text(cgroup, 160)}</code></span></th><td>${one.resource}</td><td class="nowrap">${amount_text(one)}</td><td class="nowrap">${share}</td><td class="nowrap">${of_cgroup}</td><td class="nowrap">${times}</td><td>${guarded}</td></tr>`;
  });
  const head = ["first named", "what", "resource", "at most", "of the node", "of its cgroup", "records", ""];
  return table("Processes and threads, with the largest figure each was named for", head, rows);
}

function culprits({ culprits: all, omitted }: Episode): Html {
  if (all.length === 0) return html`<p>No culprit search: below level 2 HOSA only observes.</p>`;
  const rows = all.map(({ culprit: who, times, ...place }) => {
    const task = who.tid ?? who.pid;
    const inside =
      task === null
        ? (kernel_text(who) ?? "the whole cgroup")
        : `${who.scope} ${task}${who.comm === null ? "" : ` “${shortened(who.comm, 32)}”`}`;
    const share = who.share === null ? "–" : percent(who.share);
    const guarded = who.protected === null ? "" : `protected: ${shortened(who.protected)}`;
    const note = [guarded, shortened(who.note)].filter((text) => text !== "").join("; ");
    return html`<tr>${at(place)}<th scope="row"><code>${path_text(who.path || "unknown", 160)}</code><br><span class="soft">id ${who.cgroup_id}</span></th><td>${inside}</td><td class="nowrap">${share}</td><td class="nowrap">${signed(who.change, 1)} σ</td><td class="nowrap">${times}</td><td>${note}</td></tr>`;
  });
  const head = ["first named", "cgroup", "inside it", "carries of it", "own change", "times", ""];
  const rest =
    omitted.culprits > 0
      ? html`<p class="soft">${omitted.culprits} more decisions named others, which are left out here; the audit has them.</p>`
      : "";
  return html`${table("Ranked by their own change against their own past, not by their size", head, rows)}${rest}`;
}

function forecast(episode: Episode): Html {
  const first = episode.forecast === null ? "" : html`<p class="lead">${words.forecast_text(episode.forecast)}</p>`;
  return html`${first}<p>${words.instead_text(episode)}</p>`;
}

function actions(episode: Episode): Html {
  const { actions: all, omitted } = episode;
  if (all.length === 0) return html`<p>Nothing.${inaction(episode)}</p>`;
  const head = ["time", "containment", "what, on whom", "why", "value before → after", "became"];
  return table(
    "Actions in order, with the value found before, which the ledger keeps for the undo, and the value written",
    head,
    all.map(action_row),
    omitted.actions,
  );
}

function inaction({ key }: Episode): string {
  const why = key.decision.inaction;
  return why === "" ? "" : ` ${why[0]?.toUpperCase()}${shortened(why.slice(1), 300)}.`;
}

function action_row(row: EpisodeAction): Html {
  const { action, outcome: result } = row;
  const target = action?.target ?? result?.target;
  const task = target?.tid ?? target?.pid ?? null;
  const what =
    action === null
      ? `${result?.verb === "release" ? "undone" : "noticed"}: ${result?.rung ?? ""}`
      : `${action.verb} ${setting(action.setting)}`;
  const whom = html`<code>${path_text(target?.path ?? "", 100)}</code>${task === null ? "" : html` task ${task}${target?.comm == null ? "" : ` “${shortened(target.comm, 32)}”`}`}`;
  const values =
    result?.file == null
      ? html`–`
      : html`<code>${shortened(result.prior ?? "–", 60)}</code> → <code>${shortened(result.written ?? "–", 60)}</code><br><span class="soft">${path_text(result.file, 120)}${result.ledger_id === null ? "" : `, ledger ${result.ledger_id}`}</span>`;
  const became =
    result === null ? html`–` : html`${result.status}<br><span class="soft">${shortened(result.detail, 200)}</span>`;
  return html`<tr>${at(row)}<td>${action?.id ?? result?.id ?? ""}</td><td>${what}<br>${whom}</td><td>${shortened(action?.reason ?? "", 240)}</td><td>${values}</td><td>${became}</td></tr>`;
}

function verdicts({ verdicts: all, omitted }: Episode): Html {
  if (all.length === 0) return html``;
  const rows = all.map(
    ({ verdict, ...place }) =>
      html`<tr>${at(place)}<td>${verdict.id}</td><th scope="row" class="${verdict.verdict === "effective" ? "good" : ""}">${verdict.verdict.replaceAll("_", " ")}</th><td>${shortened(verdict.detail, 300)}</td></tr>`,
  );
  return html`<h3>Verdicts</h3>${table("What was seen of each containment afterwards", ["time", "containment", "verdict", "seen"], rows, omitted.verdicts)}`;
}

function reasons(episode: Episode): Html {
  const { harm, rule } = episode.key.decision;
  const bound = harm.bound === null ? "" : `, bound ${quantity(harm.bound, harm.unit)}`;
  const witness = harm.present ? `${harm.witness} ${quantity(harm.value, harm.unit)}${bound}` : "no witness of harm";
  const rows = episode.decisions.map(
    (one) =>
      html`<tr>${at(one)}<td class="nowrap">${one.level === one.previous_level ? "" : `${one.previous_level} → `}${badge(one.level, `${one.level} ${level_name(one.level)}`)}</td><td>${shortened(one.rule, 240)}</td><td>${shortened(one.inaction, 240)}</td><td class="${one.replay.identical ? "good" : "bad"}">${one.replay.identical ? "identical" : shortened(one.replay.difference, 200)}</td></tr>`,
  );
  const excuse = harm.excuse === undefined ? [] : [excuse_sentence(harm.excuse)];
  const because = [...harm.because.slice(0, 12), ...excuse].map((reason) => html`<li>${shortened(reason, 240)}</li>`);
  return html`<p>The decision that counts (${episode.key.id}): ${shortened(rule, 300)}. Harm: ${witness}; evidence ${harm.evidence}.</p><ul>${because}</ul>
${table("Every recorded decision, and whether it comes out the same when made again", ["time", "level", "rule", "not done, because", "made again"], rows, episode.omitted.decisions)}${unrecorded(episode)}`;
}

function unrecorded({ unrecorded: left_out }: Episode): Html {
  const text = words.unrecorded_text(left_out);
  return text === "" ? html`` : html`<p class="soft">There is ${text}.</p>`;
}

function proof(episode: Episode, { chain_problems, audit }: Provenance): Html {
  const { differing_decisions, decisions, omitted, key, first, last } = episode;
  const count = decisions.length + omitted.decisions;
  const again =
    differing_decisions === 0
      ? html`<span class="good">${count === 1 ? "The one recorded decision re-runs" : `All ${count} recorded decisions re-run`} identically</span> from what was recorded: input, state and configuration.`
      : html`<span class="bad">${differing_decisions} of ${count} recorded decisions come out differently</span>: the rules of this version differ from those that decided, or the records were changed.`;
  const chain =
    chain_problems === 0
      ? html`<span class="good">The chain of hashes is unbroken</span> over the whole audit.`
      : html`<span class="bad">The chain of hashes is broken in ${counted(chain_problems, "place")}</span>; what <code>hosa explain</code> says names them.`;
  return html`<p>${again} ${chain}</p>
<p>To check it: <code>hosa explain ${key.id} --audit ${shortened(audit)}</code>. Records ${first.id} to ${last.id}; SHA-256 of ${key.id}: <code>${key.hash}</code>.</p>`;
}

function configuration({ run, config, key }: Episode, { version, settings }: Provenance): Html {
  const about =
    run === null
      ? "The record of the start of that run is gone (rotated out)."
      : `hosa ${run.version}, mode ${run.mode}, ${run.motor} motor, Linux ${shortened(run.kernel, 80)}; page made by hosa ${version}.`;
  const missing = run?.missing_rungs.map(({ rung, why }) => html`<li>${rung}: ${shortened(why)}</li>`) ?? [];
  const absences = run?.absences.slice(0, 24).map(({ what, why }) => html`<li>${what}: ${shortened(why)}</li>`) ?? [];
  const lacks = [...missing, ...absences];
  const theta = thresholds_text(key.input.assessment.thresholds);
  const rows = settings(config)
    .slice(0, MOST_SETTINGS)
    .map(
      ([name, value]) =>
        html`<tr><th scope="row"><code>${shortened(name, 80)}</code></th><td><code>${shortened(value, 200)}</code></td></tr>`,
    );
  return html`<p>${about}</p><p>Thresholds: ${theta}.</p>${lacks.length === 0 ? "" : html`<h3>Missing on that node</h3><ul>${lacks}</ul>`}
<details><summary>What the decision was configured with</summary>${table("As recorded with the decision", ["key", "value"], rows)}</details>`;
}
