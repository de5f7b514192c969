import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hosa, is_root, type Ran } from "./hosa.ts";
import { in_place, type Place } from "./place.ts";

const ROOT = is_root();
const USABLE = hosa(["doctor"]).code === 0;
if (!USABLE) console.error("SKIPPED: HOSA cannot run on this host (see `hosa doctor`)");
const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

const json = ({ stdout }: Ran) => JSON.parse(stdout);

describe("hosa pause with no agent running", () => {
  test("is kept for the next one: it is shown by every view, replaced by another, and ended by resume", async () => {
    await in_place((place, directory) => {
      expect(place.run("pause", "--status")).toMatchObject({ code: 0, stdout: "nothing is paused\n" });
      const { code, stdout } = place.run("pause", "30m", "--reason", "kernel upgrade");
      expect(code).toBe(0);
      expect(stdout).toContain("No agent runs: the pause holds from its next start on.");
      expect(existsSync(join(directory, "state/pause.json"))).toBe(true);
      expect(place.run("pause", "--status").stdout).toMatch(
        /^paused until \S+ \(30 min left\), by uid \d+: kernel upgrade; what was held then was released; no agent runs\n$/,
      );
      expect(place.run("status").stdout).toMatch(/^paused +until \S+ \(30 min left\)/m);
      const longer = json(place.run("pause", "2h", "--keep", "-o", "json"));
      expect(longer).toMatchObject({ did: "paused", agent: null, pause: { for_s: 7200, keeps: true, reason: "" } });
      expect(json(place.run("status", "-o", "json"))).toMatchObject({ running: false, pause: { for_s: 7200 } });
      expect(place.run("resume").stdout).toContain("is ended: HOSA contains again what autonomy allows");
      expect(place.run("resume")).toMatchObject({ code: 0, stdout: "nothing is paused\n" });
      expect(json(place.run("pause", "--status", "-o", "json"))).toMatchObject({
        ...{ did: "shown", asked: null, pause: null, left_s: null, agent: null },
      });
    });
  });

  test.each([
    [["pause"], "for how long?"],
    [["pause", "25h"], "A pause lasts 1 s to 24 h"],
    [["pause", "500ms"], "A pause lasts 1 s to 24 h"],
    [["pause", "soon"], "Expected a duration"],
    [["pause", "5m", "--keep", "--release"], "option '--release' cannot be used with option '--keep'"],
    [["pause", "5m", "--reason", "a\nb"], "expected one line"],
  ])("%p is a usage error that changes nothing", async (args, said) => {
    await in_place((place, directory) => {
      const { code, stderr } = place.run(...args);
      expect(code).toBe(2);
      expect(stderr).toContain(said);
      expect(existsSync(join(directory, "state"))).toBe(false);
    });
  });

  test("--dry-run changes nothing", async () => {
    await in_place((place, directory) => {
      expect(place.run("pause", "5m", "--dry-run").stdout).toBe(
        "would pause for 5 min; what is held would be released\n",
      );
      expect(existsSync(join(directory, "state"))).toBe(false);
    });
  });

  test.skipIf(!ROOT)("another user may not", async () => {
    await in_place((place, directory) => {
      chmodSync(directory, 0o755);
      const { code, stderr } = hosa(
        ["pause", "5m", "-c", place.config],
        ["setpriv", "--reuid=65534", "--clear-groups"],
      );
      expect(code).toBe(3);
      expect(stderr).toContain("cannot be changed: permission denied (EACCES). Run as root");
    });
  });

  test("a damaged file is said by --status, hidden from no other view, and removed by resume", async () => {
    await in_place((place, directory) => {
      mkdirSync(join(directory, "state"));
      writeFileSync(join(directory, "state/pause.json"), "{");
      expect(place.run("pause", "--status")).toMatchObject({ code: 1, stderr: expect.stringContaining("pause.json") });
      const status = place.run("status");
      expect(status.stdout).toContain("none runs");
      expect(status.stderr).toContain("warn: ");
      expect(place.run("resume").stdout).toBe("nothing is paused\n");
      expect(existsSync(join(directory, "state/pause.json"))).toBe(false);
    });
  });

  test("without a control socket it says when it is taken up", async () => {
    await in_place((place) => {
      expect(place.run("pause", "5m").stdout).toContain("systemctl reload hosa takes the pause up");
    }, "control: {enabled: false}\n");
  });
});

describe("hosa pause beside an agent", () => {
  const STATUS = { ok: true, status: { pid: 4711, version: "0.1.0", held: [] } };
  const UNKNOWN = { ok: false, code: "bad_request", error: 'op: Invalid type: Expected "status"' };

  test.each(["pause 5m", "resume"])("of an older version says so, and that nothing is paused: %s", async (line) => {
    await in_place(async (place, directory) => {
      await place.with_agent({ status: STATUS, pause: UNKNOWN, resume: UNKNOWN }, () => {
        const { code, stderr } = place.run(...line.split(" "));
        expect(code).toBe(1);
        expect(stderr).toContain("is hosa 0.1.0, which cannot be paused. Restart it: systemctl restart hosa");
        expect(existsSync(join(directory, "state"))).toBe(false);
      });
    });
  });

  test("that cannot save it says that a restart ends it; of a quarantine, that it stays", async () => {
    const begun = { until_ns: 1, until: "2027-01-15T08:30:00.000Z", began: "2027-01-15T08:00:00.000Z", for_s: 1800 };
    const pause = { ...begun, reason: "", by: { uid: 0, pid: 1 }, keeps: false };
    const reply = { ok: true, pause, not_saved: "the disk is full", held: [], outcomes: [], quarantine: true };
    await in_place(async (place) => {
      await place.with_agent({ status: STATUS, pause: reply }, () => {
        const { code, stdout } = place.run("pause", "30m");
        expect(code).toBe(0);
        expect(stdout).toContain("warn: a restart of the agent ends the pause: the disk is full");
        expect(stdout).toContain("The node is in quarantine (level 5), which stays");
      });
    });
  });

  test.skipIf(!USABLE)(
    "that runs: it is in force at once, in every view, in the record, and after a restart",
    async () => {
      await in_place(async (place, directory) => {
        await with_dry_run(place, (pid) => {
          const { code, stdout } = place.run("pause", "30m", "--reason", "kernel upgrade");
          expect(code).toBe(0);
          expect(stdout).toMatch(/^paused until \S+ \(30 min\): nothing new is contained; it resumes by itself$/m);
          expect(json(place.run("pause", "--status", "-o", "json"))).toMatchObject({
            did: "shown",
            pause: { reason: "kernel upgrade" },
            agent: { pid },
          });
        });
        await with_dry_run(place, () => {
          const status = json(place.run("status", "-o", "json"));
          expect(status).toMatchObject({
            pause: { reason: "kernel upgrade" },
            dial: { autonomy: "correction", acts: false },
          });
          expect(place.run("status").stdout).toMatch(
            /^paused +until .*: kernel upgrade; what was held then was released/m,
          );
          expect(place.run("resume").stdout).toContain("is ended");
          expect(place.run("pause", "--status").stdout).toBe("nothing is paused\n");
        });
        const records = readFileSync(join(directory, "audit.jsonl"), "utf8").trimEnd().split("\n");
        const kinds = records.map((line) => JSON.parse(line));
        expect(kinds.filter(({ kind }) => kind === "start")).toMatchObject([
          { dial: { autonomy: "correction", max_level: 4, acts: false, dry_run: true } },
          { pause: { reason: "kernel upgrade", for_s: 1800 } },
        ]);
        expect(kinds.find(({ kind }) => kind === "pause")).toMatchObject({ resumed: false, pause: { by: { uid: 0 } } });
        expect(kinds.find(({ kind }) => kind === "resume")).toMatchObject({ by: { uid: 0 } });
        expect(hosa(["explain", "--timeline", "--audit", join(directory, "audit.jsonl")]).stdout).toContain(
          "the pause was ended by uid 0",
        );
      });
    },
    60_000,
  );
});

/** An agent that touches nothing, from its first beat to its end. */
async function with_dry_run(place: Place, body: (pid: number) => void): Promise<void> {
  const child = Bun.spawn([process.execPath, MAIN, "run", "--dry-run", "-c", place.config], {
    ...{ stderr: "pipe", stdout: "ignore" },
  });
  try {
    const reader = child.stderr.getReader();
    const decoder = new TextDecoder();
    for (let said = ""; !said.includes("capabilities given up"); ) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the agent ended: ${said}`);
      said += decoder.decode(value);
    }
    void (async () => {
      while (!(await reader.read()).done);
    })();
    body(child.pid);
  } finally {
    child.kill("SIGTERM");
    await child.exited;
  }
}
