import { describe, expect, test } from "bun:test";
import { KernelError } from "../../src/ffi/errors.ts";
import { KeptFile } from "../../src/ffi/files.ts";
import { senses_object } from "../../src/ffi/object.ts";
import { BpfObject } from "../../src/ffi/program.ts";
import { RingBuffer } from "../../src/ffi/ring.ts";
import { Senses } from "../../src/ffi/senses.ts";

/** Few programs load fast; every kind of handle is among them. */
const FEW = ["sched_switch", "start_beat", "cgroup_rows", "thread_rows"];

function few(): Senses {
  using object = BpfObject.open(senses_object());
  return Senses.open({ object: senses_object(), disabled: object.program_names.filter((name) => !FEW.includes(name)) });
}

function can_load(): boolean {
  try {
    few()[Symbol.dispose]();
    return true;
  } catch (error) {
    console.error(`SKIPPED tests/ffi/handles.test.ts: BPF cannot be loaded here: ${error}`);
    return false;
  }
}

const loadable = can_load();

describe("a damaged BPF object is a typed error, never a crash", () => {
  const whole = senses_object();
  test.each([0, 1, 16, 64, 1000, whole.length >> 1, whole.length - 100])("cut at %d bytes", (length) => {
    expect(() => Senses.open({ object: whole.slice(0, length) })).toThrow(KernelError);
  });

  test("text instead of ELF", () => {
    const text = new TextEncoder().encode("not an object ".repeat(1000));
    expect(() => Senses.open({ object: text })).toThrow(/open the BPF object: .*damaged/);
  });
});

describe.skipIf(!loadable)("handles", () => {
  test("live through garbage collections between uses", () => {
    using senses = few();
    senses.start(1e6);
    for (let round = 0; round < 20; round++) {
      Bun.gc(true);
      expect(senses.poll(1000)).toBeGreaterThan(0);
      Bun.gc(true);
      let previous = 0;
      senses.drain((beat) => {
        expect(beat.sequence).toBeGreaterThan(previous);
        previous = beat.sequence;
      });
      const cgroups = senses.cgroups(true);
      Bun.gc(true);
      expect(cgroups.id(0)).toBeGreaterThan(0);
      const threads = senses.threads(0);
      Bun.gc(true);
      expect(threads.count).toBeGreaterThan(0);
      expect(threads.tid(threads.count - 1)).toBeGreaterThan(0);
      if (round % 10 === 0) senses.set_period(1e6);
    }
    // Eighty whole collections: how long they take hangs on what the tests before have left.
  }, 60_000);

  test("open and dispose again and again", () => {
    for (let round = 0; round < 5; round++) {
      const senses = few();
      senses.start(1e6);
      expect(senses.poll(1000)).toBeGreaterThan(0);
      senses[Symbol.dispose]();
      Bun.gc(true);
      senses[Symbol.dispose]();
      Bun.gc(true);
    }
  });

  test("use after dispose is a clear error", () => {
    const senses = few();
    senses.start(1e7);
    const cgroups = senses.cgroups(true);
    const threads = senses.threads(0);
    senses[Symbol.dispose]();
    for (const use of [
      () => senses.poll(0),
      () => senses.drain(),
      () => senses.cgroups(true),
      () => senses.threads(0),
      () => senses.set_period(1e8),
      () => senses.start(1e8),
      () => senses.lost_beats,
    ]) {
      expect(use).toThrow("use the senses: EBADF (they were disposed of)");
    }
    expect(cgroups.count).toBe(0);
    expect(() => cgroups.id(0)).toThrow(RangeError);
    expect(() => threads.tid(0)).toThrow(RangeError);
  });

  test("a disabled program is reported as absent, with its cost", () => {
    using senses = few();
    const absence = senses.absences.find((candidate) => candidate.what === "block I/O");
    expect(absence?.why).toBe("disabled by configuration");
    expect(absence?.costs).not.toBe("");
    const program = senses.programs.find((candidate) => candidate.name === "block_rq_complete");
    expect(program).toEqual({ name: "block_rq_complete", attached: false, why: "disabled by configuration" });
    expect(senses.programs.find((candidate) => candidate.name === "sched_switch")?.attached).toBe(true);
  });

  test("without the iterators their rows are refused, the beat goes on", () => {
    using object = BpfObject.open(senses_object());
    const disabled = object.program_names.filter((name) => name !== "start_beat");
    using senses = Senses.open({ object: senses_object(), disabled });
    senses.start(1e6);
    expect(senses.poll(1000)).toBeGreaterThan(0);
    expect(() => senses.cgroups(true)).toThrow("absent on this kernel");
    expect(() => senses.threads(0)).toThrow("absent on this kernel");
  });

  test("the period cannot be set before the start", () => {
    using senses = few();
    expect(() => senses.set_period(1e8)).toThrow("start() comes first");
  });

  test("BpfObject: unknown names, not loaded, disposed", () => {
    const object = BpfObject.open(senses_object());
    expect(() => object.attach("no_such_program")).toThrow("the object has no such program");
    expect(() => object.attach("sched_switch")).toThrow(KernelError);
    expect(() => object.map_fd("no_such_map")).toThrow(/find BPF map no_such_map: ENOENT/);
    object[Symbol.dispose]();
    object[Symbol.dispose]();
    expect(() => object.load("it")).toThrow("it was disposed of");
    expect(() => object.attach("sched_switch")).toThrow("it was disposed of");
  });

  test("RingBuffer: not a ring buffer, disposed twice", () => {
    expect(() => new RingBuffer(-1, 4096, () => {})).toThrow(/the ring buffer of the beats.*EBADF/);
    using object = BpfObject.open(senses_object());
    object.select(new Set(["start_beat"]));
    object.load("the beat");
    const ring = new RingBuffer(object.map_fd("beats"), 256 * 1024, () => {});
    expect(ring.poll(0)).toBe(0);
    ring[Symbol.dispose]();
    ring[Symbol.dispose]();
    expect(() => ring.poll(0)).toThrow("it was disposed of");
  });
});

test("KeptFile lives through garbage collections", () => {
  using file = KeptFile.open("/proc/self/stat")!;
  for (let round = 0; round < 50; round++) {
    Bun.gc(true);
    expect(new TextDecoder().decode(file.read())).toStartWith(`${process.pid} (`);
  }
});
