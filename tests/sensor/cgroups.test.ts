import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CgroupFiles, MAX_FILE_CGROUPS } from "../../src/sensor/cgroup_files.ts";
import { CgroupTracker, MAX_CGROUPS } from "../../src/sensor/cgroups.ts";
import { type CgroupFigures, FakeNode } from "./fakes.ts";

const MIB = 1024 * 1024;
const TREE: readonly CgroupFigures[] = [
  { id: 1, parent_id: 0, level: 0, name: "" },
  { id: 10, parent_id: 1, level: 1, name: "app.slice", memory_bytes: 900 * MIB, memory_max: 1000 * MIB },
  { id: 11, parent_id: 10, level: 2, name: "web", memory_bytes: 100 * MIB, memory_max: 500 * MIB, exec_ns: 999e9 },
  { id: 12, parent_id: 1, level: 1, name: "free", memory_bytes: 5 * MIB },
];

function tracker_on(rows: readonly CgroupFigures[], excluded_path?: string) {
  const node = new FakeNode();
  node.rows = rows;
  const excluded = excluded_path === undefined ? {} : { excluded_paths: [excluded_path] };
  return { node, tracker: new CgroupTracker(node, { mount: null, ...excluded }) };
}

describe("cgroup tracker", () => {
  test("paths from parents, headroom against the limit with the least room, exec age", () => {
    const { node, tracker } = tracker_on(TREE);
    const samples = tracker.observe(node.now_ns);
    expect(samples.map((sample) => sample.path)).toEqual(["/", "/app.slice", "/app.slice/web", "/free"]);
    const web = samples[2]!;
    expect(web.memory_limit_bytes).toBe(1000 * MIB);
    expect(web.memory_headroom_bytes).toBe(100 * MIB);
    expect(web.exec_age_s).toBe(1);
    expect(samples[3]!.memory_headroom_bytes).toBeNull();
    expect(samples[3]!.exec_age_s).toBeNull();
    expect(tracker.limit_bytes(11)).toBe(1000 * MIB);
  });

  test("children listed before their parents are named all the same", () => {
    const { node, tracker } = tracker_on([...TREE].reverse());
    expect(tracker.observe(node.now_ns).map((sample) => sample.path)).toContain("/app.slice/web");
  });

  test("in a cgroup namespace the tree begins at its own root, and paths at that", () => {
    const { node, tracker } = tracker_on([
      { id: 10, parent_id: 1, level: 1, name: "guest", memory_bytes: 900 * MIB, memory_max: 1000 * MIB },
      { id: 11, parent_id: 10, level: 2, name: "web", memory_bytes: 100 * MIB },
    ]);
    expect(tracker.observe(node.now_ns).map(({ path }) => path)).toEqual(["/", "/web"]);
  });

  test("only what changed is reported, with its age", () => {
    const { node, tracker } = tracker_on(TREE);
    tracker.observe(node.now_ns);
    node.now_ns += 0.5e9;
    node.rows = [TREE[0]!, TREE[1]!, { ...TREE[2]!, memory_bytes: 101 * MIB }];
    const samples = tracker.observe(node.now_ns);
    expect(samples.map((sample) => sample.id)).toEqual([11]);
    expect(samples[0]!.age_s).toBe(0.5);
    expect(node.sweeps).toEqual([true, false]);
  });

  test("a cgroup that is gone is told once, by the next full sweep", () => {
    const { node, tracker } = tracker_on(TREE);
    tracker.observe(node.now_ns);
    node.rows = TREE.slice(0, 3);
    tracker.observe(node.now_ns + 0.5e9);
    expect(tracker.gone).toEqual([]);
    tracker.observe(node.now_ns + 1e9);
    expect(tracker.gone).toEqual([12]);
    tracker.observe(node.now_ns + 2e9);
    expect(tracker.gone).toEqual([]);
  });

  test("the excluded cgroup and what is below it are never reported", () => {
    const { node, tracker } = tracker_on(TREE, "/app.slice");
    expect(tracker.observe(node.now_ns).map((sample) => sample.path)).toEqual(["/", "/free"]);
    expect(tracker.path_of(11)).toBe("/app.slice/web");
  });

  test("a cgroup whose parent is not known yet is reported once it is", () => {
    const { node, tracker } = tracker_on([TREE[0]!, TREE[2]!]);
    expect(tracker.observe(node.now_ns).map((sample) => sample.id)).toEqual([1]);
    node.rows = TREE;
    expect(tracker.observe(node.now_ns + 1e9).map((sample) => sample.path)).toContain("/app.slice/web");
  });

  test("is bounded: what does not fit is counted", () => {
    const children = Array.from({ length: MAX_CGROUPS + 9 }, (_, i) => ({
      ...{ id: 100 + i, parent_id: 1, level: 1, name: `c${i}` },
    }));
    const { node, tracker } = tracker_on([TREE[0]!, ...children]);
    expect(tracker.observe(node.now_ns).length).toBe(MAX_CGROUPS);
    expect(tracker.ignored).toBe(10);

    node.rows = [TREE[0]!, ...children.slice(1, MAX_CGROUPS)];
    tracker.observe(node.now_ns + 1e9);
    expect(tracker.gone).toEqual([]);

    // Of 4096 and more that come and go the new ones are followed all the same.
    node.rows = [TREE[0]!, ...children.slice(10)];
    for (let s = 2; s < 14; s++) tracker.observe(node.now_ns + s * 1e9);
    expect(tracker.path_of(100 + MAX_CGROUPS + 8)).toBe(`/c${MAX_CGROUPS + 8}`);
  });
});

describe("cgroup files", () => {
  test("give the same rows as an iterator: identity, place, figures", () => {
    const root = mkdtempSync(join(tmpdir(), "hosa-cgroups-"));
    try {
      mkdirSync(join(root, "a/b"), { recursive: true });
      const node = new FakeNode();
      node.write(`${root}/a/b/memory.current`, "4096\n");
      node.write(`${root}/a/b/memory.max`, "max\n");
      node.write(`${root}/a/b/cpu.stat`, "usage_usec 7\nuser_usec 1\n");
      writeFileSync(join(root, "a/not-a-cgroup"), "");
      const files = new CgroupFiles(node, root);
      const rows = files.cgroups(true);
      expect(Array.from({ length: rows.count }, (_, row) => rows.name(row))).toEqual(["", "a", "b"]);
      expect(rows.id(2)).toBe(statSync(join(root, "a/b")).ino);
      expect(rows.parent_id(2)).toBe(rows.id(1));
      expect([rows.memory_bytes(2), rows.memory_max(2), rows.cpu_ns(2)]).toEqual([4096, null, 7000]);
      expect(rows.memory_bytes(0)).toBeNull();
      expect(files.cgroups(false).count).toBe(0);
      node.now_ns += 100e6;
      expect(files.cgroups(false).count).toBe(3);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  test("of more cgroups than places the populated ones come first, parents before children, and the rest are counted", () => {
    const root = mkdtempSync(join(tmpdir(), "hosa-cgroups-"));
    try {
      const make = (path: string, populated: boolean) => {
        mkdirSync(join(root, path), { recursive: true });
        writeFileSync(join(root, path, "cgroup.events"), `populated ${populated ? 1 : 0}\nfrozen 0\n`);
      };
      make("deep", true);
      for (let i = 0; i < MAX_FILE_CGROUPS; i++) make(`deep/empty${i}`, false);
      make("shallow", true);
      for (let i = 0; i < 20; i++) make(`shallow/busy${i}`, true);
      const node = new FakeNode();
      const files = new CgroupFiles(node, root);
      const tracker = new CgroupTracker({ ...node, cgroups: files, realtime_ms: () => 0 } as never, { mount: null });
      tracker.observe(node.now_ns);
      expect(files.ignored).toBe(23);
      expect(tracker.ignored).toBe(23);
      node.now_ns += 1e9;
      tracker.observe(node.now_ns);
      const rows = files.cgroups(true);
      const names = Array.from({ length: rows.count }, (_, i) => rows.name(i));
      expect(names.filter((name) => name.startsWith("busy"))).toHaveLength(20);
      expect(names.slice(0, 3).toSorted()).toEqual(["", "deep", "shallow"]);
      expect(tracker.ignored).toBe(0);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
