/**
 * The log, in the two formats of runc, which containerd, podman and docker read: lines of
 * `time="…" level=error msg="…"`, or JSON objects whose keys are sorted.
 */
import { AT_FDCWD, O_APPEND, O_CREAT, O_SYNC, O_WRONLY } from '../linux/constants/file.ts';
import { type Fd, openat } from '../linux/files.ts';
import { writeText } from './output.ts';

export type LogFormat = 'text' | 'json';
export type Level = 'debug' | 'warning' | 'error';

export interface Log {
  readonly format: LogFormat;
  /** Whether it goes to a file of its own (--log) and not to standard error. */
  readonly isFile: boolean;
  /** Dropped without --debug. */
  debug(message: string): void;
  warning(message: string): void;
  /** `code` is a field of the JSON format alone. */
  error(message: string, code: string): void;
}

export interface LogOptions {
  /** Appended to, made if missing; standard error when absent. */
  readonly path?: string;
  readonly format: LogFormat;
  readonly debug: boolean;
}

const STDERR: Fd = 2;

/** Opens the log; SystemError when the file cannot be. Its descriptor stays open as long as tsrun. */
export function openLog(options: LogOptions): Log {
  const fd =
    options.path === undefined
      ? STDERR
      : openat(AT_FDCWD, options.path, O_WRONLY | O_APPEND | O_CREAT | O_SYNC, 0o644);
  const write = (level: Level, message: string, code?: string) =>
    writeText(fd, formatEntry(options.format, new Date(), level, message, code));
  return {
    format: options.format,
    isFile: fd !== STDERR,
    debug: (message) => {
      if (options.debug) write('debug', message);
    },
    warning: (message) => write('warning', message),
    error: (message, code) => write('error', message, code),
  };
}

/** One entry, newline included. */
export function formatEntry(
  format: LogFormat,
  date: Date,
  level: Level,
  message: string,
  code?: string,
): string {
  const time = formatTime(date, -date.getTimezoneOffset());
  if (format === 'text') return `time="${time}" level=${level} msg=${formatTextValue(message)}\n`;
  return `${JSON.stringify({ code, level, msg: message, time })}\n`;
}

/** As logrus does: bare when nothing in it could end a value, else as a quoted Go string. */
const formatTextValue = (text: string): string =>
  /^[A-Za-z0-9\-._/@^+]*$/.test(text)
    ? text
    : JSON.stringify(text).replaceAll(/\\u00([0-9a-f]{2})/g, '\\x$1');

/** RFC 3339 with seconds, in the zone that is `offset` minutes east of UTC. */
export function formatTime(date: Date, offset: number): string {
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const minutes = Math.abs(offset);
  const two = (number: number) => String(number).padStart(2, '0');
  const zone = `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${local}${offset < 0 ? '-' : '+'}${zone}`;
}
