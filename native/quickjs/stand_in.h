/* Stands in for the C library while tsrun is rehearsed (rehearse.h): no call reaches the kernel, most succeed. */
#ifndef TSRUN_STAND_IN_H
#define TSRUN_STAND_IN_H

/* Reads the config.json that is given to the program, and makes room for what its processes leave to each other. */
int stand_in_begin(const char *config);
/* The version of the machine's cgroups: 1 or 2. */
void stand_in_set_cgroups(int version);
/* An ffi_stand_in. */
long stand_in_call(const char *name, const long *arguments);

#endif
