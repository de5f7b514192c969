import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { all_visible, visible, visible_lines } from "../../src/model/visible.ts";
import { HOSTILE, obeyed_in } from "../hostile_text.ts";

const any_text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(...HOSTILE, "a", "\\", "é") }),
);

describe("text from outside", () => {
  test.each([
    ["a command of the terminal", "\x1b[31mred\x1b]0;title\x07", "\\u001b[31mred\\u001b]0;title\\u0007"],
    ["the same with one byte", "\x9b31m", "\\u009b31m"],
    ["a line of its own", "x\r\nerror: all is lost", "x\\u000d\\u000aerror: all is lost"],
    ["a name read backwards", "gpj.\u202eexe", "gpj.\\u202eexe"],
    ["an isolate", "\u2066a\u2069\u200f\u061c", "\\u2066a\\u2069\\u200f\\u061c"],
    ["what is not seen", "pay\u200bment\ufeff", "pay\\u200bment\\ufeff"],
    ["tags", "\u{e0041}", "\\udb40\\udc41"],
    ["separators", "a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\u0085d"],
    ["half a character", "\ud800", "\\ud800"],
    ["letters of other languages", "Überwachung 監視 مراقبة D̄ 🙂", "Überwachung 監視 مراقبة D̄ 🙂"],
  ])("%s", (_what, text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  test("nothing that is obeyed is left, and nothing else is changed", () => {
    fc.assert(
      fc.property(any_text, (text) => {
        expect(obeyed_in(visible(text))).toEqual([]);
        expect(obeyed_in(visible_lines(text).replace(/[\n\t]/g, ""))).toEqual([]);
        if (obeyed_in(text).length === 0) expect(visible(text)).toBe(text);
      }),
    );
  });

  test("in JSON it is what it was", () => {
    fc.assert(
      fc.property(any_text, (text) => {
        const line = visible_lines(JSON.stringify({ [text]: [text] }));
        expect(obeyed_in(line)).toEqual([]);
        expect(JSON.parse(line)).toEqual({ [text]: [text] });
      }),
    );
  });

  test("in a record all of it, names of keys too; what is no text stays as it is", () => {
    const rows = new Float64Array([1, 2]);
    const record = { "k\x1b": ["a\n", { b: "\u202e", n: 1, none: null, flag: true }], rows };
    const shown = all_visible(record);
    expect(JSON.stringify(shown)).toBe(
      JSON.stringify({ "k\\u001b": ["a\\u000a", { b: "\\u202e", n: 1, none: null, flag: true }], rows }),
    );
    expect(shown.rows).toBe(rows);
    expect(record["k\x1b"][0]).toBe("a\n");
  });
});
