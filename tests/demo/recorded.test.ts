import { expect, test } from "bun:test";
import { parse_record, recorded_demo, write_record } from "../../src/demo/recorded.ts";
import { after_event, comparison, DEMO_BEGINS, event_lines, missed } from "../../src/report/demo.ts";
import { style } from "../../src/report/style.ts";

const PLAIN = style(false);

test("a record is read as it was written, and anything else is no record", () => {
  const record = recorded_demo();
  expect(parse_record(write_record(record))).toEqual(record);
  expect(() => parse_record(Bun.gzipSync(Buffer.from('{"kind":"begin"}\n')))).toThrow("no audit");
});

test("the record that is part of HOSA shows a service that is killed, and the same one held and answering all", () => {
  const { events } = recorded_demo();
  let state = { ...DEMO_BEGINS, recorded: true };
  const lines: string[] = [];
  for (const event of events) {
    lines.push(...event_lines(event, state, PLAIN));
    state = after_event(state, event);
  }
  const said = lines.join("\n");
  expect(said).toContain("the kernel kills the service");
  expect(said).toContain("HOSA holds");
  const [without, held] = events.flatMap((event) => (event.kind === "result" ? [event.result] : []));
  expect(without!.killed_after_s).not.toBeNull();
  expect([held!.killed_after_s, held!.answered]).toEqual([null, held!.sent]);
  const result = { recorded: true, why_recorded: null, without: without!, with: held!, report: "r", took_s: 90 };
  expect(comparison(result, PLAIN)).toHaveLength(2);
  expect(missed(held!)).toBeNull();
  expect(missed(without!)).not.toBeNull();
});
