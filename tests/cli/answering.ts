import { rmSync } from "node:fs";
import { join } from "node:path";

const FAKE = join(import.meta.dir, "fake_agent.ts");

/** Something that listens on a control socket and gives these answers until it is disposed of. */
export async function answering(socket: string, answers: object): Promise<AsyncDisposable> {
  rmSync(socket, { force: true });
  const child = Bun.spawn([process.execPath, FAKE, socket, JSON.stringify(answers)], { stdout: "pipe" });
  const { done } = await child.stdout.getReader().read();
  if (done) throw new Error("the answering process did not start");
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}
