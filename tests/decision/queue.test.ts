import { describe, expect, test } from "bun:test";
import { decide } from "../../src/decision/decide.ts";
import { type DecisionState, initial_state } from "../../src/decision/state.ts";
import { assessment, CONFIG, observation } from "./fixtures.ts";

const S = 1e9;
const HOG = { cgroup_id: 9, path: "/hog", rate: 2, baseline_rate: 0.1, change: 40 };

/** Ten beats a second of a hog that stalls the others by 90 % unless a rung that `helps` is on it. */
function run(
  seconds: number,
  helps: readonly string[],
  verifiable = true,
  calm_at: (beat: number) => boolean = () => false,
  later = HOG,
  /** The stall of others while a rung that does not help is on it. */
  left = 0.9,
) {
  const said: string[] = [];
  const blamed = new Set<string>();
  let state: DecisionState = { ...initial_state(0), level: 1, stalled_since_ns: 0 };
  let failures = 0;
  for (let t_s = 20; t_s < 20 + seconds; t_s += 0.1) {
    const live = state.containments;
    const stalls = !live.some(({ rung }) => helps.includes(rung)) && !calm_at(Math.round(10 * t_s));
    const seen = assessment({
      t_ns: t_s * S,
      d_smooth: stalls ? 30 : 9,
      velocity: stalls ? 1 : 0,
      acceleration: stalls ? 1 : 0,
      dominant_resource: "cpu",
      changes: [live.length > 0 ? later : HOG],
      leader_stall: { cgroup_id: (live.length > 0 ? later : HOG).cgroup_id, cpu: 0, memory: 0, io: 0 },
      stall: { cpu: !stalls ? 0 : live.length > 0 ? left : 0.9, memory: 0, io: 0 },
      growth: [],
      containments: live.map(({ id, rung }) =>
        observation(id, rung, { frozen: null, slope_bytes_per_s: verifiable ? 0 : null }),
      ),
    });
    const judged = decide(seen, state, CONFIG, t_s * S);
    state = { ...judged.state };
    failures = Math.max(failures, state.failures);
    for (const { target } of judged.decision.actions) blamed.add(target.path);
    for (const { verb, setting } of judged.decision.actions)
      said.push(`${(t_s - 20).toFixed(1)} ${verb} ${setting.rung}`);
    for (const { id, verdict } of judged.decision.verdicts) said.push(`${(t_s - 20).toFixed(1)} ${verdict} ${id}`);
  }
  return { said, failures, blamed: [...blamed] };
}

describe("a cgroup that takes the processors from others", () => {
  test("is given less of them; that helps, and is put on for longer each time the harm comes back", () => {
    const { said, failures } = run(120, ["cpu_weight"]);
    const at = (line: RegExp) => said.filter((one) => line.test(one)).map((one) => Number(one.split(" ")[0]));
    const [applied, released] = [at(/apply cpu_weight/), at(/release cpu_weight/)];
    expect(released.slice(0, 3).map((end, i) => Math.round(end - applied[i]!))).toEqual([10, 20, 40]);
    expect(at(/effective/).map((moment, i) => Math.round(moment - applied[i]!))).toEqual([3, 3, 3, 3]);
    expect(said.some((line) => /no_effect|cpu_max|freeze/.test(line))).toBe(false);
    expect(failures).toBe(0);
  });

  test("and goes on all the same: seen after 3 s, taken back, and the next rung answers", () => {
    const { said, failures } = run(30, ["freeze"]);
    expect(
      said.slice(0, 6).map((line) =>
        line
          .split(" ")
          .slice(1)
          .join(" ")
          .replace(/ c\d+$/, ""),
      ),
    ).toEqual(["apply cpu_weight", "release cpu_weight", "no_effect", "apply freeze", "effective", "release freeze"]);
    // A share of a queue taken from the wrong one is no proof against the node.
    expect(failures).toBe(0);
  });

  test("where no rung helps, only the freezer that failed counts", () => {
    expect(run(30, []).failures).toBe(1);
  });

  test("a stall that comes and goes is no end of it, and one that another leads is not put down to it", () => {
    const flickering = run(60, [], true, (beat) => beat % 18 === 0);
    expect(flickering.said.some((line) => /effect/.test(line))).toBe(false);
    const led_by_another = run(60, [], true, () => false, { ...HOG, cgroup_id: 10, path: "/other" });
    expect(led_by_another.said.filter((line) => line.endsWith(" c1"))).toEqual(["10.0 expired c1"]);
  });

  test("and who was given less waits for more: while it does, that is no harm another one does", () => {
    const other = { ...HOG, cgroup_id: 10, path: "/other" };
    expect(run(9.5, [], true, () => false, other).blamed).toEqual(["/hog"]);
  });

  test("a stall that is eased is not taken back: half of it is an effect, a little less says nothing", () => {
    const verdicts = (left: number) =>
      run(9.5, [], true, () => false, HOG, left).said.filter((line) => /c1$/.test(line));
    expect(verdicts(0.35)).toEqual(["3.0 effective c1"]);
    expect(verdicts(0.6)).toEqual([]);
    expect(verdicts(0.8)).toEqual(["3.0 no_effect c1"]);
  });

  test("a recording motor can show no effect, nor the want of one", () => {
    const { said, failures } = run(60, [], false);
    expect(said.some((line) => /effect/.test(line))).toBe(false);
    expect(said.filter((line) => /apply/.test(line)).every((line) => /cpu_weight/.test(line))).toBe(true);
    expect(failures).toBe(0);
  });
});
