import { hostname } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import type { SpentBeat } from "../audit/index.ts";
import { type Config, dial_of } from "../config/index.ts";
import { protection } from "../decision/protect.ts";
import { KernelError } from "../ffi/errors.ts";
import { monotonic_ns } from "../ffi/libc.ts";
import type { Asker } from "../model/asker.ts";
import type { Assessment } from "../model/assessment.ts";
import type { AuditEntry, ReloadEntry } from "../model/audit.ts";
import type { Outcome } from "../model/containment.ts";
import type { ReloadReply } from "../model/control.ts";
import { counted } from "../model/counted.ts";
import type { Engine } from "../model/dial.ts";
import { OperatorError } from "../model/error.ts";
import type { Sample } from "../model/sample.ts";
import { current_boot_id } from "../motor/ledger.ts";
import { dial_sentence } from "../report/dial.ts";
import { narrated } from "../report/narrated.ts";
import { step_sentence } from "../report/quarantine.ts";
import { thresholds_text } from "../report/thresholds.ts";
import { Arrivals } from "../sensor/arrivals.ts";
import { KernelMemorySense } from "../sensor/kernel_memory.ts";
import { NodeTotalsReader } from "../sensor/node_totals.ts";
import { own_comm } from "../sensor/own_comm.ts";
import { TaskWatch } from "../sensor/task_watch.ts";
import { ThreadWatch } from "../sensor/threads.ts";
import type { AgentOptions, AgentResult } from "./agent_options.ts";
import { announce } from "./announce.ts";
import { Attributor } from "./attributor.ts";
import { calm_background_threads } from "./background.ts";
import { BaselineNews } from "./baseline_news.ts";
import { Beat, type BeatResult } from "./beat.ts";
import { next_turn, pause, stopwatch_us, wall_s, wall_time_iso, wall_time_of } from "./clock.ts";
import { compose, motor_limits, type Parts } from "./compose.ts";
import { ContainmentWatch } from "./containment_watch.ts";
import { type AgentControl, open_control } from "./control.ts";
import { BeatTimes } from "./cost.ts";
import { bounded_by, decision_config } from "./decision_config.ts";
import { DialKeeper } from "./dial.ts";
import { EpisodeLog } from "./episode_log.ts";
import { with_safe_hooks } from "./hook_programs.ts";
import { type Lacking, lacking } from "./lacking.ts";
import { loss_sources, note_outcomes, note_step } from "./loss_sources.ts";
import { Losses } from "./losses.ts";
import { OwnStall } from "./own_stall.ts";
import { PauseKeeper } from "./pause.ts";
import { drop_privileges } from "./privileges.ts";
import { protected_patterns } from "./protected_patterns.ts";
import { QuarantineKeeper } from "./quarantine.ts";
import { quarantine_motor } from "./quarantine_motor.ts";
import { type ReloadRequest, reload } from "./reload.ts";
import { lost_rungs, worth_telling } from "./reserve.ts";
import { Saving } from "./saving.ts";
import { Service } from "./service.ts";
import { ShieldRate } from "./shield_rate.ts";
import { open_telling, type Telling } from "./telling.ts";
import { telling_parts } from "./telling_parts.ts";
import { Trace } from "./trace.ts";
import { with_trusted_places } from "./trusted_places.ts";
import { view_of } from "./view.ts";
import { WarmupNews } from "./warmup_news.ts";
import { stall_port, watch_port } from "./watch_port.ts";

/** The first beats run before the code is compiled; their cost says nothing about the rest. */
const WARM_BEATS = 50;
/** Beats kept to be shown while a dose lasts; then they are shown, and none is lost. */
const UNTOLD_MAX = 64;
const TURN_EVERY_NS = 250e6;
/** While hooks run: what they say is read, and their end is seen. */
const TURN_FOR_HOOKS_NS = 50e6;
/** An abort is noticed within this time even if the kernel never beats again. */
const POLL_MS = 250;
/** While a quarantine is entered, what is done beside the beat waits for the event loop at every step. */
const POLL_BUSY_MS = 1;
const SAVED_WITHIN_MS = 2000;
/** No beat for so long means that the senses are dead, and a blind agent must not stay silent. */
const SILENCE_S = 10;

/** The loop in the foreground: composes the rooms, beats until told to end, and undoes everything on the way out. */
export async function run_agent(options: AgentOptions): Promise<AgentResult> {
  if (options.mode === "run") with_trusted_places(with_safe_hooks(options.config));
  const agent = new Agent(options, compose(options));
  let result: Omit<AgentResult, "audit_lost"> | null = null;
  try {
    result = await agent.run();
  } finally {
    await agent.end(result?.reason ?? "a failure");
  }
  return { ...result, audit_lost: agent.audit_lost };
}

function directory_of(mount: string | null, path: string | null): string | null {
  return mount === null || path === null ? null : `${mount}${path}`;
}

class Agent {
  readonly #options: AgentOptions;
  readonly #parts: Parts;
  readonly #beat: Beat;
  readonly #threads: ThreadWatch;
  readonly #tasks: TaskWatch;
  readonly #quarantine: QuarantineKeeper;
  readonly #times = new BeatTimes();
  readonly #baseline_news = new BaselineNews();
  readonly #warmup_news: WarmupNews;
  readonly #service: Service;
  /** In force now; a reload replaces it. */
  #config: Config;
  #beats = 0;
  #period_ms: number;
  #warm = false;
  #last_beat_ns = monotonic_ns();
  readonly #saving: Saving;
  #told_ns = monotonic_ns();
  #calm = true;
  /** Lines that the audit lacks; known when it is closed. */
  audit_lost = 0;
  readonly #losses: Losses;
  readonly #lacking: Lacking;
  #untold: BeatResult[] = [];
  readonly #trace = new Trace();
  readonly #episodes = new EpisodeLog();
  #turned_ns = Number.NEGATIVE_INFINITY;
  #flown_ns = Number.NEGATIVE_INFINITY;
  readonly #control: AgentControl | null;
  #telling: Telling | null = null;
  readonly #dial: DialKeeper;
  readonly #pauses: PauseKeeper;
  /** Asked for through the control socket. */
  readonly #reloads: ReloadRequest[] = [];
  /** The warm-up is over. */
  #knows = false;
  #ending = false;
  /** Why there is no control socket; empty where there is one, or none is wanted. */
  #control_refused = "";

  constructor(options: AgentOptions, parts: Parts) {
    this.#options = options;
    this.#config = options.config;
    this.#parts = parts;
    this.#service = Service.open((text) => options.on_message("warn", text));
    this.#period_ms = options.config.beat.period_ms;
    const { ports, sensor, motor, cortex } = parts;
    this.#lacking = lacking(parts, options.config);
    this.#saving = new Saving(options.config.learning.state_dir, cortex, (text) => options.on_message("warn", text));
    this.#losses = new Losses({
      record: (entry) => this.#record(entry),
      on_message: options.on_message,
      wall_time: wall_time_iso,
      before_look: () => motor.real?.ledger.examine(),
    });
    this.#warmup_news = new WarmupNews(cortex, options.on_warmup);
    this.#tasks = this.#task_watch();
    this.#threads = new ThreadWatch(ports, {
      memory_limit_bytes: (id) => sensor.cgroups.limit_bytes(id),
      on_sweep: (table) => this.#tasks.swept({ ...table, starters: null, totals: null }),
      whole: (id) => sensor.cgroups.whole_of(id),
      directory_of: (id) => directory_of(parts.mount, sensor.cgroups.path_of(id)),
    });
    const attributor = new Attributor(this.#tasks, monotonic_ns);
    const { network, flight } = parts;
    const rate = network === null ? null : new ShieldRate(() => network.shield.counts());
    const watch = new ContainmentWatch(watch_port(ports.threads, parts.mount, rate), motor.name === "cgroup");
    this.#dial = new DialKeeper(
      { motor, watch, started: options, level: () => this.#beat.state?.level ?? 0 },
      parts.dial,
    );
    this.#pauses = this.#pause_keeper();
    this.#beat = new Beat({
      sense: () => this.#sense(),
      search_threads: (wanted) => this.#threads.search(wanted.cgroup_id, wanted.resource),
      cortex,
      config: parts.rules,
      motor,
      watch,
      kernel_memory: new KernelMemorySense(ports),
      pause: (now_ns) => this.#pauses.input(now_ns),
      ...(parts.rules.shield === undefined ? {} : { arrivals: new Arrivals(ports) }),
      own_stall: new OwnStall(stall_port(parts.mount)),
      attribute: (sparing) => attributor.observe(sparing),
      episodes: this.#episodes,
      record: (entry) => this.#record(entry),
      ...(flight === null ? {} : { refill: (desk: SpentBeat) => flight.refill(desk) }),
      level_found: parts.standing.level,
    });
    this.#quarantine = this.#keeper();
    const { config, mode } = options;
    const asked = {
      config,
      motor,
      beat: this.#beat,
      pauses: this.#pauses,
      dial: () => this.#dial.dial,
      engine: () => this.#engine(),
      reload: (by: Asker) => new Promise<ReloadReply>((answer) => this.#reloads.push({ by, answer })),
      episodes: this.#episodes,
      record: (entry: AuditEntry) => this.#record(entry),
      flush_audit: () => parts.audit?.flush() ?? Promise.resolve(),
      figures: () => ({ count: this.#beats, period_ms: this.#period_ms, ...this.#times.figures() }),
      warmup: () => cortex.warmup,
      quarantine_left: () => this.#quarantine.left(),
      node: config.node.name || hostname(),
      version: manifest.version,
      losses: this.#losses,
      lacking: this.#lacking,
    };
    const refused = (text: string) => {
      this.#control_refused = text;
      options.on_message("warn", text);
    };
    this.#control = mode === "run" ? open_control(asked, refused) : null;
    const losing = {
      saving: this.#saving,
      service: this.#service,
      control: () => this.#control,
      control_refused: () => this.#control_refused,
      output_dropped: options.output_dropped ?? (() => 0),
    };
    this.#losses.watch(...loss_sources(parts, losing));
  }

  #pause_keeper(): PauseKeeper {
    const boot_id = current_boot_id();
    return new PauseKeeper({
      state_dir: this.#options.config.learning.state_dir,
      clocks: () => ({ boot_id, now_ns: monotonic_ns(), wall_s: wall_s() }),
      wall_time_of,
      record: (entry) => this.#record(entry),
      on_message: this.#options.on_message,
    });
  }

  /** What it does now, and what it lacks. */
  #engine(): Engine {
    const { motor } = this.#parts;
    const acting = this.#dial.dial.acts;
    const lost = [
      this.#dial.lost,
      this.#pauses.trouble,
      ...this.#losses.degraded,
      ...(acting ? lost_rungs(motor.missing(), this.#config) : []),
    ].filter((what) => what !== null);
    if (this.#ending) return { state: "shutting_down", lost };
    if (!this.#knows) return { state: "initializing", lost };
    if (this.#pauses.input(monotonic_ns()) !== undefined) return { state: "paused", lost };
    return { state: lost.length === 0 ? "running" : "degraded", lost };
  }

  #task_watch(): TaskWatch {
    const { ports, sensor, senses, own_path } = this.#parts;
    const totals = new NodeTotalsReader(ports.open, () => senses.beat);
    const read = {
      threads: ports.threads,
      starters: ports.starters,
      totals: () => totals.read(),
      monotonic_ns,
      boottime_ns: ports.boottime_ns,
    };
    return new TaskWatch(read, {
      usual: (tid, start_ns) => this.#threads.usual(tid, start_ns),
      path_of: (id) => sensor.cgroups.path_of(id),
      protected_because: (path) => protection(path, own_path, protected_patterns(this.#config)),
      own_comm: own_comm(),
    });
  }

  #keeper(): QuarantineKeeper {
    const { config, on_message } = this.#options;
    const { motor, mount } = this.#parts;
    const record = (entry: AuditEntry) => this.#record(entry);
    const ask_release = this.#beat.ask_release.bind(this.#beat);
    const last_word = () => this.#telling?.last_word() ?? Promise.reject(new Error("nobody can be told yet"));
    const lose = this.#losses.note.bind(this.#losses);
    return new QuarantineKeeper({ ...this.#parts, config, record, on_message, ask_release, lose }, (evidence) =>
      quarantine_motor(config, motor, mount, evidence, last_word, (outcome) => {
        note_step(this.#losses, outcome);
        record({ t_ns: monotonic_ns(), kind: "quarantine_step", outcome });
        on_message("warn", `quarantine: ${step_sentence(outcome)}`);
      }),
    );
  }

  async run(): Promise<Omit<AgentResult, "audit_lost">> {
    const { senses } = this.#parts;
    const { signal, duration_s, count } = this.#options;
    // After the socket: an operator who finds none writes the file, and looks for the socket once more.
    const paused = this.#options.mode === "run" ? this.#pauses.load() : null;
    announce(this.#parts, this.#options, this.#period_ms, paused, (entry) => this.#record(entry));
    const figures = () => ({ count: this.#beats, last_ns: this.#last_beat_ns, period_ms: this.#period_ms });
    const record = (entry: AuditEntry) => this.#record(entry);
    if (this.#options.mode === "run") {
      const standing = {
        dial: () => this.#dial.dial,
        engine: () => this.#engine(),
        pause: () => this.#pauses.input(monotonic_ns()),
      };
      const told_of = telling_parts(this.#options, this.#parts, this.#beat, this.#times, figures, record, standing);
      this.#telling = await open_telling({ ...told_of, losses: this.#losses, lacking: this.#lacking });
      this.#losses.watch(...this.#telling.loss_sources);
    }
    this.#start_beat();
    this.#give_up_privileges();
    const end_ns = duration_s === null ? Number.POSITIVE_INFINITY : monotonic_ns() + duration_s * 1e9;
    for (;;) {
      const patience_ms = this.#quarantine.busy ? POLL_BUSY_MS : POLL_MS;
      const asked_ns = monotonic_ns();
      if (senses.poll(this.#control?.patience_ms(patience_ms) ?? patience_ms) > 0) {
        senses.drain();
        this.#last_beat_ns = monotonic_ns();
        if (this.#beats > WARM_BEATS) this.#times.woken(senses.beat.t_ns, this.#last_beat_ns);
        if (this.#one_beat() === false) return { beats: this.#beats, reason: "the reader went away" };
      } else {
        this.#check_silence(asked_ns);
      }
      await this.#turn();
      await this.#reload_if_asked();
      if (signal.aborted) return { beats: this.#beats, reason: String(signal.reason ?? "asked to end") };
      if (count !== null && this.#beats >= count) return { beats: this.#beats, reason: `${count} beats` };
      if (monotonic_ns() >= end_ns) return { beats: this.#beats, reason: `${duration_s} s` };
    }
  }

  /** Everything is attached and opened: what loading needed is of use only to somebody who breaks in. */
  #give_up_privileges(): void {
    if (!this.#config.security.drop_capabilities) return;
    const { pre, post } = this.#config.hooks;
    const administers = this.#parts.rules.reserve !== undefined || pre.length + post.length > 0;
    // Also where the dial stands below: it may be raised while the agent runs, and nothing that is given up comes back.
    const { level, text } = drop_privileges(this.#parts.motor.real !== null, administers);
    if (level === "warn" || this.#options.mode === "run") this.#options.on_message(level, text);
  }

  async #reload_if_asked(): Promise<void> {
    const { reload: source, on_message } = this.#options;
    // The manager counts the service as started by the first beat, and a reload must not claim that one.
    if (this.#beats === 0 || source === null) return;
    const signaled = source.requested();
    if (!signaled && this.#reloads.length === 0) return;
    const requests = this.#reloads.splice(0);
    const t_ns = monotonic_ns();
    this.#service.reloading(t_ns);
    const { plan, entry, messages, status } = reload(this.#config, () =>
      with_trusted_places(with_safe_hooks(source.load())),
    );
    const move = plan === null ? null : this.#dial.move(plan.config, t_ns);
    const moved = move === null ? {} : { dial: { from: move.from, to: move.to } };
    const [first] = requests;
    const released = move?.released ?? [];
    this.#record({ t_ns, ...entry, ...moved, ...(first === undefined ? {} : { by: first.by }) });
    if (released.length > 0) this.#record({ t_ns, kind: "undo", reason: "autonomy was changed", outcomes: released });
    this.#telling?.undone(released, "autonomy was changed");
    if (plan !== null) {
      await this.#reconfigure(plan.config);
      source.applied(plan.config);
    }
    const paused = this.#pauses.load();
    if (paused !== null) this.#record({ t_ns, kind: "pause", pause: paused, resumed: true });
    for (const { level, text } of messages) on_message(level, text);
    if (move !== null) on_message("warn", `autonomy: ${dial_sentence(move.to)}${released_words(released)}`);
    this.#service.reloaded(status);
    for (const { answer } of requests) answer(this.#reload_reply(entry, released));
  }

  async #reconfigure(config: Config): Promise<void> {
    this.#config = config;
    const { own_path, motor, flight, rules, standing } = this.#parts;
    const { shield, reserve } = rules;
    const dial = dial_of(config, this.#options);
    const asked = decision_config(config, own_path, shield !== undefined, reserve !== undefined, dial);
    const decides_by = bounded_by(asked, standing.ceiling);
    this.#beat.reconfigure(decides_by);
    motor.reconfigure(motor_limits(config));
    flight?.reconfigure(decides_by);
    this.#quarantine.reconfigure(config);
    await this.#telling?.reconfigure(config);
  }

  #reload_reply({ accepted, problems, applied, kept }: ReloadEntry, released: readonly Outcome[]): ReloadReply {
    return {
      accepted,
      problems,
      applied: applied.map(({ key }) => key),
      kept: kept.map(({ key }) => key),
      dial: this.#dial.dial,
      released,
      missing_rungs: worth_telling(this.#parts.motor.missing(), this.#config),
      pause: this.#pauses.current,
      quarantine: this.#beat.state?.level === 5,
    };
  }

  /** The event loop delivers signals and finishes writes; at 10 Hz it need not run after every beat, for it costs as much. */
  async #turn(): Promise<void> {
    const now_ns = monotonic_ns();
    this.#pauses.turn(now_ns);
    const at_leisure = this.#period_ms >= this.#config.beat.vigilant_period_ms;
    this.#control?.turn(now_ns, at_leisure, this.#period_ms);
    if (at_leisure) this.#telling?.turn(now_ns);
    if (at_leisure) this.#losses.turn(now_ns);
    const { audit, flight } = this.#parts;
    const writing = (audit?.busy ?? false) || (flight?.busy ?? false);
    const busy = this.#options.mode === "observe" || writing || this.#quarantine.busy;
    const every_ns = at_leisure && this.#telling?.busy === true ? TURN_FOR_HOOKS_NS : TURN_EVERY_NS;
    if (!busy && now_ns - this.#turned_ns < every_ns) return;
    this.#turned_ns = now_ns;
    await next_turn();
  }

  /** Some kernels refuse a BPF timer that they would load: on those nothing can be sensed in time. */
  #start_beat(): void {
    try {
      this.#parts.senses.start(this.#period_ms * 1e6);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      throw new OperatorError(error.message, 3, error.hint || "see `hosa doctor`", error);
    }
  }

  /** Undo in reverse order of creation; the first failure does not hide the others. */
  async end(reason: string): Promise<void> {
    const { senses, motor, audit, flight } = this.#parts;
    this.#ending = true;
    this.#service.stopping();
    // A step of a quarantine may take its time to end, and whoever is held must not wait for it.
    this.#undo_all();
    await this.#quarantine.close();
    const now_ns = monotonic_ns();
    this.#undo_all();
    motor.close();
    this.#parts.network?.[Symbol.dispose]();
    this.#parts.shield?.undo();
    this.#control?.close(`the agent ends: ${reason}`);
    await this.#telling?.close();
    // A disk that hangs must not keep the agent from ending.
    await Promise.race([this.#pauses.close(), pause(SAVED_WITHIN_MS)]);
    if (audit !== null) {
      this.#losses.finish(now_ns);
      for (const entry of this.#episodes.close(now_ns)) this.#record(entry);
      this.#record({
        t_ns: now_ns,
        kind: "stop",
        reason,
        beats: this.#beats,
        beat_cost_us: this.#times.cost.quantiles(),
      });
      if (this.#warm) await this.#saving.finish();
      await flight?.close();
      await audit.close();
      this.audit_lost = audit.dropped;
      if (audit.dropped > 0)
        this.#options.on_message(
          "error",
          `the audit lacks ${counted(audit.dropped, "line")}: ${audit.unsaid?.why ?? "the disk refused them for a while"}`,
        );
      this.#parts.unlock_audit();
    }
    senses[Symbol.dispose]();
    this.#service.close();
  }

  #undo_all(): void {
    const now_ns = monotonic_ns();
    const undone = this.#parts.motor.release_all(now_ns, "hosa ends");
    if (undone.length > 0) this.#record({ t_ns: now_ns, kind: "undo", reason: "hosa ends", outcomes: undone });
    this.#telling?.undone(undone, "hosa ends");
  }

  #sense(): Sample | null {
    const sample = this.#parts.sensor.sense(this.#parts.senses.beat);
    this.#threads.sweep(this.#calm);
    return sample;
  }

  #one_beat(): false | undefined {
    const started_us = stopwatch_us();
    const before = this.#beat.state;
    const result = this.#beat.step();
    if (result !== null) this.#parts.flight?.note(result.assessment, before, result.decision, result.kept);
    if (this.#beats > WARM_BEATS) this.#times.cost.add(stopwatch_us() - started_us);
    if (result === null) return undefined;
    this.#beats += 1;
    const { decision, assessment, outcomes } = result;
    if (outcomes.length > 0) note_outcomes(this.#losses, outcomes);
    this.#calm = decision.level === 0;
    if (decision.beat_period_ms !== this.#period_ms) {
      this.#period_ms = decision.beat_period_ms;
      this.#parts.senses.set_period(this.#period_ms * 1e6);
    }
    const held = this.#beat.state?.containments ?? [];
    for (const live of held) this.#parts.motor.renew(live.id, decision.t_ns);
    this.#knows = assessment.warm;
    const standing = {
      dial: this.#dial.dial,
      pause: this.#pauses.input(decision.t_ns),
      degraded: this.#losses.degraded,
    };
    this.#service.beaten(result, held.length, standing);
    this.#quarantine.after_beat(assessment, decision);
    // Above level 0 there is something else to tell, and nothing new to know.
    if (assessment.warm && (!this.#warm || decision.level === 0)) this.#say_baseline(assessment, decision.t_ns);
    this.#warmup_news.turn(decision.t_ns);
    this.#control?.noticed(result);
    this.#telling?.noticed(result);
    this.#tell(result);
    if (result.eventful || this.#options.mode === "observe") {
      result.kept = true;
      this.#untold.push(result);
    }
    if (result.kept) this.#parts.flight?.keep_latest();
    return this.#show(this.#period_ms >= this.#config.beat.vigilant_period_ms);
  }

  /** Shows what happened, but not while a held thread runs in a dose: a line on a terminal can take longer than the dose. */
  #show(at_leisure: boolean): false | undefined {
    if (!at_leisure && this.#untold.length < UNTOLD_MAX) return undefined;
    for (const { assessment, decision, episode } of this.#untold.splice(0)) {
      const view = view_of(assessment, decision, this.#dial.dial.acts, episode?.view() ?? null);
      if (this.#options.on_beat(view) === false) return false;
    }
    return undefined;
  }

  /** Heartbeat in homeostasis, the learned self once a minute, audit lines to disk: all off the beat. */
  #tell(result: BeatResult): void {
    const { audit, flight } = this.#parts;
    const { decision, assessment } = result;
    if (audit === null) return;
    const due = decision.t_ns - this.#told_ns >= this.#config.telemetry.heartbeat_s * 1e9;
    if (due && decision.level === 0) {
      this.#told_ns = decision.t_ns;
      const { d_smooth, thresholds } = assessment;
      const period_s = this.#config.telemetry.heartbeat_s;
      const beats = this.#beats;
      this.#record({ t_ns: decision.t_ns, kind: "heartbeat", level: 0, d_smooth, thresholds, beats, period_s });
    }
    const line = this.#trace.line(result, this.#beat.state?.containments ?? []);
    if (line !== null) this.#record(line);
    if (this.#warm && this.#saving.turn(decision.t_ns, decision.level === 0)) {
      if (decision.level === 0) this.#parts.network?.refresh();
      calm_background_threads();
    }
    // A dose is a matter of milliseconds: what there is to write waits until it is over.
    if (decision.beat_period_ms >= this.#config.beat.vigilant_period_ms) {
      audit.turn(decision.t_ns);
      // A flight begins just when every processor is wanted: a piece of it per ordinary beat is soon enough.
      if (decision.t_ns - this.#flown_ns >= this.#config.beat.period_ms * 1e6) {
        this.#flown_ns = decision.t_ns;
        flight?.at_leisure();
      }
    }
  }

  #record(entry: AuditEntry): void {
    this.#parts.audit?.append(narrated(entry));
  }

  #check_silence(asked_ns: number): void {
    const now_ns = monotonic_ns();
    // A node that was paused while the agent waited has not missed a beat.
    if (now_ns - asked_ns > (SILENCE_S / 2) * 1e9) this.#last_beat_ns = now_ns;
    const silent_s = (now_ns - this.#last_beat_ns) / 1e9;
    if (silent_s < SILENCE_S) return;
    const said = `no beat from the kernel for ${silent_s.toFixed(0)} s`;
    throw new OperatorError(said, 1, "restart hosa; see `hosa doctor`");
  }

  #say_baseline(assessment: Assessment, t_ns: number): void {
    if (!this.#baseline_news.due(assessment.thresholds.theta, t_ns)) return;
    const again = this.#warm;
    this.#warm = true;
    if (!again) calm_background_threads();
    const { cortex, sensor } = this.#parts;
    const { fit, learned_samples, mean, sigma } = cortex.baseline();
    const { thresholds } = assessment;
    const dimensions = sensor.dimensions.map((dimension) => dimension.name);
    this.#record({ t_ns, kind: "baseline", dimensions, mean, sigma, thresholds, samples: learned_samples, tail: fit });
    const said = again ? "the thresholds have moved" : "this node is known";
    const samples = counted(learned_samples, "sample");
    this.#options.on_message("info", `${said}: ${samples}; ${thresholds_text(thresholds)}`);
  }
}

function released_words(released: readonly Outcome[]): string {
  return released.length === 0 ? "" : `; ${counted(released.length, "containment")} released first`;
}
