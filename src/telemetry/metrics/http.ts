import type { Maybe } from "../../model/sample.ts";

export interface HttpAnswer {
  readonly status: 200 | 400 | 404 | 405 | 431 | 503;
  /** Content-Type. */
  readonly type: string;
  readonly body: string;
}

/** A GET or HEAD; or what is answered to anything else. */
export type HttpRequest = { readonly path: string; readonly head_only: boolean } | { readonly refused: HttpAnswer };

/** Scrapers send a few hundred bytes. */
export const HEAD_BYTES_MAX = 8192;

const REASONS: Readonly<Record<HttpAnswer["status"], string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

/** Reads what has come so far (latin1): null while the head is unfinished. Headers say nothing that matters here. */
export function read_request(head: string): Maybe<HttpRequest> {
  const end = head.indexOf("\r\n\r\n");
  if (end > HEAD_BYTES_MAX || (end < 0 && head.length > HEAD_BYTES_MAX))
    return refused(431, `the head of a request is at most ${HEAD_BYTES_MAX} bytes`);
  if (end < 0) return null;
  const line = head.slice(0, head.indexOf("\r\n"));
  const found = /^([A-Z]+) (\/[!-~]*) HTTP\/1\.[01]$/.exec(line);
  if (found === null) return refused(400, "not a request of HTTP/1.0 or 1.1");
  const [, method, target = ""] = found;
  if (method !== "GET" && method !== "HEAD") return refused(405, "only GET and HEAD");
  return { path: target.split("?", 1)[0]!, head_only: method === "HEAD" };
}

function refused(status: HttpAnswer["status"], why: string): HttpRequest {
  return { refused: { status, type: "text/plain", body: `${why}\n` } };
}

export function response_bytes({ status, type, body }: HttpAnswer, head_only: boolean): Uint8Array {
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 405 ? ["Allow: GET, HEAD"] : []),
    "Cache-Control: no-store",
    "Connection: close",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${head_only ? "" : body}`);
}
