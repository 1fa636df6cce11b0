/* The build's rehearsal: tsrun's verbs are run once, on a machine that is none, to see which blocks of the
 * snapshot a process writes to. These are then laid side by side: a page that is written to is copied. */
#ifndef TSRUN_REHEARSE_H
#define TSRUN_REHEARSE_H

#include <stdbool.h>

struct rehearsed {
	/* The program's top level; 0 when it ran. */
	int (*load)(const char *program);
	/* What runs in a process of tsrun; does not return as a rule. */
	int (*start)(void);
	const char *program;
	/* A path: the config.json of the container that is rehearsed. */
	const char *config;
};

/* Rehearses in processes of its own, then has the blocks that were written to kept together from here on. False
 * when there was no rehearsal: the snapshot is then as good, but more of its pages are copied. */
bool rehearse(const struct rehearsed *rehearsed);

#endif
