/** The taint against an API server of our own. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cluster_access, NodeTaint, QUARANTINE_TAINT } from "../../src/telemetry/kubernetes.ts";
import { ApiServer, make_accounts, refusal, serve, type Taint } from "./api_server.ts";

let root = "";
let server: ReturnType<typeof serve>;
const api = new ApiServer();

const FOREIGN: Taint = { key: "example.com/maintenance", value: "x", effect: "NoSchedule" };

function client(more: { credentials?: string; port?: number } = {}): NodeTaint {
  return new NodeTaint({
    access: {
      host: "127.0.0.1",
      port: String(more.port ?? server.port),
      credentials: join(root, more.credentials ?? "account"),
    },
    deadline_ms: 60_000,
    abort_after: () => new AbortController().signal,
    pause: () => Promise.resolve(),
  });
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "hosa-kubernetes-"));
  make_accounts(root, { account: "ca", stranger: "other" });
  server = serve(root, api);
});
afterAll(async () => {
  await server.stop(true);
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  api.node = { version: 7, taints: [FOREIGN] };
  api.token = "secret-1";
});
afterEach(() => {
  api.requests = [];
  api.instead = [];
  writeFileSync(join(root, "account/token"), "secret-1\n");
});

const never = () => {
  throw new Error("nothing should be written");
};

test("set beside the taints of others, announced right before it is written, and taken away again", async () => {
  let announced = 0;
  expect(await client().add("node-1", () => announced++)).toBe("set");
  expect(announced).toBe(1);
  expect(api.node.taints).toEqual([FOREIGN, { ...QUARANTINE_TAINT }]);
  expect(await client().stands("node-1")).toBe(true);
  expect(await client().remove("node-1")).toBe("removed");
  expect(api.node.taints).toEqual([FOREIGN]);
  expect(await client().stands("node-1")).toBe(false);
});

test("a taint that is there already is neither written nor announced", async () => {
  api.node.taints = [{ ...QUARANTINE_TAINT }];
  expect(await client().add("node-1", never)).toBe("there already");
  expect(api.requests).toEqual(["GET /api/v1/nodes/node-1"]);
  api.node.taints = [FOREIGN];
  expect(await client().remove("node-1")).toBe("not there");
});

test("somebody was faster: the node is read again, and their taint stays", async () => {
  const theirs: Taint = { key: "example.com/gpu", effect: "NoSchedule" };
  const faster = () => {
    api.node = { version: api.node.version + 1, taints: [...api.node.taints, theirs] };
  };
  api.instead = [() => {}, faster];
  expect(await client().add("node-1", () => {})).toBe("set");
  expect(api.node.taints).toEqual([FOREIGN, theirs, { ...QUARANTINE_TAINT }]);
  expect(api.requests).toHaveLength(4);
});

test("a server that is busy or restarts is asked again, at most five times", async () => {
  api.instead = [refusal(429, "slow down"), refusal(503, "starting"), new Response("<html>", { status: 502 })];
  expect(await client().add("node-1", () => {})).toBe("set");
  api.requests = [];
  api.instead = Array.from({ length: 20 }, () => refusal(500, "etcd has no leader"));
  expect(client().add("node-1", never)).rejects.toThrow("HTTP 500 etcd has no leader");
  await client()
    .remove("node-1")
    .catch(() => {});
  expect(api.requests.length).toBeLessThanOrEqual(10);
});

test("a refusal is final and carries the server's own words", async () => {
  api.instead = [refusal(403, 'nodes "node-1" is forbidden: cannot get resource')];
  await expect(client().add("node-1", never)).rejects.toThrow("is forbidden: cannot get resource");
  expect(api.requests).toHaveLength(1);
  await expect(client().add("node-2", never)).rejects.toThrow('nodes "node-2" not found');
});

test("a token that was rotated is read again", async () => {
  api.instead = [() => {}, () => writeFileSync(join(root, "account/token"), "secret-2\n")];
  api.token = "secret-1";
  expect(await client().add("node-1", () => {})).toBe("set");
  api.token = "secret-2";
  expect(await client().remove("node-1")).toBe("removed");
});

test("a server under another CA is not spoken to", async () => {
  await expect(client({ credentials: "stranger" }).add("node-1", never)).rejects.toThrow(/certificate|CERT|verif/i);
  expect(api.requests).toEqual([]);
});

test("a server that hangs, before its answer or in the middle of it, is asked again, and left when the deadline is over", async () => {
  /** One for the deadline, then one per attempt, in the order in which they are asked for. */
  const timers: AbortController[] = [];
  const expire = (index: number) => timers.at(index)?.abort(new Error("the time is over"));
  const patient = new NodeTaint({
    access: { host: "127.0.0.1", port: String(server.port), credentials: join(root, "account") },
    deadline_ms: 60_000,
    abort_after: () => {
      timers.push(new AbortController());
      return timers.at(-1)!.signal;
    },
    pause: () => Promise.resolve(),
  });
  const half = () =>
    new Response(
      new ReadableStream({
        start: (body) => body.enqueue(new TextEncoder().encode('{"metadata":')),
        pull: () => {
          expire(-1);
          return new Promise(() => {});
        },
      }),
    );
  const never_answers = (index: number) => () => {
    expire(index);
    return new Promise<Response>(() => {});
  };
  api.instead = [never_answers(-1), () => Promise.resolve(half())];
  expect(await patient.add("node-1", () => {})).toBe("set");
  expect(api.requests).toHaveLength(4);
  expect(timers).toHaveLength(4);

  timers.length = 0;
  api.requests = [];
  api.instead = [never_answers(0)];
  await expect(patient.remove("node-1")).rejects.toThrow("the time is over");
  expect(api.requests).toHaveLength(1);
  expect(api.node.taints).toContainEqual({ ...QUARANTINE_TAINT });
});

test("no server, no credentials, no deadline left, no name: rejected with what was tried", async () => {
  await expect(client({ port: 1 }).add("node-1", never)).rejects.toThrow("taint node node-1 through 127.0.0.1:1");
  await expect(client({ credentials: "none" }).add("node-1", never)).rejects.toThrow("ENOENT");
  const over = new NodeTaint({
    access: { host: "127.0.0.1", port: String(server.port), credentials: join(root, "account") },
    deadline_ms: 0,
    abort_after: () => AbortSignal.abort(),
    pause: () => Promise.resolve(),
  });
  await expect(over.add("node-1", never)).rejects.toThrow("the deadline is over");
  await expect(client().add("../secrets", never)).rejects.toThrow("not the name of a node");
  expect(api.requests).toEqual([]);
});

test("access is what the kubelet gives to a pod", () => {
  expect(cluster_access({ KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "6443" })).toMatchObject({
    host: "10.96.0.1",
    port: "6443",
  });
  expect(cluster_access({})).toContain("KUBERNETES_SERVICE_HOST is not set");
});
