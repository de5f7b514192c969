import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment, EnvironmentEvidence, EnvironmentFinding } from "../model/quarantine.ts";

/** Where to look. A test gives directories of its own. */
export interface EnvironmentRoots {
  readonly sys: string;
  readonly dev: string;
  readonly proc: string;
  /** Where cgroup v2 is mounted; null when it is not. */
  readonly cgroup_mount: string | null;
  /** The process's environment variables. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

export function kernel_roots(cgroup_mount: string | null): EnvironmentRoots {
  return { sys: "/sys", dev: "/dev", proc: "/proc", cgroup_mount, variables: process.env };
}

/** Device nodes of the Linux IPMI driver, old and new. Source: Documentation/driver-api/ipmi.rst. */
const IPMI_DEVICES = ["ipmi0", "ipmi/0", "ipmidev/0"] as const;
/** Drivers of an interface to a BMC; loaded, they still may have found none. */
const IPMI_MODULES = ["ipmi_si", "ipmi_ssif", "ipmi_powernv"] as const;

const DMI_FILES = ["sys_vendor", "product_name", "bios_vendor", "board_vendor", "chassis_asset_tag"] as const;

/** What makers of virtual machines write into the DMI table, as systemd-detect-virt and cloud-init's ds-identify know it. */
const CLOUD_DMI: readonly (readonly [RegExp, string])[] = [
  [/amazon ec2|^amazon/i, "Amazon EC2"],
  [/google compute engine|^google$/i, "Google Compute Engine"],
  [/7783-7084-3265-9085-8269-3286-77|^virtual machine$/i, "Microsoft Azure or Hyper-V"],
  [/oraclecloud/i, "Oracle Cloud"],
  [/alibaba cloud/i, "Alibaba Cloud"],
  [/digitalocean/i, "DigitalOcean"],
  [/hetzner|^vserver$/i, "Hetzner Cloud"],
  [/scaleway/i, "Scaleway"],
  [/^(linode|akamai)/i, "Akamai"],
  [/^vultr/i, "Vultr"],
  [/^(exoscale|upcloud)/i, "Exoscale or UpCloud"],
  [/openstack/i, "OpenStack"],
  [/^(qemu|seabios|bochs|edk ii)$|^kvm|red hat kvm|standard pc \(/i, "QEMU or KVM"],
  [/vmware/i, "VMware"],
  [/^xen$|hvm domu/i, "Xen"],
  [/innotek gmbh|virtualbox/i, "VirtualBox"],
  [/^(bhyve|nutanix|parallels)/i, "a hypervisor"],
];

function text_of(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}

function names_in(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Everything that speaks for an environment, strongest first. Reads a handful of small files; throws nothing. */
export function environment_evidence(roots: EnvironmentRoots): readonly EnvironmentEvidence[] {
  const evidence = [...kubernetes_evidence(roots), ...bmc_evidence(roots), ...hypervisor_evidence(roots)];
  return evidence.sort((one, other) => Number(other.strength === "strong") - Number(one.strength === "strong"));
}

function kubernetes_evidence({ proc, cgroup_mount, variables }: EnvironmentRoots): readonly EnvironmentEvidence[] {
  const host = variables["KUBERNETES_SERVICE_HOST"] ?? "";
  const speaks_for = "kubernetes";
  const places: { source: string; found: string }[] = [];
  for (const source of [join(proc, "self/cgroup"), join(proc, "1/cgroup")]) {
    const line = text_of(source)
      ?.split("\n")
      .find((each) => each.includes("kubepods"));
    if (line !== undefined) places.push({ source, found: line });
  }
  const pods = cgroup_mount === null ? [] : names_in(cgroup_mount).filter((name) => name.startsWith("kubepods"));
  if (cgroup_mount !== null && pods[0] !== undefined) places.push({ source: cgroup_mount, found: pods[0] });
  // Each alone is weak: the variable is inherited by anything started from a pod, the cgroup stands on every node with a kubelet.
  const strength = host !== "" && places.length > 0 ? "strong" : "weak";
  const variable = { speaks_for, strength, source: "KUBERNETES_SERVICE_HOST", found: host } as const;
  return [...(host === "" ? [] : [variable]), ...places.map((place) => ({ speaks_for, strength, ...place }) as const)];
}

function bmc_evidence({ sys, dev }: EnvironmentRoots): readonly EnvironmentEvidence[] {
  const found: EnvironmentEvidence[] = [];
  const speaks_for = "bare_metal_bmc";
  for (const name of IPMI_DEVICES) {
    const source = join(dev, name);
    if (existsSync(source)) found.push({ speaks_for, strength: "strong", source, found: "an IPMI device" });
  }
  for (const name of names_in(join(sys, "class/ipmi"))) {
    found.push({ speaks_for, strength: "strong", source: join(sys, "class/ipmi", name), found: "an IPMI device" });
  }
  for (const name of IPMI_MODULES) {
    const source = join(sys, "module", name);
    if (existsSync(source)) found.push({ speaks_for, strength: "weak", source, found: `driver ${name} is loaded` });
  }
  return found;
}

function hypervisor_evidence({ sys, proc }: EnvironmentRoots): readonly EnvironmentEvidence[] {
  const found: EnvironmentEvidence[] = [];
  const speaks_for = "cloud_vm";
  for (const name of DMI_FILES) {
    const source = join(sys, "class/dmi/id", name);
    const text = text_of(source);
    const maker = text === null ? undefined : CLOUD_DMI.find(([pattern]) => pattern.test(text))?.[1];
    if (maker !== undefined) found.push({ speaks_for, strength: "strong", source, found: `"${text}": ${maker}` });
  }
  const cpuinfo = join(proc, "cpuinfo");
  if (/^flags\s*:.*\bhypervisor\b/m.test(text_of(cpuinfo) ?? "")) {
    found.push({ speaks_for, strength: "weak", source: cpuinfo, found: "the CPU says it runs under a hypervisor" });
  }
  return found;
}

/**
 * The environment of this node. What the operator configured holds; otherwise evidence decides only where it is strong and nothing
 * contradicts it, and everything else is taken for the most recoverable one, a cloud VM (SPEC §8).
 */
export function find_environment(configured: Environment | "auto", roots: EnvironmentRoots): EnvironmentFinding {
  const evidence = environment_evidence(roots);
  if (configured !== "auto") {
    const because = `quarantine.environment says ${configured}`;
    return { environment: configured, basis: "configured", because, evidence };
  }
  return { ...judged(evidence), evidence };
}

function judged(evidence: readonly EnvironmentEvidence[]): Omit<EnvironmentFinding, "evidence"> {
  const of = (speaks_for: EnvironmentEvidence["speaks_for"], strength?: EnvironmentEvidence["strength"]) =>
    evidence.filter((each) => each.speaks_for === speaks_for && (strength === undefined || each.strength === strength));
  const ambiguous = (why: string) =>
    ({
      environment: "cloud_vm",
      basis: "ambiguous",
      because: `${why}; taken for the most recoverable one, and no link is taken down`,
    }) as const;
  const found = (environment: Environment, because: string) => ({ environment, basis: "evidence", because }) as const;
  const pod = of("kubernetes");
  // A pod runs on something: what is below it contradicts nothing.
  if (pod.some((each) => each.strength === "strong")) {
    return found("kubernetes", `KUBERNETES_SERVICE_HOST is set and ${pod[1]?.source} names kubepods`);
  }
  if (pod.length > 0) return ambiguous(`${pod[0]!.source} speaks for Kubernetes, but it stands alone`);
  const bmc = of("bare_metal_bmc");
  const vm = of("cloud_vm");
  const bmc_strong = of("bare_metal_bmc", "strong")[0];
  const vm_strong = of("cloud_vm", "strong")[0];
  if (bmc_strong !== undefined && vm.length > 0) {
    return ambiguous(`${bmc_strong.source} speaks for a BMC, ${vm[0]!.source} for a virtual machine`);
  }
  if (bmc_strong !== undefined)
    return found("bare_metal_bmc", `${bmc_strong.source} exists, and no hypervisor is seen`);
  if (vm_strong !== undefined) return found("cloud_vm", `${vm_strong.source} is ${vm_strong.found}`);
  if (bmc.length > 0) return ambiguous(`${bmc[0]!.found}, but no IPMI device exists`);
  if (vm.length > 0) return ambiguous(`${vm[0]!.found}, but its maker is not known`);
  return ambiguous("nothing speaks for any environment");
}
