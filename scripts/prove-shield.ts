import { fuzz } from "./shield/fuzz.ts";
import { World } from "./shield/world.ts";

const [packets = 1_000_000, seed = 1] = process.argv.slice(2).map(Number);
if (!(Number.isInteger(packets) && packets >= 1 && packets <= 1e9 && Number.isInteger(seed))) {
  console.error(
    `prove-shield: ${process.argv.slice(2).join(" ")} is not a number of packets in 1..1000000000 and a seed`,
  );
  process.exit(2);
}
await using world = await World.open();
const started = performance.now();
const result = fuzz(world, seed, packets, () => performance.now());
const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
for (const each of result.disagreements) console.error(JSON.stringify(each));
const { disagreements: _, ...figures } = result;
console.log(JSON.stringify({ ...figures, seed, connection_tracking: world.program.tracks, seconds }));
process.exitCode = result.disagreed === 0 ? 0 : 1;
