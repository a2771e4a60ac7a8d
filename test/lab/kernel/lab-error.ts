/**
 * The laboratory's one error class: a stable code for programs, a sentence for people.
 * The product has its own (`src/lib/error.ts`); a laboratory must be able to judge it, so it
 * shares nothing with it.
 */

export type LabErrorCode =
  | 'NOT_ROOT'
  | 'PACKAGES_MISSING'
  | 'COMMAND_FAILED'
  | 'GUEST_NOT_BOOTED'
  | 'GUEST_OFF'
  | 'GUEST_COMMAND_FAILED'
  | 'NOT_REACHED'
  | 'EXPECTATION_FAILED'
  | 'USAGE';

export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, detail: string, options?: { readonly cause?: unknown }) {
    super(`${code}: ${detail}`, options);
    this.code = code;
  }
}
