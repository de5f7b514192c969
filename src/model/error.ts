/** Exit codes of the command: 1 failed at run time, 2 usage or configuration, 3 privilege or kernel feature missing. */
export type FailureCode = 1 | 2 | 3;

/**
 * A failure the operator can do something about: the message says what was tried, on what and what happened; the hint
 * says what to do. Anything else that reaches the command line is a defect and is shown with its stack.
 */
export class OperatorError extends Error {
  override readonly name: string = "OperatorError";
  readonly exit_code: FailureCode;
  readonly hint: string;

  constructor(message: string, exit_code: FailureCode, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exit_code = exit_code;
    this.hint = hint;
  }
}
