import { existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import { release_from_ledger } from "../../../src/motor/recover.ts";
import { crash_everywhere } from "./crash.ts";
import {
  adjust,
  apply,
  children,
  closing,
  expect_equal,
  LEDGER_DIR,
  MOUNT,
  make,
  motor,
  now_ns,
  own_script,
  read,
  release,
  remove,
  Service,
  snapshot,
  wait_until,
  wait_until_frozen,
  write,
} from "./world.ts";

const HELD = { rung: "thread_hold", frozen: true } as const;
const THAWED = { rung: "thread_hold", frozen: false } as const;

function hold_and_release(service: Service): string {
  const before = snapshot(service.path);
  const home = service.thread_cgroup();
  using acting = closing(motor());
  const outcome = acting.motor.perform(apply("h", service.target, HELD), now_ns());
  if (outcome.status !== "done") {
    expect_equal(`apply (${outcome.detail})`, outcome.status, "pending");
    wait_until("the freezer confirms", () => acting.motor.poll(now_ns()).some((each) => each.status === "done"));
  }
  expect_equal("frozen", acting.motor.live()[0]?.frozen, true);
  expect_equal("cgroup of the thread", service.thread_cgroup(), `${home === "/" ? "" : home}/hosa-hold.${service.tid}`);
  service.expect_leak_stands();
  expect_equal("thaw", acting.motor.perform(adjust("h", service.target, THAWED), now_ns()).status, "done");
  service.expect_leak_runs();
  acting.motor.perform(adjust("h", service.target, HELD), now_ns());
  const type = read(`${home}/hosa-hold.${service.tid}/cgroup.type`);
  const end = acting.motor.perform(release("h", service.target, HELD), now_ns());
  expect_equal(`release (${end.detail})`, end.status, "done");
  service.expect_leak_runs();
  expect_equal("cgroup of the thread after", service.thread_cgroup(), home);
  expect_equal("files after", snapshot(service.path), before);
  return `child was ${type}; ${end.detail}`;
}

function with_service(path: string, run: (service: Service) => string, leak_bytes = 4096): string {
  const service = new Service(path, leak_bytes);
  try {
    return run(service);
  } finally {
    service.end();
  }
}

function expect_refused(service: Service, part: string): string {
  using acting = closing(motor());
  const outcome = acting.motor.perform(apply("h", service.target, HELD), now_ns());
  expect_equal(`status (${outcome.detail})`, outcome.status, "refused");
  if (!outcome.detail.includes(part)) throw new Error(`"${outcome.detail}" does not say "${part}"`);
  return outcome.detail;
}

/** A file system of four pages (motor.test.ts). */
const SMALL = "/small";

function on_a_full_ledger(service: Service, ledger_dir: string, expect_as_before: () => void): string {
  const other = { ...service.target, tid: service.pid, comm: "main" };
  let said = "";
  {
    using acting = closing(motor({ ledger_dir }));
    acting.motor.perform(apply("h", service.target, HELD), now_ns());
    wait_until_frozen(acting.motor);
    try {
      writeFileSync(`${SMALL}/ballast`, Buffer.alloc(1 << 20));
    } catch (error) {
      said = String(error);
    }
    // The last page of the ledger has room for a few lines yet.
    for (let n = 0; n < 32 && !said.includes("ledger"); n++) {
      const { status, detail } = acting.motor.perform(apply(`m${n}`, other, HELD), now_ns());
      if (status === "refused") said = detail;
      else acting.motor.perform(release(`m${n}`, other, HELD), now_ns());
    }
    if (!said.includes("ENOSPC")) throw new Error(`the ledger took everything: ${said}`);
    expect_equal("the thread that was not held", existsSync(`${MOUNT}/leaf/hosa-hold.${service.pid}`), false);
    expect_equal("release", acting.motor.perform(release("h", service.target, HELD), now_ns()).status, "done");
  }
  expect_as_before();
  // The next one starts on it, and has nothing left to undo that is not undone.
  using again = closing(motor({ ledger_dir }));
  const left = again.motor.recovered.filter(({ status }) => status !== "done" && status !== "gone");
  expect_equal("left over", left, []);
  expect_as_before();
  service.expect_leak_runs();
  return said;
}

export const HOLD_CASES: Record<string, () => string> = {
  "hold on a leaf": () => with_service("/leaf", hold_and_release),
  "two threads of a leaf, each in a hold of its own": () =>
    with_service("/leaf", (service) => {
      const before = snapshot("/leaf");
      const other = { ...service.target, tid: service.pid, comm: "main" };
      using acting = closing(motor());
      acting.motor.perform(apply("first", service.target, HELD), now_ns());
      acting.motor.perform(apply("second", other, HELD), now_ns());
      wait_until("both are frozen", () => {
        acting.motor.poll(now_ns());
        return acting.motor.live().filter(({ frozen }) => frozen === true).length === 2;
      });
      expect_equal(
        "the first goes",
        acting.motor.perform(release("first", service.target, HELD), now_ns()).status,
        "done",
      );
      expect_equal(
        "the second stands",
        read(`/leaf/hosa-hold.${service.pid}/cgroup.events`).includes("frozen 1"),
        true,
      );
      const end = acting.motor.perform(release("second", other, HELD), now_ns());
      expect_equal(`release (${end.detail})`, end.status, "done");
      service.expect_leak_runs();
      expect_equal("files after", snapshot("/leaf"), before);
      return end.detail;
    }),
  "nothing is begun where the ledger has no room, and what is held is given back": () =>
    with_service("/leaf", (service) => {
      const before = snapshot("/leaf");
      return on_a_full_ledger(service, `${SMALL}/ledger`, () => expect_equal("files after", snapshot("/leaf"), before));
    }),
  "hold on a nested leaf": () => {
    make("/outer");
    write("/outer/cgroup.subtree_control", read("/outer/cgroup.controllers").includes("memory") ? "+memory +cpu" : "");
    try {
      return with_service("/outer/inner", hold_and_release);
    } finally {
      remove("/outer");
    }
  },
  "refused: a thread directly in the root": () =>
    with_service("/leaf", (service) => {
      write("/cgroup.procs", String(service.pid));
      const target = { ...service.target, cgroup_id: statSync(MOUNT).ino, path: "/" };
      using acting = closing(motor());
      const outcome = acting.motor.perform(apply("h", target, HELD), now_ns());
      write("/leaf/cgroup.procs", String(service.pid));
      expect_equal("code", outcome.unmet?.code, "protected_path");
      return outcome.detail;
    }),
  "hold below an already threaded cgroup": () =>
    with_service("/leaf", (service) => {
      make("/leaf/workers");
      write("/leaf/workers/cgroup.type", "threaded");
      write("/leaf/workers/cgroup.threads", String(service.tid));
      const said = hold_and_release(service);
      expect_equal("still threaded", read("/leaf/cgroup.type"), "domain threaded");
      write("/leaf/cgroup.threads", String(service.tid));
      return said;
    }),
  "refused: domain children": () =>
    with_service("/leaf", (service) => {
      make("/leaf/kid");
      return expect_refused(service, "domain child");
    }),
  "refused: delegated, with children or without": () =>
    with_service("/leaf", (service) => {
      Bun.spawnSync(["chown", "1000", `${MOUNT}/leaf`]);
      const said = expect_refused(service, "is delegated to another owner (user 1000)");
      make("/leaf/kid");
      expect_refused(service, "is delegated");
      return said;
    }),
  "a service that is asked to end is let go within a second of it": () =>
    with_service("/leaf", (service) => {
      const script = `trap : USR1; echo $$ > ${MOUNT}/leaf/cgroup.procs; while :; do sleep 0.1; done`;
      const asked = Bun.spawn(["sh", "-c", script]);
      wait_until("it is in", () => read("/leaf/cgroup.procs").split("\n").includes(String(asked.pid)));
      using acting = closing(motor());
      const freeze = { rung: "freeze", frozen: true } as const;
      acting.motor.perform(apply("f", service.cgroup_target, freeze), now_ns());
      wait_until_frozen(acting.motor);
      asked.kill("SIGUSR1");
      const seen: string[] = [];
      wait_until("poll says so", () => {
        seen.push(...acting.motor.poll(now_ns()).map((each) => each.unmet?.code ?? each.status));
        return seen.includes("being_ended");
      });
      expect_equal("thawed", read("/leaf/cgroup.freeze"), "0");
      asked.kill("SIGKILL");
      return seen.join();
    }),
  "vanished: path is another cgroup now": () =>
    with_service("/leaf", (service) => {
      const target = { ...service.target, cgroup_id: service.target.cgroup_id + 12345 };
      using acting = closing(motor());
      const outcome = acting.motor.perform(apply("h", target, HELD), now_ns());
      expect_equal("status", outcome.status, "gone");
      return outcome.detail;
    }),
  "renaming a cgroup is refused by the kernel itself": () =>
    with_service("/leaf", () => {
      try {
        renameSync(`${MOUNT}/leaf`, `${MOUNT}/other`);
      } catch (error) {
        return String(error);
      }
      throw new Error("the rename succeeded");
    }),
  "the held process ends: the child goes": () =>
    with_service("/leaf", (service) => {
      using acting = closing(motor());
      acting.motor.perform(apply("h", service.target, HELD), now_ns());
      service.signal("SIGTERM");
      wait_until("poll says gone", () => acting.motor.poll(now_ns()).some((each) => each.status === "gone"));
      expect_equal("children", children("/leaf"), []);
      expect_equal("type", read("/leaf/cgroup.type"), "domain");
      return "removed after SIGTERM killed the frozen process";
    }),
  "somebody else removes the child (systemd trims a unit)": () =>
    with_service("/leaf", (service) => {
      using acting = closing(motor());
      acting.motor.perform(apply("h", service.target, HELD), now_ns());
      service.signal("SIGKILL");
      wait_until("empty", () => read("/leaf/cgroup.events").includes("populated 0"));
      remove(`/leaf/hosa-hold.${service.tid}`);
      const gone = acting.motor.poll(now_ns()).find((each) => each.status === "gone");
      if (gone === undefined) throw new Error("poll did not say gone");
      return gone.detail;
    }),
  "somebody else thaws: drifted": () =>
    with_service("/leaf", (service) => {
      using acting = closing(motor());
      acting.motor.perform(apply("h", service.target, HELD), now_ns());
      wait_until_frozen(acting.motor);
      write(`/leaf/hosa-hold.${service.tid}/cgroup.freeze`, "0");
      wait_until("drift seen", () => acting.motor.poll(now_ns()).some((each) => each.status === "drifted"));
      return acting.motor.release_all(now_ns(), "end")[0]!.detail;
    }),
  "a held thread's memory stays charged to its cgroup": () =>
    with_service(
      "/leaf",
      (service) => {
        if (!read("/cgroup.controllers").includes("memory")) return "no memory controller here";
        using acting = closing(motor());
        acting.motor.perform(apply("h", service.target, THAWED), now_ns());
        service.refresh();
        const before = Number(read("/leaf/memory.current"));
        const leaks = service.leaks;
        wait_until("the leak takes memory inside the child", () => service.leaks > leaks + 200);
        const after = Number(read("/leaf/memory.current"));
        expect_equal("child has no memory.current", children("/leaf").length, 1);
        // Huge pages and per-CPU stocks charge in steps of up to 2 MiB: look at more than a few of them.
        if (after < before + 100 * 65536) throw new Error(`memory.current ${before} → ${after}`);
        acting.motor.release_all(now_ns(), "end");
        return `memory.current of the parent ${before} → ${after}`;
      },
      65536,
    ),
  "expiry undoes what is not renewed": () =>
    with_service("/leaf", (service) => {
      using acting = closing(motor({ expiry_s: 5 }));
      acting.motor.perform(apply("h", service.target, HELD), 0);
      wait_until("the freezer confirms", () => {
        acting.motor.poll(1);
        return acting.motor.live()[0]?.frozen === true;
      });
      acting.motor.renew("h", 4e9);
      expect_equal("renewed", acting.motor.poll(8.9e9).filter((each) => each.verb === "release").length, 0);
      const outcome = acting.motor.poll(9.1e9)[0];
      expect_equal("type", read("/leaf/cgroup.type"), "domain");
      return outcome?.detail ?? "nothing";
    }),
  "hold stopped at every step": () => with_service("/leaf", (service) => crash_everywhere(service, HELD, THAWED)),
  "kill -9 of the motor, then release": () =>
    with_service("/leaf", (service) => {
      const before = snapshot("/leaf");
      const seen: string[] = [];
      for (const stop_at of [3, 5, 8, 10]) {
        const child = Bun.spawnSync([
          process.execPath,
          ...own_script(),
          "act",
          String(stop_at),
          JSON.stringify(service.target),
        ]);
        expect_equal(`signal at ${stop_at}: ${child.stderr}`, child.signalCode, "SIGKILL");
        const outcomes = release_from_ledger(LEDGER_DIR);
        expect_equal(
          "outcomes",
          outcomes.map((each) => each.status),
          ["done"],
        );
        expect_equal("files", snapshot("/leaf"), before);
        seen.push(`${stop_at}: ${outcomes[0]!.detail}`);
      }
      return seen.join(" | ");
    }),
};
