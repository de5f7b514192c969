import { expect, test } from "bun:test";
import { held_failures, held_report, held_text } from "../../lab/held.ts";

const row = (...cells: readonly (string | number)[]) => `${cells.join("\t")}\n`;
const GUEST = [
  row("node", "none", "systemd", 0, 0, "systemd 257, kernel 6.12"),
  row("plain", "none", "systemctl reload", 0, 400, ""),
  row("plain", "none", "systemctl kill -s USR2", 0, 200, ""),
  row("plain", "thread", "the remedy", 0, 0, "done - frozen"),
  row("plain", "thread", "systemctl reload", 0, 420, ""),
  row("plain", "thread", "systemctl kill -s USR2", 1, 210, "Operation not supported"),
  row("plain", "freeze", "systemctl reload", 0, 450, ""),
  row("podman", "none", "podman stats", 125, 90, "no such feature"),
  row("podman", "limit", "podman stats", 125, 95, "no such feature"),
  row("podman", "thread-anyway", "podman top", 125, 300, "operation not supported"),
].join("");

test("what fails without a remedy as well, by hand, or as documented is no broken promise", () => {
  expect(held_failures(held_report(GUEST + row("node", "none", "end", 0, 0, "")))).toEqual([]);
});

test("what fails beside a remedy alone is one, and so is a script that did not end", () => {
  const broken = GUEST + row("plain", "freeze", "PID 1 answers", 124, 8000, "");
  expect(held_failures(held_report(broken))).toEqual([
    "plain freeze: PID 1 answers: status 124 ",
    "the guest's script did not come to its end",
  ]);
});

test("the table has a row for each operation and a column for each remedy", () => {
  const text = held_text(held_report(GUEST));
  expect(text).toContain("| operation | none | thread | freeze |");
  expect(text).toContain("| systemctl reload | 0, 400 | 0, 420 | 0, 450 |");
  expect(text).toContain("**1**, 210: Operation not supported");
  expect(text).toContain("did not come to its end");
});
