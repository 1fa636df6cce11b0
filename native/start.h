/* What every program we execute needs, the container's and a hook. */
#ifndef TSR_START_H
#define TSR_START_H

/* Closes every descriptor from first up but kept, which may be -1; 0 or -errno. */
int tsr_close_but(unsigned first, int kept);
/* Default dispositions and an empty mask: execve(2) keeps what is ignored and blocked. */
void tsr_reset_signals(void);
/* The same in the executor, which the runtime starts with all of them at their default: what tsr_run ignores. */
void tsr_restore_signals(void);

#endif
