/**
 * The wiring: from the arguments to the verb, and from what it throws to the log, standard error and the
 * exit status. Nothing else prints errors or decides how tsrun exits.
 */
import { parseOpening, parseRequest, type Request } from './cli/commandLine.ts';
import {
  commandOf,
  containerIdOf,
  findVerb,
  isSeldom,
  type SeldomVerb,
  type Verb,
} from './cli/commands.ts';
import { globalsOf, type Invocation } from './cli/invocation.ts';
import { type Log, type LogFormat, openLog } from './cli/log.ts';
import { print, writeText } from './cli/output.ts';
import type { Values } from './cli/parse.ts';
import { VERB_FUNCTIONS } from './cli/verbs.ts';
import { formatVersion } from './cli/version.ts';
import { engine } from './engine/current.ts';
import { asTsrunError, type TsrunError, usage } from './errors.ts';

const STDERR = 2;

/** Carries out the command line of this process and exits. The engine must be set. */
export function main(): void {
  let log: Log | undefined;
  let request: Request | undefined;
  try {
    const opening = parseOpening(engine().args);
    log = openLog(logOptionsOf(opening.globals));
    log.debug(`tsrun ${engine().args.join(' ')}`);
    request = parseRequest(opening);
    perform(request, log);
  } catch (thrown) {
    if (thrown instanceof Error) log?.debug(thrown.stack ?? thrown.message);
    fail(asTsrunError(thrown), log, request);
  }
}

function perform(request: Request, log: Log): void {
  if (request.kind === 'help') {
    showHelp(request.verb, () => engine().exit(0));
    return;
  }
  if (request.kind === 'completion') {
    showCompletion(request.args, () => engine().exit(0));
    return;
  }
  if (request.kind === 'agent') {
    beAgent(request.order, request, log);
    return;
  }
  if (request.kind === 'version') {
    print(formatVersion());
  } else {
    const { verb, values, args, explains, globals } = request;
    const invocation = { verb, values, args, globals: globalsOf(globals), log };
    const carryOut = explains ? undefined : VERB_FUNCTIONS[verb];
    if (isSeldom(verb)) {
      carryOutSeldom(verb, invocation, request);
      return;
    }
    if (carryOut === undefined) {
      explain(invocation, request);
      return;
    }
    carryOut(invocation);
  }
  engine().exit(0);
}

/** What CRIU does, and what people ask once: loaded when it is asked for. */
function carryOutSeldom(verb: SeldomVerb, invocation: Invocation, request: Request): void {
  import('./cli/seldomVerbs.ts')
    .then(({ SELDOM_VERBS }) => {
      SELDOM_VERBS[verb](invocation);
      engine().exit(0);
    })
    .catch((thrown: unknown) => fail(asTsrunError(thrown), invocation.log, request));
}

/** Verbs and flags that explain are no part of making a container: loaded when they are asked for. */
function explain(invocation: Invocation, request: Request): void {
  import('./explain/verbs.ts')
    .then(({ explainVerb }) => {
      explainVerb(invocation);
      engine().exit(0);
    })
    .catch((thrown: unknown) => fail(asTsrunError(thrown), invocation.log, request));
}

function beAgent(order: string, request: Request, log: Log): void {
  import('./explain/seccompAgent.ts')
    .then(({ seccompAgent }) => {
      seccompAgent(order);
      engine().exit(0);
    })
    .catch((thrown: unknown) => fail(asTsrunError(thrown), log, request));
}

function logOptionsOf(globals: Values) {
  const path = globals.text('log');
  return {
    ...(path === undefined || path === '' ? {} : { path }),
    format: parseLogFormat(globals.text('log-format')),
    debug: globals.isSet('debug'),
  };
}

function parseLogFormat(text: string | undefined): LogFormat {
  if (text === undefined || text === '' || text === 'text') return 'text';
  if (text === 'json') return 'json';
  throw usage(`invalid log-format: ${text}`);
}

/** Logs an error, prints it, with its likely reason or the help of the verb, and exits. */
function fail(error: TsrunError, log: Log | undefined, request: Request | undefined): void {
  for (const warning of error.facts.warnings ?? []) log?.warning(warning);
  const finish = (hint = '') => {
    const message = `${contextOf(error, request)}${error.message}${hint}`;
    // Engines read the log; people standard error. Without --log a JSON log is standard error itself.
    if (log?.isFile || log?.format === 'json') log.error(message, error.code);
    if (log?.isFile || log?.format !== 'json') writeText(STDERR, `tsrun: ${message}\n`);
    engine().exit(error.facts.exitStatus ?? failureStatusOf(request));
  };
  const { verb, failed } = error.facts;
  if (failed !== undefined && request?.kind === 'verb') {
    addHint(error, request, finish);
  } else if (verb === undefined) {
    finish();
  } else {
    print('Incorrect Usage.\n\n');
    showHelp(findVerb(verb), finish);
  }
}

/** What may be behind a failed step; an error in finding that out must not hide the failure itself. */
function addHint(
  error: TsrunError,
  { verb, args, globals }: Extract<Request, { readonly kind: 'verb' }>,
  finish: (hint?: string) => void,
): void {
  let hint = '';
  import('./explain/hint.ts')
    .then(({ hintFor }) => {
      hint = hintFor(error, {
        verb,
        root: globalsOf(globals).root,
        id: containerIdOf(verb, args) ?? '',
      });
    })
    .catch(() => {})
    .finally(() => finish(hint));
}

/** A command line that is wrong is 1 with every verb. */
const failureStatusOf = (request: Request | undefined): number =>
  (request?.kind === 'verb' ? commandOf(request.verb).failureStatus : undefined) ?? 1;

/** `create "web": `: which command on which container. */
function contextOf(error: TsrunError, request: Request | undefined): string {
  if (request?.kind !== 'verb' || error.code === 'usage') return '';
  const { verb, args } = request;
  const id = containerIdOf(verb, args);
  return id === undefined ? `${verb}: ` : `${verb} ${JSON.stringify(id)}: `;
}

/** Loaded on demand: yargs takes longer to set up than tsrun to do its work. */
function showHelp(verb: Verb | undefined, then: () => void): void {
  import('./cli/help.ts')
    .then(({ formatHelp }) => formatHelp(verb))
    .then(print)
    .catch(sayWhyNot)
    .finally(then);
}

function showCompletion(args: readonly string[], then: () => void): void {
  import('./cli/completion.ts')
    .then(({ formatCompletion }) => formatCompletion(args))
    .then(print)
    .then(then)
    .catch((thrown: unknown) => {
      sayWhyNot(thrown);
      engine().exit(1);
    });
}

const sayWhyNot = (thrown: unknown): void =>
  writeText(STDERR, `tsrun: ${asTsrunError(thrown).message}\n`);
