import { createConnection, type Socket } from "node:net";
import { KernelError } from "../../ffi/errors.ts";
import { UnixConnection } from "../../ffi/unix_socket.ts";
import { denied_hint } from "../../files/denied.ts";
import { CONTROL_VERSION } from "../../model/control.ts";
import { OperatorError } from "../../model/error.ts";
import type { Request } from "./protocol.ts";

/** An answer longer than this is none. */
const ANSWER_BYTES_MAX = 4_194_304;
const ATTEMPTS_MAX = 50;

/** The agent understood and said no. */
export class Refused extends OperatorError {
  override readonly name = "Refused";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message, code === "denied" ? 3 : code === "bad_request" ? 2 : 1, code === "denied" ? "Run as root." : "");
    this.code = code;
  }
}

type Line = Readonly<Record<string, unknown>>;

/** The operator's end of the control socket. */
export class ControlClient implements Disposable {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #lines: AsyncGenerator<Line>;

  private constructor(path: string, socket: Socket) {
    this.#path = path;
    this.#socket = socket;
    this.#lines = lines_of(socket, path);
  }

  /**
   * Null when no agent listens there. Throws OperatorError when one does and may not be asked.
   * @param pause a tenth of a second: the agent takes waiting connections in turns, and its queue may be full
   */
  static async connect(path: string, pause: () => Promise<void>): Promise<ControlClient | null> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const state = listener_state(path);
      if (state === "nobody") return null;
      if (state === "there") {
        const socket = await connected(path);
        if (socket !== null) return new ControlClient(path, socket);
      }
      await pause();
    }
    throw new OperatorError(`control socket ${path}: too many others wait to be served`, 1, "Ask again.");
  }

  /**
   * Sends a request and gives its answer. Throws Refused, and OperatorError when none comes before `deadline` aborts.
   */
  async ask(request: Partial<Request> & { readonly op: Request["op"] }, deadline: AbortSignal): Promise<Line> {
    this.#socket.write(`${JSON.stringify({ v: CONTROL_VERSION, ...request })}\n`);
    const late = new Promise<never>((_, reject) => {
      const give_up = (): void => reject(silent(this.#path));
      if (deadline.aborted) give_up();
      deadline.addEventListener("abort", give_up, { once: true });
    });
    const next = await Promise.race([this.#lines.next(), late]);
    if (next.done === true) throw ended(this.#path);
    const { ok, code, error } = next.value;
    if (ok !== true) throw new Refused(String(code), String(error));
    return next.value;
  }

  /** What comes after the answer to `watch`, until the agent or the caller ends it. */
  async *beats(): AsyncGenerator<unknown, string> {
    for await (const line of this.#lines) {
      if ("beat" in line) yield line["beat"];
      else if ("end" in line) return String(line["end"]);
    }
    throw new OperatorError(
      "the agent closed the connection",
      1,
      "A watcher that does not keep up is let go; see also whether the agent runs.",
    );
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** The runtime tells a full queue from a dead socket only by the same error, so the kernel is asked itself. */
function listener_state(path: string): "there" | "full" | "nobody" {
  try {
    UnixConnection.connect(path)[Symbol.dispose]();
    return "there";
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (["ENOENT", "ECONNREFUSED", "ENOTDIR"].includes(error.errno)) return "nobody";
    if (error.errno === "EAGAIN") return "full";
    const denied = error.errno === "EACCES" || error.errno === "EPERM";
    const hint = denied ? denied_hint("Run as root or as a member of control.group.") : "Check control.socket.";
    throw new OperatorError(`control socket ${path}: connect: ${error.errno}`, denied ? 3 : 1, hint, error);
  }
}

async function connected(path: string): Promise<Socket | null> {
  const socket = createConnection({ path });
  try {
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    socket.on("error", () => socket.destroy());
    return socket;
  } catch {
    return null;
  }
}

async function* lines_of(socket: Socket, path: string): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
        yield parsed(data.subarray(0, end), path);
        data = data.subarray(end + 1);
      }
      rest = data;
      if (rest.length > ANSWER_BYTES_MAX) throw strange(path);
    }
  } catch (error) {
    // The other end went away: what it said before counts.
    if (error instanceof OperatorError) throw error;
  }
}

function parsed(line: Buffer, path: string): Line {
  try {
    const value: unknown = JSON.parse(line.toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Line;
  } catch {
    // Said below, like anything else that is no line of the protocol.
  }
  throw strange(path);
}

function strange(path: string): OperatorError {
  return new OperatorError(`control socket ${path}: whoever listens there is no hosa`, 1, "Check control.socket.");
}

function silent(path: string): OperatorError {
  return new OperatorError(
    `control socket ${path}: the agent does not answer`,
    1,
    "If it hangs: `systemctl stop hosa` (killed after 30 s, and not started again) or, without systemd, `kill -9`; `hosa release` then works from the ledger alone.",
  );
}

function ended(path: string): OperatorError {
  return new OperatorError(`control socket ${path}: the agent ended before it answered`, 1, "Ask again.");
}
