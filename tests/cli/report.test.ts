import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recorded_run } from "../report/episode_fixture.ts";
import { audit_of } from "./audit.ts";
import { hosa, in_directory } from "./hosa.ts";

test("the last episode as a page, written, written over, and on standard output", async () => {
  await in_directory(async (directory) => {
    const audit = await audit_of(directory, recorded_run());
    const file = join(directory, "episode.html");
    const first = hosa(["report", "--html", file, "--audit", audit]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(
      /episode\.html: episode e2 – e\d+, highest level 2\nThread 102 .* takes 49\.6 MiB\/s of memory\.\n$/,
    );
    const page = readFileSync(file, "utf8");
    expect(page).toContain("recorded decisions re-run identically");
    expect(statSync(file).mode & 0o777).toBe(0o640);
    writeFileSync(file, `${page}${page}`);
    const again = hosa(["report", "e3", "--html", file, "--audit", audit, "-o", "json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ file, first: "e2", max_level: 2, differing_decisions: 0 });
    expect(readFileSync(file, "utf8")).toBe(page);
    expect(hosa(["report", "--html", "-", "--audit", audit]).stdout).toBe(page);
    writeFileSync(join(directory, "empty.html"), "");
    expect(hosa(["report", "--html", join(directory, "empty.html"), "--audit", audit]).code).toBe(0);
  });
});

test("only a page of hosa is written over", async () => {
  await in_directory(async (directory) => {
    const audit = await audit_of(directory, recorded_run());
    const file = join(directory, "thesis.html");
    writeFileSync(file, "<p>mine</p>");
    const { code, stderr } = hosa(["report", "--html", file, "--audit", audit]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: ${file} is there already and is no page of hosa. ` +
        "Give another name, or remove it first: only a page of `hosa report` is written over.\n",
    );
    expect(readFileSync(file, "utf8")).toBe("<p>mine</p>");
  });
});

test("what cannot be written or found is said in one line with the way out", async () => {
  await in_directory(async (directory) => {
    const audit = await audit_of(directory, recorded_run());
    mkdirSync(join(directory, "folder"));
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [["--html", join(directory, "absent", "x.html")], 1, "cannot write"],
      [["--html", join(directory, "folder")], 1, "cannot write"],
      [["e99", "--html", "-"], 1, 'no record "e99"'],
      [["e1", "--html", "-"], 1, "belongs to no episode"],
      [["--html", "-", "-o", "json"], 2, "both want standard output"],
      [[], 2, "required option '--html <file>'"],
    ];
    for (const [args, code, text] of cases) {
      const ran = hosa(["report", ...args, "--audit", audit]);
      expect(ran.code).toBe(code);
      expect(ran.stderr).toContain(text);
      if (args.includes("json")) expect(JSON.parse(ran.stdout).error.exit_code).toBe(2);
      else expect(ran.stdout).toBe("");
    }
  });
});

test("a tampered audit: the page is written and says so, exit code 1", async () => {
  await in_directory(async (directory) => {
    const audit = await audit_of(directory, recorded_run());
    writeFileSync(audit, readFileSync(audit, "utf8").replace('"kernel":"6.12.0"', '"kernel":"6.12.1"'));
    const { code, stdout, stderr } = hosa(["report", "--html", "-", "--audit", audit]);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: ${audit}:1: tampered`);
    expect(stdout).toContain("The chain of hashes is broken");
  });
});
