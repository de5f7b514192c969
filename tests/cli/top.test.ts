import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keys_of } from "../../src/cli/terminal.ts";
import { leaking, status } from "../report/top/fixture.ts";
import { is_root } from "./hosa.ts";

const MAIN = join(import.meta.dir, "../../src/cli/main.ts");
const ENTER = "\x1b[?1049h";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/** termios(3), local flags. */
const ICANON = 2;
const ECHO = 8;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function is_stopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.charAt(stat.lastIndexOf(")") + 2) === "T";
}

type Say = (line: object) => void;

/** An agent that answers `status`, and shows `watch` the beats of the fixture, one every 20 ms. */
function fake_agent(directory: string, beat: (i: number) => unknown = (i) => ({ ...leaking().view!, t_ns: i * 1e9 })) {
  const watchers = new Set<Say>();
  let shown = 0;
  const server = Bun.listen({
    unix: join(directory, "hosa.sock"),
    socket: {
      data(socket, data) {
        const say: Say = (line) => void socket.write(`${JSON.stringify(line)}\n`);
        for (const request of data.toString().trim().split("\n")) {
          if (request.includes('"watch"')) {
            say({ ok: true, watching: true, pid: 4711 });
            watchers.add(say);
          } else say({ ok: true, status: status({ pid: 4711 }) });
        }
      },
    },
  });
  const timer = setInterval(() => {
    for (const say of watchers) say({ beat: beat(shown++) });
  }, 20);
  const end = (): void => {
    clearInterval(timer);
    for (const say of watchers) say({ end: "the agent ends: asked to end" });
    server.stop(true);
  };
  cleanups.push(end);
  return { end };
}

function place(): { readonly directory: string; readonly config: string } {
  const directory = mkdtempSync(join(tmpdir(), "hosa-top-"));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  const config = join(directory, "h.yaml");
  writeFileSync(config, `motor: {ledger_dir: ${directory}}\nlearning: {state_dir: ${directory}}\n`);
  return { directory, config };
}

/** `hosa top` on a terminal of its own. */
function on_terminal(
  config: string,
  size = { cols: 80, rows: 24 },
  env: Record<string, string> = {},
  before: readonly string[] = [],
) {
  let seen = "";
  let wake = (): void => {};
  const child = Bun.spawn([...before, process.execPath, MAIN, "top", "-c", config], {
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color", LANG: "C.UTF-8", ...env },
    terminal: {
      ...size,
      data(_terminal, data) {
        seen += Buffer.from(data).toString("utf8");
        wake();
      },
    },
  });
  const terminal = child.terminal!;
  cleanups.push(() => {
    child.kill("SIGKILL");
    terminal.close();
  });
  return {
    child,
    terminal,
    text: () => seen,
    /** Until something was written behind `from`; a test that waits in vain is ended by the runner. */
    async until(part: string, from = 0): Promise<number> {
      while (!seen.slice(from).includes(part)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return seen.length;
    },
    is_restored: () => seen.includes(LEAVE) && (terminal.localFlags & (ICANON | ECHO)) === (ICANON | ECHO),
  };
}

test("a screen of its own, a resize, help, a pause, and q leaves the terminal as it was", async () => {
  const { directory, config } = place();
  fake_agent(directory);
  const top = on_terminal(config);
  await top.until("LEVEL 2 soft containment");
  expect(top.text()).toContain(ENTER);
  await top.until("agent 4711");
  await top.until("c1");
  expect(top.terminal.localFlags & (ICANON | ECHO)).toBe(0);

  let from = top.text().length;
  top.terminal.resize(130, 40);
  await top.until("\x1b[40;1H", from);
  from = top.text().length;
  top.terminal.write("?");
  await top.until("this help, and back", from);
  from = top.text().length;
  top.terminal.write("?p");
  await top.until("display paused at", from);
  top.terminal.resize(40, 10);
  await top.until("too small", from);
  expect(top.is_restored()).toBe(false);

  top.terminal.write("q");
  expect(await top.child.exited).toBe(0);
  await top.until(LEAVE);
  expect(top.is_restored()).toBe(true);
});

test.each([
  ["Ctrl-C", (top: ReturnType<typeof on_terminal>) => top.terminal.write("\x03")],
  ["SIGTERM", (top: ReturnType<typeof on_terminal>) => top.child.kill("SIGTERM")],
  ["SIGINT", (top: ReturnType<typeof on_terminal>) => top.child.kill("SIGINT")],
  ["SIGHUP", (top: ReturnType<typeof on_terminal>) => top.child.kill("SIGHUP")],
] as const)("%s leaves the terminal as it was", async (_name, end) => {
  const { directory, config } = place();
  fake_agent(directory);
  const top = on_terminal(config);
  await top.until("LEVEL 2");
  end(top);
  expect(await top.child.exited).toBe(0);
  await top.until(LEAVE);
  expect(top.is_restored()).toBe(true);
});

test("a defect leaves the terminal as it was, and is told on it", async () => {
  const { directory, config } = place();
  fake_agent(directory, (i) => (i < 20 ? leaking().view! : { t_ns: 0, x: null }));
  const top = on_terminal(config);
  await top.until("LEVEL 2");
  expect(await top.child.exited).toBe(1);
  await top.until("defect:");
  expect(top.is_restored()).toBe(true);
  expect(top.text().indexOf("defect:")).toBeGreaterThan(top.text().lastIndexOf(LEAVE));
});

test("a terminal that goes away ends it", async () => {
  const { directory, config } = place();
  fake_agent(directory);
  const top = on_terminal(config);
  await top.until("LEVEL 2");
  top.terminal.close();
  expect([0, 1]).toContain(await top.child.exited);
});

test("an agent that ends is looked for until another one runs", async () => {
  const { directory, config } = place();
  const first = fake_agent(directory);
  const top = on_terminal(config);
  await top.until("LEVEL 2");
  first.end();
  const from = await top.until("the agent does not answer");
  fake_agent(directory);
  await top.until("an agent runs again", from);
  top.terminal.write("q");
  expect(await top.child.exited).toBe(0);
});

test("Ctrl-Z gives the terminal to the shell, and fg takes it again", async () => {
  const { directory, config } = place();
  fake_agent(directory);
  const top = on_terminal(config);
  await top.until("LEVEL 2");
  top.terminal.write("\x1a");
  const from = await top.until(LEAVE);
  while (!is_stopped(top.child.pid)) await new Promise<void>((resolve) => setImmediate(resolve));
  top.child.kill("SIGCONT");
  await top.until(ENTER, from);
  await top.until("LEVEL 2", from);
  top.terminal.write("q");
  expect(await top.child.exited).toBe(0);
});

test("without color where NO_COLOR is set, in ASCII where the locale takes nothing else", async () => {
  const { directory, config } = place();
  fake_agent(directory);
  const top = on_terminal(config, undefined, { NO_COLOR: "1", LC_ALL: "C" });
  await top.until("LEVEL 2");
  await top.until("c1");
  top.terminal.write("q");
  await top.child.exited;
  await top.until(LEAVE);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the commands of the screen begin with ESC
  expect(top.text().replace(/\x1b\[[?0-9;]*[hlHJK]/g, "")).toMatch(/^[\r\n\x20-\x7e]*$/);
});

test("on a pipe, a dumb terminal or as JSON it is hosa observe", async () => {
  const { directory, config } = place();
  fake_agent(directory);
  const child = Bun.spawn([process.execPath, MAIN, "top", "-c", config, "-o", "json", "--duration", "1s"], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdout: "pipe",
    stderr: "ignore",
  });
  const [line = ""] = (await child.stdout.text()).split("\n");
  expect(JSON.parse(line).level).toBe(2);
  expect(await child.exited).toBe(0);
});

test.skipIf(!is_root())("without an agent only root may sense, and is told what to do otherwise", async () => {
  const { config, directory } = place();
  chmodSync(directory, 0o755);
  const top = on_terminal(config, undefined, {}, ["setpriv", "--reuid", "65534", "--clear-groups"]);
  expect(await top.child.exited).toBe(3);
  await top.until("Start the agent");
  expect(top.text()).toContain("no agent runs, and sensing without one needs root");
  expect(top.text()).not.toContain(ENTER);
});

test("keys are told apart, also where several come at once", () => {
  expect(keys_of("q?\x1b[A\x1b[1;5Ds\x1bOP\x1b")).toEqual(["q", "?", "\x1b[A", "\x1b[1;5D", "s", "\x1bOP", "\x1b"]);
});
