/** An API server of our own that knows one node: TLS under a CA made here, conflicts and refusals like the real one. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Taint {
  key: string;
  value?: string;
  effect: string;
}

export class ApiServer {
  node: { version: number; taints: Taint[] } = { version: 7, taints: [] };
  requests: string[] = [];
  /** Answers given instead of the node's, first to last. */
  instead: (Response | (() => unknown))[] = [];
  token = "secret-1";

  readonly answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    const other = this.instead.shift();
    if (other instanceof Response) return other;
    const late = await other?.();
    if (late instanceof Response) return late;
    if (request.headers.get("authorization") !== `Bearer ${this.token}`) return refusal(401, "Unauthorized");
    if (url.pathname !== "/api/v1/nodes/node-1")
      return refusal(404, `nodes "${url.pathname.split("/").at(-1)}" not found`);
    const { node } = this;
    if (request.method === "PATCH") {
      if (request.headers.get("content-type") !== "application/strategic-merge-patch+json")
        return refusal(415, "patch type");
      const patch = (await request.json()) as { metadata: { resourceVersion: string }; spec: { taints: Taint[] } };
      if (patch.metadata.resourceVersion !== String(node.version)) return refusal(409, "the object has been modified");
      this.node = { version: node.version + 1, taints: patch.spec.taints };
    }
    return Response.json({
      metadata: { name: "node-1", resourceVersion: String(this.node.version) },
      spec: { taints: this.node.taints },
    });
  };
}

export function refusal(code: number, message: string): Response {
  return Response.json({ kind: "Status", status: "Failure", message, code }, { status: code });
}

/** Writes the server's certificate, and of each account its token and the CA it trusts: the server's, or a stranger's. */
export function make_accounts(root: string, accounts: Readonly<Record<string, "ca" | "other">>): void {
  const openssl = (line: string): void => {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...line.split(" ")], { cwd: root });
    if (exitCode !== 0) throw new Error(stderr.toString());
  };
  for (const ca of new Set(["ca", ...Object.values(accounts)])) {
    openssl(`req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca -keyout ${ca}.key -out ${ca}.crt`);
  }
  writeFileSync(join(root, "ext"), "subjectAltName=IP:127.0.0.1\n");
  openssl("req -newkey rsa:2048 -nodes -subj /CN=kubernetes -keyout server.key -out server.csr");
  openssl("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt");
  for (const [account, ca] of Object.entries(accounts)) {
    mkdirSync(join(root, account));
    cpSync(join(root, `${ca}.crt`), join(root, account, "ca.crt"));
    writeFileSync(join(root, account, "token"), "secret-1\n");
  }
}

/** Serves until it is stopped. @param root where `make_accounts` wrote; port 0: any */
export function serve(root: string, api: ApiServer, port = 0) {
  const tls = { cert: Bun.file(join(root, "server.crt")), key: Bun.file(join(root, "server.key")) };
  return Bun.serve({ hostname: "127.0.0.1", port, tls, fetch: api.answer });
}
