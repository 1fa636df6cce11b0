/* The foreground supervisor. */
#ifndef TSR_SUPERVISE_H
#define TSR_SUPERVISE_H

/*
 * arguments: PID PTYFD|-1 [agent FD] [notify SOCKET HOST] [remove DIRFD DIRECTORY CGROUP…] [-- COMMAND…];
 * returns the exit status of the container. A seccomp agent at the other end of FD is asked for its report when
 * the container has ended, and the container is killed when the agent ends first. READY=1 that comes to SOCKET
 * is passed on to HOST (notify.h). COMMAND runs at the end, unless what follows `remove` could be removed
 * (removal.h).
 */
int tsr_supervise(int count, char **arguments);

#endif
