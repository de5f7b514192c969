/** Runs as root in a throw-away guest: a fault that no containment ends, from level 0 up to level 5 and back (scripts/lab ladder). */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build_world } from "./world.ts";

/** The leak's first pace. Of 900 MiB it leaves more than the horizon of a minute at first, so that vigilance comes before action. */
const LEAK_BYTES_PER_MS = 7000;
const SYN_PER_S = 3000;
/** Whoever is behind the fault needs so long to answer the first containment. */
const ANSWER_MS = 5000;
/** The fault waits until the node has been at level 0 for so long, under the thresholds it has learned. */
const CALM_S = 20;
/** Whoever looks ten times a second whether a node is calm is a part of what it learns. */
const LOOK_MS = 1000;
const CALM_MAX_MS = 300_000;
const KNOWN_MAX_MS = 300_000;
/** Of a leak that takes a minute and a half to get there. */
const CLIMB_MAX_MS = 240_000;
const node = build_world();
const found: Record<string, unknown> = {};
const keep = (more: Record<string, unknown>) =>
  writeFileSync("/out/found.json", JSON.stringify(Object.assign(found, more)));
const now_ms = () => 1000 * Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);

/** How the network answers the neighbour and the operator. */
const reachable = async () => ({
  neighbour: await node.answers("10.50.0.2", 8080),
  operator: await node.answers("10.50.0.3", 22),
  outward: await node.reaches_out("10.50.0.2"),
});

/** Every flight that was recorded, the one among the evidence too. */
function flights(): readonly string[] {
  const names = readdirSync("/out", { recursive: true }).map(String);
  return names.filter((name) => name.endsWith(".jsonl.gz")).sort();
}

async function run(): Promise<void> {
  const before = node.snapshot();
  keep({ open: await reachable() });
  // An aged service: the agent knows how it behaves.
  node.leak(LEAK_BYTES_PER_MS);
  const agent = node.agent([]);
  await node.until("a known node", () => agent.said().includes("this node is known"), KNOWN_MAX_MS, LOOK_MS);
  await node.until(`${CALM_S} s at level 0`, () => node.calm_s() >= CALM_S, CALM_MAX_MS, LOOK_MS);
  const onset_ms = now_ms();
  keep({ onset_ms, calm_s: node.calm_s() });
  node.fault();
  // The answer to the first containment is another fault, from outside.
  await node.until("a containment", () => node.levels().some((level) => level >= 2), CLIMB_MAX_MS);
  await Bun.sleep(ANSWER_MS);
  keep({ flood_ms: now_ms() });
  node.flood(SYN_PER_S);
  const frozen = () => node.is_frozen("/payment.slice") && node.is_frozen("/batch.slice");
  await node.until(
    "the last step of the quarantine",
    () => frozen() && node.steps().some((each) => each.startsWith("freeze")),
    CLIMB_MAX_MS,
  );
  keep({ closed: await reachable(), links: { eth0: node.is_up("eth0"), uplink: node.is_up("uplink") } });

  // What an operator does who was let in: the faults end, then everything is brought back.
  node.stop_flood();
  await node.drain_leak();
  keep({ release_ms: now_ms() });
  const released = node.hosa("release", "--all", "--yes", "--reason", "the fault is removed");
  writeFileSync("/out/release.txt", released.out);
  const after = node.snapshot();
  const [was, is] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  const difference = [...[...was].filter((line) => !is.has(line)), ...[...is].filter((line) => !was.has(line))];
  keep({ release_code: released.code, difference, reopened: await reachable() });
  await agent.end("SIGTERM");
  const again = node.hosa("release");
  keep({ left: again.out.trim() });

  const said = (name: string, ...args: readonly string[]) => {
    const { code, out } = node.hosa(...args);
    appendFileSync(`/out/${name}.txt`, out);
    return code;
  };
  keep({
    explain_codes: node.rises(onset_ms * 1e6).map((id) => said("explain", "explain", id)),
    timeline_code: said("timeline", "explain", "--timeline"),
    svg_code: node.hosa("explain", "--svg", "/out/ladder.svg").code,
    replay_codes: flights().map((name) => said("replay", "replay", `/out/${name}`)),
  });
}

try {
  await run();
} catch (error) {
  keep({ broken: error instanceof Error ? error.message : String(error) });
}
process.exit(0);
