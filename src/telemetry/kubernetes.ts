import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";

/** Where the API server is and who we are to it, as the kubelet gives it to every pod. */
export interface ClusterAccess {
  readonly host: string;
  readonly port: string;
  /** Directory with `token` and `ca.crt`; both are read again at each attempt, because tokens are rotated. */
  readonly credentials: string;
}

export interface ClusterOptions {
  readonly access: ClusterAccess;
  /** Everything together must be over within this time. */
  readonly deadline_ms: number;
  /** A signal that aborts after so many milliseconds; passed in, because timers live in one place. */
  readonly abort_after: (ms: number) => AbortSignal;
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

/** A taint of a node as the API has it. */
interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

interface Node {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly spec?: { readonly taints?: readonly Taint[] };
}

export const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
export const QUARANTINE_TAINT: Taint = { key: "hosa.io/quarantine", value: "true", effect: "NoExecute" };

const ATTEMPTS_MAX = 5;
const ATTEMPT_MS = 3000;
const FIRST_PAUSE_MS = 100;
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const NODE_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** What the API server answered, when it was not what was asked for. */
class Answer extends Error {
  readonly status: number;

  constructor(method: string, url: string, status: number, text: string) {
    super(`${method} ${url}: HTTP ${status} ${said(text)}`);
    this.status = status;
  }
}

/** The server's own words, where it has some. */
function said(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string") return message.slice(0, 300);
  } catch {
    // Not every answer is a Status object; a proxy in between writes HTML.
  }
  return text.slice(0, 120).replaceAll("\n", " ");
}

/** Access as a pod finds it; a sentence when this process runs in none. */
export function cluster_access(variables: Readonly<Record<string, string | undefined>>): ClusterAccess | string {
  const host = variables["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = variables["KUBERNETES_SERVICE_PORT"] ?? "443";
  if (host === "") return "KUBERNETES_SERVICE_HOST is not set: there is no API server to ask";
  return { host, port, credentials: SERVICE_ACCOUNT };
}

/**
 * The taint of quarantine on a node, set and taken away with the service account. Other taints stay: the list is replaced as a whole
 * (the API has no merge key for it), under the resource version it was read at, and read again when somebody else was faster.
 */
export class NodeTaint {
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** What another process needs to take the taint away, as JSON. */
  get address(): string {
    return JSON.stringify(this.#options.access);
  }

  /** `before_write` is called when the taint is not there, right before it is set. Rejects when the deadline is over. */
  async add(node: string, before_write: () => void): Promise<"set" | "there already"> {
    const changed = await this.#change(node, (taints) => {
      if (taints.some(is_ours)) return null;
      before_write();
      return [...taints, QUARANTINE_TAINT];
    });
    return changed ? "set" : "there already";
  }

  /** Whether our taint is on the node. Rejects when the deadline is over. */
  async stands(node: string): Promise<boolean> {
    let found = false;
    await this.#change(node, (taints) => {
      found = taints.some(is_ours);
      return null;
    });
    return found;
  }

  async remove(node: string): Promise<"removed" | "not there"> {
    try {
      const changed = await this.#change(node, (taints) =>
        taints.some(is_ours) ? taints.filter((t) => !is_ours(t)) : null,
      );
      return changed ? "removed" : "not there";
    } catch (error) {
      // A node that was deleted took its taints along.
      if (error instanceof Error && error.cause instanceof Answer && error.cause.status === 404) return "not there";
      throw error;
    }
  }

  async #change(node: string, next: (taints: readonly Taint[]) => readonly Taint[] | null): Promise<boolean> {
    if (!NODE_NAME.test(node)) throw new Error(`"${node}" is not the name of a node`);
    const over = this.#options.abort_after(this.#options.deadline_ms);
    let trouble: Error | null = null;
    for (let attempt = 0; attempt < ATTEMPTS_MAX && !over.aborted; attempt += 1) {
      if (attempt > 0) await this.#options.pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
      try {
        return await this.#attempt(node, next, AbortSignal.any([over, this.#options.abort_after(ATTEMPT_MS)]));
      } catch (error) {
        trouble = error instanceof Error ? error : new Error(String(error));
        if (!worth_another(trouble)) break;
      }
    }
    const { host, port } = this.#options.access;
    const why = trouble?.message ?? "the deadline is over";
    throw new Error(`taint node ${node} through ${host}:${port}: ${why}`, { cause: trouble });
  }

  async #attempt(
    node: string,
    next: (taints: readonly Taint[]) => readonly Taint[] | null,
    signal: AbortSignal,
  ): Promise<boolean> {
    const path = `/api/v1/nodes/${node}`;
    const found = (await this.#request("GET", path, null, signal)) as Node;
    const taints = next(found.spec?.taints ?? []);
    if (taints === null) return false;
    const resourceVersion = found.metadata?.resourceVersion;
    await this.#request("PATCH", path, { metadata: { resourceVersion }, spec: { taints } }, signal);
    return true;
  }

  async #request(method: "GET" | "PATCH", path: string, body: object | null, signal: AbortSignal): Promise<unknown> {
    const { host, port, credentials } = this.#options.access;
    const url = `https://${isIPv6(host) ? `[${host}]` : host}:${port}${path}`;
    const [token, ca] = await Promise.all(["token", "ca.crt"].map((name) => readFile(join(credentials, name), "utf8")));
    const response = await fetch(url, {
      method,
      signal,
      redirect: "error",
      headers: {
        authorization: `Bearer ${token?.trim()}`,
        accept: "application/json",
        ...(body === null ? {} : { "content-type": "application/strategic-merge-patch+json" }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
      tls: { ca: ca ?? "", rejectUnauthorized: true },
    });
    const text = await bounded_text(response);
    if (!response.ok) throw new Answer(method, url, response.status, text);
    return JSON.parse(text);
  }
}

function is_ours({ key, effect }: Taint): boolean {
  return key === QUARANTINE_TAINT.key && effect === QUARANTINE_TAINT.effect;
}

/** A conflict, a busy or restarting server and a broken connection pass; a refusal does not. */
function worth_another(error: Error): boolean {
  return !(error instanceof Answer) || error.status === 409 || error.status === 429 || error.status >= 500;
}

async function bounded_text(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
