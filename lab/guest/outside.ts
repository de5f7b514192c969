/** The neighbour and the operator, in a namespace of their own: one request a line, `connect FROM PORT`, answered true or false. */

/** Where each of them finds the node; the route decides the address they come from. */
const NODE: Readonly<Record<string, string>> = { "10.50.0.2": "10.50.0.1", "10.50.0.3": "10.50.0.11" };
const ANSWER_MS = 3000;

Bun.listen({ hostname: "10.50.0.2", port: 9000, socket: { data: () => {} } });

async function answers(from: string, port: number, keep = false): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  setTimeout(() => resolve(false), ANSWER_MS);
  const hostname = NODE[from];
  if (hostname === undefined) return false;
  const socket = Bun.connect({ hostname, port, socket: { data: () => resolve(true), error: () => resolve(false) } });
  socket.catch(() => resolve(false));
  const answer = await promise;
  if (answer && !keep) (await socket).end();
  return answer;
}

// The operator's ssh session stays open for good.
if (!(await answers("10.50.0.3", 22, true))) throw new Error("the operator has no session");

for await (const line of console) {
  const [, from = "", port = ""] = line.split(" ");
  console.log(String(await answers(from, Number(port))));
}

export {};
