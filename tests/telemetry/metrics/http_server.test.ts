import { describe, expect, test } from "bun:test";
import { createConnection, type Socket } from "node:net";
import fc from "fast-check";
import { monotonic_ns } from "../../../src/ffi/libc.ts";
import { TcpListener } from "../../../src/ffi/tcp_listener.ts";
import { HEAD_BYTES_MAX, read_request } from "../../../src/telemetry/metrics/http.ts";
import { BACKLOG, CONNECTIONS_MAX, HttpServer } from "../../../src/telemetry/metrics/http_server.ts";

/** A server on a port of loopback whose turns the test takes, at a time of its own. */
class Scratch implements Disposable {
  readonly listener = new TcpListener("127.0.0.1", 0, BACKLOG);
  readonly asked: string[] = [];
  readonly server: HttpServer;
  readonly #sockets: Socket[] = [];
  now_ns = 0;

  constructor(body = "hello\n") {
    const answer = (path: string) => {
      this.asked.push(path);
      return path === "/metrics" ? ({ status: 200, type: "text/plain", body } as const) : null;
    };
    this.server = new HttpServer({ listener: this.listener, answer, clock: monotonic_ns });
  }

  turn(after_ns = 1e8): void {
    this.now_ns += after_ns;
    this.server.turn(this.now_ns, 1e12);
  }

  async connect(): Promise<Socket> {
    const socket = createConnection({ host: "127.0.0.1", port: this.listener.port });
    socket.on("error", () => {});
    this.#sockets.push(socket);
    await new Promise((resolve) => socket.once("connect", resolve));
    return socket;
  }

  /** Everything the server says until it ends the connection, turn by turn. */
  async answer_to(socket: Socket, request: string): Promise<string> {
    let said = "";
    let ended = false;
    socket.on("data", (bytes) => (said += bytes.toString()));
    socket.once("close", () => (ended = true));
    socket.write(request);
    while (!ended) {
      this.turn(1e6);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return said;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }
}

async function until(scratch: Scratch, happened: () => boolean): Promise<void> {
  while (!happened()) {
    scratch.turn(1e6);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("what scrapers get", () => {
  test("a page, with its length, and the end of the connection", async () => {
    using scratch = new Scratch();
    const said = await scratch.answer_to(await scratch.connect(), "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(said).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(said).toContain("Content-Length: 6\r\n");
    expect(said).toEndWith("\r\n\r\nhello\n");
    expect(scratch.server.connections).toBe(0);
  });

  test("a page larger than the kernel takes at once arrives whole", async () => {
    using scratch = new Scratch("x".repeat(8_000_000));
    const said = await scratch.answer_to(await scratch.connect(), "GET /metrics HTTP/1.0\r\n\r\n");
    expect(said.length - said.indexOf("\r\n\r\n") - 4).toBe(8_000_000);
  });

  test("only the head when that is asked for", async () => {
    using scratch = new Scratch();
    const said = await scratch.answer_to(await scratch.connect(), "HEAD /metrics HTTP/1.1\r\n\r\n");
    expect(said).toContain("Content-Length: 6\r\n");
    expect(said).toEndWith("\r\n\r\n");
  });

  test.each([
    ["GET /other HTTP/1.1\r\n\r\n", "404 Not Found"],
    ["POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed"],
    ["nonsense\r\n\r\n", "400 Bad Request"],
    [`GET /metrics HTTP/1.1\r\nX: ${"x".repeat(HEAD_BYTES_MAX)}\r\n\r\n`, "431 Request Header Fields Too Large"],
  ])("a refusal of %p", async (request, reason) => {
    using scratch = new Scratch();
    expect(await scratch.answer_to(await scratch.connect(), request)).toStartWith(`HTTP/1.1 ${reason}\r\n`);
  });

  test("an ordinary client reads it", async () => {
    using scratch = new Scratch();
    const response = fetch(`http://127.0.0.1:${scratch.listener.port}/metrics`).then((got) => got.text());
    let body = "";
    void response.then((text) => (body = text));
    await until(scratch, () => body !== "");
    expect(body).toBe("hello\n");
  });
});

describe("who does not behave", () => {
  test("a client that says nothing, or only half, is let go after 5 s", async () => {
    using scratch = new Scratch();
    const [silent, slow] = [await scratch.connect(), await scratch.connect()];
    slow.write("GET /met");
    await until(scratch, () => scratch.server.connections === 2);
    scratch.turn(4e9);
    expect(scratch.server.connections).toBe(2);
    scratch.turn(2e9);
    expect(scratch.server.connections).toBe(0);
    expect(scratch.server.dropped).toBe(2);
    silent.destroy();
  });

  test("hoarders give way to who asks", async () => {
    using scratch = new Scratch();
    for (let i = 0; i < CONNECTIONS_MAX; i++) {
      await scratch.connect();
      await until(scratch, () => scratch.server.connections === i + 1);
    }
    const said = await scratch.answer_to(await scratch.connect(), "GET /metrics HTTP/1.1\r\n\r\n");
    expect(said).toEndWith("hello\n");
    expect(scratch.server.connections).toBe(CONNECTIONS_MAX - 1);
    expect(scratch.server.dropped).toBe(1);
  });

  test("a turn whose time is up serves the others later", async () => {
    using scratch = new Scratch();
    const socket = await scratch.connect();
    scratch.server.turn(1e8, 0);
    expect(scratch.server.connections).toBe(0);
    expect(await scratch.answer_to(socket, "GET /metrics HTTP/1.1\r\n\r\n")).toEndWith("hello\n");
  });
});

test("a taken port is refused with its name", () => {
  using first = new TcpListener("127.0.0.1", 0, 1);
  expect(() => new TcpListener("127.0.0.1", first.port, 1)).toThrow(`127.0.0.1:${first.port}`);
});

test("a request may come in any pieces", () => {
  const request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
  fc.assert(
    fc.property(fc.nat(request.length - 1), (length) => {
      expect(read_request(request.slice(0, length))).toBeNull();
    }),
  );
  expect(read_request(request)).toEqual({ path: "/healthz", head_only: false });
});

test("anything at all is a request, a refusal, or not yet finished", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.boolean(), (text, ends) => {
      const read = read_request(ends ? `${text}\r\n\r\n` : text);
      if (read === null) expect(ends).toBe(false);
      else if ("refused" in read) expect([400, 405, 431]).toContain(read.refused.status);
      else expect(read.path).toStartWith("/");
    }),
  );
});
