import type { Action, Setting, Target } from "../../src/model/containment.ts";
import type { ManagerFacts, ProcessFacts } from "../../src/model/precondition.ts";
import type { CgroupFiles, KeptFile } from "../../src/motor/files.ts";
import type { Described } from "../../src/motor/process_facts.ts";
import type { Processes, ThreadState } from "../../src/motor/processes.ts";
import { FileTrouble } from "../../src/motor/trouble.ts";
import type { UnitSettings } from "../../src/motor/unit_files.ts";

export const MOUNT = "/cg";

interface FakeThread {
  pid: number;
  start_ticks: number;
  state: string;
  cgroup_path: string;
  ending: boolean;
  nice: number;
  affinity: string;
  /** What its process is beyond an ordinary one. */
  about: Partial<ProcessFacts>;
}

interface FakeCgroup {
  readonly id: number;
  uid: number;
  readonly files: Map<string, string>;
}

/**
 * Cgroupfs and the process table in memory, with the rules the motor depends on: a threaded child turns its parent into a
 * threaded domain until it is gone, threads move by cgroup.threads, a cgroup that holds threads or children cannot be removed,
 * the freezer confirms in cgroup.events (at once, or when `confirm_freezes` says so).
 */
export class FakeKernel implements CgroupFiles, Processes {
  readonly own_pid = 1;
  own_cgroup_path = "/hosa";
  own_affinity = "ff00";
  freezes_at_once = true;
  readonly #cgroups = new Map<string, FakeCgroup>();
  readonly #threads = new Map<number, FakeThread>();
  readonly signals: string[] = [];
  manager: ManagerFacts | null = { name: "systemd", version: 257 };
  /** What the files of units say, by name. */
  readonly units = new Map<string, UnitSettings>();
  /** Extended attributes, by path and name. */
  readonly attributes = new Map<string, string>();
  /** Called after every write of a process into a cgroup: a test forks there. */
  moved: (pid: number) => void = () => undefined;
  #next_id = 100;

  constructor() {
    this.#add("/", { "cgroup.controllers": "cpu io memory pids\n", "cgroup.subtree_control": "cpu io memory\n" });
    this.add_cgroup("/hosa");
  }

  add_cgroup(path: string, files: Record<string, string> = {}): number {
    return this.#add(path, {
      "cgroup.type": "domain\n",
      "cgroup.freeze": "0\n",
      "cgroup.subtree_control": "\n",
      "memory.high": "max\n",
      "memory.current": "1048576\n",
      "cpu.weight": "100\n",
      "cpu.max": "max 100000\n",
      "io.max": "",
      "io.stat": "8:0 rbytes=1 wbytes=2\n",
      ...files,
    });
  }

  add_thread(tid: number, pid: number, cgroup_path: string): void {
    this.#threads.set(tid, {
      pid,
      start_ticks: tid * 7,
      state: "S",
      cgroup_path,
      ending: false,
      nice: 0,
      affinity: "0f00",
      about: {},
    });
  }

  thread_of(tid: number): FakeThread {
    return this.#threads.get(tid)!;
  }

  end_thread(tid: number): void {
    this.#threads.delete(tid);
  }

  target(path: string, tid: number | null = null): Target {
    const pid = tid === null ? null : this.thread_of(tid).pid;
    return { cgroup_id: this.#at(path).id, path, pid, tid, comm: null };
  }

  set(path: string, file: string, text: string): void {
    this.#at(path).files.set(file, text);
  }

  get(path: string, file: string): string {
    return this.read(`${MOUNT}${path}/${file}`).trim();
  }

  set_root_id(id: number): void {
    this.#cgroups.set("/", { ...this.#at("/"), id });
  }

  delete_file(path: string, file: string): void {
    this.#at(path).files.delete(file);
  }

  delete_cgroup(path: string): void {
    this.#cgroups.delete(path);
  }

  rename(from: string, to: string): void {
    const cgroup = this.#at(from);
    this.#cgroups.delete(from);
    this.#cgroups.set(to, cgroup);
  }

  confirm_freezes(): void {
    for (const cgroup of this.#cgroups.values()) cgroup.files.set("(frozen)", cgroup.files.get("cgroup.freeze") ?? "0");
  }

  /** All that an undo has to bring back, as one comparable text. */
  snapshot(): string {
    const cgroups = [...this.#cgroups].map(([path, { files }]) => `${path} ${[...files].sort().join(" ")}`);
    const threads = [...this.#threads].map(([tid, each]) => `${tid} ${JSON.stringify(each)}`);
    return [...cgroups.sort(), ...threads].join("\n");
  }

  // CgroupFiles

  read(path: string): string {
    const [cgroup_path, file] = this.#split(path);
    const cgroup = this.#at(cgroup_path, path);
    if (file === "cgroup.threads") {
      return [...this.#threads]
        .flatMap(([tid, each]) => (each.cgroup_path === cgroup_path ? [`${tid}\n`] : []))
        .join("");
    }
    if (file === "cgroup.procs") {
      if (cgroup.files.get("cgroup.type")?.startsWith("threaded")) throw new FileTrouble("read", path, "ENOTSUP");
      return [...new Set(this.#domain(cgroup_path).map((each) => each.pid))].join("\n");
    }
    if (file === "cgroup.events") {
      const populated = this.#below(cgroup_path).length > 0 ? 1 : 0;
      return `populated ${populated}\nfrozen ${(cgroup.files.get("(frozen)") ?? "0").trim()}\n`;
    }
    if (file === "cgroup.type" && cgroup.files.get(file) === "domain\n" && this.#has_threaded_child(cgroup_path)) {
      return "domain threaded\n";
    }
    const text = cgroup.files.get(file);
    if (text === undefined) throw new FileTrouble("read", path, "ENOENT");
    return text;
  }

  write(path: string, text: string): void {
    const [cgroup_path, file] = this.#split(path);
    const cgroup = this.#at(cgroup_path, path);
    if (file === "cgroup.threads") {
      const thread = this.#threads.get(Number(text));
      if (thread === undefined) throw new FileTrouble("write", path, "ESRCH");
      thread.cgroup_path = cgroup_path;
      return;
    }
    if (file === "cgroup.procs") {
      this.#move_process(Number(text), cgroup_path, path);
      return;
    }
    if (file === "io.max") {
      write_io_max(cgroup, text);
      return;
    }
    if (!cgroup.files.has(file)) throw new FileTrouble("write", path, "ENOENT");
    cgroup.files.set(file, `${text}\n`);
    if (file === "cgroup.freeze" && (this.freezes_at_once || text === "0")) cgroup.files.set("(frozen)", text);
    if (file === "cgroup.freeze" && text === "0") cgroup.files.delete("(frozen)");
  }

  make_directory(path: string): void {
    const [parent] = this.#split(path);
    this.#at(parent, path);
    const own = path.slice(MOUNT.length);
    if (this.#cgroups.has(own)) throw new FileTrouble("mkdir", path, "EEXIST");
    this.#add(own, { "cgroup.type": "domain\n", "cgroup.freeze": "0\n", "cgroup.subtree_control": "\n" });
  }

  remove_directory(path: string): void {
    const own = path.slice(MOUNT.length);
    this.#at(own, path);
    const busy =
      [...this.#threads.values()].some((each) => each.cgroup_path === own) || this.directories(path).length > 0;
    if (busy) throw new FileTrouble("rmdir", path, "EBUSY");
    this.#cgroups.delete(own);
  }

  inode(path: string): number {
    return this.#at(path === MOUNT ? "/" : path.slice(MOUNT.length), path).id;
  }

  owner_uid(path: string): number {
    return this.#at(path.slice(MOUNT.length), path).uid;
  }

  attribute(path: string, name: string): string | null {
    const own = path.slice(MOUNT.length);
    this.#at(own, path);
    return this.attributes.get(`${own} ${name}`) ?? null;
  }

  directories(path: string): readonly string[] {
    const prefix = path === MOUNT ? "/" : `${path.slice(MOUNT.length)}/`;
    return [...this.#cgroups.keys()]
      .filter((each) => each !== "/" && each.startsWith(prefix) && !each.slice(prefix.length).includes("/"))
      .map((each) => each.slice(prefix.length));
  }

  keep(path: string): KeptFile {
    let open = true;
    const close = () => {
      // The number would belong to another file by then.
      if (!open) throw new Error(`${path} is closed already`);
      open = false;
    };
    return { write: (text) => this.write(path, text), read: () => this.read(path), close };
  }

  // Processes

  describe(pid: number, path: string): Described | null {
    const threads = [...this.#threads.values()].filter((each) => each.pid === pid);
    if (threads.length === 0) return null;
    const signal = threads.some((each) => each.ending) ? "SIGTERM" : null;
    const plain = { parent: "systemd", watchdog_s: null, namespaces: 0, leads: null, devices: [] };
    const about = Object.assign({}, ...threads.map((each) => each.about));
    return { facts: { pid, comm: "app", path, signal, ...plain, ...about }, unread: null };
  }

  unit(name: string): UnitSettings {
    return this.units.get(name) ?? { delegates: false, watchdog_s: null };
  }

  thread(pid: number, tid: number): ThreadState | null {
    const thread = this.#threads.get(tid);
    return thread === undefined || thread.pid !== pid ? null : thread;
  }

  leader(tid: number): number | null {
    return this.#threads.get(tid)?.pid ?? null;
  }

  thread_ids(pid: number): readonly number[] {
    return [...this.#threads].filter(([, each]) => each.pid === pid).map(([tid]) => tid);
  }

  nice(tid: number): number | null {
    return this.#threads.get(tid)?.nice ?? null;
  }

  affinity(tid: number): string | null {
    return tid === this.own_pid ? this.own_affinity : (this.#threads.get(tid)?.affinity ?? null);
  }

  set_affinity(tid: number, mask: string): void {
    if (tid === this.own_pid) this.own_affinity = mask;
    else {
      const thread = this.#threads.get(tid);
      if (thread === undefined) throw new FileTrouble("set the CPU affinity of", `thread ${tid}`, "ESRCH");
      thread.affinity = mask;
    }
  }

  set_nice(tid: number, nice: number): void {
    const thread = this.#threads.get(tid);
    if (thread === undefined) throw new FileTrouble("renice", `thread ${tid}`, "ESRCH");
    thread.nice = nice;
  }

  /** Alarms waited for, with what cgroup.freeze of every cgroup said at the time, and the CPUs of the agent and of thread 41. */
  readonly pauses: {
    readonly duration_ms: number;
    readonly freeze: ReadonlyMap<string, string>;
    readonly affinities: readonly (string | undefined)[];
  }[] = [];

  alarm_in(duration_ms: number): () => void {
    return () => {
      const freeze = [...this.#cgroups].map(
        ([path, { files }]) => [path, (files.get("cgroup.freeze") ?? "").trim()] as const,
      );
      const affinities = [this.own_affinity, this.#threads.get(41)?.affinity];
      this.pauses.push({ duration_ms, freeze: new Map(freeze), affinities });
    };
  }

  /** Works done ahead of all others. */
  urgent = 0;

  urgently(work: () => void): number {
    this.urgent += 1;
    work();
    return 1.5;
  }

  signal(pid: number, name: string): void {
    this.signals.push(`${name} ${pid}`);
    for (const thread of this.#threads.values()) if (thread.pid === pid) thread.state = name === "SIGSTOP" ? "T" : "S";
  }

  #add(path: string, files: Record<string, string>): number {
    const id = this.#next_id;
    this.#next_id += 1;
    this.#cgroups.set(path, { id, uid: 0, files: new Map(Object.entries(files)) });
    return id;
  }

  #at(path: string, shown = path): FakeCgroup {
    const cgroup = this.#cgroups.get(path === "" ? "/" : path);
    if (cgroup === undefined) throw new FileTrouble("open", shown, "ENOENT");
    return cgroup;
  }

  #split(path: string): [string, string] {
    const slash = path.lastIndexOf("/");
    return [path.slice(MOUNT.length, slash) || "/", path.slice(slash + 1)];
  }

  #below(path: string): FakeThread[] {
    return [...this.#threads.values()].filter((each) =>
      `${each.cgroup_path}/`.startsWith(path === "/" ? "/" : `${path}/`),
    );
  }

  /** Threads whose process belongs to a cgroup itself: its own, and those in its threaded children. */
  #domain(path: string): FakeThread[] {
    return this.#below(path).filter((each) => {
      if (each.cgroup_path === path) return true;
      return this.#at(each.cgroup_path).files.get("cgroup.type")?.startsWith("threaded") === true;
    });
  }

  #move_process(pid: number, to: string, path: string): void {
    const threads = [...this.#threads.values()].filter((each) => each.pid === pid);
    if (threads.length === 0) throw new FileTrouble("write", path, "ESRCH");
    for (const each of threads) each.cgroup_path = to;
    this.moved(pid);
  }

  #has_threaded_child(path: string): boolean {
    return this.directories(`${MOUNT}${path}`).some((name) =>
      this.#at(`${path}/${name}`).files.get("cgroup.type")?.startsWith("threaded"),
    );
  }
}

export function action(id: string, verb: Action["verb"], target: Target, setting: Setting): Action {
  return { id, verb, target, setting, reason: "test" };
}

/** One line per device; a line without any limit removes the device. */
function write_io_max(cgroup: FakeCgroup, text: string): void {
  const device = text.split(" ")[0];
  const others = (cgroup.files.get("io.max") ?? "")
    .split("\n")
    .filter((line) => line && !line.startsWith(`${device} `));
  const unlimited = !/=\d/.test(text);
  cgroup.files.set("io.max", [...others, ...(unlimited ? [] : [text])].map((line) => `${line}\n`).join(""));
}
