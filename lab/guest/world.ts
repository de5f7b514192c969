import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeFileSync } from "node:fs";

const CGROUP = "/sys/fs/cgroup";
const HOSA = "/job/hosa";
const AUDIT = "/out/audit.jsonl";
const CONFIG = "/job/hosa.yaml";
const WAIT_MAX_MS = 120_000;
/** Between two of a leak's helpers that are ended, so that the node gets its memory back at a pace that a drawing can show. */
const DRAIN_MS = 60;
const FLOOD_SOURCES = 64;
const FOR_EVER_MS = 1e9;
/** The guest's own scripts run on the binary's runtime; the binary under test must be itself. */
const { BUN_BE_BUN: _, ...OWN } = process.env;

function sh(script: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", "-ec", script]);
  if (exitCode !== 0) throw new Error(`${script}: ${stderr.toString()}`);
  return stdout.toString();
}

/** A running agent. */
export interface Agent {
  /** Everything on its standard error so far. */
  said(): string;
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** What a process of HOSA finds besides the node: its configuration file and more variables. */
export interface Surroundings {
  readonly config?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

export interface Node {
  snapshot(): string;
  agent(options: readonly string[], surroundings?: Surroundings): Agent;
  hosa(...args: readonly string[]): { readonly code: number; readonly out: string };
  /** The same in other surroundings, while this process goes on: it may be what the command talks to. */
  hosa_in(
    surroundings: Surroundings,
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly out: string }>;
  /** Starts a service in payment.slice that leaks; `stop_leak` kills it, `drain_leak` its helpers before, one after the other. */
  leak(bytes_per_ms: number): void;
  /** SIGUSR1 to that service: the fault of one that has to be told. */
  fault(): void;
  stop_leak(): void;
  drain_leak(): Promise<void>;
  /** From now on so many connections a second are begun from outside and never completed; `stop_flood` ends it. */
  flood(syn_per_s: number): void;
  stop_flood(): void;
  /** @throws {Error} when it does not come true within `max_ms`. */
  until(what: string, condition: () => boolean, max_ms?: number, every_ms?: number): Promise<void>;
  /** Whether the node's listener answers a peer of that address. */
  answers(from: string, port: number): Promise<boolean>;
  reaches_out(to: string): Promise<boolean>;
  is_up(name: string): boolean;
  is_frozen(path: string): boolean;
  watchdog_state(): string;
  /** `step subject status` of every step recorded. */
  steps(): readonly string[];
  /** Levels reached since the last start of an agent. */
  levels(): readonly number[];
  /** For how many seconds the agent has been at level 0 with the thresholds it learned, as far as it has said; below 0 before. */
  calm_s(): number;
  /** Id of the record of the decision that first reached each level, since `t_ns` (CLOCK_MONOTONIC). */
  rises(t_ns: number): readonly string[];
}

/**
 * The node under test: eth0 is a card of the machine with routes of its own, uplink carries the default route to a namespace in which
 * a neighbour (10.50.0.2) and an operator (10.50.0.3) live. Services: one that leaks, one at rest, and one in which an sshd runs.
 */
export function build_world(): Node {
  for (const name of readFileSync("/job/modules/order", "utf8").trim().split("\n")) {
    const options = name.startsWith("softdog") ? "soft_margin=600" : "";
    sh(`insmod /job/modules/${name} ${options} || true`);
  }
  sh(`mkdir -p /run/netns
    ip netns add outside
    ip link add uplink type veth peer name wall netns outside
    ip addr add 10.50.0.1/24 dev uplink
    ip addr add 10.50.0.11/24 dev uplink
    ip link set uplink up
    ip -n outside addr add 10.50.0.2/24 dev wall
    ip -n outside addr add 10.50.0.3/24 dev wall
    ip -n outside link set wall up
    ip -n outside link set lo up
    ip -n outside route add 10.50.0.11/32 dev wall src 10.50.0.3
    ip route add default via 10.50.0.2
    ip addr add 10.60.0.1/24 dev eth0
    ip link set eth0 up
    ip -6 addr add fd00:60::1/64 dev eth0 nodad
    ip route add 10.61.0.0/16 via 10.60.0.9 proto static metric 5
    ip -6 route add fd00:61::/64 via fd00:60::9`);
  for (const name of ["batch", "ops", "payment"]) mkdirSync(`${CGROUP}/${name}.slice`);
  writeFileSync(`${CGROUP}/payment.slice/memory.max`, String(900 * 1048576));
  sh("cp /job/service /tmp/sshd; cp /job/service /tmp/batch");
  in_cgroup("batch", "/tmp/batch", 0);
  in_cgroup("ops", "/tmp/sshd", 0);
  for (const port of [22, 8080]) {
    Bun.listen({
      hostname: "0.0.0.0",
      port,
      socket: { open: (socket) => void socket.write("here\n"), data: () => {} },
    });
  }
  const outside = Bun.spawn(["ip", "netns", "exec", "outside", HOSA, "/job/outside.js"], {
    env: { ...process.env, BUN_BE_BUN: "1" },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const replies = lines_of(outside.stdout);
  const ask = async (request: string): Promise<boolean> => {
    outside.stdin.write(`${request}\n`);
    await outside.stdin.flush();
    return (await replies.next()).value === "true";
  };
  let leaking: Bun.Subprocess | null = null;
  let flooding: Bun.Subprocess | null = null;
  let log = 0;
  return {
    snapshot,
    agent(options, { config = CONFIG, variables = {} } = {}) {
      log += 1;
      const path = `/out/agent-${log}.log`;
      const child = Bun.spawn([HOSA, "run", "-c", config, ...options], {
        env: { ...OWN, ...variables },
        stdout: "ignore",
        stderr: Bun.file(path),
      });
      return {
        said: () => (existsSync(path) ? readFileSync(path, "utf8") : ""),
        async end(signal) {
          child.kill(signal);
          await child.exited;
        },
      };
    },
    hosa: (...args) => hosa(args),
    hosa_in: (surroundings, ...args) => hosa_beside(surroundings, args),
    leak(bytes_per_ms) {
      leaking = in_cgroup("payment", "/job/service", bytes_per_ms);
    },
    fault: () => leaking?.kill("SIGUSR1"),
    stop_leak() {
      leaking?.kill("SIGKILL");
      leaking = null;
    },
    async drain_leak() {
      const pids = readFileSync(`${CGROUP}/payment.slice/cgroup.procs`, "latin1").trim().split("\n").map(Number);
      for (const pid of pids.filter((each) => each !== leaking?.pid)) {
        process.kill(pid, "SIGKILL");
        await Bun.sleep(DRAIN_MS);
      }
      this.stop_leak();
    },
    flood(syn_per_s) {
      const words = ["syn", "10.50.0.1", "8080", String(syn_per_s), String(FLOOD_SOURCES), String(FOR_EVER_MS)];
      flooding = Bun.spawn(["ip", "netns", "exec", "outside", "/job/flood", ...words], { stdout: "ignore" });
    },
    stop_flood() {
      flooding?.kill("SIGKILL");
      flooding = null;
    },
    async until(what, condition, max_ms = WAIT_MAX_MS, every_ms = 20) {
      const limit_ms = performance.now() + max_ms;
      while (!condition()) {
        if (performance.now() > limit_ms) throw new Error(`waited ${max_ms} ms for ${what}`);
        await Bun.sleep(every_ms);
      }
    },
    answers: (from, port) => ask(`connect ${from} ${port}`),
    async reaches_out(to) {
      try {
        const socket = await within(Bun.connect({ hostname: to, port: 9000, socket: { data: () => {} } }));
        socket.end();
        return true;
      } catch {
        return false;
      }
    },
    is_up: (name) => (Number(readFileSync(`/sys/class/net/${name}/flags`, "latin1")) & 1) === 1,
    is_frozen: (path) => readFileSync(`${CGROUP}${path}/cgroup.events`, "latin1").includes("frozen 1"),
    watchdog_state: () => readFileSync("/sys/class/watchdog/watchdog0/state", "latin1").trim(),
    steps: () =>
      records().flatMap((each) =>
        each.kind === "quarantine_step" ? [`${each.outcome.step} ${each.outcome.subject} ${each.outcome.status}`] : [],
      ),
    levels() {
      const all = records();
      const from = all.findLastIndex((each) => each.kind === "start");
      return all.slice(from).flatMap((each) => (each.decision === undefined ? [] : [each.decision.level]));
    },
    calm_s() {
      let [level, since_ns] = [0, Number.POSITIVE_INFINITY];
      for (const { kind, t_ns, decision } of records()) {
        const moved = decision !== undefined && decision.level !== decision.previous_level;
        if (kind === "start") [level, since_ns] = [0, Number.POSITIVE_INFINITY];
        if (moved) level = decision.level;
        if (kind === "baseline" || (moved && since_ns < t_ns)) since_ns = t_ns;
      }
      return level > 0 ? 0 : Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]) - since_ns / 1e9;
    },
    rises(t_ns) {
      const ids: string[] = [];
      let highest = 0;
      for (const each of records()) {
        if (each.t_ns < t_ns || each.decision === undefined || each.decision.level <= highest) continue;
        highest = each.decision.level;
        ids.push(each.id);
      }
      return ids;
    },
  };
}

interface Line {
  readonly id: string;
  readonly t_ns: number;
  readonly kind: string;
  readonly outcome: { readonly step: string; readonly subject: string; readonly status: string };
  readonly decision?: { readonly level: number; readonly previous_level: number };
}

/** What was read of the audit so far: who waits for a line of it must not load the node by reading the others again. */
let known: { readonly inode: number; bytes: number; readonly lines: Line[] } | null = null;

function records(): readonly Line[] {
  const file = statSync(AUDIT, { throwIfNoEntry: false });
  if (file === undefined) return [];
  if (known === null || known.inode !== file.ino || known.bytes > file.size)
    known = { inode: file.ino, bytes: 0, lines: [] };
  if (known.bytes === file.size) return known.lines;
  const more = Buffer.alloc(file.size - known.bytes);
  const audit = openSync(AUDIT, "r");
  readSync(audit, more, 0, more.length, known.bytes);
  closeSync(audit);
  const whole = more.lastIndexOf("\n") + 1;
  known.bytes += whole;
  const lines = more.toString("utf8", 0, whole).split("\n").filter(Boolean);
  known.lines.push(...lines.map((line) => JSON.parse(line)));
  return known.lines;
}

function hosa(args: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([HOSA, ...args, "-c", CONFIG], { env: { ...OWN, NO_COLOR: "1" } });
  return { code: exitCode, out: stdout.toString() + stderr.toString() };
}

async function hosa_beside({ config = CONFIG, variables = {} }: Surroundings, args: readonly string[]) {
  const env = { ...OWN, ...variables, NO_COLOR: "1" };
  const child = Bun.spawn([HOSA, ...args, "-c", config], { env, stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out: said.join("") };
}

function in_cgroup(name: string, program: string, leak_bytes_per_ms: number): Bun.Subprocess {
  const script = `echo $$ > ${CGROUP}/${name}.slice/cgroup.procs && exec ${program} /tmp/progress-${name} ${leak_bytes_per_ms}`;
  return Bun.spawn(["sh", "-c", script], { stdout: "ignore", stderr: "ignore" });
}

/** What containments and a quarantine set in a cgroup. */
const LIMITS = ["cgroup.freeze", "cgroup.type", "memory.high", "memory.max", "cpu.weight", "cpu.max", "io.max"];

/** Everything of the node that an agent changes: links, addresses, routes, cgroups and their limits, pins. */
function snapshot(): string {
  // Until the kernel knows that nobody else has an address, its routes are not complete.
  while (sh("ip -6 -o addr").includes("tentative")) Bun.sleepSync(50);
  const network = sh(
    "ip -o addr; ip route show table all; ip -6 route show table all; ip -o link show eth0; ip -o link show uplink",
  );
  // How far the kernel has come with a link is not what was changed.
  const settled = network.replaceAll(/ (tentative|linkdown|dadfailed|state \w+|qlen \d+)\b/g, "");
  const cgroups = sh(`find ${CGROUP} -mindepth 1 -type d`).trim().split("\n");
  const limits = cgroups.flatMap((path) =>
    LIMITS.map((file) => `${path}/${file}`)
      .filter((file) => existsSync(file))
      .map((file) => `${file} ${readFileSync(file, "latin1").trim()}`),
  );
  const pins = sh("ls -R /sys/fs/bpf");
  return [...settled.split("\n").sort(), ...limits.sort(), pins].join("\n");
}

async function* lines_of(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("no answer")), 3000));
  return await Promise.race([work, late]);
}
