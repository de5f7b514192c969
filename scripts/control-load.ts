import { connect, type Socket } from "node:net";

/**
 * What a node's neighbours do to the agent's sockets, until killed; prints what became of it.
 *   control-load.ts SOCKET watch N     N watchers, every tenth of which never reads
 *   control-load.ts SOCKET attack      10,000 connections that say nothing, lines of garbage, lines of a gigabyte
 *   control-load.ts PORT scrape N      N scrapes of /metrics a second, on loopback
 */
const [path = "", what = "", number_of = "0"] = process.argv.slice(2);
const PIECE = Buffer.alloc(1024 * 1024, "a");
const seen = { beats: 0, refused: 0, closed: 0, connections: 0, line_bytes: 0, scrapes: 0, failed_scrapes: 0 };

function open(on_open: (socket: Socket) => void, on_end: () => void): void {
  const socket = connect({ path });
  socket.on("error", () => {});
  socket.on("close", on_end);
  socket.on("connect", () => {
    seen.connections++;
    on_open(socket);
  });
}

function watch(number: number): void {
  const reads = number % 10 !== 0;
  let connected = false;
  open(
    (socket) => {
      connected = true;
      socket.write('{"v":1,"op":"watch"}\n');
      if (!reads) {
        socket.pause();
        return;
      }
      socket.on("data", (data) => {
        for (const byte of data) if (byte === 10) seen.beats++;
      });
    },
    () => {
      if (connected) seen.closed++;
      // The queue of connections was full: that is no refusal.
      else setTimeout(watch, 200, number);
    },
  );
}
if (what === "watch") for (let number = 0; number < Number(number_of); number++) setTimeout(watch, 10 * number, number);

let idle = 0;
/** More at a time than there are places, each kept until it is thrown out. */
function hoard(): void {
  for (; idle < 400 && seen.connections < 10_000; idle++) {
    open(
      () => {},
      () => {
        idle--;
        seen.refused++;
      },
    );
  }
}

function garbage(): void {
  open(
    (socket) => socket.write(`${"}{".repeat(20_000)}\n`),
    () => seen.refused++,
  );
}

function endless_line(): void {
  let left = 1024;
  open(
    (socket) => {
      const more = (): void => {
        while (left-- > 0) {
          seen.line_bytes += PIECE.length;
          if (!socket.write(PIECE)) {
            socket.once("drain", more);
            return;
          }
        }
      };
      more();
    },
    () => seen.refused++,
  );
}

/** One whole answer counts; what ends before it has one failed. */
function scrape(): void {
  let text = "";
  const socket = connect({ port: Number(path), host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.on("connect", () => socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  socket.on("data", (data) => {
    text += data.toString("latin1");
  });
  socket.on("close", () => {
    if (text.startsWith("HTTP/1.1 200") && text.includes("process_cpu_seconds_total ")) seen.scrapes++;
    else seen.failed_scrapes++;
  });
}
if (what === "scrape") setInterval(scrape, 1000 / Number(number_of));

if (what === "attack") {
  setInterval(hoard, 10);
  setInterval(garbage, 20);
  setInterval(endless_line, 1000);
}
process.on("SIGTERM", () => {
  console.log(JSON.stringify({ what, ...seen }));
  process.exit(0);
});
