import type { Action, PartOutcome, Setting } from "../../model/containment.ts";
import type { Maybe } from "../../model/sample.ts";
import { device_line, is_unlimited, parse_io_max } from "../devices.ts";
import type { EntryKind, LedgerEntry } from "../entry.ts";
import { offers } from "../files.ts";
import { inode_or_null } from "../locate.ts";
import { act_on_each, parts_sentence, refusals } from "../parts.ts";
import { FileTrouble, Gone, Refusal } from "../trouble.ts";
import type { Applied, Change, Containment, Place, RungContext } from "./containment.ts";
import { change, entry_base, with_parts } from "./containment.ts";

/** The text to write for a setting, as the kernel will show it, and what had to be said about it. */
export interface Plan {
  readonly text: string;
  readonly note: string;
  /** Devices that the plan leaves out by its bound; absent: none. */
  readonly left_out?: readonly PartOutcome[];
}

/** A rung that is one control file with one value. */
export interface ValueRung {
  readonly file: string;
  readonly kind: Extract<EntryKind, "file" | "devices">;
  /**
   * @param standing our value in force; null for the first one
   * @throws Refusal when the setting would loosen what was there before or is out of the kernel's range
   */
  plan(setting: Setting, prior: string, context: RungContext, place: Place, standing: Maybe<string>): Plan;
  /** The file's text → the part of it that is ours, comparable with a plan's text. */
  comparable(found: string, intended: string): string;
  /** The writes a plan takes: io.max takes one device per write. */
  writes(text: string): readonly string[];
  /** What an errno of a write means here, where that is more than the errno; for `devices`. */
  why?(code: string): string;
}

const REAPPLIED_MAX = 1;
const BLOCK_DEVICES = "/sys/dev/block";

function device_of(line: string): string {
  return line.split(" ", 1)[0]!;
}

/** Write down, write, read back. */
export function apply_value(rung: ValueRung, context: RungContext, action: Action, place: Place): Applied {
  const file = `${place.directory}/${rung.file}`;
  if (!offers(context.files, file)) {
    throw new Refusal(`${place.path} has no ${rung.file}: its controller is not enabled there`);
  }
  const prior = context.files.read(file).trim();
  const plan = rung.plan(action.setting, prior, context, place, null);
  const entry = context.ledger.open({
    ...entry_base(context, action, place),
    kind: rung.kind,
    file: rung.file,
    prior,
    intended: plan.text,
    threads: [],
  });
  const containment = new ValueContainment(rung, context, place, entry);
  return { containment, change: containment.write(plan) };
}

class ValueContainment implements Containment {
  readonly frozen = null;
  readonly #rung: ValueRung;
  readonly #context: RungContext;
  readonly #place: Place;
  readonly #file: string;
  #entry: LedgerEntry;
  #reapplied = 0;
  #drift: Maybe<string> = null;
  /** Their value, found and covered by an adjustment; told at the next check. */
  #covered: Maybe<string> = null;

  constructor(rung: ValueRung, context: RungContext, place: Place, entry: LedgerEntry) {
    this.#rung = rung;
    this.#context = context;
    this.#place = place;
    this.#file = `${place.directory}/${rung.file}`;
    this.#entry = entry;
  }

  get entry(): LedgerEntry {
    return this.#entry;
  }

  adjust(setting: Setting): Change {
    const found = this.#found();
    if (found !== this.#entry.intended) {
      if (this.#reapplied >= REAPPLIED_MAX) {
        return this.#drifted(found, `set again after ${REAPPLIED_MAX} re-application; not fought`);
      }
      this.#reapplied += 1;
    }
    const theirs = found !== this.#entry.intended && this.#rung.kind === "file";
    const prior = theirs ? found : this.#entry.prior;
    const plan = this.#rung.plan(setting, prior, this.#context, this.#place, this.#entry.intended);
    if (theirs) this.#adopt(found);
    if (plan.text === found) {
      return change("done", `already ${found}${plan.note}`, {
        file: this.#file,
        prior: this.#entry.prior,
        written: found,
      });
    }
    this.#entry = this.#context.ledger.adjust(this.#entry, plan.text);
    return this.write(plan);
  }

  confirm(): null {
    return null;
  }

  /** What another writer set meanwhile is the newest wish of the node's owner: that is what the undo has to restore. */
  #adopt(found: string): void {
    const { id, boot_id, superseded, ...same } = this.#entry;
    this.#entry = this.#context.ledger.open({ ...same, prior: found });
    this.#context.ledger.close_entry(id);
    this.#covered = found;
  }

  check(): Maybe<Change> {
    const covered = this.#covered;
    if (covered !== null) {
      this.#covered = null;
      const detail = `another writer set ${this.#rung.file} to ${covered} meanwhile: that is what will be restored`;
      return change("drifted", detail, { file: this.#file, prior: covered });
    }
    const found = this.#found();
    if (found === this.#entry.intended) {
      this.#drift = null;
      return null;
    }
    if (found === this.#drift) return null;
    return this.#drifted(found, "another writer changed it");
  }

  close(): void {}

  write(plan: Plan): Change {
    this.#drift = null;
    if (this.#rung.kind === "devices") return this.#write_devices(plan);
    for (const text of this.#rung.writes(plan.text)) this.#context.files.write(this.#file, text);
    const found = this.#found();
    const more = { file: this.#file, prior: this.#entry.prior, written: plan.text };
    if (found === plan.text) return change("done", `${this.#rung.file} = ${plan.text}${plan.note}`, more);
    // The kernel rounded: what it shows is ours from now on.
    this.#entry = this.#context.ledger.adjust(this.#entry, found);
    return change("done", `${this.#rung.file} = ${plan.text}, shown as ${found}${plan.note}`, {
      ...more,
      written: found,
    });
  }

  /** One device that refuses keeps none of the others from its limit, and the ledger holds those that took it. */
  #write_devices(plan: Plan): Change {
    const { files, ledger } = this.#context;
    const lines = this.#rung.writes(plan.text);
    const written = act_on_each(lines, device_of, (line) => files.write(this.#file, line), this.#rung.why);
    // ENODEV is said of a device as well as of a cgroup that was removed; the latter cannot be read either.
    const shown = parse_io_max(this.#read());
    const parts = written.map((part) => (part.status === "gone" ? { ...part, status: "refused" as const } : part));
    const taken = parts.filter(({ status }) => status === "done").map(({ subject }) => subject);
    const before = parse_io_max(this.#entry.superseded);
    const kept = [...before.keys()].filter(
      (device) => !taken.includes(device) && device_line(shown, device) === device_line(before, device),
    );
    const refused = refusals(parts);
    if (taken.length === 0 && kept.length === 0)
      throw new Refusal(`no device took the limit: ${parts_sentence(refused)}`);
    const ours = [...taken, ...kept].map((device) => device_line(shown, device)).join("\n");
    this.#entry = ledger.adjust(this.#entry, ours);
    const all = [...parts, ...(plan.left_out ?? [])];
    const not = refusals(all);
    const without = not.length === 0 ? "" : `; without ${parts_sentence(not)}`;
    const more = { file: this.#file, prior: this.#entry.prior, written: ours, ...with_parts(all) };
    if (taken.length === 0) return change("refused", `no device took the new limit, the old one stays${without}`, more);
    const shown_as = lines.some((line) => taken.includes(device_of(line)) && !ours.includes(line));
    const said = shown_as ? `${plan.text}, shown as ${ours}` : ours;
    return change("done", `${this.#rung.file} = ${said}${plan.note}${without}`, more);
  }

  #read(): string {
    try {
      return this.#context.files.read(this.#file).trim();
    } catch (error) {
      if (error instanceof FileTrouble && error.vanished) throw new Gone(`${this.#place.path} no longer exists`);
      throw error;
    }
  }

  #found(): string {
    return this.#rung.comparable(this.#read(), this.#entry.intended);
  }

  /** Devices whose limit is gone with them. */
  #unplugged(found: string): readonly string[] {
    const shown = parse_io_max(found);
    return [...parse_io_max(this.#entry.intended).keys()].filter(
      (device) =>
        is_unlimited(shown, device) && inode_or_null(this.#context.files, `${BLOCK_DEVICES}/${device}`) === null,
    );
  }

  #drifted(found: string, why: string): Change {
    this.#drift = found;
    const unplugged = this.#rung.kind === "devices" ? this.#unplugged(found) : [];
    const cause = unplugged.length === 0 ? why : `${unplugged.join(", ")} was unplugged`;
    const detail = `${this.#rung.file} is ${found}, ours was ${this.#entry.intended}: ${cause}`;
    return change("drifted", detail, { file: this.#file, prior: this.#entry.prior });
  }
}
