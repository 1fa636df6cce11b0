/* Which memory is written to, store by store: what a comparison of before and after does not show, since
 * most that is written in the engine's heap are counts of references, which come back to what they were. */
#ifndef TSRUN_WATCH_H
#define TSRUN_WATCH_H

#include <stdbool.h>

/* Is told of a store; whether that was news. */
typedef bool watcher(const void *address);
/* Stores to a page that are no news before it is watched no more: each takes some 10 µs. */
enum { WATCH_PATIENCE = 250 };
/* Has `written` told of the stores between two page-aligned addresses, for as long as the process lives; a
 * system call that would write there fails with EFAULT. -1 where the processor is not known how to step, or when
 * memory is short. */
int watch_stores(const unsigned char *begin, const unsigned char *end, watcher *written);

#endif
