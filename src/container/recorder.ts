/** state.json while a container comes to be. */
import { readProcess } from '../linux/processes.ts';
import { INIT } from '../plan/step.ts';
import type { Slots } from './perform.ts';
import type { StateRecord } from './record.ts';
import { rootfsMountsOf } from './rootfsMounts.ts';
import { type PrintedRecord, printed, savePrinted, saveStaged, stage } from './store.ts';

export class Recorder {
  /** What state.json says, or will say first. */
  record: StateRecord;
  /** Until state.json was written, what is there by the names in the record is others'. */
  isSaved = false;

  readonly directory: string;
  private readonly slots: Slots;
  /** Of the created state, and whether the file is there but for its name. */
  private created: { readonly printed: PrintedRecord; readonly isStaged: boolean } | undefined;

  constructor(directory: string, record: StateRecord, slots: Slots) {
    this.directory = directory;
    this.record = record;
    this.slots = slots;
  }

  save(status: StateRecord['status']): void {
    const prepared = status === 'created' ? this.created : undefined;
    const next = prepared?.printed ?? this.printedAs(status);
    this.record = next.record;
    if (prepared?.isStaged) saveStaged(this.directory);
    else savePrinted(this.directory, next);
    this.isSaved = true;
  }

  /** Once there is an init: what can be had of the created state while it works. */
  prepare(): void {
    const next = this.printedAs('created');
    this.created = { printed: next, isStaged: stage(this.directory, next) };
  }

  private printedAs(status: StateRecord['status']): PrintedRecord {
    const pid = this.slots.has(INIT) ? this.slots.get(INIT) : 0;
    return printed({
      ...this.record,
      status,
      init_process_pid: pid,
      init_process_start: pid === 0 ? 0 : (readProcess(pid)?.startTime ?? 0),
      ...rootfsMountsOf(this.slots),
    });
  }
}
