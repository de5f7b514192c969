import type { Setting } from "../../../src/model/containment.ts";
import { crash_everywhere } from "./crash.ts";
import {
  adjust,
  apply,
  closing,
  expect_equal,
  MOUNT,
  motor,
  now_ns,
  read,
  release,
  Service,
  snapshot,
  wait_until,
  wait_until_frozen,
  write,
} from "./world.ts";

interface ValueCase {
  readonly file: string;
  readonly first: Setting;
  readonly shown: string;
  readonly second: Setting;
  readonly foreign: string;
  /** Before the case begins: what the operator had set. */
  readonly prior: string;
}

const MIB = 1048576;

const CASES: readonly ValueCase[] = [
  {
    file: "memory.high",
    first: { rung: "memory_governor", high_bytes: 300 * MIB },
    shown: String(300 * MIB),
    second: { rung: "memory_governor", high_bytes: 310 * MIB + 5 },
    foreign: String(290 * MIB),
    prior: String(700 * MIB),
  },
  {
    file: "cpu.weight",
    first: { rung: "cpu_weight", weight: 20 },
    shown: "20",
    second: { rung: "cpu_weight", weight: 30 },
    foreign: "77",
    prior: "150",
  },
  {
    file: "cpu.max",
    first: { rung: "cpu_max", quota_us: 50_000, period_us: 100_000 },
    shown: "50000 100000",
    second: { rung: "cpu_max", quota_us: 40_000, period_us: 100_000 },
    foreign: "60000 100000",
    prior: "90000 100000",
  },
  {
    file: "io.max",
    first: { rung: "io_max", bytes_per_s: 5_000_000 },
    shown: "rbps=5000000 wbps=5000000 riops=900 wiops=max",
    second: { rung: "io_max", bytes_per_s: 4_000_000 },
    foreign: "rbps=1000000 wbps=1000000",
    prior: "riops=900",
  },
];

/** A device with I/O on record: the kernel names it in io.stat only then. */
function disk(path: string): string {
  const read_disk = `echo $$ > ${MOUNT}${path}/cgroup.procs && dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct`;
  Bun.spawnSync(["sh", "-c", read_disk]);
  let device = "";
  wait_until("io.stat names the disk", () => {
    device = /^\d+:\d+/.exec(read(`${path}/io.stat`))?.[0] ?? "";
    return device !== "";
  });
  return device;
}

function prepare(service: Service, each: ValueCase): string {
  const device = each.file === "io.max" ? `${disk(service.path)} ` : "";
  write(`${service.path}/${each.file}`, `${device}${each.prior}`);
  return device;
}

function cycle(each: ValueCase): string {
  const service = new Service("/value");
  try {
    const device = prepare(service, each);
    const before = snapshot(service.path);
    using acting = closing(motor());
    const target = service.cgroup_target;
    const first = acting.motor.perform(apply("v", target, each.first), now_ns());
    expect_equal(`apply (${first.detail})`, first.status, "done");
    expect_equal("independent reading", read(`${service.path}/${each.file}`), device + each.shown);
    const second = acting.motor.perform(adjust("v", target, each.second), now_ns());
    expect_equal(`adjust (${second.detail})`, second.status, "done");
    const end = acting.motor.perform(release("v", target, each.second), now_ns());
    expect_equal(`release (${end.detail})`, end.status, "done");
    expect_equal("files after", snapshot(service.path), before);
    return `${first.written} → ${second.written} → ${end.detail}`;
  } finally {
    service.end();
  }
}

function drift(each: ValueCase): string {
  const service = new Service("/value");
  try {
    const device = prepare(service, each);
    using acting = closing(motor());
    const target = service.cgroup_target;
    acting.motor.perform(apply("v", target, each.first), 0);
    write(`${service.path}/${each.file}`, device + each.foreign);
    const theirs = read(`${service.path}/${each.file}`);
    expect_equal(
      "poll",
      acting.motor.poll(1.5e9).map((seen) => seen.status),
      ["drifted"],
    );
    expect_equal("not fought", read(`${service.path}/${each.file}`), theirs);
    // A tighter memory.high than ours is never loosened; everything else is set again once.
    const again = each.file === "memory.high" ? "refused" : "done";
    expect_equal("once more", acting.motor.perform(adjust("v", target, each.first), 2e9).status, again);
    write(`${service.path}/${each.file}`, device + each.foreign);
    expect_equal("not twice", acting.motor.perform(adjust("v", target, each.first), 3e9).status, "drifted");
    const end = acting.motor.perform(release("v", target, each.first), 4e9);
    // Covered once, their value is the one to restore; never covered (memory.high), or restored device by device (io.max),
    // it is found to be theirs and left alone.
    expect_equal("release", end.status, ["memory.high", "io.max"].includes(each.file) ? "drifted" : "done");
    expect_equal("theirs stays", read(`${service.path}/${each.file}`), theirs);
    return end.detail;
  } finally {
    service.end();
  }
}

function stopped(each: ValueCase): string {
  const service = new Service("/value");
  try {
    prepare(service, each);
    return crash_everywhere(service, each.first, each.second);
  } finally {
    service.end();
  }
}

function freeze(): string {
  const service = new Service("/value");
  try {
    const before = snapshot(service.path);
    using acting = closing(motor());
    const target = service.cgroup_target;
    const setting = { rung: "freeze", frozen: true } as const;
    const first = acting.motor.perform(apply("f", target, setting), now_ns());
    if (first.status !== "done") {
      wait_until("confirmed", () => acting.motor.poll(now_ns()).some((seen) => seen.status === "done"));
    }
    expect_equal("frozen", read("/value/cgroup.events").includes("frozen 1"), true);
    const end = acting.motor.perform(release("f", target, setting), now_ns());
    expect_equal("release", end.status, "done");
    service.expect_requests();
    expect_equal("files after", snapshot(service.path), before);
    return `${first.status}, ${end.detail}`;
  } finally {
    service.end();
  }
}

/** The cgroup of the unit stays open: a newcomer in it waits for nothing, and ends the freeze. */
function freeze_unit(): string {
  const service = new Service("/value.service");
  try {
    const before = snapshot(service.path);
    using acting = closing(motor());
    acting.motor.perform(apply("f", service.cgroup_target, { rung: "freeze", frozen: true }), now_ns());
    wait_until_frozen(acting.motor);
    expect_equal("frozen", read("/value.service/hosa-freeze/cgroup.events").includes("frozen 1"), true);
    const put = `echo $$ > ${MOUNT}/value.service/cgroup.procs && sleep 2`;
    const newcomer = Bun.spawn(["sh", "-c", put]);
    let said = "";
    wait_until("the newcomer ends the freeze", () => {
      said = acting.motor.poll(now_ns()).find((each) => each.verb === "release")?.detail ?? "";
      return said !== "";
    });
    newcomer.kill("SIGKILL");
    service.expect_requests();
    wait_until("files after", () => JSON.stringify(snapshot(service.path)) === JSON.stringify(before));
    return said;
  } finally {
    service.end();
  }
}

function clamp(): string {
  const service = new Service("/value");
  try {
    using acting = closing(motor());
    const setting = { rung: "memory_governor", high_bytes: 4096 } as const;
    const outcome = acting.motor.perform(apply("m", service.cgroup_target, setting), now_ns());
    expect_equal("status", outcome.status, "done");
    const current = Number(read("/value/memory.current"));
    if (Number(outcome.written) < 65536) throw new Error(`wrote ${outcome.written} with ${current} in use`);
    acting.motor.release_all(now_ns(), "end");
    expect_equal("restored", read("/value/memory.high"), "max");
    return outcome.detail;
  } finally {
    service.end();
  }
}

function nice_of_thread(): string {
  const service = new Service("/value");
  try {
    using acting = closing(motor());
    const setting = { rung: "cpu_weight", weight: 20 } as const;
    const outcome = acting.motor.perform(apply("n", service.target, setting), now_ns());
    expect_equal(`apply (${outcome.detail})`, outcome.status, "done");
    expect_equal("thread", nice(service.pid, service.tid), "7");
    expect_equal("main thread", nice(service.pid, service.pid), "0");
    acting.motor.release_all(now_ns(), "end");
    expect_equal("restored", nice(service.pid, service.tid), "0");
    return outcome.detail;
  } finally {
    service.end();
  }
}

function nice(pid: number, tid: number): string {
  const stat = new TextDecoder().decode(Bun.spawnSync(["cat", `/proc/${pid}/task/${tid}/stat`]).stdout);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]!;
}

export const VALUE_CASES: Record<string, () => string> = {
  ...Object.fromEntries(CASES.map((each) => [`${each.file}: apply, adjust, undo`, () => cycle(each)])),
  ...Object.fromEntries(CASES.map((each) => [`${each.file}: drift by another writer`, () => drift(each)])),
  ...Object.fromEntries(CASES.map((each) => [`${each.file}: stopped at every step`, () => stopped(each)])),
  "memory.high is never written below the usage": clamp,
  "nice of one thread": nice_of_thread,
  "freeze of a cgroup": freeze,
  "freeze of a unit's processes in a child": freeze_unit,
  "freeze of a unit stopped at every step": () => {
    const service = new Service("/value.service");
    try {
      const [first, second] = [true, false].map((frozen) => ({ rung: "freeze", frozen }) as const);
      return crash_everywhere(service, first!, second!);
    } finally {
      service.end();
    }
  },
  "freeze stopped at every step": () => {
    const service = new Service("/value");
    try {
      const [first, second] = [true, false].map((frozen) => ({ rung: "freeze", frozen }) as const);
      return crash_everywhere(service, first!, second!);
    } finally {
      service.end();
    }
  },
};
