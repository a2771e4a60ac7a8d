/** An operating failure inside the core is a value: it has a stable code and is never thrown. */
export type Result<T, E extends { readonly code: string }> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export const success = <T>(value: T): { readonly ok: true; readonly value: T } => ({
  ok: true,
  value,
});

export const failure = <E extends { readonly code: string }>(
  error: E,
): { readonly ok: false; readonly error: E } => ({ ok: false, error });
