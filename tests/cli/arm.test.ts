import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Dial } from "../../src/model/dial.ts";
import { hosa, in_directory, is_root, may_cover_files, type Ran } from "./hosa.ts";
import { in_place, type Place } from "./place.ts";

const ROOT = is_root();
const MAY_COVER = may_cover_files();
const HAS_TERMINAL = Bun.which("script") !== null;
if (!HAS_TERMINAL) console.error("SKIPPED: no script(1) here to make a terminal with");
const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

const DETECTION: Dial = { autonomy: "detection", max_level: 4, acts: false, tells: true, dry_run: false };
const CORRECTION: Dial = { ...DETECTION, autonomy: "correction", acts: true };
const STATUS = { ok: true, status: { pid: 4711, version: "0.2.0", dial: DETECTION, held: [] } };
const RELOADED = {
  ...{ ok: true, accepted: true, problems: [], applied: ["autonomy"], kept: [], dial: CORRECTION, released: [] },
  ...{ missing_rungs: [], pause: null, quarantine: false },
};

const ARMED = "autonomy: correction\nmax_level: 4\n";

describe("hosa arm", () => {
  test("says what it allows, what is never touched and how to undo, writes one file, and again changes nothing", async () => {
    await in_place((place) => {
      const { code, stdout, stderr } = place.run("arm", "--yes");
      expect(code).toBe(0);
      expect(stderr).toContain("Arming (autonomy: correction) allows HOSA, up to level 4:");
      expect(stderr).toMatch(/^ {2}2 soft containment +give the culprit less CPU/m);
      expect(stderr).toMatch(/^ {2}4 severe containment +freeze a cgroup/m);
      expect(stderr).not.toContain("5 quarantine");
      expect(stderr).toContain("Never touched: the system manager, a login session");
      expect(stderr).toContain("`hosa disarm` ends it");
      expect(stdout).toContain(`wrote ${place.drop_in}`);
      expect(stdout).toContain("No agent runs: it holds from the next start on");
      expect(place.written).toBe(ARMED);
      expect(statSync(place.drop_in).mode & 0o777).toBe(0o644);
      const again = place.run("arm", "--yes");
      expect(again.code).toBe(0);
      expect(again.stdout).toContain(`${place.drop_in} says so already`);
      expect(JSON.parse(place.run("config", "show", "-o", "json").stdout)).toMatchObject({ autonomy: "correction" });
    }, "protect: [/db.slice]\n");
  });

  test.each([
    ["2", "autonomy: correction\nmax_level: 2\n", ["2"]],
    ["5", "autonomy: autonomous\nmax_level: 5\n", ["2", "3", "4", "5"]],
  ])("--up-to %s allows no more, as JSON", async (level, written, levels) => {
    await in_place((place) => {
      const { code, stdout } = place.run("arm", "--up-to", level, "--yes", "-o", "json");
      expect(code).toBe(0);
      const answer = JSON.parse(stdout);
      expect(answer).toMatchObject({ did: "written", armed: true, max_level: Number(level), file: place.drop_in });
      expect(answer.allows.map((one: { level: number }) => String(one.level))).toEqual(levels);
      expect(answer.agent).toMatchObject({ running: false, in_force: true });
      expect(place.written).toBe(written);
    });
  });

  test("--dry-run shows and changes nothing, and a level that is none is a usage error", async () => {
    await in_place((place) => {
      const dry = place.run("arm", "--dry-run");
      expect(dry).toMatchObject({ code: 0 });
      expect(dry.stdout).toBe(`would set autonomy: correction, up to level 4\nwould write ${place.drop_in}\n`);
      expect(JSON.parse(place.run("arm", "--dry-run", "-o", "json").stdout)).toMatchObject({
        did: "previewed",
        agent: null,
      });
      expect(place.run("arm", "--up-to", "1", "--yes").code).toBe(2);
      expect(place.run("arm", "--up-to", "6", "--yes").stderr).toContain("Expected a level from 2 to 5");
      expect(place.written).toBeNull();
    });
  });

  test("without a terminal and without --yes it refuses, and nothing is changed", async () => {
    await in_place((place) => {
      const { code, stderr } = place.run("arm");
      expect(code).toBe(2);
      expect(stderr).toContain("there is no terminal to ask on. Add --yes");
      expect(place.written).toBeNull();
    });
  });

  test.skipIf(!HAS_TERMINAL)("on a terminal it asks: no changes nothing and is 1, yes arms", async () => {
    await in_place((place) => {
      const no = place.on_terminal("n\n", "arm");
      expect(no.stdout).toContain("Arm? [y/N]");
      expect(no.stdout).toContain("nothing was changed");
      expect(no.code).toBe(1);
      expect(place.written).toBeNull();
      const yes = place.on_terminal("y\n", "arm");
      expect(yes.stdout).toContain("allows HOSA, up to level 4");
      expect(yes.code).toBe(0);
      expect(place.written).toBe(ARMED);
      const again = place.on_terminal("", "arm");
      expect(again.stdout).not.toContain("Arm?");
      expect(again.code).toBe(0);
    });
  });

  test.skipIf(!ROOT)("another user may not, before it is asked and with nothing changed", async () => {
    await in_place((place, directory) => {
      chmodSync(directory, 0o755);
      const { code, stderr } = hosa(
        ["arm", "--yes", "-c", place.config],
        ["setpriv", "--reuid=65534", "--clear-groups"],
      );
      expect(code).toBe(3);
      expect(stderr).toContain(`${place.drop_in} cannot be written: permission denied (EACCES). Run as root`);
      expect(place.written).toBeNull();
    });
  });

  test.skipIf(!MAY_COVER)("on a read-only /etc it says so and where to set it instead", async () => {
    await in_place((place, directory) => {
      const script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"';
      const args = ["arm", "--yes", "-c", place.config];
      const { code, stderr } = hosa(args, ["unshare", "--mount", "sh", "-c", script, "sh", directory]);
      expect(code).toBe(1);
      expect(stderr).toContain("cannot be written: the file system is read-only (EROFS). Set `autonomy` where");
      expect(place.written).toBeNull();
    });
  });

  test("a broken drop-in of somebody else stops it with file, line and column; its own is mended", async () => {
    await in_place((place, directory) => {
      mkdirSync(join(directory, "hosa.d"));
      writeFileSync(join(directory, "hosa.d/20-x.yaml"), "act:\n  nothing: 1\n");
      const stopped = place.run("arm", "--yes");
      expect(stopped.code).toBe(2);
      expect(stopped.stderr).toContain(`${directory}/hosa.d/20-x.yaml:2:3: act.nothing: unknown key`);
      expect(place.written).toBeNull();
      writeFileSync(join(directory, "hosa.d/20-x.yaml"), "");
      writeFileSync(place.drop_in, "autonomy: [\n");
      const mended = place.run("arm", "--yes");
      expect(mended.code).toBe(0);
      expect(mended.stdout).toContain("had an error in that file, which this mends");
      expect(place.written).toBe(ARMED);
      writeFileSync(place.drop_in, "autonomy: detection\nprotect: [/a]\n");
      const kept = place.run("arm", "--yes");
      expect(kept.code).toBe(2);
      expect(kept.stderr).toContain("holds protect, which would be lost");
    });
  });

  test("the deprecated motor.enabled: false is overruled and named, and the check of the configuration warns of it", async () => {
    await in_directory((directory) => {
      const config = join(directory, "hosa.yaml");
      writeFileSync(config, `motor: {enabled: false, ledger_dir: ${directory}/run}\n`);
      const check = hosa(["config", "check", "-c", config]);
      expect(check.code).toBe(0);
      expect(check.stderr).toContain("motor.enabled: false is deprecated and means detection");
      const armed = hosa(["arm", "--yes", "-c", config]);
      expect(armed.code).toBe(0);
      expect(armed.stdout).toContain(`It overrules ${config}:1:9: motor.enabled: false`);
      expect(hosa(["config", "check", "-c", config]).stderr).toBe("");
    });
  });

  test("two at once leave one whole file and no draft, and both end well", async () => {
    await in_place(async (place, directory) => {
      const levels = ["3", "4", "2", "3"];
      const runs = levels.map((level) =>
        Bun.spawn([process.execPath, MAIN, "arm", "--yes", "--up-to", level, "-c", place.config], {
          ...{ stdout: "ignore", stderr: "pipe" },
        }),
      );
      expect(await Promise.all(runs.map((run) => run.exited))).toEqual([0, 0, 0, 0]);
      expect(readdirSync(join(directory, "hosa.d"))).toEqual(["90-autonomy.yaml"]);
      expect(place.written).toMatch(/^autonomy: correction\nmax_level: [234]\n$/);
    });
  });
});

describe("the running agent, after hosa arm,", () => {
  const armed = async (answers: object, check: (ran: Ran, place: Place) => void, ...args: readonly string[]) =>
    await in_place(async (place) => {
      await place.with_agent(answers, () => check(place.run("arm", "--yes", ...args), place));
    });

  test("has taken it up, and says what is missing here", async () => {
    const missing_rungs = [{ rung: "shield", why: "no interface has a default route" }];
    await armed({ status: STATUS, reload: { ...RELOADED, missing_rungs } }, ({ code, stdout }) => {
      expect(code).toBe(0);
      expect(stdout).toContain("In force: the running agent (process 4711) has taken it up.");
      expect(stdout).toContain("autonomy: correction, up to level 4 (severe containment): HOSA contains");
      expect(stdout).toContain("missing here: shield: no interface has a default route");
    });
  });

  test.each([
    [
      "is of an older version",
      { status: { ok: true, status: { pid: 4711, version: "0.1.0", held: [] } } },
      "the running agent (process 4711) is hosa 0.1.0, which knows no autonomy; restart it: systemctl restart hosa",
    ],
    [
      "does not know the request",
      { status: STATUS, reload: { ok: false, code: "bad_request", error: 'op: Invalid type: Expected "status"' } },
      "which knows no autonomy; restart it",
    ],
    [
      "is busy",
      { status: { ok: false, code: "busy", error: "256 connections are open" } },
      "not in force: 256 connections are open. If the agent stays silent, restart it",
    ],
    [
      "refuses the files",
      { status: STATUS, reload: { ...RELOADED, accepted: false, problems: ["x.yaml:1:1: bad"], dial: DETECTION } },
      "the running agent (process 4711) refused it: x.yaml:1:1: bad",
    ],
    [
      "reads other files",
      { status: STATUS, reload: { ...RELOADED, dial: DETECTION } },
      "does not do as it says: it reads another configuration",
    ],
    [
      "is a dry run",
      { status: STATUS, reload: { ...RELOADED, dial: { ...CORRECTION, acts: false, dry_run: true } } },
      "it is a dry run, which does nothing whatever the file says",
    ],
    [
      "can contain nothing",
      { status: STATUS, reload: { ...RELOADED, dial: { ...CORRECTION, acts: false } } },
      "it can contain nothing here, see `hosa doctor`",
    ],
  ])(
    "%s: the file is written, that it is not in force is said, and the exit code is 1",
    async (_what, answers, said) => {
      await armed(answers, ({ code, stdout }, place) => {
        expect(stdout).toContain(said);
        expect(stdout).not.toContain("In force");
        expect(code).toBe(1);
        expect(place.written).toBe(ARMED);
      });
      await armed(
        answers,
        ({ code, stdout }) => {
          expect(code).toBe(1);
          expect(JSON.parse(stdout).agent).toMatchObject({ running: true, in_force: false });
        },
        ...["-o", "json"],
      );
    },
    60_000,
  );

  test("does not answer: that is said after five seconds, and how to end it", async () => {
    await armed({ status: STATUS }, ({ code, stdout }, place) => {
      expect(code).toBe(1);
      expect(stdout).toContain("the agent does not answer. If the agent stays silent, restart it");
      expect(place.written).toBe(ARMED);
    });
  }, 60_000);

  test("cannot be asked without a control socket", async () => {
    await in_place((place) => {
      const { code, stdout } = place.run("arm", "--yes");
      expect(code).toBe(1);
      expect(stdout).toContain("control.enabled is false): systemctl reload hosa takes the file up");
    }, "control: {enabled: false}\n");
  });
});

describe("hosa disarm", () => {
  const released = {
    ...{ id: "c1", verb: "release", rung: "thread_hold", t_ns: 1, status: "done", ledger_id: "9-1", detail: "thawed" },
    ...{ file: null, prior: null, written: null },
    target: { cgroup_id: 7, path: "/app", pid: 1, tid: 2, comm: "leak" },
  };
  const held = {
    ...{ id: "c1", ledger_id: "9-1", rung: "thread_hold", file: "/cg/app/hosa-hold.2", now: "", restores: "back" },
    ...{ quarantine: false, held_s: 1, left_s: null, phase: "hold", target: released.target },
  };
  const HOLDING = { ok: true, status: { ...STATUS.status, dial: CORRECTION, held: [held] } };
  const LOWERED = { ...RELOADED, dial: DETECTION, released: [released] };

  test("needs no terminal and no --yes: it only lowers; again it changes nothing", async () => {
    await in_place((place) => {
      place.run("arm", "--yes");
      const { code, stdout } = place.run("disarm");
      expect(code).toBe(0);
      expect(stdout).toContain(`autonomy: detection\nwrote ${place.drop_in}`);
      expect(place.written).toBe("autonomy: detection\n");
      expect(place.run("disarm", "--yes").stdout).toContain("says so already");
      const json = JSON.parse(place.run("disarm", "-o", "json").stdout);
      expect(json).toMatchObject({ did: "unchanged", armed: false, autonomy: "detection", allows: [] });
    });
  });

  test("says what was released first, and that a quarantine stays", async () => {
    await in_place(async (place) => {
      await place.with_agent({ status: HOLDING, reload: { ...LOWERED, quarantine: true } }, () => {
        const { code, stdout } = place.run("disarm");
        expect(code).toBe(0);
        expect(stdout).toContain("1 released first:\n  release thread_hold /app: done");
        expect(stdout).toContain("autonomy: detection, up to level 4 (severe containment): nothing is contained");
        expect(stdout).toContain("The node is in quarantine (level 5), which stays");
      });
    });
  });

  test.skipIf(!HAS_TERMINAL)(
    "on a terminal it asks when something is held: no leaves everything as it is",
    async () => {
      await in_place(async (place) => {
        await place.with_agent({ status: HOLDING, reload: LOWERED }, () => {
          const no = place.on_terminal("n\n", "disarm");
          expect(no.stdout).toContain("1 held, which disarming releases:");
          expect(no.stdout).toContain("Disarm? [y/N]");
          expect(no.code).toBe(1);
          expect(place.written).toBeNull();
          expect(place.on_terminal("y\n", "disarm").code).toBe(0);
          expect(place.written).toBe("autonomy: detection\n");
        });
        await place.with_agent({ status: STATUS, reload: { ...RELOADED, dial: DETECTION } }, () => {
          expect(place.on_terminal("", "disarm").stdout).not.toContain("Disarm?");
        });
      });
    },
  );

  test("that the agent does not take up is not called done", async () => {
    await in_place(async (place) => {
      await place.with_agent({ status: HOLDING, reload: { ...RELOADED, dial: CORRECTION } }, () => {
        const { code, stdout } = place.run("disarm");
        expect(code).toBe(1);
        expect(stdout).toContain("does not do as it says");
      });
    });
  });

  test("--dry-run changes nothing", async () => {
    await in_place((place) => {
      expect(place.run("disarm", "--dry-run").stdout).toContain(`would write ${place.drop_in}`);
      expect(place.written).toBeNull();
    });
  });
});
