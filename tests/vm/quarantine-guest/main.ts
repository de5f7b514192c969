/** Runs as root in a throw-away guest: level 5 of the real binary on real links, cgroups, watchdog and packets. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build_world } from "../../../lab/guest/world.ts";
import { check, run_case } from "../guest_cases.ts";

const node = build_world();

/** How the network answers the neighbour and the operator. */
async function reachable(): Promise<Record<string, boolean>> {
  return {
    "neighbour to 8080": await node.answers("10.50.0.2", 8080),
    "neighbour to 22": await node.answers("10.50.0.2", 22),
    "operator to 8080": await node.answers("10.50.0.3", 8080),
    "node to neighbour": await node.reaches_out("10.50.0.2"),
  };
}

const OPEN = {
  "neighbour to 8080": true,
  "neighbour to 22": true,
  "operator to 8080": true,
  "node to neighbour": true,
};
/** 22 is in quarantine.ports, and the operator has a session. */
const CLOSED = { ...OPEN, "neighbour to 8080": false, "node to neighbour": false };

async function expect_quarantine(): Promise<string> {
  check("eth0 is up", node.is_up("eth0"), false);
  check("uplink is up", node.is_up("uplink"), true);
  for (const [path, frozen] of [
    ["/payment.slice", true],
    ["/batch.slice", true],
    ["/ops.slice", false],
  ] as const) {
    check(`${path} stands still`, node.is_frozen(path), frozen);
  }
  const network = await reachable();
  check("the network", network, CLOSED);
  check("the watchdog", node.watchdog_state(), "active");
  check("the marker", existsSync("/out/conservative.json"), true);
  return JSON.stringify(network);
}

let before = "";

await run_case("before: everything is open", async () => {
  check("the network", await reachable(), OPEN);
  before = node.snapshot();
  return `${before.length} bytes of state`;
});

await run_case("a dry run decides level 5, says every step and touches nothing", async () => {
  const agent = node.agent(["--dry-run"]);
  node.leak(60_000);
  await node.until("the dry plan", () => agent.said().includes("watchdog /dev/watchdog: would do"));
  await agent.end("SIGTERM");
  check("state", node.snapshot(), before);
  check("the network", await reachable(), OPEN);
  const wanted = ["evidence disk", "conservative /out", "isolate uplink", "links_down eth0", "freeze /payment.slice"];
  for (const step of wanted) {
    if (!agent.said().includes(`quarantine: ${step}`)) throw new Error(`${step} was not said`);
  }
  if (existsSync("/run/hosa/ledger.jsonl")) throw new Error("a dry run wrote a ledger");
  node.stop_leak();
  rmSync("/out/audit.jsonl");
  return "said, not done";
});

let agent = node.agent([]);

await run_case("level 5 is reached because containments fail, and carried out in its order", async () => {
  node.leak(60_000);
  await node.until("the last step", () => node.steps().some((each) => each.startsWith("watchdog")));
  appendFileSync("/out/steps.log", `${node.steps().join("\n")}\n`);
  const order = [...new Set(node.steps().map((each) => each.split(" ")[0]))];
  check("order", order, ["evidence", "conservative", "isolate", "links_down", "freeze", "watchdog"]);
  const bad = node.steps().filter((each) => !/ done$/.test(each));
  check("steps that are not done", bad, []);
  return await expect_quarantine();
});

await run_case("the evidence is whole and was there before anything was changed", () => {
  const [name] = readdirSync("/out").filter((each) => each.startsWith("quarantine-"));
  const manifest = JSON.parse(readFileSync(`/out/${name}/manifest.json`, "utf8"));
  check("missing", manifest.missing, []);
  const facts = JSON.parse(readFileSync(`/out/${name}/facts.json`, "utf8"));
  const eth0 = facts.interfaces.find((each: { name: string }) => each.name === "eth0");
  check("eth0 in the evidence", eth0.up, true);
  return manifest.files.map((each: { name: string; bytes: number }) => `${each.name} ${each.bytes}`).join(", ");
});

await run_case("the record explains itself", () => {
  const said = node.hosa("explain", "--last");
  for (const part of ["quarantine", "Plan", "links_down eth0: done", "decision re-run: identical"]) {
    if (!said.out.includes(part)) throw new Error(`"${part}" is missing in: ${said.out}`);
  }
  writeFileSync("/out/explain.txt", said.out);
  return `${said.out.split("\n").length} lines`;
});

await run_case("the agent is killed: still closed", async () => {
  await agent.end("SIGKILL");
  return await expect_quarantine();
});

await run_case("a restarted agent knows, stays at level 5, and its regular end opens nothing", async () => {
  agent = node.agent([]);
  await node.until("a restarted agent", () => agent.said().includes("the node is in quarantine since"));
  await node.until("its plan", () => agent.said().includes("quarantine: watchdog /dev/watchdog: done"));
  await agent.end("SIGTERM");
  check("bundles of evidence", readdirSync("/out").filter((each) => each.startsWith("quarantine-")).length, 1);
  return await expect_quarantine();
});

await run_case("`hosa release` without an agent brings everything back, to the byte", async () => {
  const dry = node.hosa("release", "--all", "--dry-run");
  check("dry run", dry.code, 0);
  await expect_quarantine();
  const released = node.hosa("release", "--quarantine", "--yes");
  writeFileSync("/out/release.txt", released.out);
  check("exit code", [released.code, released.out.includes("failed")], [0, false]);
  await node.until("a thawed service", () => !node.is_frozen("/payment.slice"));
  node.stop_leak();
  check("state", node.snapshot(), before);
  check("the network", await reachable(), OPEN);
  check("the watchdog", node.watchdog_state(), "inactive");
  check("the marker", existsSync("/out/conservative.json"), false);
  check("a second one", node.hosa("release").out, "nothing to release\n");
  return `${released.out.trim().split("\n").length} steps undone`;
});

await run_case("after a reboot out of quarantine the agent is conservative until a release", async () => {
  mkdirSync("/out", { recursive: true });
  writeFileSync("/out/conservative.json", JSON.stringify({ boot_id: "an earlier one", since: "yesterday" }));
  if (!node.hosa("doctor").out.includes("conservative mode")) throw new Error("doctor does not say so");
  const careful = node.agent([]);
  node.leak(60_000);
  await node.until("a capped decision", () => careful.said().includes("conservative mode"));
  await node.until("level 2 at most", () => node.levels().includes(2));
  await careful.end("SIGTERM");
  check(
    "levels above 2 since then",
    node.levels().filter((level) => level > 2),
    [],
  );
  check("release", node.hosa("release", "--all", "--yes").code, 0);
  check("the marker", existsSync("/out/conservative.json"), false);
  node.stop_leak();
  return "level 2 at most";
});
process.exit(0);
