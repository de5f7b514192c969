/** Runs as root in a throw-away guest: level 5 of the real binary in every environment, made of faked evidence; dry, real and back. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build_world, type Surroundings } from "../../../lab/guest/world.ts";
import { ApiServer, serve } from "../../telemetry/api_server.ts";
import { check, run_case } from "../guest_cases.ts";

interface Place {
  readonly name: string;
  /** Of sys_vendor, as the firmware of such a machine has it. */
  readonly vendor: string;
  readonly hypervisor: boolean;
  readonly ipmi: boolean;
  readonly kubernetes: boolean;
  readonly configured: string;
  readonly wanted: {
    /** As `hosa doctor` says it. */
    readonly found: string;
    /** Step, and subject where it matters, of what is done. */
    readonly steps: readonly string[];
    readonly eth0_up: boolean;
    readonly neighbour: boolean;
    readonly operator: boolean;
    /** One is somebody else's. */
    readonly taints: number;
  };
}

const BARE = { vendor: "Dell Inc.", hypervisor: false, ipmi: false, kubernetes: false, configured: "auto" };
const VIRTUAL = { ...BARE, vendor: "QEMU", hypervisor: true };
const FROZEN = ["freeze /batch.slice", "freeze /payment.slice"];
const SHIELDED = { neighbour: false, operator: true, taints: 1 };
const CLOUD = { ...SHIELDED, steps: ["evidence", "isolate", ...FROZEN], eth0_up: true };
const METAL = { ...SHIELDED, steps: ["evidence", "isolate", "links_down eth0", ...FROZEN], eth0_up: false };

const PLACES: readonly Place[] = [
  { ...BARE, name: "bare metal with a BMC", ipmi: true, wanted: { ...METAL, found: "bare_metal_bmc (evidence" } },
  {
    ...BARE,
    ...{ name: "a cloud's machine", vendor: "Amazon EC2", hypervisor: true },
    wanted: { ...CLOUD, found: "cloud_vm (evidence" },
  },
  {
    ...VIRTUAL,
    ...{ name: "a wrong guess: a BMC that a hypervisor emulates", ipmi: true },
    wanted: { ...CLOUD, found: "cloud_vm (ambiguous" },
  },
  { ...BARE, name: "nothing speaks", wanted: { ...CLOUD, found: "cloud_vm (ambiguous" } },
  {
    ...VIRTUAL,
    ...{ name: "a pod", kubernetes: true },
    wanted: {
      found: "kubernetes (evidence",
      steps: ["evidence", "taint node-1", ...FROZEN],
      eth0_up: true,
      neighbour: true,
      operator: true,
      taints: 2,
    },
  },
  {
    ...VIRTUAL,
    ...{ name: "an edge with a technician", configured: "edge_physical" },
    wanted: { ...METAL, found: "edge_physical (configured" },
  },
  {
    ...VIRTUAL,
    ...{ name: "an air gap", configured: "airgap" },
    wanted: { ...METAL, operator: false, found: "airgap (configured" },
  },
];

const FOREIGN = { key: "example.com/maintenance", value: "x", effect: "NoSchedule" };
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const KUBEPODS = "/sys/fs/cgroup/kubepods.slice";
const POD = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "6443", NODE_NAME: "node-1" };

function sh(script: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["sh", "-ec", script]);
  if (exitCode !== 0) throw new Error(`${script}: ${stderr.toString()}`);
}

/** The certificates were made outside, by another clock. */
sh(`date -s @${readFileSync("/job/epoch_s", "utf8")}`);
sh(`mkdir -p ${ACCOUNT} && cp /job/account/* ${ACCOUNT}/`);
const api = new ApiServer();
serve("/job", api, 6443);
const node = build_world();

/** Puts text in the place of a file of the kernel's. */
function cover(path: string, text: string): void {
  const fake = `/tmp/fake${path.replaceAll("/", "-")}`;
  writeFileSync(fake, text);
  sh(`mount --bind ${fake} ${path}`);
}

function fake({ vendor, hypervisor, ipmi, kubernetes }: Place): () => void {
  const covered = ["sys_vendor", "product_name", "bios_vendor", "board_vendor", "chassis_asset_tag"]
    .map((name) => `/sys/class/dmi/id/${name}`)
    .filter((path) => existsSync(path));
  for (const path of covered) cover(path, path.endsWith("sys_vendor") ? `${vendor}\n` : "\n");
  cover("/proc/cpuinfo", `flags\t\t: fpu sse${hypervisor ? " hypervisor" : ""}\n`);
  if (ipmi) writeFileSync("/dev/ipmi0", "");
  if (kubernetes) mkdirSync(KUBEPODS);
  return () => {
    for (const path of [...covered, "/proc/cpuinfo"]) sh(`umount ${path}`);
    rmSync("/dev/ipmi0", { force: true });
    if (kubernetes) sh(`rmdir ${KUBEPODS}`);
  };
}

/** The steps that the audit holds. */
const steps = () =>
  node.steps().map((each) => {
    const [step = "", ...rest] = each.split(" ");
    return { step, subject: rest.slice(0, -1).join(" "), status: rest.at(-1) ?? "" };
  });

/** The record of a step comes a moment after it. */
const frozen_steps = () => steps().filter(({ step }) => step === "freeze").length;

async function network() {
  return {
    neighbour: await node.answers("10.50.0.2", 8080),
    operator: await node.answers("10.50.0.3", 22),
    eth0_up: node.is_up("eth0"),
    uplink_up: node.is_up("uplink"),
  };
}

const OPEN = { neighbour: true, operator: true, eth0_up: true, uplink_up: true };

async function in_place(place: Place): Promise<string> {
  const { wanted } = place;
  const variables = place.kubernetes ? POD : {};
  const config = `/job/hosa-${place.configured}.yaml`;
  writeFileSync(
    config,
    readFileSync("/job/hosa.yaml", "utf8").replace("environment: auto", `environment: ${place.configured}`),
  );
  const surroundings: Surroundings = { config, variables };
  api.node = { version: 1, taints: [FOREIGN] };
  const unfake = fake(place);
  const before = node.snapshot();
  const { out: doctor } = await node.hosa_in(surroundings, "doctor");
  if (!doctor.includes(wanted.found)) throw new Error(`doctor does not say "${wanted.found}": ${doctor}`);

  const dry = node.agent(["--dry-run"], surroundings);
  node.leak(60_000);
  await node.until("the dry plan", () => frozen_steps() === 2);
  await dry.end("SIGTERM");
  node.stop_leak();
  const all = wanted.steps.toSorted();
  check("planned in the dry run", said_of(all), all);
  check("state after the dry run", node.snapshot(), before);
  check("the network after the dry run", await network(), OPEN);
  check("taints after the dry run", api.node.taints.length, 1);
  rmSync("/out/audit.jsonl");

  const agent = node.agent([], surroundings);
  node.leak(60_000);
  await node.until("services that stand still, and their records", () => frozen_steps() === 2);
  check("done", said_of(all), all);
  check(
    "not done",
    steps().filter(({ status }) => status !== "done"),
    [],
  );
  const { neighbour, operator, eth0_up } = wanted;
  check("the network", await network(), { neighbour, operator, eth0_up, uplink_up: true });
  check("taints", api.node.taints.length, wanted.taints);
  node.stop_leak();
  const released = await node.hosa_in(surroundings, "release", "--all", "--yes");
  check("release", [released.code, released.out.includes("failed")], [0, false]);
  await agent.end("SIGTERM");
  check("state after the release", node.snapshot(), before);
  check("the network after the release", await network(), OPEN);
  check("taints after the release", api.node.taints, [FOREIGN]);
  rmSync("/out/audit.jsonl");
  unfake();
  return wanted.steps.join(", ");
}

/** What was done, told as precisely as it is wanted, sorted. */
function said_of(wanted: readonly string[]): readonly string[] {
  const said = steps().map(({ step, subject }) => [`${step} ${subject}`, step]);
  const found = said.flatMap((forms) => forms.find((form) => wanted.includes(form)) ?? forms[0] ?? "");
  return [...new Set(found)].sort();
}

// The operator's session has to stand before anything keeps this script from answering.
await run_case("before: everything is open", async () => {
  check("the network", await network(), OPEN);
  return "open";
});
for (const place of PLACES) await run_case(place.name, () => in_place(place));
process.exit(0);
