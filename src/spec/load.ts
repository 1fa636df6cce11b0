/**
 * From text to a checked config. A right one costs one JSON.parse, one generated validator and the
 * checks; only a wrong one is read again exactly and with places, so that every problem has its line.
 */
import { CHECKS, PROCESS_CHECKS } from '../config/checks.ts';
import { checkUnsupported } from '../config/unsupported.ts';
import { configInvalid, formatProblem } from '../errors.ts';
import type { LinuxResources, Process, Spec } from '../generated/spec.ts';
import {
  type Validator,
  validateConfig,
  validateProcess,
  validateResources,
} from '../generated/validators.js';
import { JsonSyntaxError } from './json.ts';
import { type Located, parseLocated, position } from './position.ts';
import { error, type Problem, warning } from './problem.ts';
import { nullMembers, prune } from './prune.ts';
import { schemaProblems } from './schemaProblems.ts';
import { textProblems } from './text.ts';
import { checkOciVersion } from './version.ts';

export interface Checked<T> {
  /** Absent when an error is among the problems. */
  readonly value?: T;
  /** Errors and warnings, in the order they stand in the file, each with its position. */
  readonly problems: readonly Problem[];
}

export interface Loaded<T> {
  readonly value: T;
  /** Lines for the log. */
  readonly warnings: readonly string[];
}

/** What one kind of document must satisfy. */
interface Kind<T> {
  readonly validate: Validator<T>;
  /** What one property demands of another, and what is not carried out. */
  readonly check: (value: T) => readonly Problem[];
}

const CONFIG: Kind<Spec> = {
  validate: validateConfig,
  check: (spec) => [
    ...checkOciVersion(spec),
    ...CHECKS.flatMap((check) => check(spec)),
    ...checkUnsupported(spec),
  ],
};

/** Checked as part of a config of its own; problems lose that config's part of their path. */
const processIn = (container: Spec): Kind<Process> => ({
  validate: validateProcess,
  check: (process) => {
    const spec = { ...container, process };
    const problems = [
      ...PROCESS_CHECKS.flatMap((check) => check(spec)),
      ...checkUnsupported({ process }),
    ];
    return problems.map((problem) => ({ ...problem, path: problem.path.slice('/process'.length) }));
  },
});

/** Only well-formed: what one property demands of another may be what the container has already. */
const RESOURCES: Kind<LinuxResources> = { validate: validateResources, check: () => [] };

/** A config.json; throws TsrunError `config-invalid` or `config-unsupported` with all that is wrong. */
export const loadConfig = (text: string, file: string): Loaded<Spec> =>
  loaded(checkDocument(text, CONFIG), file);

/** A config.json that was checked when it was saved: no more than its exact values is asked of it. */
export function loadSaved(text: string): Spec {
  const value = parseQuickly(text);
  return validateConfig(value) ? value : loadConfig(text, 'config.json').value;
}

/** The process of `exec --process`, checked as a part of the container's config; throws as loadConfig does. */
export const loadProcess = (
  text: string,
  file: string,
  container: Spec = { ociVersion: '1.0.0' },
): Loaded<Process> => loaded(checkDocument(text, processIn(container)), file);

/**
 * A process that no text holds, checked in the same way: the container's own, as flags change it.
 * `source` names them. What is to be said of the container's own as it was, was said at `create`.
 */
export function checkedProcess(process: Process, source: string, container: Spec): Loaded<Process> {
  const { check } = processIn(container);
  const found = check(process);
  const known =
    found.length === 0 || container.process === undefined ? [] : check(container.process);
  const isKnown = ({ path, got }: Problem) => known.some((k) => k.path === path && k.got === got);
  const problems = found.filter((problem) => problem.severity === 'error' || !isKnown(problem));
  const isRight = problems.every((problem) => problem.severity === 'warning');
  return loaded(isRight ? { value: process, problems } : { problems }, source);
}

/**
 * The resources of `update --resources`, to be checked when they are merged with those the container
 * has; throws as loadConfig does.
 */
export const loadResources = (text: string, file: string): Loaded<LinuxResources> =>
  loaded(checkDocument(text, RESOURCES), file);

/** All problems of a config.json as data; never throws for what the text holds. */
export const checkConfig = (text: string): Checked<Spec> => checkDocument(text, CONFIG);

/**
 * Problems found after loading, with their positions: throws TsrunError as loadConfig does when an error
 * is among them, else returns the warnings as lines for the log.
 */
export function reportProblems(
  problems: readonly Problem[],
  text: string,
  file: string,
): readonly string[] {
  if (problems.length === 0) return [];
  const located = inFileOrder(problems, parseLocated(text));
  const isRight = located.every((problem) => problem.severity === 'warning');
  return loaded(isRight ? { value: true, problems: located } : { problems: located }, file)
    .warnings;
}

function loaded<T>(checked: Checked<T>, file: string): Loaded<T> {
  const { value, problems } = checked;
  if (value === undefined) throw configInvalid(file, problems);
  return { value, warnings: problems.map((problem) => formatProblem(file, problem)) };
}

function checkDocument<T>(text: string, kind: Kind<T>): Checked<T> {
  const value = parseQuickly(text);
  if (value !== undefined && kind.validate(value)) {
    const problems = [...kind.check(value), ...textProblems(text, value)];
    if (problems.length === 0) return { value, problems };
  }
  return checkThoroughly(text, kind);
}

function parseQuickly(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the exact parser says where and why.
    return undefined;
  }
}

function checkThoroughly<T>(text: string, kind: Kind<T>): Checked<T> {
  const located = parseOrProblem(text);
  if ('severity' in located) return { problems: [located] };
  const duplicates = located.duplicates.map((path) =>
    warning(path, 'is given twice; the last one counts'),
  );
  const { value, problems } = checkValue(located.value, kind);
  const unspoken = textProblems(text, located.value).filter(({ path }) =>
    problems.every((problem) => problem.path !== path || problem.severity === 'warning'),
  );
  const all = inFileOrder([...duplicates, ...problems, ...unspoken], located);
  const isRight = value !== undefined && all.every((problem) => problem.severity === 'warning');
  return isRight ? { value, problems: all } : { problems: all };
}

function parseOrProblem(text: string): Located | Problem {
  try {
    return parseLocated(text);
  } catch (cause) {
    if (!(cause instanceof JsonSyntaxError)) throw cause;
    const place = position(text, cause.offset);
    return { ...error('', `is not JSON: ${cause.message}`), position: place };
  }
}

function checkValue<T>(read: unknown, kind: Kind<T>): Checked<T> {
  const { data, ignored } = withoutIgnored(read, kind.validate);
  if (kind.validate(data)) return { value: data, problems: [...ignored, ...kind.check(data)] };
  const errors = schemaProblems(kind.validate.errors, data);
  return { problems: [...ignored, ...errors, ...checkRemainder(data, errors, kind)] };
}

/** Takes out what does not count: unknown properties, and null where a value may be absent. */
function withoutIgnored<T>(read: unknown, validate: Validator<T>) {
  if (validate(read)) return { data: read, ignored: [] };
  const found = schemaProblems(validate.errors, read);
  const unknown = found.filter((problem) => problem.severity === 'warning');
  const nulls = nullMembers(found, read).filter((path) => unknown.every((u) => u.path !== path));
  return {
    data: prune(read, [...unknown.map((problem) => problem.path), ...nulls]),
    ignored: [...unknown, ...nulls.map((path) => warning(path, 'is null and taken as absent'))],
  };
}

/** Wrong parts may nest (a bad member of what is then incomplete); this many rounds reach any top. */
const ROUNDS = 8;

/**
 * The checks on what is well-formed. Not where namespaces or a whole section are malformed: nearly
 * everything depends on these, and what is said about the rest would mislead.
 */
function checkRemainder<T>(
  data: unknown,
  errors: readonly Problem[],
  kind: Kind<T>,
): readonly Problem[] {
  let rest = data;
  let wrong = errors;
  for (let round = 0; round < ROUNDS; round += 1) {
    const pointers = wrong.map(({ path, message }) =>
      message === 'is required' ? path.slice(0, path.lastIndexOf('/')) : path,
    );
    if (pointers.some((path) => SECTION.test(path))) return [];
    rest = prune(rest, pointers);
    if (kind.validate(rest)) return kind.check(rest);
    wrong = schemaProblems(kind.validate.errors, rest);
  }
  return [];
}

/** The document, one of its large members, or linux.namespaces. */
const SECTION = /^$|^\/(process|linux|root)$|^\/linux\/namespaces(\/|$)/;

function inFileOrder(problems: readonly Problem[], located: Located): readonly Problem[] {
  return problems
    .map((problem) => ({ ...problem, position: located.positionOf(problem.path) }))
    .sort(({ position: a }, { position: b }) => a.line - b.line || a.column - b.column);
}
