/** Runs as root in a throw-away guest: a fault that moves on from every containment, up to level 5 and back (scripts/lab ladder). */
import { readFileSync, writeFileSync } from "node:fs";
import { build_world } from "./world.ts";

const AGED_MS = 30_000;
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

async function run(): Promise<void> {
  const before = node.snapshot();
  keep({ open: await reachable() });
  // An aged service: the agent knows how it behaves.
  node.leak(20_000);
  const agent = node.agent([]);
  await node.until("a known node", () => agent.said().includes("this node is known"));
  // Only what a cgroup did for a while at level 0 is known as its own growth.
  await Bun.sleep(AGED_MS);
  keep({ onset_ms: now_ms() });
  node.fault();
  const frozen = () => node.is_frozen("/payment.slice") && node.is_frozen("/batch.slice");
  await node.until(
    "the last step of the quarantine",
    () => frozen() && node.steps().some((each) => each.startsWith("freeze")),
  );
  keep({ closed: await reachable(), links: { eth0: node.is_up("eth0"), uplink: node.is_up("uplink") } });

  // What an operator does who was let in: the fault ends, then everything is brought back.
  node.stop_leak();
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

  const entered = node.entered();
  for (const [name, args] of Object.entries({
    explain: entered === null ? ["--last"] : [entered],
    timeline: ["--timeline"],
  })) {
    const said = node.hosa("explain", ...args);
    writeFileSync(`/out/${name}.txt`, said.out);
    keep({ [`${name}_code`]: said.code });
  }
  keep({ svg_code: node.hosa("explain", "--svg", "/out/ladder.svg").code });
}

try {
  await run();
} catch (error) {
  keep({ broken: error instanceof Error ? error.message : String(error) });
}
process.exit(0);
