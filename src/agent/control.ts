import type { Config } from "../config/index.ts";
import { left_s } from "../decision/left.ts";
import { regime } from "../decision/regime.ts";
import { KernelError } from "../ffi/errors.ts";
import { geteuid, monotonic_ns } from "../ffi/libc.ts";
import type { Asker } from "../model/asker.ts";
import type { AuditEntry } from "../model/audit.ts";
import type { Outcome } from "../model/containment.ts";
import type {
  AgentStatus,
  Episode,
  HeldItem,
  HeldNow,
  OperatorRelease,
  ReleaseReply,
  ReloadReply,
} from "../model/control.ts";
import type { Dial, Engine } from "../model/dial.ts";
import { level_name } from "../model/level.ts";
import type { Regime } from "../model/regime.ts";
import type { Maybe } from "../model/sample.ts";
import { selected } from "../motor/held.ts";
import type { SwitchableMotor } from "../motor/switchable.ts";
import { story } from "../report/story.ts";
import { group_id, type PlacedSocket, place_socket, SocketTrouble } from "../telemetry/control/place.ts";
import type { PauseRequest, ReleaseRequest, Request } from "../telemetry/control/protocol.ts";
import { ControlServer, PERIOD_NS, type Reply, type Shown } from "../telemetry/control/server.ts";
import type { Beat, BeatResult } from "./beat.ts";
import { pause, wall_time_of } from "./clock.ts";
import { control_socket } from "./control_socket.ts";
import type { EpisodeLog } from "./episode_log.ts";
import type { Lacking } from "./lacking.ts";
import type { Losses } from "./losses.ts";
import type { PauseKeeper } from "./pause.ts";
import { worth_telling } from "./reserve.ts";
import { view_of } from "./view.ts";

/** What the control socket asks of the agent. */
export interface ControlParts {
  readonly config: Config;
  readonly motor: SwitchableMotor;
  readonly beat: Beat;
  readonly pauses: PauseKeeper;
  /** The dial in force, and what the agent does and lacks. */
  readonly dial: () => Dial;
  readonly engine: () => Engine;
  /** Reads the configuration again before the next beat; the answer comes when it is in force, or refused. */
  readonly reload: (by: Asker) => Promise<ReloadReply>;
  readonly episodes: EpisodeLog;
  readonly record: (entry: AuditEntry) => void;
  /** Resolves when the audit has written what it had to write. */
  readonly flush_audit: () => Promise<void>;
  readonly figures: () => AgentStatus["beat"];
  readonly warmup: () => AgentStatus["warmup"];
  /** What became of the quarantine that the present beat left: it is undone beside the beat. */
  readonly quarantine_left: () => Promise<readonly Outcome[]>;
  readonly node: string;
  readonly version: string;
  /** What is lost and left out; absent where nothing keeps count of it. */
  readonly losses?: Pick<Losses, "list" | "degraded">;
  /** What this agent does without; absent: what the motor alone says of it. */
  readonly lacking?: Lacking;
}

/** A release that waits for the next beat, whose decision carries it out. */
interface Asked {
  readonly release: OperatorRelease;
  readonly items: readonly HeldItem[];
  readonly reply: Reply;
  /** Answers with what became of it. */
  readonly said: (outcomes: readonly Outcome[]) => void;
}

const SAVED_WITHIN_MS = 2000;
const STILL_SAVING = "it is still being written";
/** What a turn may take: 5 % of the slow beat, 2 ms of every second fast one. */
const PART_OF_PERIOD = 0.05;
const LEAST_BUDGET_NS = 2e6;
/** Beats kept for watchers while a dose lasts; then they are shown, and none is lost. */
const SHOWN_MAX = 64;
/** The socket is looked for at its place so often. */
const PLACE_NS = 1e9;

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

/** Throws SocketTrouble. */
function place(config: Config): PlacedSocket {
  return place_socket(control_socket(config), group_id(config.control.group), config.motor.ledger_dir);
}

/** What operators ask of a running agent, answered between two beats. */
export class AgentControl {
  readonly #parts: ControlParts;
  readonly #server: ControlServer;
  readonly #started_ns = monotonic_ns();
  #shown: Shown[] = [];
  #asked: Asked[] = [];
  readonly #reloading = new Set<Reply>();
  #latest: BeatResult | null = null;
  #looked_ns = Number.NEGATIVE_INFINITY;
  /** How often another program removed the socket, and why it could not be made again; empty where it stands. */
  displaced = 0;
  trouble = "";

  /** Throws SocketTrouble. */
  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.#server = new ControlServer({
      socket: place(parts.config),
      gid: group_id(parts.config.control.group),
      own_uid: geteuid(),
      max_connections: parts.config.control.max_connections,
      answer: (request, by, reply) => this.#answer(request, by, reply),
      clock: monotonic_ns,
    });
  }

  /** Clients that were refused, gave way or read too slowly. */
  get lost_connections(): number {
    return this.#server.refused + this.#server.dropped;
  }

  /** Takes note of a beat, and answers the releases it carried out. */
  noticed(result: BeatResult): void {
    const { assessment, decision, episode, eventful } = result;
    const { acts } = this.#parts.dial();
    this.#latest = result;
    if (this.#server.watchers > 0) {
      // Put into words when a watcher's pace asks for it, which may be beats later.
      result.kept = true;
      this.#shown.push({
        t_ns: decision.t_ns,
        eventful,
        view: () => view_of(assessment, decision, acts, episode?.view() ?? null),
      });
    }
    if (this.#asked.length > 0) for (const asked of this.#asked.splice(0)) this.#finish(asked, result);
  }

  /** Serves the socket when it is time to, but not during a dose: a held thread runs, and milliseconds count. */
  turn(now_ns: number, at_leisure: boolean, period_ms: number): void {
    if (!at_leisure && this.#shown.length < SHOWN_MAX) return;
    if (now_ns - this.#looked_ns >= PLACE_NS) this.#keep_place(now_ns);
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
    for (const reply of this.#reloading)
      reply.refuse("failed", "the agent ends, and reads its configuration anew when it starts");
    this.#server.close(reason);
  }

  /** What cleans up /run may take the socket away: it is put there again, or no `hosa release` finds this agent. */
  #keep_place(now_ns: number): void {
    this.#looked_ns = now_ns;
    if (this.#server.stands) {
      this.trouble = "";
      return;
    }
    if (this.trouble === "") this.displaced += 1;
    try {
      this.#server.move_to(place(this.#parts.config));
      this.trouble = "";
    } catch (error) {
      if (!(error instanceof SocketTrouble || error instanceof KernelError)) throw error;
      this.trouble = error.message;
    }
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
        return;
      case "pause":
        this.#pause(request, by, reply);
        return;
      case "resume":
        void this.#parts.pauses.end(by).then((ended) => reply({ ended }));
        return;
      case "reload":
        this.#reloading.add(reply);
        void this.#parts.reload(by).then((done) => {
          this.#reloading.delete(reply);
          reply(done);
        });
    }
  }

  /** Nothing new from the next beat on. What is held then is released by the decision of that beat, so that its record says so. */
  #pause({ for_s, reason, keep }: PauseRequest, by: Asker, reply: Reply): void {
    const { motor, beat, pauses } = this.#parts;
    const { pause: begun, saved } = pauses.begin({ for_s, reason, keeps: keep }, by);
    // A disk that hangs must not keep the operator from knowing that the pause is in force.
    const told = Promise.race([saved.then(() => pauses.trouble), pause(SAVED_WITHIN_MS).then(() => STILL_SAVING)]);
    const held = motor.held().filter((item) => !item.quarantine);
    const quarantine = beat.state?.level === 5;
    const said = (outcomes: readonly Outcome[]) =>
      void told.then((not_saved) => reply({ pause: begun, not_saved, held, outcomes, quarantine }));
    if (keep || held.length === 0) {
      said([]);
      return;
    }
    const why = reason === "" ? "paused" : `paused: ${reason}`;
    const ids = [...new Set(held.map((item) => item.id))];
    // A pause leaves no cooldown: when it is over, what is still harmful is contained again.
    this.#ask({ by, reason: why, ids, targets: [], quarantine: false }, held, reply, said);
  }

  #ask(release: OperatorRelease, items: readonly HeldItem[], reply: Reply, said: Asked["said"]): void {
    this.#asked.push({ release, items, reply, said });
    this.#parts.beat.ask_release(release);
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
    this.#ask(release, items, reply, (here) => {
      if (!quarantine) reply(this.#said(items, here, false, motor.held()));
      else {
        void this.#parts
          .quarantine_left()
          .then((left) => reply(this.#said(items, [...here, ...left], true, motor.held())));
      }
    });
  }

  /** What the decision did not hold itself is undone beside it: what is left of an undo here, a quarantine by its keeper. */
  #finish({ release, items, said }: Asked, { outcomes, decision }: BeatResult): void {
    const { motor, record } = this.#parts;
    const done = outcomes.filter((one) => one.verb === "release" && release.ids.includes(one.id));
    const told = new Set(done.map((one) => one.ledger_id ?? one.id));
    const rest = items.filter((item) => !item.quarantine && !told.has(item.ledger_id ?? item.id));
    const reason = `released by the operator (uid ${release.by.uid})${release.reason === "" ? "" : `: ${release.reason}`}`;
    const beside = motor.let_go(rest, decision.t_ns, reason);
    if (beside.length > 0) record({ t_ns: decision.t_ns, kind: "undo", reason, by: release.by, outcomes: beside });
    said([...done, ...beside]);
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
    const { config, motor, beat, version, node, figures, lacking } = this.#parts;
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
      dial: this.#parts.dial(),
      engine: this.#parts.engine(),
      pause: this.#paused(),
      would_do: motor.would_do,
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
      missing_rungs: lacking?.rungs ?? worth_telling(motor.missing(), config),
      absences: lacking?.absences ?? [],
      last_episode: this.#episode(now_ns),
      beat: figures(),
      ledger_dir: config.motor.ledger_dir,
      audit_path: config.audit.path,
      connections: this.#server.connections,
      watchers: this.#server.watchers,
      losses: this.#parts.losses?.list ?? [],
      degraded: this.#parts.losses?.degraded ?? [],
    };
  }

  #paused(): NonNullable<AgentStatus["pause"]> | null {
    const now_ns = monotonic_ns();
    const present = this.#parts.pauses.input(now_ns);
    return present === undefined ? null : { ...present, left_s: (present.until_ns - now_ns) / 1e9 };
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
