import type { AuditEntry } from "../model/audit.ts";
import { LOSS_CODES, type Loss, type LossCode, loss_kind } from "../model/loss.ts";
import type { Maybe } from "../model/sample.ts";
import { loss_sentence } from "../report/loss.ts";

/** Where a loss is counted. Read once a second: a number that is kept anyway. */
export interface LossSource {
  readonly code: LossCode;
  /** Lost since the start; absent for what is a state and no event. */
  readonly total?: () => number;
  /** Left out at present. */
  readonly now?: () => number;
  /** It goes on although nothing is counted: entries wait, nothing can be written. */
  readonly lasting?: () => boolean;
  /** The latest cause or place. */
  readonly detail?: () => string;
}

interface Known {
  /** The larger of what was counted and of the most that was left out at once. */
  total: number;
  counted: number;
  now: number;
  detail: string;
  /** Its beginning was told, its end not yet. */
  open: boolean;
  /** It goes on, or did a short while ago. */
  lasting: boolean;
  /** Its source says that it goes on. */
  stands: boolean;
  is_state: boolean;
  told_total: number;
  told_now: number;
  told_ns: number;
  seen_ns: number;
  since: string;
  last: string;
}

export interface LossesOptions {
  readonly record: (entry: AuditEntry) => void;
  readonly on_message: (level: "error" | "warn" | "info", text: string) => void;
  /** ISO 8601. */
  readonly wall_time: () => string;
  /** Before each look: what has to be examined to be counted. */
  readonly before_look?: () => void;
}

const NO_SOURCES: readonly LossSource[] = [];
const LOOK_NS = 1e9;
/** What goes on is told again so often at most. */
const AGAIN_NS = 60e9;
/** Events are over when none came for so long; a state has to be over for a while, so that one which flaps is told once. */
const EVENTS_OVER_NS = 60e9;
const STATE_OVER_NS = 10e9;

/** The one register of what is lost and left out: counts come from where they arise, words from model/loss.ts. */
export class Losses {
  readonly #options: LossesOptions;
  readonly #sources = new Map<LossCode, LossSource[]>();
  readonly #noted = new Map<LossCode, { count: number; detail: string }>();
  readonly #known = new Map<LossCode, Known>();
  #looked_ns = Number.NEGATIVE_INFINITY;
  #degraded: readonly string[] = [];

  constructor(options: LossesOptions) {
    this.#options = options;
  }

  /** Several sources of one code are summed. */
  watch(...sources: readonly LossSource[]): void {
    for (const source of sources) {
      const known = this.#sources.get(source.code);
      if (known === undefined) this.#sources.set(source.code, [source]);
      else known.push(source);
    }
  }

  /** Counts what no counter holds. */
  note(code: LossCode, count: number, detail: string): void {
    const noted = this.#noted.get(code);
    if (noted === undefined) this.#noted.set(code, { count, detail });
    else {
      noted.count += count;
      noted.detail = detail;
    }
  }

  /** Once a beat; looks once a second. */
  turn(t_ns: number): void {
    if (t_ns - this.#looked_ns < LOOK_NS) return;
    this.#looked_ns = t_ns;
    this.#look(t_ns);
  }

  /** The agent ends: what came since the last look is recorded as well. */
  finish(t_ns: number): void {
    this.#look(t_ns);
    for (const [code, known] of this.#known)
      if (known.total > known.told_total) this.#record(code, known, "goes_on", t_ns);
  }

  /** What was lost or is being lost, in the order of the table. */
  get list(): readonly Loss[] {
    return LOSS_CODES.flatMap((code) => {
      const known = this.#known.get(code);
      return known === undefined ? [] : [shown(code, known)];
    });
  }

  /** What HOSA cannot do now, as of the latest look; empty where it is not degraded. */
  get degraded(): readonly string[] {
    return this.#degraded;
  }

  #look(t_ns: number): void {
    this.#options.before_look?.();
    for (const code of LOSS_CODES) {
      const seen = this.#seen(code);
      if (seen !== null) this.#follow(code, seen, t_ns);
    }
    const degraded: string[] = [];
    for (const [code, { stands }] of this.#known) {
      const cannot = stands ? loss_kind(code).degrades : undefined;
      if (cannot !== undefined) degraded.push(cannot);
    }
    this.#degraded = degraded;
  }

  /** Null: nothing was ever lost of this kind. */
  #seen(code: LossCode): Maybe<Pick<Known, "total" | "now" | "detail" | "lasting">> {
    const noted = this.#noted.get(code);
    let total = noted?.count ?? 0;
    let now = 0;
    let lasting = false;
    let detail = noted?.detail ?? "";
    for (const source of this.#sources.get(code) ?? NO_SOURCES) {
      const own_total = source.total?.() ?? 0;
      const own_now = source.now?.() ?? 0;
      const lasts = source.lasting?.() ?? false;
      total += own_total;
      now += own_now;
      lasting ||= lasts;
      if (own_total > 0 || own_now > 0 || lasts) detail = source.detail?.() ?? detail;
    }
    if (total === 0 && now === 0 && !lasting && !this.#known.has(code)) return null;
    return { total, now, detail, lasting };
  }

  #follow(code: LossCode, seen: Pick<Known, "total" | "now" | "detail" | "lasting">, t_ns: number): void {
    const known = this.#known.get(code) ?? this.#begin(code);
    const goes_on = seen.total > known.counted || seen.now > 0 || seen.lasting;
    known.counted = seen.total;
    known.total = Math.max(known.total, seen.total, seen.now);
    known.now = seen.now;
    known.stands = seen.lasting;
    known.is_state ||= seen.now > 0 || seen.lasting;
    if (goes_on) {
      known.seen_ns = t_ns;
      known.last = this.#options.wall_time();
      if (seen.detail !== "") known.detail = seen.detail;
    }
    known.lasting = t_ns - known.seen_ns < (known.is_state ? STATE_OVER_NS : EVENTS_OVER_NS);
    if (!known.open && goes_on) this.#record(code, known, "began", t_ns);
    else if (known.open && !known.lasting) this.#record(code, known, "ended", t_ns);
    else if (goes_on && t_ns - known.told_ns >= AGAIN_NS && differs(known)) this.#record(code, known, "goes_on", t_ns);
  }

  #begin(code: LossCode): Known {
    const since = this.#options.wall_time();
    const known = {
      ...{ total: 0, counted: 0, now: 0, detail: "", open: false, lasting: false, stands: false, is_state: false },
      ...{ told_total: 0, told_now: 0, told_ns: Number.NEGATIVE_INFINITY, seen_ns: Number.NEGATIVE_INFINITY },
      ...{ since, last: since },
    };
    this.#known.set(code, known);
    return known;
  }

  #record(code: LossCode, known: Known, phase: "began" | "goes_on" | "ended", t_ns: number): void {
    const count = Math.max(0, known.total - known.told_total);
    const { total, now, detail } = known;
    this.#options.record({ t_ns, kind: "loss", code, phase, count, total, now, detail });
    known.told_total = total;
    known.told_now = now;
    known.told_ns = t_ns;
    known.open = phase !== "ended";
    if (phase === "began") this.#say(code, known);
    else if (phase === "ended") this.#options.on_message("info", `over: ${loss_sentence({ code, ...known })}`);
  }

  #say(code: LossCode, known: Known): void {
    const { degrades, remedy } = loss_kind(code);
    const degraded = degrades !== undefined && known.stands;
    const cannot = degraded ? ` ${degrades}.` : "";
    const level = degraded ? "error" : "warn";
    this.#options.on_message(level, `lost: ${loss_sentence({ code, ...known })}${cannot} ${remedy}`);
  }
}

function differs({ total, told_total, now, told_now }: Known): boolean {
  return total > told_total || now !== told_now;
}

function shown(code: LossCode, known: Known): Loss {
  const { unit, effect, remedy, degrades } = loss_kind(code);
  const { total, now, lasting, stands, detail, since, last } = known;
  const degraded = stands ? (degrades ?? null) : null;
  const sentence = loss_sentence({ code, total, now, detail });
  return { code, unit, total, now, lasting, detail, since, last, effect, remedy, sentence, degraded };
}
