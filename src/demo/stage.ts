import { DemoProgram } from "../ffi/demo_program.ts";
import { KernelError } from "../ffi/errors.ts";
import { OperatorError } from "../model/error.ts";
import { current_boot_id } from "../motor/ledger.ts";
import { LedgerBusy, take_lock } from "../motor/lock.ts";
import { find_cgroup2_mount, why_no_cgroup2 } from "../sensor/mount.ts";
import { Child } from "./child.ts";
import { type DemoPlace, demo_place, LOCK, leftovers, make_place } from "./place.ts";

const WATCHES_WITHIN_MS = 10_000;

/**
 * What a demonstration needs, made and removed again. A process of its own waits for the end of this one and removes everything then: at the end,
 * after Ctrl-C, and after kill -9.
 */
export class DemoStage implements AsyncDisposable {
  readonly place: DemoPlace;
  readonly #program: DemoProgram;
  readonly #watcher: Child;
  readonly #unlock: () => void;

  private constructor(place: DemoPlace, program: DemoProgram, watcher: Child, unlock: () => void) {
    this.place = place;
    this.#program = program;
    this.#watcher = watcher;
    this.#unlock = unlock;
  }

  /** Removes what an earlier one left, and makes a new one. Throws OperatorError. */
  static async open(mount: string, limit_bytes: number): Promise<DemoStage> {
    const place = demo_place(mount);
    const unlock = lock();
    try {
      const program = open_program();
      await clean(program, place);
      const watcher = new Child("watcher", [program.path, "watch", place.slice, place.directory]);
      const stage = new DemoStage(place, program, watcher, unlock);
      try {
        await watcher.until("watching", WATCHES_WITHIN_MS);
        make_place(place, limit_bytes);
      } catch (error) {
        await stage[Symbol.asyncDispose]();
        throw error;
      }
      return stage;
    } catch (error) {
      unlock();
      throw error;
    }
  }

  /** The program of the service, its load, and what starts others in a cgroup. */
  get program(): string {
    return this.#program.path;
  }

  /** Removes everything. Throws OperatorError where something is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watcher.close();
    await this.#watcher.exited;
    this.#program[Symbol.dispose]();
    this.#unlock();
    require_nothing(this.place);
  }
}

/** Removes what a demonstration left that could not end itself; returns what that was. Throws OperatorError. */
export async function clean_leftovers(): Promise<readonly string[]> {
  const uid = process.geteuid?.() ?? -1;
  if (uid !== 0) throw new OperatorError(`only root may remove it, and this is user ${uid}`, 3, "Run it as root.");
  const found = find_cgroup2_mount();
  if (found === null) throw new OperatorError(`there is no cgroup v2 (${why_no_cgroup2()})`, 3, "See `hosa doctor`.");
  const place = demo_place(found.mount);
  const unlock = lock();
  try {
    using program = open_program();
    return await clean(program, place);
  } finally {
    unlock();
  }
}

async function clean(program: DemoProgram, place: DemoPlace): Promise<readonly string[]> {
  const found = leftovers(place);
  if (found.length === 0) return [];
  await using cleaner = new Child("cleaner", [program.path, "clean", place.slice, place.directory]);
  await cleaner.exited;
  require_nothing(place);
  return found;
}

function require_nothing(place: DemoPlace): void {
  const left = leftovers(place);
  if (left.length === 0) return;
  throw new OperatorError(`${left.join(" and ")} could not be removed`, 1, "Run `hosa demo --clean`.");
}

function open_program(): DemoProgram {
  try {
    return DemoProgram.open();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new OperatorError(error.message, 1, "See vm.memfd_noexec in sysctl(8).", error);
  }
}

function lock(): () => void {
  try {
    return take_lock(LOCK, current_boot_id());
  } catch (error) {
    if (!(error instanceof LedgerBusy)) throw error;
    const hint = "Wait for its end, or end it with Ctrl-C.";
    throw new OperatorError(`another demonstration runs (process ${error.pid})`, 1, hint, error);
  }
}
