/** The one error type. What stops a command is thrown as this; main.ts alone prints it. */
export class TsrunError extends Error {
  override readonly name = 'TsrunError';
  /** Stable, documented; see the table in src/errors.ts. */
  readonly code: ErrorCode;
  /** What main.ts exits with; 1 when absent. */
  readonly exitStatus?: number;

  constructor(code: ErrorCode, message: string, exitStatus?: number) {
    super(message);
    this.code = code;
    if (exitStatus !== undefined) this.exitStatus = exitStatus;
  }
}

/** Kinds of failure, in the `code` field of the JSON log. */
export type ErrorCode =
  | 'usage'
  | 'config-invalid'
  | 'config-unsupported'
  | 'container-exists'
  | 'container-missing'
  | 'container-state'
  | 'step-failed'
  | 'system';
