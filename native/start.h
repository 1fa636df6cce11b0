/* What every program we execute needs, the container's and a hook. */
#ifndef TSR_START_H
#define TSR_START_H

/* Marks every descriptor from first up close-on-exec; 0 or -errno. */
int tsr_close_on_exec_from(unsigned first);
/* Default dispositions and an empty mask: execve(2) keeps what is ignored and blocked. */
void tsr_reset_signals(void);

#endif
