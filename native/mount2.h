/* Remounting where mount_setattr(2) is missing. */
#ifndef TSR_MOUNT2_H
#define TSR_MOUNT2_H

/* Makes the mount a descriptor stands on read-only, keeping the flags it has; 0 or -errno. */
int tsr_remount_readonly(int fd);

#endif
