import { expect, test } from "bun:test";
import { TaintWatch } from "../../src/agent/taint_watch.ts";

const S = 1e9;

/** Beats of a second at level 5; `stands` answers the looks one by one, null where the API server does not. */
async function watch(seconds: number, stands: readonly (boolean | null)[], tainted: string | null = "node-1") {
  const looks: string[] = [];
  let gone = 0;
  const made = new TaintWatch({
    tainted: () => tainted,
    stands: async (node) => {
      const said = stands[looks.length] ?? true;
      looks.push(node);
      if (said === null) throw new Error("no answer");
      return said;
    },
    gone: () => gone++,
  });
  for (let t_s = 0; t_s <= seconds; t_s++) {
    made.at_level_5(t_s * S);
    await Bun.sleep(0);
  }
  return { looks, gone };
}

test("who takes the taint off ends the quarantine, once two looks have found it gone", async () => {
  expect(await watch(29, [])).toEqual({ looks: [], gone: 0 });
  expect(await watch(100, [])).toEqual({ looks: ["node-1", "node-1", "node-1"], gone: 0 });
  expect((await watch(89, [true, false, false])).gone).toBe(0);
  expect((await watch(300, [true, false, false, false, false])).gone).toBe(1);
});

test("a taint that was never seen to stand was taken off by nobody", async () => {
  expect((await watch(300, Array(20).fill(false))).gone).toBe(0);
});

test("an API server that does not answer says nothing, and one look is no proof", async () => {
  expect((await watch(300, [false, null, false, true, null, null])).gone).toBe(0);
});

test("where the ledger knows of no taint nobody is asked", async () => {
  expect(await watch(300, [false, false], null)).toEqual({ looks: [], gone: 0 });
});
