/* Where something will be mounted. */
#ifndef TSR_TARGET_H
#define TSR_TARGET_H

#include <stdint.h>

/*
 * Opens the place of op_open_target (schemas/ops.json), made like what the descriptor `like` is of where it is
 * missing, like a directory for -1: a descriptor or -errno.
 */
int tsr_open_target(int root, const char *path, uint32_t flags, int like);

#endif
