/* The foreground supervisor. */
#ifndef TSR_SUPERVISE_H
#define TSR_SUPERVISE_H

/*
 * arguments: PID PTYFD|-1 [remove DIRFD DIRECTORY CGROUP…] [-- COMMAND…]; returns the exit status of the
 * container. COMMAND runs at the end, unless what follows `remove` could be removed (removal.h).
 */
int tsr_supervise(int count, char **arguments);

#endif
