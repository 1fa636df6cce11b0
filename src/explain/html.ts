/** A plan as one HTML file that needs nothing else: order downwards, a lane an actor, a colour a property. */
import { formatCall, formatIgnored } from '../plan/print.ts';
import type { Plan, Step } from '../plan/step.ts';
import { formatConfigPath, parseConfigPath } from '../spec/configPath.ts';

const ACTORS = ['runtime', 'outer', 'init'] as const;

const LANES = {
  runtime: 'tsrun, in the namespaces of the host',
  outer: 'the executor, before clone3',
  init: 'the executor in the container, which becomes its process',
} as const;

export const STYLE = `
body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#222;background:#fff}
h1{font-size:1.3em}code,.call{font:12px/1.4 ui-monospace,monospace}
.plan{display:grid;grid-template-columns:3em repeat(3,minmax(12em,1fr));gap:2px 8px}
.plan>b{position:sticky;top:0;background:#fff;padding:4px 0;border-bottom:2px solid #222}
.plan>b small{display:block;font-weight:400;color:#666}
.n{text-align:right;color:#999}.step{border-left:6px solid hsl(var(--h) 60% 50%);background:hsl(var(--h) 60% 96%);
padding:1px 6px;overflow-wrap:anywhere}.step a{float:right;color:inherit;font-size:11px;opacity:.7}
.step i{color:#777;font-style:normal}nav{columns:18em;margin:1em 0}nav label{display:block;cursor:pointer}
.dim{opacity:.12}.swatch{display:inline-block;width:.8em;height:.8em;background:hsl(var(--h) 60% 50%)}
.bar{height:.9em;background:hsl(var(--h) 60% 50%);min-width:1px}.time{display:grid;
grid-template-columns:3em 5em 26em 6em 1fr;gap:1px 8px;align-items:center}.time span{overflow:hidden;white-space:nowrap;text-overflow:ellipsis}
.failed{color:#b00;font-weight:700}`;

/** A click on a property shows its steps alone. */
const SCRIPT = `
let shown='';for(const l of document.querySelectorAll('nav label'))l.onclick=()=>{shown=shown===l.dataset.p?'':l.dataset.p;
for(const s of document.querySelectorAll('.step'))s.classList.toggle('dim',shown!==''&&s.dataset.p!==shown)}`;

/** The whole document. */
export function formatPlanHtml({ steps }: Plan, title: string): string {
  const groups = new Map<string, number>();
  for (const { origin } of steps) {
    const group = groupOf(origin);
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  const legend = [...groups].map(
    ([group, count]) =>
      `<label data-p="${escapeHtml(group)}"><span class="swatch" style="--h:${hueOf(group)}"></span> ${escapeHtml(group)} (${count})</label>`,
  );
  const heads = ACTORS.map((actor) => `<b>${actor}<small>${LANES[actor]}</small></b>`);
  const body = [
    `<h1>${escapeHtml(title)}: ${steps.length} native calls</h1>`,
    '<p>From top to bottom, each call in the lane of who performs it. A click on a property shows its calls alone.</p>',
    `<nav>${legend.join('')}</nav>`,
    `<div class="plan"><b></b>${heads.join('')}`,
    ...steps.map(formatRow),
    '</div>',
  ];
  return htmlDocument(title, body, SCRIPT);
}

function formatRow(step: Step, index: number): string {
  const group = groupOf(step.origin);
  const column = ACTORS.indexOf(step.actor) + 2;
  const row = `grid-row:${index + 2}`;
  const origin = step.origin === '' ? '' : `<a>${escapeHtml(formatConfigPath(step.origin))}</a>`;
  const ignored = formatIgnored(step);
  return [
    `<span class="n" style="${row}">${index}</span>`,
    `<div class="step call" data-p="${escapeHtml(group)}" style="--h:${hueOf(group)};grid-column:${column};${row}">`,
    `${origin}${escapeHtml(formatCall(step))}${ignored === '' ? '' : ` <i>${escapeHtml(ignored.trim())}</i>`}</div>`,
  ].join('');
}

/** `mounts[3]`, `linux.namespaces`, `process.capabilities`: what steps are coloured by. */
export function groupOf(origin: string): string {
  const [first, second] = parseConfigPath(origin);
  if (first === undefined) return 'tsrun itself';
  return formatConfigPath(second === undefined ? `/${first}` : `/${first}/${second}`);
}

/** The same colour for a property in every document. */
export function hueOf(group: string): number {
  let hash = 7;
  for (const letter of group) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return hash % 360;
}

export const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

/** A document that loads nothing: what it holds is in it. */
export const htmlDocument = (title: string, body: readonly string[], script = ''): string =>
  [
    '<!doctype html><html lang="en"><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">`,
    `<title>${escapeHtml(title)}</title><style>${STYLE}</style>`,
    ...body,
    script === '' ? '' : `<script>${script}</script>`,
    '</html>\n',
  ].join('\n');
