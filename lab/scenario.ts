/** Something ordinary or not that begins in a slice some seconds after the fault's moment. */
export interface PlannedEvent {
  readonly at_s: number;
  readonly name: string;
  readonly slice: "payment.slice" | "batch.slice";
  readonly command: string;
}

export interface Scenario {
  readonly name: string;
  /** Shorter names for it. */
  readonly aliases: readonly string[];
  readonly about: string;
  /** What the leak adds per second; null where nothing leaks. */
  readonly leak_mb_s: number | null;
  /** Arguments of the payment service beside port, database and events. */
  readonly payment: string;
  /** memory.max of payment.slice; null: none at all, the node itself is the limit. */
  readonly limit_bytes: number | null;
  readonly runtime: "native" | "jvm";
  /** A Java runtime has to be in the guest. */
  readonly needs_java: boolean;
  readonly events: readonly PlannedEvent[];
  readonly age_s: number;
  readonly after_s: number;
  /** An ordinary situation: any intervention is one too many. */
  readonly benign: boolean;
}

const PAYMENT = "/job/payment --port 8080 --db /data/payment/db --start-ms 2000 --events /out/events.jsonl";
const JAVA =
  "/job/jre/bin/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Dsun.net.httpserver.nodelay=true -cp /job";
const PAYMENT_JVM = `${JAVA} -Xmx900m Payment --port 8080 --journal /data/payment/journal --events /out/events.jsonl`;
const LEAK_MB_S = 50;
const LIMIT_BYTES = 1024 ** 3;
const JVM_LEAK_MB_S = 30;

const deploy: PlannedEvent = {
  at_s: 2,
  name: "deploy",
  slice: "payment.slice",
  command:
    "/job/payment --name payment-next --port 8081 --db /data/payment/next --resident-mb 200 --start-ms 2000 --events /out/events.jsonl",
};
const backup: PlannedEvent = {
  at_s: 2,
  name: "backup",
  slice: "batch.slice",
  command: "/job/churn read /dev/vda 2048",
};
const compile: PlannedEvent = { at_s: 2, name: "compile", slice: "batch.slice", command: "/job/churn compile 4 20" };
const cron: PlannedEvent = { at_s: 2, name: "cron", slice: "batch.slice", command: "/job/churn burst 50 5" };
const sawtooth: PlannedEvent = {
  at_s: 2,
  name: "sawtooth",
  slice: "batch.slice",
  command: `${JAVA} -Xmx200m Payment --garbage-mb-s 40 --seconds 25`,
};

function leaking(name: string, about: string, mode: string, leak_mb_s = LEAK_MB_S): Scenario {
  return {
    name,
    aliases: name.startsWith("payment-") ? [name.slice("payment-".length)] : [],
    about,
    leak_mb_s,
    payment: `--resident-mb 96 --leak ${mode} ${leak_mb_s}`,
    limit_bytes: LIMIT_BYTES,
    runtime: "native",
    needs_java: false,
    events: [],
    age_s: 60,
    after_s: 120,
    benign: false,
  };
}

function ordinary(name: string, about: string, events: readonly PlannedEvent[], after_s: number): Scenario {
  return {
    name,
    aliases: [],
    about,
    leak_mb_s: null,
    payment: "--resident-mb 200",
    limit_bytes: LIMIT_BYTES,
    runtime: "native",
    needs_java: events.some((e) => e.name === sawtooth.name),
    events,
    age_s: 60,
    after_s,
    benign: true,
  };
}

const SCENARIOS: readonly Scenario[] = [
  leaking("payment", "a background thread of an aged service leaks", "background"),
  { ...leaking("payment-fast", "the same at 300 MB/s: 3 s to the limit", "background", 300), after_s: 60 },
  leaking("payment-slow", "the same at 2 MB/s: far from the limit, so seen at most", "background", 2),
  {
    ...leaking("payment-again", "half a minute later another thread of it leaks as well", "background"),
    payment: `--resident-mb 96 --leak background ${LEAK_MB_S} --again-after-s 30`,
  },
  leaking("payment-inline", "every request leaks on its worker thread", "inline"),
  leaking("payment-lock", "the leaking thread holds the lock every request needs a good part of the time", "lock"),
  {
    ...leaking("payment-jvm", "a thread of a Java service leaks heap", "background", JVM_LEAK_MB_S),
    payment: `--leak-mb-s ${JVM_LEAK_MB_S}`,
    runtime: "jvm",
    needs_java: true,
  },
  {
    ...leaking("node-leak", "the service has no memory.max: the node of 2 GiB itself runs out", "background"),
    limit_bytes: null,
  },
  {
    ...ordinary("reload", "an aged service loads a 400 MB table in 3 s and keeps it", [], 45),
    payment: "--resident-mb 96 --load 400 3",
  },
  ordinary("deploy", "a new version starts beside the old one in the same slice", [deploy], 45),
  ordinary("backup", "2 GB are read from a disk through the page cache", [backup], 45),
  ordinary("compile", "four short-lived processes of 30-80 MB at a time for 20 s", [compile], 40),
  ordinary("cron", "50 processes per second for 5 s", [cron], 30),
  ordinary("sawtooth", "a JVM starts, makes garbage and collects it", [sawtooth], 45),
  ordinary(
    "benign",
    "deploy, cron, compile, backup and a JVM, one after the other",
    [deploy, { ...cron, at_s: 25 }, { ...compile, at_s: 40 }, { ...backup, at_s: 70 }, { ...sawtooth, at_s: 95 }],
    130,
  ),
  ordinary("quiet", "nothing happens", [], 60),
];

export const SCENARIO_NAMES: readonly string[] = SCENARIOS.map((s) => s.name);

function find(name: string): Scenario | undefined {
  return SCENARIOS.find((s) => s.name === name || s.aliases.includes(name));
}

export function is_scenario(name: string): boolean {
  return find(name) !== undefined;
}

/** @param name or alias. @throws {Error} when there is no scenario of that name. */
export function scenario_named(name: string): Scenario {
  const found = find(name);
  if (!found) throw new Error(`no scenario is called ${name}; there are ${SCENARIO_NAMES.join(", ")}`);
  return found;
}

export interface GuestJob {
  readonly agent: string;
  readonly seed: number;
  readonly age_s: number;
  readonly after_s: number;
  readonly rps: number;
  readonly high_bytes: number;
  readonly high_at_onset: boolean;
  readonly reserve_bytes: number;
}

/** The shell variables guest/job.sh reads. */
export function guest_environment(scenario: Scenario, job: GuestJob): string {
  const payment =
    scenario.runtime === "jvm"
      ? `${PAYMENT_JVM} ${scenario.payment}`
      : `${PAYMENT} ${scenario.payment} --rps ${job.rps}`;
  const variables: Record<string, string | number> = {
    AGENT: job.agent,
    SEED: job.seed,
    AGE_S: job.age_s,
    AFTER_S: job.after_s,
    RPS: job.rps,
    NEIGHBOUR_RPS: Math.max(1, Math.round(job.rps / 4)),
    PAYMENT_MAX: scenario.limit_bytes ?? "max",
    HIGH_BYTES: job.high_bytes,
    HIGH_AT_ONSET: job.high_at_onset ? 1 : 0,
    RESERVE_BYTES: job.reserve_bytes,
    PAYMENT_COMMAND: payment,
    AUDIT: scenario.runtime === "jvm" ? "journal" : "sqlite",
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}

/** The lines of /job/plan: seconds, name, slice, command. */
export function guest_plan(scenario: Scenario): string {
  return scenario.events.map((e) => `${e.at_s} ${e.name} ${e.slice} ${e.command}\n`).join("");
}
