import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bits_of, kept_privileges } from "../../src/agent/privileges.ts";
import { Datagrams } from "../ffi/datagrams.ts";
import { hosa, in_directory } from "./hosa.ts";

const USABLE = hosa(["doctor"]).code === 0;
if (!USABLE) console.error("SKIPPED: HOSA cannot run on this host (see `hosa doctor`)");

const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

function settings(directory: string, more = ""): string {
  const file = join(directory, "h.yaml");
  const places = `learning: {state_dir: ${directory}/state}\nmotor: {ledger_dir: ${directory}/run}\n`;
  writeFileSync(file, `${places}audit: {path: ${directory}/audit.jsonl}\n${more}`);
  return file;
}

/** A dry run started as a service manager would, and all it has said on standard error so far. */
function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([process.execPath, MAIN, "run", "--dry-run", ...args], {
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", ...env },
    stderr: "pipe",
    stdout: "ignore",
  });
  const reader = child.stderr.getReader();
  const decoder = new TextDecoder();
  let said = "";
  return {
    child,
    async until(text: string): Promise<void> {
      while (!said.includes(text)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`"${text}" never came: ${said}`);
        said += decoder.decode(value);
      }
    },
    async rest(): Promise<string> {
      for (let next = await reader.read(); !next.done; next = await reader.read()) said += decoder.decode(next.value);
      return said;
    },
  };
}

test.skipIf(!USABLE)(
  "--daemon: ready after the first beat, SIGHUP reloads all or nothing, SIGTERM says that it stops",
  async () => {
    await in_directory(async (directory) => {
      const file = settings(directory);
      const name = join(directory, "notify");
      mkdirSync(join(directory, "state"));
      using manager = new Datagrams(name);
      const heard: string[] = [];
      const agent = start(["--daemon", "-c", file], { NOTIFY_SOCKET: name, WATCHDOG_USEC: "4000000" });
      await agent.until("motor: recording");

      settings(directory, "levels: {trend_s: 0.7}\nopinions: {enabled: false}\n");
      agent.child.kill("SIGHUP");
      await agent.until("opinions.enabled: stays true");
      // The kernel keeps only so many datagrams for a listener.
      heard.push(...manager.take());
      settings(directory, "levels: {trend_s: 0.9}\nact: {nothing: 1}\n");
      agent.child.kill("SIGHUP");
      await agent.until("nothing was changed");
      agent.child.kill("SIGTERM");
      const said = await agent.rest();
      expect(await agent.child.exited).toBe(0);
      expect(said).toContain("info: reload: levels.trend_s: 0.5 → 0.7");
      expect(said).toContain(`error: reload: ${file}:5:7: act.nothing: unknown key`);
      expect(said).not.toContain("0.9");

      heard.push(...manager.take());
      const said_to_manager = heard.filter((text) => !text.startsWith("STATUS=") && text !== "WATCHDOG=1");
      expect(said_to_manager[0]).toMatch(/^READY=1\nSTATUS=level \d .*learning this node/);
      expect(said_to_manager[1]).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
      expect(said_to_manager[2]).toBe("READY=1\nSTATUS=reloaded: 1 key, 1 needs a restart");
      expect(said_to_manager[4]).toBe("READY=1\nSTATUS=reload refused: the configuration in force stays");
      expect(said_to_manager.at(-1)).toBe("STOPPING=1\nSTATUS=undoing everything");
      expect(heard).toContain("WATCHDOG=1");

      const audit = await Bun.file(join(directory, "audit.jsonl")).text();
      const reloads = audit
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
        .filter(({ kind }) => kind === "reload");
      expect(reloads).toMatchObject([
        {
          accepted: true,
          applied: [{ key: "levels.trend_s", from: 0.5, to: 0.7 }],
          kept: [{ key: "opinions.enabled" }],
        },
        { accepted: false, applied: [], problems: [expect.stringContaining("act.nothing")] },
      ]);
      settings(directory);
      expect(hosa(["explain", reloads[0].id, "-c", file]).stdout).toContain("levels.trend_s");
    });
  },
);

test.skipIf(!USABLE)("SIGHUP takes up hooks, and refuses a file with one that must not be run", async () => {
  await in_directory(async (directory) => {
    const file = settings(directory);
    const agent = start(["--daemon", "-c", file]);
    await agent.until("motor: recording");
    settings(directory, "hooks: {pre: [{command: [/bin/true]}]}\n");
    agent.child.kill("SIGHUP");
    await agent.until('reload: hooks.pre: [] → [{"command":["/bin/true"]');
    settings(directory, "hooks: {pre: [{command: [/nowhere/hook]}], at_once: 3}\n");
    agent.child.kill("SIGHUP");
    await agent.until("nothing was changed");
    agent.child.kill("SIGTERM");
    const said = await agent.rest();
    expect(await agent.child.exited).toBe(0);
    expect(said).toContain("hooks.pre.0.command: /nowhere/hook is not run: /nowhere/hook does not exist");
    expect(said).not.toContain("at_once");
  });
});

test.skipIf(!USABLE)("beats go on after the capabilities of the start are given up", async () => {
  await in_directory(async (directory) => {
    const args = ["--daemon", "--duration", "2s", "-c", settings(directory)];
    const agent = start(args);
    await agent.until("capabilities given up");
    const status = readFileSync(`/proc/${agent.child.pid}/status`, "latin1");
    const held = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)/m.exec(status)?.[1]}`);
    expect(held & ~bits_of(kept_privileges(false))).toBe(0n);
    const said = await agent.rest();
    expect(await agent.child.exited).toBe(0);
    expect(Number(/ended after (\d+) beats/.exec(said)?.[1])).toBeGreaterThan(0);
    expect(said).not.toContain("error:");
  });
});

test.skipIf(!USABLE)("without --daemon a terminal that goes away ends the run, undone and recorded", async () => {
  await in_directory(async (directory) => {
    const agent = start(["-c", settings(directory)]);
    await agent.until("motor: recording");
    agent.child.kill("SIGHUP");
    await agent.rest();
    expect(await agent.child.exited).toBe(0);
    expect(await Bun.file(join(directory, "audit.jsonl")).text()).toMatch(/"kind":"stop",.*"reason":"SIGHUP"/);
  });
});

test.skipIf(!USABLE)("a journal is given priorities, everybody else words", async () => {
  await in_directory((directory) => {
    const script = `exec 2>"$1"; export JOURNAL_STREAM=$(stat -Lc %d:%i "$1"); shift; exec "$@"`;
    const log = join(directory, "log");
    writeFileSync(log, "");
    const args = ["run", "--daemon", "--dry-run", "--duration", "1s", "-c", settings(directory)];
    expect(hosa(args, ["bash", "-c", script, "bash", log]).code).toBe(0);
    const lines = readFileSync(log, "utf8").trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toMatch(/^<[3467]>\S/);
    expect(lines.join("\n")).toContain("<6>the recording motor only writes down");
  });
});
