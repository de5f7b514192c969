import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ENVIRONMENTS, type Environment } from "../../src/model/quarantine.ts";
import { find_environment } from "../../src/sensor/environment.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hosa-environment-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const POD = { KUBERNETES_SERVICE_HOST: "10.96.0.1" };
const IN_POD = { "proc/self/cgroup": "0::/kubepods.slice/kubepods-burstable.slice/cri-1.scope\n" };
const HYPERVISOR = { "proc/cpuinfo": "processor : 0\nflags\t\t: fpu sse hypervisor lm\n" };
const METAL = {
  "proc/cpuinfo": "processor : 0\nflags\t\t: fpu sse vmx lm\n",
  "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
};
const DMI = (name: string, text: string) => ({ [`sys/class/dmi/id/${name}`]: `${text}\n` });

function found(
  files: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>> = {},
  configured: Environment | "auto" = "auto",
) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const cgroup_mount = join(root, "cgroup");
  const { environment, basis, because, evidence } = find_environment(configured, {
    sys: join(root, "sys"),
    dev: join(root, "dev"),
    proc: join(root, "proc"),
    cgroup_mount,
    variables,
  });
  return { environment, basis, because, sources: evidence.map((each) => each.source.replace(`${root}/`, "")) };
}

describe("an environment by its evidence", () => {
  test.each([
    ["an IPMI device without a hypervisor", { ...METAL, "dev/ipmi0": "" }, {}, "bare_metal_bmc"],
    ["the older device node", { ...METAL, "dev/ipmi/0": "" }, {}, "bare_metal_bmc"],
    ["the device in sysfs", { ...METAL, "sys/class/ipmi/ipmi0/dev": "240:0" }, {}, "bare_metal_bmc"],
    ["Amazon's DMI", DMI("sys_vendor", "Amazon EC2"), {}, "cloud_vm"],
    ["Google's DMI", { ...DMI("product_name", "Google Compute Engine"), ...HYPERVISOR }, {}, "cloud_vm"],
    ["Azure's chassis", DMI("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77"), {}, "cloud_vm"],
    ["QEMU", DMI("sys_vendor", "QEMU"), {}, "cloud_vm"],
    ["a pod", IN_POD, POD, "kubernetes"],
    ["a pod that sees the host's cgroups", { "cgroup/kubepods.slice/cgroup.procs": "" }, POD, "kubernetes"],
    ["a pod on a cloud's machine", { ...IN_POD, ...DMI("sys_vendor", "Amazon EC2") }, POD, "kubernetes"],
    ["a pod on bare metal", { ...IN_POD, ...METAL, "dev/ipmi0": "" }, POD, "kubernetes"],
  ] as const)("%s", (_name, files, variables, expected) => {
    expect(found(files, variables)).toMatchObject({ environment: expected, basis: "evidence" });
  });
});

describe("in doubt it is taken for the most recoverable one", () => {
  test.each([
    ["nothing at all", {}, {}, "nothing speaks"],
    ["an unknown maker", METAL, {}, "nothing speaks"],
    ["only the driver of a BMC", { ...METAL, "sys/module/ipmi_si/refcnt": "1" }, {}, "no IPMI device"],
    ["a BMC and a hypervisor (QEMU can emulate one)", { ...HYPERVISOR, "dev/ipmi0": "" }, {}, "speaks for a BMC"],
    ["a BMC and a cloud's DMI", { ...DMI("sys_vendor", "Amazon EC2"), "dev/ipmi0": "" }, {}, "speaks for a BMC"],
    ["an unknown hypervisor", HYPERVISOR, {}, "its maker is not known"],
    ["the variable of a pod alone", {}, POD, "stands alone"],
    ["the cgroup of a pod alone", IN_POD, {}, "stands alone"],
    ["a kubelet beside a BMC", { ...METAL, "dev/ipmi0": "", "cgroup/kubepods/x": "" }, {}, "stands alone"],
  ] as const)("%s", (_name, files, variables, why) => {
    const { environment, basis, because } = found(files, variables);
    expect({ environment, basis }).toEqual({ environment: "cloud_vm", basis: "ambiguous" });
    expect(because).toContain(why);
    expect(because).toContain("no link is taken down");
  });
});

test("what the operator says holds against all evidence, and the evidence is still shown", () => {
  for (const configured of ENVIRONMENTS) {
    const seen = found({ ...IN_POD, ...DMI("sys_vendor", "QEMU"), "dev/ipmi0": "" }, POD, configured);
    expect(seen).toMatchObject({ environment: configured, basis: "configured" });
    expect(seen.sources).toContain("dev/ipmi0");
  }
});

test("edge and airgap are never guessed", () => {
  const all = { ...IN_POD, ...METAL, ...HYPERVISOR, "dev/ipmi0": "", "dev/watchdog": "" };
  for (const variables of [{}, POD]) {
    expect(["cloud_vm", "kubernetes", "bare_metal_bmc"]).toContain(found(all, variables).environment);
  }
});
