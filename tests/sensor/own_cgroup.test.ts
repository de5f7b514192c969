/** A container's cgroup namespace, made with unshare(1) around a scratch cgroup. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { find_cgroup2_mount, why_no_cgroup2 } from "../../src/sensor/mount.ts";

const MOUNT = find_cgroup2_mount()?.mount;
const NAME = `/hosa-own-cgroup-test-${process.pid}`;
let directory = "";
let usable = false;

const LOOK = `
import { find_cgroup2_mount, why_no_cgroup2 } from "${join(import.meta.dir, "../../src/sensor/mount.ts")}";
import { own_cgroup_path, see_whole_node } from "${join(import.meta.dir, "../../src/sensor/own_cgroup.ts")}";
import { kernel_processes } from "${join(import.meta.dir, "../../src/motor/processes.ts")}";
const look = () => [own_cgroup_path(), kernel_processes.own_cgroup_path, find_cgroup2_mount()?.mount ?? why_no_cgroup2()];
console.log(JSON.stringify([look(), see_whole_node(Number(process.argv[2])), look()]));
`;

/** What an agent in the scratch cgroup sees before and after it asked for the whole node, of which this test is the first process. */
function seen(...command: readonly string[]): unknown {
  const script = `echo $$ > ${MOUNT}${NAME}/cgroup.procs && exec "$@"`;
  const run = Bun.spawnSync([
    "sh",
    "-ec",
    script,
    "sh",
    ...command,
    process.execPath,
    join(directory, "look.ts"),
    String(process.pid),
  ]);
  if (run.exitCode !== 0) throw new Error(run.stderr.toString());
  return JSON.parse(run.stdout.toString());
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "hosa-own-cgroup-"));
  writeFileSync(join(directory, "look.ts"), LOOK);
  try {
    mkdirSync(`${MOUNT}${NAME}`);
    usable = Bun.spawnSync(["unshare", "--cgroup", "true"]).exitCode === 0;
  } catch {
    usable = false;
  }
  if (!usable) console.error("SKIPPED: cgroups and cgroup namespaces cannot be made here");
});
afterAll(() => {
  rmSync(directory, { recursive: true });
  if (usable) rmdirSync(`${MOUNT}${NAME}`);
});

test("on the host nothing changes", () => {
  if (!usable) return;
  const same = [NAME, NAME, MOUNT];
  expect(seen()).toEqual([same, null, same]);
});

test("in a namespace of its own the agent finds itself, and the whole tree, through the first process of the node", () => {
  if (!usable) return;
  const [before, narrow, after] = seen("unshare", "--cgroup") as unknown[];
  expect(before).toEqual(["/", "/", `not mounted from its root: only /.. at ${MOUNT}`]);
  expect(narrow).toBeNull();
  expect(after).toEqual([NAME, NAME, MOUNT]);
});

test("what may not be entered is said, and the part that is seen is not taken for the whole", () => {
  if (!usable) return;
  const without = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
  const [, narrow, after] = seen("unshare", "--cgroup", ...without) as unknown[];
  expect(narrow).toContain("EPERM (grant CAP_SYS_ADMIN)");
  expect(after).toEqual(["/", "/", `not mounted from its root: only /.. at ${MOUNT}`]);
});

test("with processes of its own, too, it says that it sees only itself", () => {
  if (!usable) return;
  const own = ["unshare", "--cgroup", "--pid", "--fork", "--mount-proc", "sh", "-c", 'exec "$1" "$2" 1', "sh"];
  const [, narrow] = seen(...own) as unknown[];
  expect(narrow).toContain("its own processes and its own cgroups");
});

test("a mount that begins elsewhere is named, and not used", () => {
  const file = join(directory, "mountinfo");
  writeFileSync(file, "9 1 0:9 /docker/12 /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  expect(find_cgroup2_mount(file)).toBeNull();
  expect(why_no_cgroup2(file)).toBe("not mounted from its root: only /docker/12 at /sys/fs/cgroup");
  writeFileSync(file, "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
  expect(why_no_cgroup2(file)).toBe("not mounted");
});
