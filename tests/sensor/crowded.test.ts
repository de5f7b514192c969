import { describe, expect, test } from "bun:test";
import { CgroupTracker, MAX_CGROUPS } from "../../src/sensor/cgroups.ts";
import { type CgroupFigures, cgroup_rows, FakeNode } from "./fakes.ts";

const ROOT: CgroupFigures = { id: 1, parent_id: 0, level: 0, name: "" };
const MIB = 1024 * 1024;

/**
 * A node with more cgroups than rows, as the kernel side shows it: a full sweep gives as many rows as fit, by turns; between full sweeps
 * come those that have changed.
 */
class CrowdedNode {
  readonly node = new FakeNode();
  readonly tracker: CgroupTracker;
  readonly cgroups: Map<number, CgroupFigures>;
  readonly #changed = new Set<number>();
  #first = 0;

  constructor(count: number, made: (i: number) => Partial<CgroupFigures> = () => ({})) {
    const one = (i: number) => ({ id: 100 + i, parent_id: 1, level: 1, name: `c${i}`, memory_bytes: MIB, ...made(i) });
    this.cgroups = new Map([ROOT, ...Array.from({ length: count }, (_, i) => one(i))].map((each) => [each.id, each]));
    const rows = (full: boolean) => {
      const all = [...this.cgroups.values()];
      const listed: CgroupFigures[] = [];
      let cut_at = 0;
      for (const [at, one] of all.entries()) {
        const turn = full && at >= this.#first && listed.length < MAX_CGROUPS;
        if (full && at >= this.#first && !turn && cut_at === 0) cut_at = at;
        if (turn || this.#changed.has(one.id)) listed.push(one);
      }
      if (full) this.#first = cut_at;
      this.#changed.clear();
      return { ...cgroup_rows(this.node.now_ns, listed), total: all.length };
    };
    this.tracker = new CgroupTracker({ ...this.node, cgroups: { cgroups: rows }, realtime_ms: () => 0 } as never, {
      mount: null,
    });
    this.tracker.observe(this.node.now_ns);
  }

  /** A tenth of a second later. Returns the ids that were reported. */
  beat(changes: readonly number[] = []): ReadonlySet<number> {
    this.node.now_ns += 1e8;
    for (const i of changes) {
      const was = this.cgroups.get(100 + i)!;
      this.cgroups.set(100 + i, { ...was, memory_bytes: (was.memory_bytes ?? 0) + 5 * MIB });
      this.#changed.add(100 + i);
    }
    return new Set(this.tracker.observe(this.node.now_ns).map(({ id }) => id));
  }
}

describe("a node with more cgroups than can be followed", () => {
  const last = MAX_CGROUPS + 499;

  test("says how many are not followed", () => {
    const { tracker } = new CrowdedNode(MAX_CGROUPS + 500);
    // The root has a place as well.
    expect(tracker.ignored).toBe(501);
  });

  test("one that grows is followed at once, wherever it stands", () => {
    const node = new CrowdedNode(MAX_CGROUPS + 500);
    let reported = 0;
    for (let k = 0; k < 100; k++) if (node.beat([last]).has(100 + last)) reported += 1;
    expect(reported).toBe(100);
    expect(node.tracker.path_of(100 + last)).toBe(`/c${last}`);
  });

  test("what grew for a while keeps its place when others begin to", () => {
    const node = new CrowdedNode(MAX_CGROUPS + 500);
    for (let k = 0; k < 20; k++) node.beat([last, k]);
    expect(node.beat([last]).has(100 + last)).toBe(true);
  });

  test("empty ones give their places to populated ones, and limited ones come before the rest", () => {
    const many = MAX_CGROUPS + 500;
    const node = new CrowdedNode(many, (i) => ({
      populated: i >= 200,
      memory_max: i >= many - 100 ? 64 * MIB : null,
    }));
    for (let k = 0; k < 30; k++) node.beat();
    const followed = [...Array(many).keys()].filter((i) => node.tracker.path_of(100 + i) !== null);
    expect(followed.filter((i) => i < 200)).toEqual([]);
    expect(followed.filter((i) => i >= many - 100)).toHaveLength(100);
    expect(followed).toHaveLength(MAX_CGROUPS - 1);
  });

  test("none of them is taken for gone while it is there", () => {
    const node = new CrowdedNode(MAX_CGROUPS + 500);
    const gone: number[] = [];
    for (let k = 0; k < 300; k++) {
      node.beat([last - (k % 50)]);
      gone.push(...node.tracker.gone);
    }
    expect(gone).toEqual([]);
  });

  test("a parent keeps its place: what lies in it is named after it", () => {
    const node = new CrowdedNode(MAX_CGROUPS + 500, (i) => (i === 1 ? { parent_id: 100, level: 2 } : {}));
    for (let k = 0; k < 150; k++) node.beat(Array.from({ length: 60 }, (_, j) => last - ((k * 60 + j) % 450)));
    expect(node.tracker.path_of(100)).toBe("/c0");
  });
});
