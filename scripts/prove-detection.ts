import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monotonic_ns } from "../src/ffi/libc.ts";
import type { BeatView } from "../src/model/view.ts";

/** Learning, then an idle minute that must stay at level 0, then the allocations. */
const WARMUP_S = 60;
const IDLE_S = 60;
const HOLD_S = 3;
const GIVE_UP_S = 60;
/** The allocation has begun when the child's resident set has grown by so much. */
const BEGUN_PAGES = 1024;

const beats: BeatView[] = [];
const runs = Number(process.argv[2] ?? 10);

async function read_beats(stream: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) beats.push(JSON.parse(line));
  }
}

function resident_pages_of_children(pid: number): number {
  let most = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").trim();
    for (const child of children === "" ? [] : children.split(" ")) {
      try {
        most = Math.max(most, Number(readFileSync(`/proc/${child}/statm`, "latin1").split(" ")[1]));
        most = Math.max(most, resident_pages_of_children(Number(child)));
      } catch {
        // The child ended between the two reads.
      }
    }
  }
  return most;
}

async function wait_for_level_0(): Promise<void> {
  const give_up_ns = monotonic_ns() + GIVE_UP_S * 1e9;
  for (;;) {
    const calm = beats.slice(-40).every((beat) => beat.level === 0);
    if (calm || monotonic_ns() > give_up_ns) return;
    await Bun.sleep(100);
  }
}

/** Whether memory is among the two dimensions that carry most of the distance. */
function memory_leads(beat: BeatView): boolean {
  const ranked = Object.entries(beat.contribution).sort((a, b) => b[1] - a[1]);
  return ranked.slice(0, 2).some(([name]) => name.startsWith("memory") || name.includes("_memory_"));
}

/** One allocation: delay from its first pages to the first beat at level 1 or above that memory leads; null: never. */
async function allocate(): Promise<number | null> {
  const stress = Bun.spawn(["stress-ng", "--vm", "1", "--vm-bytes", "2G", "--vm-keep", "-t", `${HOLD_S}s`], {
    stdout: "ignore",
    stderr: "ignore",
  });
  const base = resident_pages_of_children(stress.pid);
  while (resident_pages_of_children(stress.pid) < base + BEGUN_PAGES) await Bun.sleep(1);
  const begun_ns = monotonic_ns();
  await stress.exited;
  const seen = beats.find((beat) => beat.t_ns >= begun_ns && beat.level >= 1 && memory_leads(beat));
  return seen === undefined ? null : (seen.t_ns - begun_ns) / 1e6;
}

const directory = mkdtempSync(join(tmpdir(), "hosa-detect-"));
const config = join(directory, "hosa.yaml");
writeFileSync(config, `learning: { warmup_s: ${WARMUP_S}, state_dir: ${directory} }\n`);
const hosa = Bun.spawn(["dist/hosa", "observe", "-o", "json", "--config", config], {
  stdout: "pipe",
  stderr: "ignore",
});
const reading = read_beats(hosa.stdout);
try {
  const give_up_ns = monotonic_ns() + (WARMUP_S + GIVE_UP_S) * 1e9;
  while (!(beats.at(-1)?.warm ?? false)) {
    if (monotonic_ns() > give_up_ns) throw new Error("the warm-up did not end: is hosa running?");
    await Bun.sleep(100);
  }
  const first_idle = beats.length;
  await Bun.sleep(IDLE_S * 1000);
  const idle = beats.slice(first_idle);
  const span_ns = idle.at(-1)!.t_ns - idle[0]!.t_ns;
  let calm_ns = 0;
  for (let i = 1; i < idle.length; i++) if (idle[i]!.level === 0) calm_ns += idle[i]!.t_ns - idle[i - 1]!.t_ns;
  console.log(JSON.stringify({ name: "idle_level_0", value: (100 * calm_ns) / span_ns, unit: "percent of a minute" }));
  const delays: number[] = [];
  for (let run = 1; run <= runs; run++) {
    await wait_for_level_0();
    const delay_ms = await allocate();
    console.log(JSON.stringify({ name: "seen_led_by_memory_after", run, value: delay_ms, unit: "ms" }));
    delays.push(delay_ms ?? Number.POSITIVE_INFINITY);
  }
  delays.sort((a, b) => a - b);
  console.log(
    JSON.stringify({ name: "seen_led_by_memory_after_median", value: delays[Math.floor(runs / 2)], unit: "ms" }),
  );
} finally {
  hosa.kill();
  await hosa.exited;
  await reading;
  rmSync(directory, { recursive: true, force: true });
}
