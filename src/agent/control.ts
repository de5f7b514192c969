import type { Config } from "../config/index.ts";
import { left_s } from "../decision/left.ts";
import { regime } from "../decision/regime.ts";
import { KernelError } from "../ffi/errors.ts";
import { geteuid, monotonic_ns } from "../ffi/libc.ts";
import type { AuditEntry } from "../model/audit.ts";
import type { Outcome } from "../model/containment.ts";
import type {
  AgentStatus,
  Asker,
  Episode,
  HeldItem,
  HeldNow,
  OperatorRelease,
  ReleaseReply,
} from "../model/control.ts";
import { level_name } from "../model/level.ts";
import type { Regime } from "../model/regime.ts";
import type { Maybe } from "../model/sample.ts";
import { selected } from "../motor/held.ts";
import type { CgroupMotor } from "../motor/motor.ts";
import type { RecordingMotor } from "../motor/recording.ts";
import { story } from "../report/story.ts";
import { group_id, place_socket, SocketTrouble } from "../telemetry/control/place.ts";
import type { ReleaseRequest, Request } from "../telemetry/control/protocol.ts";
import { ControlServer, PERIOD_NS, type Reply, type Shown } from "../telemetry/control/server.ts";
import type { Beat, BeatResult } from "./beat.ts";
import { wall_time_of } from "./clock.ts";
import { control_socket } from "./control_socket.ts";
import type { EpisodeLog } from "./episode_log.ts";
import { worth_telling } from "./reserve.ts";
import { view_of } from "./view.ts";

/** What the control socket asks of the agent. */
export interface ControlParts {
  readonly config: Config;
  readonly motor: CgroupMotor | RecordingMotor;
  readonly beat: Beat;
  readonly episodes: EpisodeLog;
  readonly record: (entry: AuditEntry) => void;
  /** Resolves when the audit has written what it had to write. */
  readonly flush_audit: () => Promise<void>;
  readonly figures: () => AgentStatus["beat"];
  readonly warmup: () => AgentStatus["warmup"];
  readonly audit: () => AgentStatus["audit"];
  /** What became of the quarantine that the present beat left: it is undone beside the beat. */
  readonly quarantine_left: () => Promise<readonly Outcome[]>;
  readonly node: string;
  readonly version: string;
}

/** A release that waits for the next beat, whose decision carries it out. */
interface Asked {
  readonly release: OperatorRelease;
  readonly items: readonly HeldItem[];
  readonly reply: Reply;
}

/** What a turn may take: 5 % of the slow beat, 2 ms of every second fast one. */
const PART_OF_PERIOD = 0.05;
const LEAST_BUDGET_NS = 2e6;
/** Beats kept for watchers while a dose lasts. */
const SHOWN_MAX = 64;

/** Null where it is switched off, or cannot be: an agent without its socket works on, nothing of it is needed for the loop. */
export function open_control(parts: ControlParts, warn: (text: string) => void): AgentControl | null {
  if (!parts.config.control.enabled) return null;
  try {
    return new AgentControl(parts);
  } catch (error) {
    if (!(error instanceof SocketTrouble || error instanceof KernelError)) throw error;
    warn(`${error.message}; this agent can be ended, but not asked`);
    return null;
  }
}

/** What operators ask of a running agent, answered between two beats. */
export class AgentControl {
  readonly #parts: ControlParts;
  readonly #server: ControlServer;
  readonly #started_ns = monotonic_ns();
  #shown: Shown[] = [];
  #asked: Asked[] = [];
  #latest: BeatResult | null = null;

  /** Throws SocketTrouble. */
  constructor(parts: ControlParts) {
    this.#parts = parts;
    const { control, motor } = parts.config;
    const gid = group_id(control.group);
    this.#server = new ControlServer({
      socket: place_socket(control_socket(parts.config), gid, motor.ledger_dir),
      gid,
      own_uid: geteuid(),
      max_connections: control.max_connections,
      answer: (request, by, reply) => this.#answer(request, by, reply),
      clock: monotonic_ns,
    });
  }

  /** Takes note of a beat, and answers the releases it carried out. */
  noticed(result: BeatResult): void {
    const { assessment, decision, episode, eventful } = result;
    this.#latest = result;
    if (this.#server.watchers > 0) {
      // Put into words when a watcher's pace asks for it, which may be beats later.
      result.kept = true;
      this.#shown.push({
        t_ns: decision.t_ns,
        eventful,
        view: () => view_of(assessment, decision, episode?.view() ?? null),
      });
    }
    if (this.#asked.length > 0) for (const asked of this.#asked.splice(0)) this.#finish(asked, result);
  }

  /** Serves the socket when it is time to, but not during a dose: a held thread runs, and milliseconds count. */
  turn(now_ns: number, at_leisure: boolean, period_ms: number): void {
    if (!at_leisure && this.#shown.length < SHOWN_MAX) return;
    if (!this.#server.due(now_ns)) return;
    this.#server.turn(now_ns, this.#shown, Math.max(LEAST_BUDGET_NS, PART_OF_PERIOD * period_ms * 1e6));
    this.#shown = [];
  }

  /** Longest wait for a beat, ms, after which it wants another turn. */
  patience_ms(otherwise_ms: number): number {
    return this.#server.behind ? Math.min(PERIOD_NS / 1e6, otherwise_ms) : otherwise_ms;
  }

  close(reason: string): void {
    for (const { reply } of this.#asked) reply.refuse("failed", "the agent ends, and releases everything it holds");
    this.#server.close(reason);
  }

  #answer(request: Exclude<Request, { op: "watch" }>, by: Asker, reply: Reply): void {
    switch (request.op) {
      case "status":
        reply({ status: this.#status() });
        return;
      case "audit":
        void this.#parts.flush_audit().then(() => reply({ path: this.#parts.config.audit.path }));
        return;
      case "release":
        this.#release(request, by, reply);
    }
  }

  #release({ select, reason, dry_run }: ReleaseRequest, by: Asker, reply: Reply): void {
    const { motor, beat } = this.#parts;
    const held = motor.held();
    const items = selected(held, select);
    const whole = "all" in select || "quarantine" in select;
    const quarantine = items.some((item) => item.quarantine) || (whole && beat.state?.level === 5);
    if (dry_run || (items.length === 0 && !quarantine)) {
      reply(this.#said(items, [], quarantine, held));
      return;
    }
    const targets = new Map(items.map(({ target }) => [target.cgroup_id, target]));
    const release: OperatorRelease = {
      by,
      reason,
      ids: [...new Set(items.map((item) => item.id))],
      targets: [...targets.values()].map(({ cgroup_id, path }) => ({ cgroup_id, path })),
      quarantine,
    };
    this.#asked.push({ release, items, reply });
    beat.ask_release(release);
  }

  /** What the decision did not hold itself is undone beside it: what is left of an undo here, a quarantine by its keeper. */
  #finish({ release, items, reply }: Asked, { outcomes, decision }: BeatResult): void {
    const { motor, record, quarantine_left } = this.#parts;
    const done = outcomes.filter((one) => one.verb === "release" && release.ids.includes(one.id));
    const told = new Set(done.map((one) => one.ledger_id ?? one.id));
    const rest = items.filter((item) => !item.quarantine && !told.has(item.ledger_id ?? item.id));
    const reason = `released by the operator (uid ${release.by.uid})${release.reason === "" ? "" : `: ${release.reason}`}`;
    const beside = motor.let_go(rest, decision.t_ns, reason);
    if (beside.length > 0) record({ t_ns: decision.t_ns, kind: "undo", reason, by: release.by, outcomes: beside });
    const here = [...done, ...beside];
    if (!release.quarantine) reply(this.#said(items, here, false, motor.held()));
    else void quarantine_left().then((left) => reply(this.#said(items, [...here, ...left], true, motor.held())));
  }

  #said(
    items: readonly HeldItem[],
    outcomes: ReleaseReply["outcomes"],
    quarantine: boolean,
    held: readonly HeldItem[],
  ): ReleaseReply {
    const known = held.map((item) => item.id);
    return {
      selected: items,
      outcomes,
      quarantine,
      known,
      cooldown_s: this.#parts.config.control.release_cooldown_s,
    };
  }

  #status(): AgentStatus {
    const { config, motor, beat, version, node, figures } = this.#parts;
    const state = beat.state;
    const seen = this.#latest?.assessment ?? null;
    const level = state?.level ?? 0;
    const awake_ns = monotonic_ns() - this.#started_ns;
    const now_ns = seen?.t_ns ?? 0;
    // The level a start begins with has held since then.
    const since_ns = state !== null && state.level_since_ns > 0 ? now_ns - state.level_since_ns : awake_ns;
    return {
      pid: process.pid,
      version,
      node,
      motor: motor.name,
      uptime_s: awake_ns / 1e9,
      warm: seen?.warm ?? false,
      level,
      level_name: level_name(level),
      level_since: wall_time_of(since_ns),
      regime: this.#regime(),
      d_smooth: seen?.d_smooth ?? null,
      velocity: seen?.velocity ?? null,
      theta: seen?.thresholds.theta ?? null,
      thresholds: seen?.thresholds ?? null,
      warmup: this.#parts.warmup(),
      story: this.#latest === null ? null : story(this.#latest),
      inaction: this.#latest?.decision.inaction ?? "",
      held: motor.held().map((item) => this.#held_now(item, now_ns)),
      cooldowns: (state?.cooldowns ?? [])
        .filter((one) => one.until_ns > now_ns)
        .map(({ path, until_ns }) => ({ path, left_s: (until_ns - now_ns) / 1e9 })),
      missing_rungs: worth_telling(motor.missing(), config),
      last_episode: this.#episode(now_ns),
      beat: figures(),
      ledger_dir: config.motor.ledger_dir,
      audit_path: config.audit.path,
      audit: this.#parts.audit(),
      connections: this.#server.connections,
      watchers: this.#server.watchers,
    };
  }

  #episode(now_ns: number): Maybe<Episode> {
    const latest = this.#parts.episodes.latest();
    if (latest === null) return null;
    const { began_ns, calm_ns, highest, rises, story, rule, path, actions } = latest;
    const { headline, pattern, named } = story;
    const wall = (t_ns: number) => wall_time_of(Math.max(0, now_ns - t_ns));
    const ended = calm_ns === null ? null : wall(calm_ns);
    return { began: wall(began_ns), ended, highest, rises, headline, pattern, named, rule, path, actions };
  }

  #regime(): Maybe<Regime> {
    if (this.#latest === null) return null;
    const { assessment, decision } = this.#latest;
    const { habituate_rho: rho, habituate_entropy_bits: entropy_bits } = this.#parts.config.learning;
    return regime(assessment, decision, { rho, entropy_bits });
  }

  #held_now(item: HeldItem, now_ns: number): HeldNow {
    const live = this.#parts.beat.state?.containments.find((one) => one.id === item.id);
    if (live === undefined) return { ...item, held_s: null, left_s: null, phase: "" };
    return { ...item, held_s: (now_ns - live.applied_ns) / 1e9, left_s: left_s(live, now_ns), phase: live.phase };
  }
}
