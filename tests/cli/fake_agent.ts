/** `bun fake_agent.ts SOCKET ANSWERS`: answers each op of the control socket with the line that ANSWERS (JSON) has for it, or never. */
import { CONTROL_VERSION } from "../../src/model/control.ts";

const [socket = "", answers = "{}"] = process.argv.slice(2);
const known = JSON.parse(answers) as Record<string, object>;

Bun.listen({
  unix: socket,
  socket: {
    data(client, bytes) {
      const { op } = JSON.parse(bytes.toString()) as { op: string };
      const answer = known[op];
      if (answer !== undefined) client.write(`${JSON.stringify({ v: CONTROL_VERSION, ...answer })}\n`);
    },
  },
});
console.log("ready");
