import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Framer, REQUEST_BYTES_MAX } from "../../../src/telemetry/control/framer.ts";
import { is_reason, parse_request } from "../../../src/telemetry/control/protocol.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Pushes the bytes in the given pieces; the first thing the framer says. */
function frame(content: Uint8Array, cuts: readonly number[]): ReturnType<Framer["push"]> {
  const framer = new Framer();
  const places = [...new Set(cuts.map((cut) => cut % (content.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, content.length]) {
    const said = framer.push(content.subarray(from, to));
    if (said !== null) return said;
    from = to;
  }
  return null;
}

describe("framing", () => {
  test("a line is the same line however it is cut, and what was received may be overwritten meanwhile", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.array(fc.nat(), { maxLength: 100 }), (content, cuts) => {
        const line = content.filter((byte) => byte !== 10);
        const sent = new Uint8Array([...line, 10]);
        const framer = new Framer();
        const buffer = new Uint8Array(sent.length);
        const places = [...new Set(cuts.map((cut) => cut % (sent.length + 1)))].sort((a, b) => a - b);
        let from = 0;
        let said: ReturnType<Framer["push"]> = null;
        for (const to of [...places, sent.length]) {
          buffer.set(sent.subarray(from, to));
          said = framer.push(buffer.subarray(0, to - from));
          from = to;
          if (said !== null) break;
        }
        if (said === null || !("line" in said)) throw new Error("no line");
        expect([...said.line]).toEqual([...line]);
        expect(framer.waiting_bytes).toBe(0);
      }),
    );
  });

  test("what is kept never exceeds the bound, whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30_000 }), { maxLength: 12 }), (chunks) => {
        const framer = new Framer();
        for (const chunk of chunks) {
          framer.push(chunk);
          expect(framer.waiting_bytes).toBeLessThanOrEqual(REQUEST_BYTES_MAX);
        }
      }),
    );
  });

  test("a line of the bound passes, one byte more is refused at once, newline or not", () => {
    const most = new Uint8Array(REQUEST_BYTES_MAX).fill(32);
    expect(frame(new Uint8Array([...most, 10]), [7, 40_000])).toMatchObject({ line: most });
    expect(frame(new Uint8Array([...most, 32]), [])).toMatchObject({ refused: "too_long" });
    expect(frame(new Uint8Array([...most, 32, 10]), [65_536])).toMatchObject({ refused: "too_long" });
  });

  test("a second request before the first is answered is refused", () => {
    expect(frame(bytes('{"a":1}\n{'), [])).toMatchObject({ refused: "one_at_a_time" });
  });
});

describe("requests", () => {
  test("never throws, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map(bytes)), (line) => {
        const parsed = parse_request(line);
        expect("op" in parsed || "wrong" in parsed).toBe(true);
      }),
    );
    expect(parse_request(bytes("[".repeat(65_536)))).toHaveProperty("wrong");
    expect(parse_request(new Uint8Array([0xff, 0xfe]))).toEqual({ wrong: "not a line of JSON in UTF-8" });
  });

  test.each([
    ['{"v":1,"op":"status"}', { v: 1, op: "status" }],
    ['{"v":1,"op":"watch"}', { v: 1, op: "watch", every_ms: 0 }],
    [
      '{"v":1,"op":"release","select":{"all":true}}',
      { v: 1, op: "release", select: { all: true }, reason: "", dry_run: false },
    ],
    [
      '{"v":1,"op":"release","select":{"id":"c1"},"reason":"it is fine","dry_run":true}',
      { v: 1, op: "release", select: { id: "c1" }, reason: "it is fine", dry_run: true },
    ],
  ])("%s is understood", (line, expected) => {
    expect(parse_request(bytes(line))).toEqual(expected as never);
  });

  test.each([
    ["another version", '{"v":2,"op":"status"}', "version 2 is not spoken here"],
    ["no version", '{"op":"status"}', "v"],
    ["an unknown word", '{"v":1,"op":"reboot"}', "op"],
    ["an unknown key", '{"v":1,"op":"status","and":1}', "and"],
    ["nothing selected", '{"v":1,"op":"release","select":{}}', "select"],
    ["two selected", '{"v":1,"op":"release","select":{"all":true,"id":"c1"}}', "select"],
    ["a reason of two lines", '{"v":1,"op":"release","select":{"all":true},"reason":"a\\nb"}', "reason"],
    ["a number", "7", "the request"],
  ])("%s is refused, and said what it is", (_name, line, wrong) => {
    const parsed = parse_request(bytes(line));
    expect(parsed).toHaveProperty("wrong");
    expect(JSON.stringify(parsed)).toContain(wrong);
  });

  test("a reason is one bounded line that moves no cursor", () => {
    expect(is_reason("Überlast erwartet – siehe Ticket 7")).toBe(true);
    for (const text of ["a\nb", "\u001b[2J", "a\u2028b", "\u202e", "x".repeat(201)])
      expect(is_reason(text)).toBe(false);
  });
});
