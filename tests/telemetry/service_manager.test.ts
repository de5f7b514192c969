import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NotifySocket } from "../../src/ffi/notify_socket.ts";
import { ServiceManager, watchdog_interval_ns } from "../../src/telemetry/service_manager.ts";
import { Datagrams } from "../ffi/datagrams.ts";

const PID = 4242;

function with_manager(
  environment: Readonly<Record<string, string>>,
  body: (manager: ServiceManager, heard: () => string[]) => void,
): void {
  const directory = mkdtempSync(join(tmpdir(), "hosa-notify-"));
  const name = join(directory, "notify");
  try {
    using listener = new Datagrams(name);
    using manager = new ServiceManager({ NOTIFY_SOCKET: name, ...environment }, PID);
    body(manager, () => listener.take());
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("ready, reload and stop are said as sd_notify(3) has them", () => {
  with_manager({}, (manager, heard) => {
    manager.ready("level 0 homeostasis");
    manager.reloading(12_345_678_999);
    manager.ready("reloaded: 2 keys");
    manager.stopping("undoing\neverything");
    expect(heard()).toEqual([
      "READY=1\nSTATUS=level 0 homeostasis",
      "RELOADING=1\nMONOTONIC_USEC=12345678",
      "READY=1\nSTATUS=reloaded: 2 keys",
      "STOPPING=1\nSTATUS=undoing everything",
    ]);
  });
});

test("an abstract socket is reached as well", () => {
  const name = `@hosa-test-${process.pid}`;
  using listener = new Datagrams(name);
  using manager = new ServiceManager({ NOTIFY_SOCKET: name }, PID);
  manager.ready("here");
  expect(listener.take()).toEqual(["READY=1\nSTATUS=here"]);
});

test("the watchdog is fed by beats: four times per interval, and not at all when none comes", () => {
  with_manager({ WATCHDOG_USEC: "2000000", WATCHDOG_PID: String(PID) }, (manager, heard) => {
    for (let beat = 0; beat <= 20; beat++) manager.beaten(beat * 100e6);
    expect(heard()).toEqual(Array(5).fill("WATCHDOG=1"));
    manager.status("nothing but the beat feeds it");
    manager.ready("not even this");
    expect(heard().join()).not.toContain("WATCHDOG");
  });
});

test("a status is sent only when it says something new", () => {
  with_manager({}, (manager, heard) => {
    for (const text of ["a", "a", "b", "b", "a"]) manager.status(text);
    expect(heard()).toEqual(["STATUS=a", "STATUS=b", "STATUS=a"]);
  });
});

test.each([
  ["none is set", {}, null],
  ["it is meant for another process", { WATCHDOG_USEC: "1000000", WATCHDOG_PID: "1" }, null],
  ["it is meant for this one", { WATCHDOG_USEC: "1000000", WATCHDOG_PID: String(PID) }, 1e9],
  ["no process is named", { WATCHDOG_USEC: "500" }, 500_000],
  ["it is no number", { WATCHDOG_USEC: "soon" }, null],
  ["it is zero", { WATCHDOG_USEC: "0" }, null],
])("interval of the watchdog when %s", (_name, environment, interval_ns) => {
  expect(watchdog_interval_ns(environment, PID)).toBe(interval_ns);
});

test("without a manager nothing is sent and nothing fails", () => {
  using manager = new ServiceManager({}, PID);
  manager.ready("to nobody");
  manager.beaten(1);
});

test("a manager that does not read costs no wait: what does not fit is dropped", () => {
  with_manager({}, (manager, heard) => {
    for (let i = 0; i < 5000; i++) manager.status(`status ${i}`);
    const taken = heard();
    expect(taken.length).toBeGreaterThan(0);
    expect(taken.length).toBeLessThan(5000);
  });
});

test.each([
  ["relative/path", "EAFNOSUPPORT"],
  ["vsock:2:1234", "EAFNOSUPPORT"],
  [`/${"x".repeat(200)}`, "ENAMETOOLONG"],
  ["@", "ENAMETOOLONG"],
])("%s is no notify socket: %s", (name, errno) => {
  expect(() => new NotifySocket(name)).toThrow(errno);
});

test("nobody listens: the datagram is lost, and said to be", () => {
  using socket = new NotifySocket("/nonexistent/hosa-notify");
  expect(socket.send("READY=1")).toBe(false);
});
