import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { monotonic_ns } from "../../../src/ffi/libc.ts";
import { place_socket, SocketTrouble } from "../../../src/telemetry/control/place.ts";
import type { Reply, Shown } from "../../../src/telemetry/control/server.ts";
import { lines_of, Scratch } from "./scratch.ts";

const PRIVILEGED = process.getuid!() === 0;
if (!PRIVILEGED) console.error("SKIPPED: needs root to become another user");
const STATUS = '{"v":1,"op":"status"}\n';
const WATCH = '{"v":1,"op":"watch"}\n';

function beat(number: number, size = 100, eventful = false): Shown {
  return { t_ns: number * 1e8, eventful, view: () => ({ number, filler: "x".repeat(size) }) };
}

describe("the control socket", () => {
  test("is there with its mode while the server lives, and gone afterwards", () => {
    const scratch = new Scratch();
    const { mode } = statSync(scratch.path);
    expect(mode & 0o777).toBe(0o660);
    expect(statSync(scratch.path).isSocket()).toBe(true);
    scratch.server.close("test");
    expect(existsSync(scratch.path)).toBe(false);
  });

  test("answers a request, then the next one", async () => {
    using scratch = new Scratch();
    const client = await scratch.connect();
    const seen = lines_of(client);
    client.write(STATUS);
    await scratch.turns_until(() => seen.lines.length === 1);
    client.write('{"v":1,"op":"audit"}\n');
    await scratch.turns_until(() => seen.lines.length === 2);
    expect(seen.lines).toEqual([
      { v: 1, ok: true, op: "status" },
      { v: 1, ok: true, op: "audit" },
    ]);
  });

  test("those that wait to be accepted are answered although the socket was removed, on a node however slow", async () => {
    let late_ns = 0;
    let slow = false;
    const clock = () => {
      if (slow) late_ns += 1e9;
      return monotonic_ns() + late_ns;
    };
    using scratch = new Scratch({ clock });
    const seen: ReturnType<typeof lines_of>[] = [];
    for (let count = 0; count < 40; count++) {
      const client = await scratch.connect();
      seen.push(lines_of(client));
      client.write(STATUS);
    }
    rmSync(scratch.path);
    slow = true;
    scratch.server.move_to(place_socket(scratch.path, null, scratch.directory));
    slow = false;
    await scratch.turns_until(() => seen.every(({ lines, closed }) => closed || lines.length === 1));
    expect(seen.flatMap(({ lines }) => lines)).toEqual(seen.map(() => ({ v: 1, ok: true, op: "status" })));
  });

  test("an answer may come later; meanwhile nothing else is taken from that client", async () => {
    const waiting: Reply[] = [];
    using scratch = new Scratch({ answer: (_request, _by, reply) => waiting.push(reply) });
    const client = await scratch.connect();
    const seen = lines_of(client);
    client.write(STATUS);
    await scratch.turns_until(() => waiting.length === 1);
    waiting[0]!({ late: true });
    waiting[0]!({ twice: true });
    await scratch.turns_until(() => seen.lines.length === 1);
    expect(seen.lines).toEqual([{ v: 1, ok: true, late: true }]);
    client.write(STATUS);
    await scratch.turns_until(() => waiting.length === 2);
    client.write(STATUS);
    await scratch.turns_until(() => seen.closed);
    expect(seen.lines.at(-1)).toMatchObject({ ok: false, code: "one_at_a_time" });
  });

  test("knows who asks", async () => {
    const asked: number[] = [];
    using scratch = new Scratch({
      answer: (_request, by, reply) => {
        asked.push(by.pid, by.uid);
        reply({});
      },
    });
    const client = await scratch.connect();
    const seen = lines_of(client);
    client.write(STATUS);
    await scratch.turns_until(() => seen.lines.length === 1);
    expect(asked).toEqual([process.pid, process.getuid!()]);
  });

  test("garbage is answered once, then the connection ends", async () => {
    using scratch = new Scratch();
    const client = await scratch.connect();
    const seen = lines_of(client);
    client.write("GET / HTTP/1.1\r\n");
    await scratch.turns_until(() => seen.closed);
    expect(seen.lines).toMatchObject([{ ok: false, code: "bad_request" }]);
    expect(scratch.server.connections).toBe(0);
  });

  test("a client that says nothing is let go after ten seconds, a watcher is not", async () => {
    using scratch = new Scratch();
    const silent = lines_of(await scratch.connect());
    const client = await scratch.connect();
    const watcher = lines_of(client);
    client.write(WATCH);
    await scratch.turns_until(() => watcher.lines.length === 1);
    for (let count = 0; count < 120; count++) scratch.turn();
    await scratch.turns_until(() => silent.closed);
    expect(scratch.server.connections).toBe(1);
    expect(scratch.server.watchers).toBe(1);
  });

  test.skipIf(!PRIVILEGED)(
    "another user is refused, even where the file would let him, unless he is in the group",
    async () => {
      for (const [gid, ids, said] of [
        [null, "--clear-groups", "denied"],
        [4242, "--clear-groups", "denied"],
        [4242, "--groups=4242", "status"],
        [65534, "--clear-groups", "status"],
      ] as const) {
        using scratch = new Scratch({ gid });
        chmodSync(scratch.directory, 0o711);
        chmodSync(scratch.path, 0o666);
        const script = `const socket = require("node:net").createConnection(${JSON.stringify(scratch.path)});
        socket.on("data", (data) => { console.log(String(data)); process.exit(); }).write(${JSON.stringify(STATUS)});`;
        const nobody = ["setpriv", "--reuid=65534", "--regid=65534", ids];
        const child = Bun.spawn([...nobody, process.execPath, "-e", script], { stdout: "pipe" });
        expect(await scratch.turns_during(new Response(child.stdout).text())).toContain(said);
        expect(scratch.server.refused).toBe(said === "denied" ? 1 : 0);
      }
    },
  );
});

describe("watchers", () => {
  test("see every beat, or one per interval and every eventful one", async () => {
    using scratch = new Scratch();
    const clients = [await scratch.connect(), await scratch.connect()];
    const [all, some] = clients.map(lines_of);
    clients[0]!.write(WATCH);
    clients[1]!.write('{"v":1,"op":"watch","every_ms":500}\n');
    await scratch.turns_until(() => all!.lines.length === 1 && some!.lines.length === 1);
    for (let number = 1; number <= 12; number += 2) scratch.turn([beat(number), beat(number + 1, 1, number === 3)]);
    await scratch.turns_until(() => all!.lines.length === 13 && some!.lines.length >= 4);
    const numbers = (seen: typeof all) =>
      seen!.lines.slice(1).map((line) => (line["beat"] as { number: number }).number);
    expect(numbers(all)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(numbers(some)).toEqual([1, 4, 6, 11]);
  });

  test("a beat is put into words once for all of them, and not at all for nobody", async () => {
    using scratch = new Scratch();
    let worded = 0;
    const counted: Shown = { t_ns: 1, eventful: false, view: () => ({ n: ++worded }) };
    scratch.turn([counted]);
    expect(worded).toBe(0);
    const seen: ReturnType<typeof lines_of>[] = [];
    for (let count = 0; count < 20; count++) {
      const client = await scratch.connect();
      seen.push(lines_of(client));
      client.write(WATCH);
    }
    await scratch.turns_until(() => scratch.server.watchers === 20);
    scratch.turn([counted]);
    await scratch.turns_until(() => seen.every((one) => one.lines.length === 2));
    expect(worded).toBe(1);
  });

  test("one that does not read is dropped, the others miss nothing", async () => {
    using scratch = new Scratch();
    const client = await scratch.connect();
    const reader = lines_of(client);
    client.write(WATCH);
    const slow = await scratch.connect();
    slow.write(WATCH);
    await scratch.turns_until(() => scratch.server.watchers === 2);
    slow.pause();
    let shown = 0;
    while (scratch.server.watchers === 2 && shown < 500) {
      shown++;
      scratch.turn([beat(shown, 4000)]);
      await scratch.turns_until(() => reader.lines.length === shown + 1);
    }
    expect(scratch.server.dropped).toBe(1);
    expect(scratch.server.watchers).toBe(1);
    // Bounded by what the kernel keeps and what is kept here, not by what there was to say.
    expect(shown).toBeLessThan(200);
  });

  test("the end is said", async () => {
    const scratch = new Scratch();
    const client = await scratch.connect();
    const seen = lines_of(client);
    client.write(WATCH);
    await scratch.turns_until(() => seen.lines.length === 1);
    scratch.server.close("the agent ends");
    while (!seen.closed) await new Promise((resolve) => setImmediate(resolve));
    expect(seen.lines.at(-1)).toEqual({ v: 1, end: "the agent ends" });
  });

  test("some connections are kept free of them", async () => {
    using scratch = new Scratch({ max_connections: 32 });
    const seen: ReturnType<typeof lines_of>[] = [];
    for (let count = 0; count < 17; count++) {
      const client = await scratch.connect();
      seen.push(lines_of(client));
      client.write(WATCH);
    }
    await scratch.turns_until(() => seen.every((one) => one.lines.length === 1));
    expect(seen.filter((one) => one.lines[0]!["ok"] === true)).toHaveLength(16);
    expect(seen.filter((one) => one.lines[0]!["code"] === "busy")).toHaveLength(1);
  });
});

describe("a hostile client", () => {
  test("500 connections: no more are kept than the bound, and one that may asks as before", async () => {
    using scratch = new Scratch({ max_connections: 64 });
    const friend = await scratch.connect();
    const seen = lines_of(friend);
    friend.write(WATCH);
    await scratch.turns_until(() => seen.lines.length === 1);
    let tried = 0;
    const hostile = Array.from({ length: 500 }, () =>
      // The kernel itself refuses whom its queue has no place for.
      scratch.connect().finally(() => tried++),
    );
    const outcomes = Promise.allSettled(hostile);
    let most = 0;
    await scratch.turns_until(() => {
      most = Math.max(most, scratch.server.connections);
      return tried === 500 && scratch.server.refused > 0;
    });
    const connected = (await outcomes).filter((one) => one.status === "fulfilled").length;
    await scratch.turns_until(() => scratch.server.refused === connected - 63);
    expect(most).toBe(64);
    scratch.turn([beat(1)]);
    await scratch.turns_until(() => seen.lines.length === 2);
    const late = await scratch.connect();
    const answered = lines_of(late);
    late.write(STATUS);
    await scratch.turns_until(() => answered.lines.length === 1);
    expect(answered.lines).toEqual([{ v: 1, ok: true, op: "status" }]);
  });

  test("a line of 64 MB is refused at its 65,537th byte", async () => {
    using scratch = new Scratch();
    const client = await scratch.connect();
    const seen = lines_of(client);
    const piece = Buffer.alloc(1024 * 1024, "a");
    for (let count = 0; count < 64; count++) client.write(piece);
    await scratch.turns_until(() => seen.closed || seen.lines.length > 0);
    expect(scratch.server.connections).toBe(0);
    expect(seen.lines).toMatchObject([{ code: "too_long" }]);
  });

  test("requests sent in a heap are not taken one after the other, but refused", async () => {
    let asked = 0;
    using scratch = new Scratch({
      answer: (_request, _by, reply) => {
        asked++;
        reply({});
      },
    });
    const client = await scratch.connect();
    const seen = lines_of(client);
    client.write(STATUS.repeat(2000));
    await scratch.turns_until(() => seen.closed);
    expect(asked).toBe(0);
    expect(seen.lines).toMatchObject([{ code: "one_at_a_time" }]);
  });
});

describe("the place of the socket", () => {
  test("one that nobody listens on is replaced, a living one is not and its process is named", async () => {
    using scratch = new Scratch();
    expect(() => place_socket(scratch.path, null, "")).toThrow(`the running process ${process.pid} listens there`);
    const left = `${scratch.path}.left`;
    const child = Bun.spawnSync([
      process.execPath,
      "-e",
      `require("node:net").createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, "SIGKILL"))`,
    ]);
    expect(child.signalCode).toBe("SIGKILL");
    expect(existsSync(left)).toBe(true);
    place_socket(left, null, "")[Symbol.dispose]();
    expect(existsSync(left)).toBe(false);
  });

  test("what is no socket stays", () => {
    using scratch = new Scratch();
    const file = `${scratch.path}.txt`;
    writeFileSync(file, "mine");
    expect(() => place_socket(file, null, "")).toThrow(SocketTrouble);
    expect(existsSync(file)).toBe(true);
  });

  test("a path no socket can have, or a directory that cannot be made, is trouble with its reason", () => {
    using scratch = new Scratch();
    expect(() => place_socket(`${scratch.directory}/${"x".repeat(120)}`, null, "")).not.toThrow();
    expect(() => place_socket("/proc/nowhere/hosa.sock", null, "")).toThrow(SocketTrouble);
  });

  test("the group is let through the agent's own directory, and through no other", () => {
    using scratch = new Scratch();
    const before = statSync(dirname(scratch.path)).mode;
    place_socket(`${scratch.path}.2`, process.getgid!(), "/elsewhere")[Symbol.dispose]();
    expect(statSync(scratch.directory).mode).toBe(before);
    place_socket(`${scratch.path}.3`, process.getgid!(), scratch.directory)[Symbol.dispose]();
    expect(statSync(scratch.directory).mode & 0o777).toBe((before & 0o777) | 0o010);
  });
});
