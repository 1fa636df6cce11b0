/* What is left of a container that has ended. */
#ifndef TSR_REMOVAL_H
#define TSR_REMOVAL_H

#include <stdbool.h>

/*
 * Removes cgroups (count paths) and then a state directory: fd, whose path is `path`. False when something
 * stands in the way, which is then `tsrun delete`'s: another verb has the container locked, a cgroup is busy,
 * what lies in the directory is no file. True when the directory is no container's any more.
 */
bool tsr_remove_container(int directory, const char *path, int count, char *const *cgroups);

#endif
