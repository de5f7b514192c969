import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { LEVEL_NAMES } from "../../src/model/level.ts";
import type { BeatView } from "../../src/model/view.ts";
import { to_ascii } from "../../src/report/ascii.ts";
import { observe_header, observe_layout, observe_line } from "../../src/report/observe.ts";
import { cut, PLAIN, screen_text, shortened_middle, takes_utf8, width_of, wrapped } from "../../src/report/screen.ts";
import { style } from "../../src/report/style.ts";
import { carrier } from "./carriers.ts";
import { view } from "./fixtures.ts";

const ROOT = join(import.meta.dir, "../..");
const plain = style(false);
const NOT_ASCII = /[^\n\x20-\x7e]/;

describe("the locale", () => {
  test.each([
    [{}, true],
    [{ LANG: "de_DE.UTF-8" }, true],
    [{ LANG: "en_US.utf8" }, true],
    [{ LC_CTYPE: "UTF-8" }, true],
    [{ LANG: "sr_RS.UTF-8@latin" }, true],
    [{ LANG: "C" }, false],
    [{ LANG: "POSIX" }, false],
    [{ LANG: "de_DE.ISO-8859-1" }, false],
    [{ LANG: "de_DE" }, false],
    [{ LC_ALL: "C", LANG: "de_DE.UTF-8" }, false],
    [{ LC_ALL: "C.UTF-8", LC_CTYPE: "C" }, true],
    [{ LC_CTYPE: "C", LANG: "de_DE.UTF-8" }, false],
    [{ LC_ALL: "", LC_CTYPE: "", LANG: "C" }, false],
    [{ LC_ALL: "", LANG: "" }, true],
  ])("%j: UTF-8 %p", (environment, expected) => {
    expect(takes_utf8(environment)).toBe(expected);
  });
});

describe("in ASCII", () => {
  test.each([
    ["D̄ 7.90 > θ2, σ 1.1", "Dbar 7.90 > theta2, sigma 1.1"],
    ["1/s² 10⁻⁹ aₙ x₂ 52 °C", "1/s^2 10^-9 a_n x_2 52 degC"],
    ["a → b · c … ≥ ≤ ≠ × −1 – “x” ’", 'a -> b | c ... >= <= != x -1 - "x" \''],
    ["▁▂▃▄▅▆▇█░ ─│┌┐", "_.-~=+*#. -|++"],
    ["204 µs", "204 us"],
    ["/café/日本", "/caf\\u00e9/\\u65e5\\u672c"],
    ["👍", "\\u{1f44d}"],
  ])("%s", (text, expected) => {
    expect(to_ascii(text)).toBe(expected);
  });

  test("every character of a text in the sources has a replacement that a person can read", () => {
    const missing = new Set<string>();
    for (const path of new Bun.Glob("src/**/*.ts").scanSync(ROOT)) {
      if (path.endsWith("ascii.ts")) continue;
      for (const [character] of readFileSync(join(ROOT, path), "utf8").matchAll(/\P{ASCII}/gu)) {
        if (/^\p{M}$/u.test(character)) continue;
        if (NOT_ASCII.test(to_ascii(character)) || to_ascii(character).startsWith("\\u")) missing.add(character);
      }
    }
    expect([...missing]).toEqual([]);
  });

  test("whatever the text: ASCII only, and what was ASCII stays", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const shown = to_ascii(text.replace(/\p{Cc}/gu, ""));
        expect(NOT_ASCII.test(shown)).toBe(false);
        expect(to_ascii(shown)).toBe(shown);
      }),
    );
  });

  test("columns behind a longer replacement keep their place", () => {
    const [header, row] = ["θ1      7.36  a", "count      4  b"].map(to_ascii);
    expect(header).toBe("theta1  7.36  a");
    expect(row!.indexOf("b")).toBe(header!.indexOf("a", 8));
  });

  test("a minus sign is - everywhere, for awk", () => {
    expect(screen_text("−1.5", PLAIN)).toBe("-1.5");
  });
});

describe("wrapping", () => {
  test("between words, what follows set behind the label", () => {
    const text = "held       two of them, and a good many words more than fit";
    expect(wrapped(text, 40)).toBe("held       two of them, and a good many\n           words more than fit");
    expect(wrapped("one two three four", 9)).toBe("one two\n  three\n  four");
    expect(wrapped("short", 20)).toBe("short");
  });

  test("no line is longer than the screen but a word that is, and no word is broken or lost", () => {
    const word = fc.stringMatching(/^[a-zäé日本→]{1,14}$/);
    const gap = fc.constantFrom(" ", " ", " ", "  ", "     ");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, gap), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 20, max: 160 }),
        (parts, columns) => {
          const text = parts.flat().join("").trimEnd();
          const lines = wrapped(text, columns).split("\n");
          expect(lines.join(" ").split(/ +/).filter(Boolean)).toEqual(text.split(/ +/).filter(Boolean));
          for (const line of lines) {
            const fits = width_of(line) <= columns;
            expect(fits || line.trim().split(/ +/).length === 1, line).toBe(true);
          }
        },
      ),
    );
  });

  test("colors take no room", () => {
    const red = style(true).red("four");
    expect(wrapped(`one two ${red}`, 12)).toBe(`one two ${red}`);
    expect(Bun.stripANSI(cut(`${red} five`, 6))).toBe("four f");
    expect(cut(`${red} five`, 3)).toEndWith("\x1b[39m");
  });

  test("the middle of a path goes first, wide characters and emoji are whole", () => {
    expect(shortened_middle("/kubepods.slice/pod-1234/app.scope", 20, { ascii: false })).toBe("/kubep…234/app.scope");
    expect(shortened_middle("/kubepods.slice/pod-1234/app.scope", 20, { ascii: true })).toBe("/kubep..34/app.scope");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
        expect(width_of(shortened_middle(text, columns, { ascii: false }))).toBeLessThanOrEqual(Math.max(columns, 0));
      }),
    );
  });
});

function named_story(change: Parameters<typeof carrier>[0]): BeatView["story"] {
  const found = { ...carrier(change), resource: "memory", unit: "bytes/s", protected: null } as const;
  return { pattern: null, named: found, unnamed: null, headline: "" };
}

describe("observe", () => {
  const names = fc.constantFrom(
    "/svc/leaky",
    "/kubepods.slice/kubepods-burstable.slice/pod1.slice/cri-日本語-containerd-abc.scope",
    "/a/👩‍👩‍👧/b",
    "",
  );
  const beat = fc.record({
    level: fc.constantFrom(0, 1, 2, 3, 4, 5),
    warm: fc.boolean(),
    path: names,
    comm: fc.option(names, { nil: null }),
    velocity: fc.double({ noNaN: true, min: -500, max: 500 }),
  });

  test("fits every terminal, and its figures stand below their names", () => {
    fc.assert(
      fc.property(
        beat,
        fc.integer({ min: 36, max: 200 }),
        fc.boolean(),
        ({ level, warm, path, comm, velocity }, columns, ascii) => {
          const screen = { columns, ascii };
          const layout = observe_layout(screen);
          const one = view({
            ...(comm === null ? {} : { story: named_story({ comm, path }) }),
            level: level as 0,
            level_name: LEVEL_NAMES[level]!,
            warm,
            velocity,
            culprit: { ...view().culprit!, path },
          });
          for (const line of [observe_header(plain, layout), observe_line(one, [1, 9], 0, plain, layout)]) {
            const shown = screen_text(line, screen);
            expect(width_of(shown)).toBeLessThanOrEqual(columns);
            expect(shown).not.toContain("\n");
            if (ascii) expect(NOT_ASCII.test(shown)).toBe(false);
          }
        },
      ),
    );
  });

  test.each([
    [40, 'thread 901 "leaker"'.slice(-12)],
    [80, 'thread 901 "leaker"'],
    [120, 'thread 901 "leaker"'],
    [160, 'f.scope thread 901 "leaker"'],
  ])("on %i columns the end of a long name stays", (columns, end) => {
    const path =
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1234.slice/cri-containerd-abcdef.scope";
    const layout = observe_layout({ columns, ascii: false });
    const line = observe_line(view({ culprit: { ...view().culprit!, path } }), [1], 0, plain, layout);
    expect(line).toEndWith(end);
    expect(line).toContain("…");
  });

  test.each([
    [40, "python3 (1234)"],
    [60, "python3 (1234), 412.0 MiB/s"],
    [80, "python3 (1234), 412.0 MiB/s"],
    [120, "python3 (1234), 412.0 MiB/s"],
    [160, "memory_g…h_bytes_per_s 85 % · python3 (1234), 412.0 MiB/s, 98 % of the node's"],
    [200, "in /user.slice/leak.scope, 412.0 MiB/s, 98 % of the node's"],
  ])("on %i columns what is named keeps its name and its number", (columns, end) => {
    const layout = observe_layout({ columns, ascii: false });
    const one = view({ level: 1, story: named_story({}) });
    expect(observe_line(one, [1], 0, plain, layout)).toEndWith(end);
  });

  test("piped, every line has the same fields for awk, and every figure is a number", () => {
    fc.assert(
      fc.property(beat, ({ level, warm, path, velocity }) => {
        const one = view({
          level: level as 0,
          level_name: LEVEL_NAMES[level]!,
          warm,
          velocity,
          acceleration: -velocity,
          phi: -0.5,
          culprit: { ...view().culprit!, path },
        });
        const fields = observe_line(one, [1], 0, plain).trim().split(/ +/);
        expect(fields.slice(0, 3)).toEqual(["12.3", "s", String(level)]);
        const figures = fields.slice(4, 8).map(Number);
        expect(figures.every(Number.isFinite)).toBe(true);
        expect(Math.sign(figures[1]!)).toBe(Math.sign(Number(velocity.toFixed(2))));
        expect(figures[3]).toBe(-0.5);
      }),
    );
  });
});
