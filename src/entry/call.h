/* What `hosa status`, `hosa explain` and `hosa release` were called with, and what they need to answer. */

#ifndef HOSA_ENTRY_CALL_H
#define HOSA_ENTRY_CALL_H

#include "text.h"

enum command { OTHER, STATUS, EXPLAIN, RELEASE };
enum selector { NOTHING, ALL, QUARANTINE, ID, TARGET };
enum { PATH_BYTES = 4096, EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3 };

/* Places of the configuration that are read here; each ends with a zero. */
struct settings {
  int control_enabled;
  char socket[PATH_BYTES];
  char ledger_dir[PATH_BYTES];
  char audit[PATH_BYTES];
};

struct call {
  enum command command;
  int json, dry_run, yes;
  /* What fails is not said: there is another way. */
  int quiet;
  enum selector selector;
  /* Id or target of a release, id of a record, reason, files; NONE where none was given. */
  struct text selected, record, reason;
  const char *config_file, *audit_file;
  /* An option that only the runtime knows; NONE where there is none. */
  struct text unknown;
  struct settings settings;
  struct out out, errors;
  /* For one answer of the agent, the ledger or a line of the audit; touched as far as it is needed. */
  char *room;
  word room_bytes;
};

/* As much as there is between these. */
enum { MOST_ROOM_BYTES = 4 << 20, LEAST_ROOM_BYTES = 64 << 10 };

/* Ends the answer: one line on standard error, or the error object of -o json as well. Returns the exit code. */
int fail(struct call *call, int exit_code, struct text message, struct text subject, struct text hint);
/* The same with what the kernel answered behind the subject. */
int fail_kernel(struct call *call, struct text message, struct text subject, long negative_errno);

/* No other user could change what stands at an absolute path, or lead it elsewhere. */
int is_trusted(const char *path);
/* Reads the configuration as far as it is needed here. Returns 0 or an exit code, having said why. */
int read_settings(struct call *call);

/* Asks the running agent: sends one line, gives the answer. 1: answered, 0: no agent listens, negative: an error that was said. */
int ask_agent(struct call *call, struct text request, struct text *answer);
/* A request of the control protocol for a release. */
struct text release_request(struct call *call, char *into, word room, int dry_run);

int answer_status(struct call *call);
int answer_explain(struct call *call);
int answer_release(struct call *call);

#endif
