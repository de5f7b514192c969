/* The running agent has its threads already: it is asked over its control socket, as the runtime would ask it (docs/ARCHITECTURE.md). */

#include <linux/socket.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/un.h>

#include "call.h"
#include "json.h"

/* Not in the headers of the kernel that programs may use. */
enum { SOCK_STREAM = 1, SOCK_CLOEXEC = 02000000, AF_UNIX = 1, SOL_SOCKET = 1, SO_RCVTIMEO_OLD = 20 };
enum { TRIES = 20, BETWEEN_MS = 100, ANSWER_WITHIN_S = 60 };

static long connected(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (join(address.sun_path, sizeof address.sun_path, text_of(path), NONE) < 0) return -ENAMETOOLONG;
  long refused = 0;
  for (int i = 0; i < TRIES; i++) {
    long socket = call3(__NR_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return socket;
    refused = call3(__NR_connect, socket, &address, sizeof address);
    if (refused == 0) return socket;
    call1(__NR_close, socket);
    // Its queue is full: others wait to be served.
    if (refused != -EAGAIN) return refused;
    pause_ms(BETWEEN_MS);
  }
  return refused;
}

static long send_all(long socket, struct text bytes) {
  while (bytes.length > 0) {
    long sent = call3(__NR_write, socket, bytes.at, bytes.length);
    if (sent == -EINTR) continue;
    if (sent <= 0) return sent;
    bytes = behind(bytes, (word)sent);
  }
  return 0;
}

/* A line, without its end. Its length or a negative errno. */
static long receive_line(long socket, char *into, word room) {
  word length = 0;
  while (length < room) {
    long got = call3(__NR_read, socket, into + length, room - length);
    if (got == -EINTR) continue;
    if (got <= 0) return got == 0 ? -EPIPE : got;
    for (long i = 0; i < got; i++)
      if (into[length + (word)i] == '\n') return (long)length + i;
    length += (word)got;
  }
  return -EFBIG;
}

int ask_agent(struct call *call, struct text request, struct text *answer) {
  if (!call->settings.control_enabled) return 0;
  struct text path = text_of(call->settings.socket);
  long socket = connected(call->settings.socket);
  if (socket == -ENOENT || socket == -ECONNREFUSED || socket == -ENOTDIR) return 0;
  if (socket < 0) {
    fail_kernel(call, TEXT("the running agent cannot be asked through "), path, socket);
    return socket == -EACCES || socket == -EPERM ? -EXIT_REFUSED : -EXIT_FAILED;
  }
  struct { long seconds, microseconds; } within = {ANSWER_WITHIN_S, 0};
  system_call(__NR_setsockopt, (word)socket, SOL_SOCKET, SO_RCVTIMEO_OLD, (word)&within, sizeof within, 0);
  long length = send_all(socket, request);
  if (length == 0) length = receive_line(socket, call->room, call->room_bytes);
  call1(__NR_close, socket);
  if (length < 0) {
    fail_kernel(call, TEXT("the running agent did not answer on "), path, length);
    return -EXIT_FAILED;
  }
  *answer = (struct text){call->room, (word)length};
  if (is(value_at(*answer, "ok"), "true")) return 1;
  struct text code = string_at(*answer, "code");
  int exit_code = is(code, "denied") ? EXIT_REFUSED : is(code, "bad_request") ? EXIT_USAGE : EXIT_FAILED;
  fail(call, exit_code, TEXT("the running agent refused: "), string_at(*answer, "error"), NONE);
  return -exit_code;
}

struct text release_request(struct call *call, char *into, word room, int dry_run) {
  // A line of output that is not written anywhere but here.
  struct out line = {.descriptor = -1};
  say(&line, "{\"v\":1,\"op\":\"release\",\"select\":");
  if (call->selector == ALL) say(&line, "{\"all\":true}");
  else if (call->selector == QUARANTINE) say(&line, "{\"quarantine\":true}");
  else {
    put(&line, call->selector == ID ? TEXT("{\"id\":") : TEXT("{\"target\":"));
    put_json_string(&line, call->selected);
    say(&line, "}");
  }
  say(&line, ",\"reason\":");
  put_json_string(&line, call->reason);
  put(&line, dry_run ? TEXT(",\"dry_run\":true}\n") : TEXT(",\"dry_run\":false}\n"));
  // A line that did not fit was begun anew: it is no request, and the agent says so.
  if (join(into, room, (struct text){line.bytes, line.used}, NONE) < 0) return NONE;
  return (struct text){into, line.used};
}
