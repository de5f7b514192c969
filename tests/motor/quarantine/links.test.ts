/** Real interfaces, in a network namespace of their own: what the kernel forgets when a link goes down comes back exactly. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMESPACE = `hosa-links-${process.pid}`;

function sh(script: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", "-ec", script]);
  if (exitCode !== 0) throw new Error(`${script}: ${stderr.toString()}`);
  return stdout.toString();
}

function may_make_namespaces(): boolean {
  const { exitCode } = Bun.spawnSync(["unshare", "--net", "ip", "link", "show"]);
  if (exitCode !== 0) console.error("SKIPPED: no network namespace of our own here (needs root and ip)");
  return exitCode === 0;
}

const source = (name: string) => join(import.meta.dir, `../../../src/motor/${name}.ts`);

/** Runs code on the real links of the scratch namespace, in a process of its own; returns what it prints, as JSON. */
function inside(code: string): unknown {
  const script = `import { kernel_links as links } from ${JSON.stringify(source("quarantine/links"))};
    const out = await (async () => { ${code} })(); console.log(JSON.stringify(out ?? null));`;
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    ...["ip", "netns", "exec", NAMESPACE, process.execPath, "-e", script],
  ]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

/** Addresses and routes of all tables, without what the kernel says of their state. */
function everything(): string {
  const text = sh(
    `for f in -4 -6; do ip -n ${NAMESPACE} $f -o addr; ip -n ${NAMESPACE} $f route show table all; done; ip -n ${NAMESPACE} -br link`,
  );
  return text
    .replaceAll(/ (tentative|linkdown|dadfailed)\b/g, "")
    .split("\n")
    .sort()
    .join("\n");
}

describe.skipIf(!may_make_namespaces())("links of a scratch namespace", () => {
  const setup = [
    `ip netns add ${NAMESPACE}`,
    `ip -n ${NAMESPACE} link set lo up`,
    `ip -n ${NAMESPACE} link add va type veth peer name vb`,
    `ip -n ${NAMESPACE} link add vc type veth peer name vd`,
    ...["va", "vb", "vc", "vd"].map((name) => `ip -n ${NAMESPACE} link set ${name} up addrgenmode none`),
    `ip -n ${NAMESPACE} addr add 10.9.0.1/24 dev va`,
    `ip -n ${NAMESPACE} addr add 10.7.0.1/24 dev vc`,
    `ip -n ${NAMESPACE} addr add fd00:9::1/64 dev va nodad`,
    `ip -n ${NAMESPACE} route add default via 10.9.0.2 metric 77`,
    `ip -n ${NAMESPACE} route add 10.8.0.0/16 via 10.9.0.3 proto static src 10.9.0.1 table 100`,
    `ip -n ${NAMESPACE} route add 198.51.100.0/24 nexthop via 10.9.0.4 weight 2 nexthop via 10.7.0.4 weight 3`,
    `ip -n ${NAMESPACE} route add 192.0.2.0/24 dev vc scope link`,
    `ip -n ${NAMESPACE} -6 route add default via fd00:9::2 metric 9`,
  ].join("\n");

  function in_namespace(body: () => void): void {
    try {
      sh(setup);
      body();
    } finally {
      sh(`ip netns del ${NAMESPACE}`);
    }
  }

  test("two links go down and come back with every address and route", () => {
    in_namespace(() => {
      const before = everything();
      const ledger_dir = mkdtempSync(join(tmpdir(), "hosa-links-"));
      const said = inside(`
        const { Ledger } = await import(${JSON.stringify(source("ledger"))});
        const { take_links_down } = await import(${JSON.stringify(source("quarantine/links_down"))});
        const ledger = new Ledger(${JSON.stringify(ledger_dir)});
        const named = ["vc", "va"].map((name) => ({ id: links.index(name), path: name }));
        return await take_links_down({ ledger, world: { links }, pause: async () => {} }, named);`);
      expect(said).toEqual(["vc", "va"].map((subject) => expect.objectContaining({ subject, status: "done" })));
      expect(everything()).not.toBe(before);
      expect(sh(`ip -n ${NAMESPACE} route show default`)).toBe("");
      // Without the process that took them down: only its ledger is left.
      const missing = inside(`
        const { release_from_ledger } = await import(${JSON.stringify(source("recover"))});
        return release_from_ledger(${JSON.stringify(ledger_dir)}).filter((each) => each.status !== "done");`);
      rmSync(ledger_dir, { recursive: true });
      expect(missing).toEqual([]);
      expect(everything()).toBe(before);
    });
  });

  test("restoring what is there already changes nothing", () => {
    in_namespace(() => {
      const before = everything();
      expect(inside(`return links.restore(links.remember(links.index("va")))`)).toEqual([]);
      expect(everything()).toBe(before);
    });
  });

  test("an interface that does not exist is said by its errno", () => {
    in_namespace(() => {
      const said = inside(`try { links.index("nowhere") } catch (error) { return [error.name, error.code] }`);
      expect(said).toEqual(["FileTrouble", "ENODEV"]);
    });
  });

  test("more routes than the ledger should hold are refused, and the link stays up", () => {
    in_namespace(() => {
      sh(`for i in $(seq 1 255); do echo "route add 203.0.113.$i/32 dev va"; done | ip -n ${NAMESPACE} -batch -`);
      const said = inside(
        `try { links.remember(links.index("va")) } catch (error) { return [error.name, error.message] }`,
      );
      expect(said).toEqual(["Refusal", expect.stringContaining("the bound is 64 and 256")]);
    });
  });
});
