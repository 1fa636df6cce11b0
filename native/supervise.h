/* The foreground supervisor. */
#ifndef TSR_SUPERVISE_H
#define TSR_SUPERVISE_H

/* arguments: PID PTYFD|-1 [--] COMMAND…; returns the exit status of the container. */
int tsr_supervise(int count, char **arguments);

#endif
