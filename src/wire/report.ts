/**
 * What the executor says on the control socket, drawn in native/README.md:
 * | u32 type | u32 plan index | i32 value | u32 length | detail … |
 */
export type Report =
  /** It waits for GO before this step. */
  | { readonly type: 'yield'; readonly step: number }
  /** A step failed; the executor has ended. */
  | {
      readonly type: 'fault';
      readonly step: number;
      readonly errno: number;
      readonly detail: Uint8Array;
    }
  /** Init runs; its pidfd came with the message. */
  | { readonly type: 'spawned'; readonly step: number; readonly pid: number }
  /** A step failed with an errno the plan ignores but wants logged. */
  | {
      readonly type: 'warning';
      readonly step: number;
      readonly errno: number;
      readonly detail: Uint8Array;
    }
  /** A filter and execve are left: the end of the control socket means that they have succeeded. */
  | { readonly type: 'executing'; readonly step: number }
  /** A filter notifies: its listener is this descriptor of init, which waits for GO. */
  | { readonly type: 'listener'; readonly step: number; readonly fd: number };

/** The longest report. */
export const REPORT_BYTES = 4096;

/** What lets the executor go on. */
export const GO: Uint8Array = Uint8Array.of(1, 0, 0, 0);

const HEADER_BYTES = 16;

/** Decodes one report; RangeError when the bytes are none. */
export function decodeReport(bytes: Uint8Array): Report {
  if (bytes.length < HEADER_BYTES) throw new RangeError(`report of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint32(0, true);
  const step = view.getUint32(4, true);
  const value = view.getInt32(8, true);
  const length = view.getUint32(12, true);
  if (bytes.length !== HEADER_BYTES + length) {
    throw new RangeError(`report of ${bytes.length} bytes says ${HEADER_BYTES + length}`);
  }
  const detail = bytes.subarray(HEADER_BYTES);
  switch (type) {
    case 1:
      return { type: 'yield', step };
    case 2:
      return { type: 'fault', step, errno: value, detail };
    case 3:
      return { type: 'spawned', step, pid: value };
    case 4:
      return { type: 'warning', step, errno: value, detail };
    case 5:
      return { type: 'executing', step };
    case 6:
      return { type: 'listener', step, fd: value };
    default:
      throw new RangeError(`report of unknown type ${type}`);
  }
}
